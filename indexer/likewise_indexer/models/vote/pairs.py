"""Records of many tenants as one table of pairs, a question and a candidate each, with their weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from likewise_indexer.models.vote.record import Record
from likewise_indexer.models.vote.replay import RENAMED_CHART, Lacks

Floats = NDArray[np.float64]


RENAMED_WEIGHT: Final = 1 / 3
"""What a question of a chart that is being renamed weighs, against an ordinary one. With 1 a hundredth more
is right there, and nearly as much less in ordinary books of 30 and of 300 labels."""


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """Questions of many tenants, with p pairs in all, each question's next to each other.

    Attributes:
        features: float32 ``(p, F)``.
        is_right: bool ``(p,)``.
        kernel: float32 ``(p,)``, what KernelVote makes of it.
        pairs: int64 ``(q,)``, candidates of each question; there are questions without.
        tenant: int64 ``(q,)``, an index into ``tenants``.
        weight: float64 ``(q,)``, as :func:`weights_of` has it.
        is_whole: bool ``(q,)``: nothing was taken away from it to train on.
        labels: int32 ``(q,)``, as recorded.
        category_labels: int32 ``(q,)``, as recorded.
        young_labels: int32 ``(q,)``, as recorded.
        payee_labels: int32 ``(q,)``, as recorded.
        tenants: (source, tenant) by number.
    """

    features: NDArray[np.float32]
    is_right: NDArray[np.bool_]
    kernel: NDArray[np.float32]
    pairs: NDArray[np.int64]
    tenant: NDArray[np.int64]
    weight: Floats
    is_whole: NDArray[np.bool_]
    labels: NDArray[np.int32]
    category_labels: NDArray[np.int32]
    young_labels: NDArray[np.int32]
    payee_labels: NDArray[np.int32]
    tenants: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, records: Sequence[Record]) -> Self:
        """The questions of these records."""
        counts = np.array([len(record.row) for record in records])
        return cls(
            features=np.concatenate([record.features for record in records]),
            is_right=np.concatenate([record.is_right for record in records]),
            kernel=np.concatenate([record.kernel for record in records]),
            pairs=np.concatenate([np.diff(record.pairs_end, prepend=0) for record in records]),
            tenant=np.repeat(np.arange(len(records)), counts),
            weight=weights_of(
                np.repeat(np.arange(len(records)), counts),
                np.concatenate([record.young_labels for record in records]),
            ),
            is_whole=np.concatenate([record.lacks == Lacks.NOTHING for record in records]),
            labels=np.concatenate([record.labels for record in records]),
            category_labels=np.concatenate([record.category_labels for record in records]),
            young_labels=np.concatenate([record.young_labels for record in records]),
            payee_labels=np.concatenate([record.payee_labels for record in records]),
            tenants=tuple((record.source, record.tenant) for record in records),
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources that have questions, each once."""
        return tuple(dict.fromkeys(self.tenants[tenant][0] for tenant in np.unique(self.tenant).tolist()))

    def of_source(self, source: str) -> NDArray[np.bool_]:
        """Bool ``(q,)``: which questions come from a source."""
        return np.array([name == source for name, _ in self.tenants])[self.tenant]

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        """Some of the questions; tenants keep their numbers and questions their weights."""
        pairs = np.repeat(chosen, self.pairs)
        return type(self)(
            features=self.features[pairs],
            is_right=self.is_right[pairs],
            kernel=self.kernel[pairs],
            pairs=self.pairs[chosen],
            tenant=self.tenant[chosen],
            weight=self.weight[chosen],
            is_whole=self.is_whole[chosen],
            labels=self.labels[chosen],
            category_labels=self.category_labels[chosen],
            young_labels=self.young_labels[chosen],
            payee_labels=self.payee_labels[chosen],
            tenants=self.tenants,
        )


def weights_of(tenant: NDArray[np.int64], young_labels: NDArray[np.int32]) -> Floats:
    """What each question weighs, ``(q,)``: those of a tenant 1 together, and alike but for renamed charts."""
    relative = np.where(young_labels == RENAMED_CHART, RENAMED_WEIGHT, 1.0)
    return np.asarray(relative / np.bincount(tenant, relative)[tenant])


def softmax(scores: Floats, pairs: NDArray[np.int64]) -> Floats:
    """Each question's scores as probabilities, ``(p,)``, as :mod:`likewise_engine.vote.onnx` makes them."""
    asked = pairs[pairs > 0]
    starts = np.cumsum(asked) - asked
    highest = np.maximum(np.maximum.reduceat(scores, starts), 0.0)
    weights = np.exp(scores - np.repeat(highest, asked))
    totals = np.add.reduceat(weights, starts) + np.exp(-highest)
    return np.asarray(weights / np.repeat(totals, asked))


@dataclass(frozen=True, slots=True, eq=False)
class Firsts:
    """What a vote said first to q questions, and what came of it.

    Attributes:
        probability: float64 ``(q,)``, of the first candidate; 0 where there is none.
        is_right: bool ``(q,)``.
        log_loss: float64 ``(q,)``, minus the logarithm of the probability that it gave to what was right:
            a candidate, or that it is none of them.
    """

    probability: Floats
    is_right: NDArray[np.bool_]
    log_loss: Floats

    @classmethod
    def of(cls, questions: Questions, probabilities: Floats) -> Self:
        """What these probabilities, ``(p,)``, say."""
        count, asked = len(questions.pairs), questions.pairs > 0
        starts = (np.cumsum(questions.pairs) - questions.pairs)[asked]
        of_question = np.repeat(np.arange(count), questions.pairs)
        probability, given, said = np.zeros(count), np.zeros(count), np.zeros(count)
        is_right = np.zeros(count, dtype=bool)
        probability[asked] = np.maximum.reduceat(probabilities, starts)
        # Of equals the one that was recorded first, the older one. The engine takes the one more used in the
        # books, which is not recorded.
        equal_first = np.flatnonzero(probabilities == probability[of_question])
        answered, position = np.unique(of_question[equal_first], return_index=True)
        is_right[answered] = questions.is_right[equal_first[position]]
        given[asked] = np.add.reduceat(probabilities, starts)
        said[asked] = np.add.reduceat(np.where(questions.is_right, probabilities, 0.0), starts)
        has_right = np.bincount(of_question, questions.is_right, minlength=count) > 0
        log_loss = -np.log(np.maximum(np.where(has_right, said, 1.0 - given), _SAID_MIN))
        return cls(probability, is_right, log_loss)


_SAID_MIN = 1e-6
"""What a probability counts as at least: one certain error must not outweigh a thousand good answers."""
