"""One dimension of a tenant's labelled entries in the order of time: what each part of a review looks at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import isnan

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.counterparty import payee_of
from likewise_engine.ledger.view import UNLABELLED, View
from likewise_engine.review.finding import FindingEntry
from likewise_engine.text import NO_PAYEES
from likewise_engine.transaction import decimal_of


@dataclass(frozen=True, slots=True)
class History:
    """The n live labels of one dimension.

    Attributes:
        view: the tenant's memory.
        dimension: that is meant.
        rows: int64 ``(n,)``, of the view, by day and then by row.
        labels: int64 ``(n,)``, category numbers.
        payees: names of payees by number.
    """

    view: View
    dimension: str
    rows: NDArray[np.int64]
    labels: NDArray[np.int64]
    payees: dict[int, str]

    @classmethod
    def of(cls, view: View, dimension: str) -> "History":
        """The history of one dimension of a view."""
        column = view.labels[dimension]
        rows = np.flatnonzero(view.alive & (column != UNLABELLED))
        rows = rows[np.lexsort((rows, view.order_day[rows]))]
        # A copy: the writer may add to the dictionary meanwhile.
        payees = {number: payee_of(party) for party, number in dict(view.payee_numbers).items()}
        return cls(view, dimension, rows, column[rows].astype(np.int64), payees)

    def __len__(self) -> int:
        """Labels."""
        return len(self.rows)

    def name(self, category: int) -> str:
        """What a category is called, in quotes."""
        return f"{self.view.chart.categories[category].title!r}"

    def ids(self, *categories: int) -> tuple[str, ...]:
        """Ids of categories."""
        return tuple(self.view.chart.categories[category].id for category in categories)

    def text(self, position: int) -> str:
        """The text of a label's entry."""
        return self.view.texts[int(self.view.text[self.rows[position]])]

    def payee(self, position: int) -> str:
        """The normalised payee of a label's entry; its text where that is nobody."""
        payee = self.payees.get(int(self.view.payee[self.rows[position]]), "")
        return self.text(position) if payee in NO_PAYEES else payee

    def days(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The days that entries count for, as proleptic ordinals, int64."""
        return self.view.order_day[self.rows[positions]].astype(np.int64)

    def date_of(self, position: int) -> date | None:
        """The date of an entry; None where it has none, though it counts for some day."""
        view, row = self.view, int(self.rows[position])
        return date.fromordinal(view.order_day.item(row)) if view.is_dated.item(row) else None

    def groups(self, keys: NDArray[np.int64], size_min: int) -> Iterator[NDArray[np.int64]]:
        """Positions that share a key, ascending; groups of at least so many.

        Args:
            keys: int64 ``(n,)`` or ``(n, k)``.
            size_min: smaller ones are left out.
        """
        if not len(keys):
            return
        _, group, sizes = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        order = np.argsort(group.reshape(-1), kind="stable")
        for size, positions in zip(sizes.tolist(), np.split(order, np.cumsum(sizes)[:-1]), strict=True):
            if size >= size_min:
                yield positions

    def entry(self, position: int) -> FindingEntry:
        """An entry as a finding shows it."""
        view, row = self.view, int(self.rows[position])
        amount = view.amount.item(row)
        return FindingEntry(
            transaction_id=view.transaction_ids[row],
            date=self.date_of(position),
            amount=None if isnan(amount) else decimal_of(amount),
            currency=view.currencies[view.currency.item(row)],
            text=view.texts[view.text.item(row)],
            category=view.chart.categories[int(self.labels[position])].id,
        )

    def entries(self, positions: Sequence[int] | NDArray[np.int64]) -> tuple[FindingEntry, ...]:
        """Entries as a finding shows them, at most REVIEW_ENTRIES_SHOWN_MAX."""
        shown = np.asarray(positions, dtype=np.int64)[: limits.REVIEW_ENTRIES_SHOWN_MAX]
        return tuple(map(self.entry, shown.tolist()))
