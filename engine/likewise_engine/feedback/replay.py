"""A recorded decision made again, by the lines that made it.

From the evidence on: vote, calibration, ranking, rivals, threshold, decision and its words. What lies before,
from the wording to the evidence, is as it was recorded: the entries as of then may have been corrected or
forgotten since, and nothing that was forgotten comes back by a replay.
"""

from dataclasses import replace

import numpy as np

from likewise_engine.answers import Classification
from likewise_engine.chart import Category
from likewise_engine.errors import PreconditionFailed
from likewise_engine.feedback.prediction import Basis, Prediction
from likewise_engine.grounds import Grounds, judged
from likewise_engine.vote import Vote


def replayed(prediction: Prediction, vote: Vote) -> Classification:
    """Decide again what was decided once.

    The result equals ``prediction.answer``, to the last bit of every probability, or else something in the
    road from evidence to decision is not what it was. It carries its grounds, for whoever explains it.

    Args:
        prediction: as it was recorded.
        vote: the one that decided.

    Raises:
        PreconditionFailed: another vote decided.
        ModelFault: the vote failed.
    """
    if vote.fingerprint != prediction.answer.vote_fingerprint:
        raise PreconditionFailed(
            f"it was decided by the vote {prediction.answer.vote_fingerprint}, and this one is"
            f" {vote.fingerprint}: replay it with that one"
        )
    grounds = tuple(grounds_of(basis, vote) for basis in prediction.bases)
    return replace(prediction.answer, answers=tuple(each.answer() for each in grounds), grounds=grounds)


def grounds_of(basis: Basis, vote: Vote) -> Grounds:
    """What a basis comes to with a vote. Raises ModelFault."""
    evidence = basis.evidence
    hearing = basis.hearing
    labels = np.zeros(max(basis.names, default=-1) + 1, dtype=np.int64)
    if hearing is not None:
        labels[hearing.opinion.category] = hearing.labels
    labels[evidence.candidates] = basis.labels
    judgement = judged(
        evidence, vote.probabilities(evidence), basis.calibration, labels, lambda _first: basis.rival
    )
    return Grounds(
        basis.dimension,
        evidence,
        judgement,
        basis.witness,
        basis.calibration,
        labels,
        {number: Category(id_, basis.dimension, title) for number, (id_, title) in basis.names.items()},
        basis.target_precision,
        basis.candidates_max,
        None if hearing is None else hearing.opinion,
        basis.ruling,
    )
