"""One request: transaction -> text -> vector -> neighbours -> evidence -> vote -> decision.

One road, no way back: plain functions on values, the same for the service, the command line and the replay
of history. It reads one view and nothing else, so the same view and models give the same answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isnan
from time import perf_counter_ns
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.answers import (
    Candidate,
    Classification,
    ClassifyOptions,
    DimensionAnswer,
    Neighbour,
    TimeSpent,
    Witness,
)
from likewise_engine.decision import decide
from likewise_engine.encoder.base import Encoder
from likewise_engine.evidence import Evidence, Surroundings, Wording, evidence_of, surroundings_of
from likewise_engine.evidence.ambiguity import rival_of
from likewise_engine.evidence.weights import deciding_kind, weightiest
from likewise_engine.ledger.view import UNKNOWN, UNLABELLED, View
from likewise_engine.probabilities import ranking
from likewise_engine.text import NO_PAYEES, text_and_payee
from likewise_engine.transaction import CATEGORY_DIMENSION, Transaction, decimal_of
from likewise_engine.vote import Vote

_WITNESS_OF_KIND: Final = {
    None: Witness.CATEGORY_NAME,
    0: Witness.SAME_TEXT_AND_AMOUNT,
    1: Witness.SAME_TEXT,
    2: Witness.SAME_PAYEE,
    3: Witness.SIMILAR_TEXT,
}
"""By :func:`likewise_engine.evidence.weights.deciding_kind`."""


def classify(
    view: View, encoder: Encoder, vote: Vote, transaction: Transaction, options: ClassifyOptions
) -> Classification:
    """Answer for one transaction.

    Raises:
        InvalidInput: the transaction or an option is out of bounds.
        UnknownDimension: a dimension was asked that the tenant does not have.
        ModelFault: the encoder or the vote failed.
    """
    started_ns = perf_counter_ns()
    transaction.check()
    options.check()
    question = question_of(view, encoder, transaction, _dimensions(view, options))
    target = options.target_precision or view.policy.target_precision
    answers = tuple(
        _answer(view, vote, question, dimension, target, options.candidates_max)
        for dimension in question.evidence
    )
    neighbours = _neighbours(view, question.around, options.neighbours_max)
    voted_ns = perf_counter_ns() - started_ns - question.encode_ns - question.search_ns
    return Classification(
        answers=answers,
        neighbours=neighbours,
        encoder_fingerprint=encoder.fingerprint,
        vote_fingerprint=vote.fingerprint,
        revision=view.revision,
        text=question.text,
        time_spent=TimeSpent(question.encode_ns, question.search_ns, voted_ns),
    )


@dataclass(frozen=True, slots=True)
class Question:
    """A transaction with all that the memory has on it, before anybody votes.

    Attributes:
        text: its normalised wording.
        around: the rows around it.
        evidence: what they say, by dimension.
        encode_ns: time until it had a vector.
        search_ns: time from there until it had its surroundings.
    """

    text: str
    around: Surroundings
    evidence: Mapping[str, Evidence]
    encode_ns: int
    search_ns: int


def question_of(
    view: View, encoder: Encoder, transaction: Transaction, dimensions: Sequence[str]
) -> Question:
    """Walk the road as far as the evidence. Whoever trains a vote sees what the one that serves will see.

    Raises:
        ModelFault: the encoder failed.
    """
    started_ns = perf_counter_ns()
    text, payee = text_and_payee(transaction.payee, transaction.description)
    number = view.text_number(text)
    known = None if number == UNKNOWN else number
    vector = _encoded(encoder, text) if known is None else view.index.vectors_of(np.array([known]))[0]
    encoded_ns = perf_counter_ns()

    if len(view.index.matrix):
        near = view.index.search(vector, limits.RETRIEVED_TEXTS_MAX, known)
    else:
        near = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
    same_payee = UNKNOWN if payee in NO_PAYEES else view.payee_numbers.get(payee, UNKNOWN)
    wording = Wording(text, payee, number, same_payee, vector)
    around = surroundings_of(view, transaction, wording, near)
    searched_ns = perf_counter_ns()

    evidence = {dimension: evidence_of(view, around, dimension) for dimension in dimensions}
    return Question(text, around, evidence, encoded_ns - started_ns, searched_ns - encoded_ns)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of the evidence in one dimension, with c candidates, the likeliest first.

    Attributes:
        positions: int64 ``(c,)``, of the candidates in the evidence.
        candidates: int64 ``(c,)``, category numbers.
        voted: float64 ``(c,)``, the vote's probabilities.
        probabilities: float64 ``(c,)``, as the tenant's outcomes calibrate them.
        rival: position, in this order, of the one that entries just like it have as often as the first; None
            where there is none, or the vote rules it out.
    """

    positions: NDArray[np.int64]
    candidates: NDArray[np.int64]
    voted: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    rival: int | None


