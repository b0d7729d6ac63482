"""Successions: what a payee was filed under next, after it had been filed under a category.

A chart that is renamed by relabelling, a category that is split or given up: the first payees that change
tell what the others will be called, long before each has entries of its own to tell it by. Each payee speaks
once for each category, with what followed its latest entry there; so one that goes to and fro between two
does not outshout those that stay.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from likewise_engine.ledger.tallies import successions_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Successions:
    """Of one dimension; s pairs of categories, ordered by the earlier and then by the later one.

    Attributes:
        stay: float64 ``(categories,)``, the share of what followed each that is the category itself; 1 where
            nothing followed.
        before: int64 ``(s,)``, category numbers.
        after: int64 ``(s,)``, category numbers, others than ``before``.
        share: float64 ``(s,)``, within (0, 1): of what followed ``before``, how much was ``after``.
    """

    stay: Floats
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    share: Floats

    @classmethod
    def of(cls, labels: NDArray[np.int32], whose: NDArray[np.int64], categories: int) -> Self:
        """The successions of these labels.

        Args:
            labels: int32 ``(k,)``, category numbers, the latest last.
            whose: int64 ``(k,)``, equal for labels of the same payee.
            categories: how many there are.
        """
        return cls(*successions_of(labels, whose, categories))
