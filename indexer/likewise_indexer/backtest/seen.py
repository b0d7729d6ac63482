"""What a tenant's visible labels are at one moment, and so to which slices a row belongs."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.backtest.result import SLICES, Floats

CATEGORY_RARE_MAX: Final = 4
"""A category that was labelled so often or less is rare."""


class Seen:
    """The labels of one dimension that are visible; and what is remembered of each row that was asked."""

    def __init__(self, dimension: str) -> None:
        self._dimension = dimension
        self._labels_of_payee: defaultdict[str, set[str]] = defaultdict(set)
        self._count: Counter[str] = Counter()
        self._flags: list[tuple[bool, bool, bool]] = []
        self._category_labels: list[int] = []

    def learn(self, items: Sequence[LabelledTransaction]) -> None:
        """These labels are visible from now on."""
        for item in items:
            label = item.labels.get(self._dimension)
            if label is not None:
                self._labels_of_payee[payee_of(item)].add(label)
                self._count[label] += 1

    def ask(self, item: LabelledTransaction) -> None:
        """Remember what is known of a row's payee and category as it is asked about."""
        labels = self._labels_of_payee.get(payee_of(item), set())
        category_labels = self._count[item.labels[self._dimension]]
        self._flags.append((not labels, len(labels) > 1, category_labels <= CATEGORY_RARE_MAX))
        self._category_labels.append(category_labels)

    @property
    def category_labels(self) -> NDArray[np.int64]:
        """Labels of the right category that were visible to each asked row, int64 ``(n,)``."""
        return np.array(self._category_labels, dtype=np.int64)

    def slices(self, amount: Floats) -> dict[str, NDArray[np.bool_]]:
        """Which of the asked rows belong to which slice, bool ``(n,)`` each.

        Args:
            amount: float64 ``(n,)``, of the asked rows; NaN where not known.
        """
        count = len(self._flags)
        unseen, ambiguous, rare = np.array(self._flags, dtype=bool).reshape(count, 3).T
        size = np.abs(amount)
        known = size[~np.isnan(size)]
        low, high = np.quantile(known, [1 / 3, 2 / 3]) if len(known) else (0.0, 0.0)
        thirds = np.arange(count) * 3 // max(count, 1)
        columns = (
            unseen,
            ambiguous,
            rare,
            size <= low,
            (size > low) & (size <= high),
            size > high,
            np.isnan(size),
            thirds == 0,
            thirds == 1,
            thirds == 2,
        )
        return dict(zip(SLICES, columns, strict=True))


def payee_of(item: LabelledTransaction) -> str:
    """The payee as it is worded, or the description where there is none."""
    return item.transaction.payee or item.transaction.description
