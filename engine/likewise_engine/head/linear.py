"""One head: multinomial logistic regression over hashed features, trained in the order of time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.head.hashing import Hashed

BUCKETS_MIN: Final = 1 << 10
BUCKETS_MAX: Final = 1 << 14
CELLS_MAX: Final = 1 << 23
"""Buckets times categories: bytes of a head."""
_BUCKETS_PER_LABEL: Final = 2
"""With 4 or 8 the head of a real book is right as often, and takes twice or four times the memory; with 1 it
is right 1 % less."""
_LEARNING_RATE: Final = 0.3
_STEPS_PER_LABEL: Final = 2
"""Two steps for each label as it comes: on real books as good as passing twice, and the latest count most."""
_SQUARES_START: Final = 1e-3
_QUANTA: Final = 127
_POLL_LABELS: Final = 256
"""Labels between two questions whether to go on."""


@dataclass(frozen=True, slots=True)
class Head:
    """A trained head of one dimension. Immutable.

    Attributes:
        categories: int64 ``(c,)``, numbers of the categories that it knows.
        weights: int8 ``(buckets, c)``; buckets is a power of two.
        scales: float32 ``(buckets,)``, what a weight of 1 stands for.
    """

    categories: NDArray[np.int64]
    weights: NDArray[np.int8]
    scales: NDArray[np.float32]

    @property
    def nbytes(self) -> int:
        """Bytes of main memory."""
        return self.categories.nbytes + self.weights.nbytes + self.scales.nbytes

    def log_probabilities(self, hashed: Hashed) -> NDArray[np.float64]:
        """The logarithm of each category's probability, float64 ``(c,)``."""
        buckets = hashed.buckets & (len(self.weights) - 1)
        values = hashed.values * self.scales[buckets]
        # einsum sums each category in the same order wherever it stands.
        scores = np.einsum("f,fc->c", values, self.weights[buckets].astype(np.float32)).astype(np.float64)
        return np.asarray(scores - np.logaddexp.reduce(scores))

    @classmethod
    def train(
        cls,
        labels: NDArray[np.int32],
        transactions: Iterable[Hashed],
        keep_on: Callable[[], bool] = lambda: True,
    ) -> "Head | None":
        """Train on labels in the order of time.

        AdaGrad (Duchi, Hazan & Singer 2011) with one rate a bucket. A category is a rival from its first
        label on, not before: it did not exist when the earlier labels were given.

        Args:
            labels: int32 ``(n,)``, category numbers, the latest last.
            transactions: what each is a label of.
            keep_on: asked now and then; the training is given up when it says no.

        Returns:
            The head, or None: given up, or there are fewer than two categories to tell apart.
        """
        categories, targets = np.unique(labels, return_inverse=True)
        if len(categories) < 2:
            return None
        buckets = _buckets_for(len(labels), len(categories))
        weights = np.zeros((buckets, len(categories)), dtype=np.float32)
        squares = np.full(buckets, _SQUARES_START, dtype=np.float32)
        is_met = np.zeros(len(categories), dtype=np.bool_)
        for row, (target, hashed) in enumerate(zip(targets.tolist(), transactions, strict=True)):
            if row % _POLL_LABELS == 0 and not keep_on():
                return None
            is_met[target] = True
            _step(weights, squares, is_met, hashed.buckets & (buckets - 1), hashed.values, target)
        scales = np.maximum(np.abs(weights).max(axis=1), 1e-9) / _QUANTA
        quantised = np.rint(weights / scales[:, np.newaxis]).astype(np.int8)
        return cls(categories.astype(np.int64), quantised, scales.astype(np.float32))


def _buckets_for(labels: int, categories: int) -> int:
    wanted = 1 << (_BUCKETS_PER_LABEL * labels - 1).bit_length()
    affordable = 1 << (CELLS_MAX // categories).bit_length() - 1
    return min(max(wanted, BUCKETS_MIN), BUCKETS_MAX, affordable)


def _step(
    weights: NDArray[np.float32],
    squares: NDArray[np.float32],
    is_met: NDArray[np.bool_],
    buckets: NDArray[np.int64],
    values: NDArray[np.float32],
    target: int,
) -> None:
    """Learn one label, in place."""
    for _ in range(_STEPS_PER_LABEL):
        scores = values @ weights[buckets]
        error = np.exp(scores - scores.max()) * is_met
        error /= error.sum()
        error[target] -= 1.0
        squares[buckets] += np.square(values) * float(error @ error)
        weights[buckets] -= (_LEARNING_RATE * values / np.sqrt(squares[buckets]))[:, np.newaxis] * error
