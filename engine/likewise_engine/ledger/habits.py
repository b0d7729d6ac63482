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

Floats = NDArray[np.float64]

HABIT_LABELS_MAX: Final = 4_096
"""The latest labels that are looked at; enough for the amounts of categories that are seldom used."""
_RECENT_SCALE: Final = 100.0
"""Labels after which one counts a third for the recent share."""
_PRIOR_LABELS: Final = 5.0
"""What the amounts of all categories count for in the amounts of one."""
_VARIANCE_MIN: Final = 0.01


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
        ago = np.arange(len(labels) - 1, -1, -1.0)
        faded = np.exp(ago / -_RECENT_SCALE)
        since = np.full(categories, float(len(labels)))
        since[labels] = ago  # The last assignment stays: that of the latest label.
        known = ~np.isnan(amounts)
        log_amount = np.log1p(np.abs(amounts[known]))
        of_known = labels[known]

        def total(values: Floats) -> Floats:
            return np.bincount(of_known, values, minlength=categories).astype(np.float64)

        count = np.bincount(of_known, minlength=categories) + _PRIOR_LABELS
        overall = float(log_amount.mean()) if len(log_amount) else 0.0
        spread = max(float(log_amount.var()), _VARIANCE_MIN) if len(log_amount) else 1.0
        apart = log_amount - overall
        mean = total(apart) / count
        variance = (total(np.square(apart)) + _PRIOR_LABELS * spread) / count - np.square(mean)
        negative = total(np.signbit(amounts[known]).astype(np.float64))
        return cls(
            share=np.bincount(labels, minlength=categories) / max(1, len(labels)),
            recent_share=np.bincount(labels, faded, minlength=categories) / max(faded.sum(), 1.0),
            labels_since=since,
            amount_mean=overall + mean,
            amount_variance=np.maximum(variance, _VARIANCE_MIN),
            negative_share=(negative + 0.5) / (count - _PRIOR_LABELS + 1.0),
            all_mean=overall,
            all_variance=spread,
            successions=Successions.of(labels, whose, categories),
        )

    def misfit(self, log_amount: float) -> float:
        """Twice the negative log likelihood of an amount (its log1p) among those of all categories."""
        return (log_amount - self.all_mean) ** 2 / self.all_variance + log(self.all_variance)
