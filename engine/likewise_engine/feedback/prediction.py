"""A prediction: an answer as it was given, with all that its decisions rested on.

It is a record, not a memory: nothing is answered from it. What a decision rested on in one dimension is its
:class:`Basis`, the :class:`Grounds` without what follows from them: from it and the same vote the same
decision follows, bit by bit. The tenant's entries are not in it but for the neighbours that were shown.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import isnan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.answers import Classification, ClassifyOptions, Witness
from likewise_engine.calibration import Calibration
from likewise_engine.evidence import FEATURES, Evidence
from likewise_engine.grounds import Grounds
from likewise_engine.rules.rulebook import Ruling
from likewise_engine.testimony import Opinion
from likewise_engine.transaction import Transaction

_ID_BYTES: Final = 8
_SIMILARITY: Final = FEATURES.index("similarity_best")
_SAME_PAYEE: Final = FEATURES.index("rows_same_payee_log")


def new_prediction_id() -> str:
    """An id that nobody has: 16 hex digits at random, so that processes need not agree."""
    return os.urandom(_ID_BYTES).hex()


@dataclass(frozen=True, slots=True)
class Hearing:
    """What a language model said, as it was weighed, and of whom: that may be no candidate of the vote.

    Attributes:
        opinion: the opinion.
        labels: live labels of the category that it names.
    """

    opinion: Opinion
    labels: int


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What a decision in one dimension rested on, with c candidates.

    Attributes:
        dimension: the dimension.
        evidence: without rows.
        labels: int64 ``(c,)``, live labels of each candidate.
        names: by number, id and title of each category that it has to do with; all candidates at least.
        rival: position, in the evidence, of the one that entries like the question had as often as the first;
            None where there was none.
        witness: what decided for the first candidate.
        calibration: as far as the target needs it.
        target_precision: what FILE was held to.
        candidates_max: how many candidates were asked for.
        hearing: of a language model; None where there was none.
        ruling: of a rule; None where there was none.
    """

    dimension: str
    evidence: Evidence
    labels: NDArray[np.int64]
    names: Mapping[int, tuple[str, str]]
    rival: int | None
    witness: Witness
    calibration: Calibration
    target_precision: float
    candidates_max: int
    hearing: Hearing | None = None
    ruling: Ruling | None = None

    @classmethod
    def of(cls, grounds: Grounds) -> "Basis":
        """What is kept of the grounds of an answer."""
        evidence, judgement, opinion = grounds.evidence, grounds.judgement, grounds.opinion
        categories = {number: grounds.categories[number] for number in evidence.candidates.tolist()}
        hearing = None
        if opinion is not None:
            categories[opinion.category] = grounds.categories[opinion.category]
            hearing = Hearing(opinion, int(grounds.counts[opinion.category]))
        if grounds.ruling is not None:
            categories[grounds.ruling.category] = grounds.categories[grounds.ruling.category]
        nobody = np.empty(0, dtype=np.int64)
        return cls(
            dimension=grounds.dimension,
            evidence=replace(evidence, rows=nobody, candidate_of_row=nobody),
            labels=grounds.counts[evidence.candidates],
            names={number: (category.id, category.title) for number, category in categories.items()},
            rival=None if judgement.rival is None else int(judgement.positions[judgement.rival]),
            witness=grounds.witness,
            calibration=grounds.calibration.narrowed(grounds.target_precision),
            target_precision=grounds.target_precision,
            candidates_max=grounds.candidates_max,
            hearing=hearing,
            ruling=grounds.ruling,
        )


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer as it was given.

    Attributes:
        id: names it.
        time: when it was given, in UTC.
        transaction: as it was asked about; its id may be empty.
        options: as it was asked.
        answer: what was answered, without grounds.
        bases: what each of its answers rested on, in the same order.
    """

    id: str
    time: datetime
    transaction: Transaction
    options: ClassifyOptions
    answer: Classification
    bases: Sequence[Basis]

    @classmethod
    def of(
        cls,
        prediction_id: str,
        time: datetime,
        transaction: Transaction,
        options: ClassifyOptions,
        answer: Classification,
    ) -> "Prediction":
        """What is kept of an answer that carries its grounds."""
        bases = [Basis.of(grounds) for grounds in answer.grounds]
        return cls(prediction_id, time, transaction, options, replace(answer, grounds=()), bases)

    @property
    def numbers(self) -> Mapping[str, Mapping[str, int]]:
        """Numbers of the categories by id, by dimension."""
        return {
            basis.dimension: {category: number for number, (category, _) in basis.names.items()}
            for basis in self.bases
        }

    @property
    def similarity(self) -> float:
        """Of the nearest entry's text, 0 where there is none."""
        return self._most(_SIMILARITY)

    @property
    def knows_payee(self) -> bool:
        """Whether there were entries of the same payee."""
        return self._most(_SAME_PAYEE) > 0.0

    @property
    def amount(self) -> float | None:
        """The amount, where it is known; for statistics, so as a float."""
        amount = self.transaction.amount
        return None if amount is None or isnan(amount) else float(amount)

    def _most(self, feature: int) -> float:
        values = [float(b.evidence.features[:, feature].max()) for b in self.bases if len(b.labels)]
        return max(values, default=0.0)
