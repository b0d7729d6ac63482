"""What a tenant's latest labels say of each category, whatever the text that is asked about.

How often it was used of late, how long ago, for which amounts, and what followed it: a category that is given
up and one that takes its place show here before the payees have told.
"""

from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.ledger.successions import Successions
from likewise_engine.ledger.tallies import habits_of

Floats = NDArray[np.float64]

HABIT_LABELS_MAX: Final = 4_096
"""The latest labels that are looked at; enough for the amounts of categories that are seldom used."""


@dataclass(frozen=True, slots=True)
class Habits:
    """Of one dimension, by category number; zeros where a category has no label among the latest.

    Attributes:
        share: float64 ``(categories,)``, of the labels.
        recent_share: float64 ``(categories,)``, of the labels, each weighing a third after 100 more.
        labels_since: float64 ``(categories,)``, later labels than its last one; of all looked at where
            it has none among them.
        amount_mean: float64 ``(categories,)``, of log1p of the absolute amount, drawn to that of all.
        amount_variance: float64 ``(categories,)``, likewise.
        negative_share: float64 ``(categories,)``, of its amounts, drawn to one half.
        all_mean: of log1p of all absolute amounts.
        all_variance: likewise.
        successions: what followed which category.
    """

    share: Floats
    recent_share: Floats
    labels_since: Floats
    amount_mean: Floats
    amount_variance: Floats
    negative_share: Floats
    all_mean: float
    all_variance: float
    successions: Successions

    @classmethod
    def of(
        cls, labels: NDArray[np.int32], amounts: Floats, whose: NDArray[np.int64], categories: int
    ) -> "Habits":
        """The habits of these labels.

        Args:
            labels: int32 ``(k,)``, category numbers, the latest last.
            amounts: float64 ``(k,)``, NaN where there is none.
            whose: int64 ``(k,)``, equal for labels of the same payee.
            categories: how many there are.
        """
        tallied, mean, variance = habits_of(labels, amounts, categories)
        return cls(*tallied, mean, variance, Successions.of(labels, whose, categories))

    def misfit(self, log_amount: float) -> float:
        """Twice the negative log likelihood of an amount (its log1p) among those of all categories."""
        return (log_amount - self.all_mean) ** 2 / self.all_variance + log(self.all_variance)
