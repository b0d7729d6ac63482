"""The track record: what the tenant's answers turned out to be, as its memory keeps it.

The writer's, as all of :mod:`likewise_engine.ledger.memory` is. Whether an outcome was right is looked up in
the labels as they are now, so a correction needs no second book-keeping.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from likewise_engine import limits
from likewise_engine.calibration import Outcomes
from likewise_engine.store.base import Outcome
from likewise_engine.store.columns import OutcomeColumns

_NOTHING: Final = np.empty(0, dtype=np.int64)
NO_OUTCOMES: Final = OutcomeColumns(_NOTHING, _NOTHING, _NOTHING, np.empty(0), np.empty(0, dtype=np.bool_))


class TrackRecord:
    """The outcomes of all dimensions, in the order of their entries' days."""

    def __init__(
        self, columns: OutcomeColumns, rows: NDArray[np.int64], order_days: NDArray[np.int32], last_id: int
    ) -> None:
        """Take over what the store has.

        Args:
            columns: k outcomes, in order.
            rows: int64 ``(k,)``, the rows of their entries.
            order_days: int32 ``(k,)``, the days that those count for.
            last_id: the highest that was ever given.
        """
        self._ids = columns.ids
        self._rows = rows
        self._order_days = order_days
        self._predicted = columns.predicted
        self._probability = columns.probability
        self._filed = columns.filed
        self.next_id = last_id + 1

    @property
    def nbytes(self) -> int:
        """Bytes of main memory."""
        columns = (self._ids, self._rows, self._order_days, self._predicted, self._probability, self._filed)
        return sum(column.nbytes for column in columns)

    def rows(self, within: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows that have an outcome.

        Args:
            within: bool ``(categories,)``, whether each is of the dimension that is meant.
        """
        return self._rows[within[self._predicted]]

    def outcomes(self, within: NDArray[np.bool_], labels: NDArray[np.int32]) -> Outcomes:
        """The outcomes in one dimension, oldest first.

        Args:
            within: bool ``(categories,)``, whether each is of the dimension.
            labels: int32 ``(n,)``, the dimension's.
        """
        meant = within[self._predicted]
        right = labels[self._rows[meant]] == self._predicted[meant]
        return Outcomes(self._probability[meant], right, self._filed[meant], self._order_days[meant])

    def overflow(self, added: Sequence[Outcome], category_dimension: NDArray[np.int64]) -> list[int]:
        """Ids of the oldest, which are to go so that a dimension keeps OUTCOMES_KEPT_MAX with those added."""
        old = category_dimension[self._predicted]
        new = category_dimension[np.array([outcome.predicted for outcome in added], dtype=np.int64)]
        going: list[int] = []
        for dimension in np.unique(new).tolist():
            ids = self._ids[old == dimension]
            excess = len(ids) + int(np.count_nonzero(new == dimension)) - limits.OUTCOMES_KEPT_MAX
            going += ids[: max(0, excess)].tolist()
        return going

    def add(self, added: Sequence[Outcome], rows: NDArray[np.int64], order_days: NDArray[np.int32]) -> None:
        """Add outcomes of live rows; their ids ascend from ``next_id`` on."""
        self._ids = _with(self._ids, [outcome.id for outcome in added])
        self._rows = _with(self._rows, rows)
        self._order_days = _with(self._order_days, order_days)
        self._predicted = _with(self._predicted, [outcome.predicted for outcome in added])
        self._probability = _with(self._probability, [outcome.probability for outcome in added])
        self._filed = _with(self._filed, [outcome.is_filed for outcome in added])
        self.next_id = added[-1].id + 1
        self._keep(np.lexsort((self._ids, self._order_days)))

    def drop(self, ids: Sequence[int]) -> None:
        """Let outcomes go."""
        self._keep(np.flatnonzero(~np.isin(self._ids, ids)))

    def move(self, old: NDArray[np.int64], new: NDArray[np.int64], order_days: NDArray[np.int32]) -> bool:
        """Follow entries that were learned anew from row to row. Returns whether any had an outcome."""
        order = np.argsort(old)
        found = np.searchsorted(old[order], self._rows)
        moved = np.flatnonzero(np.isin(self._rows, old))
        target = order[found[moved]]
        self._rows[moved], self._order_days[moved] = new[target], order_days[target]
        if len(moved):
            self._keep(np.lexsort((self._ids, self._order_days)))
        return bool(len(moved))

    def relabel(self, sources: Sequence[int], target: int, rows: NDArray[np.int64] | None) -> None:
        """A category takes over what was predicted, of all rows or of some: what was right then was right."""
        moved = np.isin(self._predicted, sources)
        if rows is not None:
            moved &= np.isin(self._rows, rows)
        self._predicted[moved] = target

    def forgive(self) -> None:
        """Hold nothing that was FILEd against the tenant's target any more."""
        self._filed = np.zeros_like(self._filed)

    def _keep(self, positions: NDArray[np.int64]) -> None:
        self._ids, self._rows = self._ids[positions], self._rows[positions]
        self._order_days, self._predicted = self._order_days[positions], self._predicted[positions]
        self._probability, self._filed = self._probability[positions], self._filed[positions]


def _with(column: NDArray[Any], added: ArrayLike) -> NDArray[Any]:
    return np.concatenate((column, np.asarray(added, dtype=column.dtype)))