def judge(view: View, vote: Vote, question: Question, dimension: str) -> Judgement:
    """Walk the road from the evidence to probabilities. Raises ModelFault: the vote failed."""
    evidence = question.evidence[dimension]
    voted = vote.probabilities(evidence)
    probabilities = view.calibrations[dimension].probabilities(voted)
    order = ranking(probabilities, evidence.candidates, view.category_counts)
    rival = rival_of(evidence, question.around, int(order[0])) if len(order) else None
    if rival is not None and not probabilities[rival]:
        rival = None  # a vote may rule out what entries just like it have
    position = None if rival is None else order.tolist().index(rival)
    return Judgement(order, evidence.candidates[order], voted[order], probabilities[order], position)


def _dimensions(view: View, options: ClassifyOptions) -> Sequence[str]:
    for position, dimension in enumerate(options.dimensions):
        view.chart.require_dimension(dimension, f"dimensions[{position}]")
    # A tenant that was taught nothing still gets an answer: ASK.
    return options.dimensions or view.chart.dimensions or (CATEGORY_DIMENSION,)


def _encoded(encoder: Encoder, text: str) -> NDArray[np.float32]:
    # At the store's precision, so that a text is as near to others before it is learned as after.
    return np.asarray(encoder.encode([text])[0].astype(np.float16), dtype=np.float32)


def _answer(
    view: View,
    vote: Vote,
    question: Question,
    dimension: str,
    target_precision: float,
    candidates_max: int,
) -> DimensionAnswer:
    judgement = judge(view, vote, question, dimension)
    numbers, probabilities = judgement.candidates.tolist(), judgement.probabilities.tolist()
    categories = view.chart.categories

    def candidate(position: int) -> Candidate:
        category = categories[numbers[position]]
        return Candidate(category.id, category.title, probabilities[position])

    # The decision sees the first two at least: how many are shown changes nothing.
    ahead = max(candidates_max, 2)
    candidates = [candidate(position) for position, p in enumerate(probabilities[:ahead]) if p > 0.0]
    rival = None if judgement.rival is None else candidate(judgement.rival)
    witness = Witness.NONE
    if candidates:
        evidence, first = question.evidence[dimension], int(judgement.positions[0])
        witness = _WITNESS_OF_KIND[deciding_kind(evidence, question.around, first)]
    decision, reason = decide(candidates, rival, witness, target_precision, view.calibrations[dimension])
    shown = tuple(candidates[:candidates_max])
    return DimensionAnswer(dimension, decision, shown, witness, target_precision, reason)


def _neighbours(view: View, around: Surroundings, count_max: int) -> tuple[Neighbour, ...]:
    """The weightiest rows; equals in the order of their nearness and then of their age."""
    positions, shares = weightiest(around, count_max)
    return tuple(
        _neighbour(view, around.rows.item(position), around.similarity.item(position), share)
        for position, share in zip(positions, shares, strict=True)
    )


def _neighbour(view: View, row: int, similarity: float, weight: float) -> Neighbour:
    amount, categories = view.amount.item(row), view.chart.categories
    labels = ((dimension, column.item(row)) for dimension, column in view.labels.items())
    return Neighbour(
        transaction_id=view.transaction_ids[row],
        date=date.fromordinal(view.order_day.item(row)) if view.is_dated.item(row) else None,
        amount=None if isnan(amount) else decimal_of(amount),
        currency=view.currencies[view.currency.item(row)],
        text=view.texts[view.text.item(row)],
        labels={dimension: categories[label].id for dimension, label in labels if label != UNLABELLED},
        similarity=similarity,
        weight=weight,
    )
