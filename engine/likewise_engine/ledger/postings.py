"""Posting lists: which entries have which text.

A compressed base (one array of entries sorted by text, then by day, then by row; one array of starts) and a
tail of small lists for what was learned since. The base is immutable; the writer replaces it when the tail
has outgrown a share of it, which keeps appending amortised O(1) and memory at one int32 an entry.

Readers share the tail's lists with the writer without a lock: the writer only appends rows that lie beyond
every published length, and a reader drops rows beyond its own. Appending to a list is atomic under the GIL.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.ledger.gathering import latest_rows, rows_by_text

Rows = NDArray[np.int32]

_TAIL_MIN: Final = 512
_TAIL_SHARE: Final = 8
"""The tail is folded into the base when it has more rows than this and than the base's eighth."""
_NO_ROWS: Final[Rows] = np.empty(0, dtype=np.int32)


class Postings:
    """Rows by text. ``extend`` is the writer's; ``gather`` is for readers of any published length."""

    __slots__ = ("_rows", "_starts", "_tail", "_tail_rows")

    def __init__(self, rows: Rows = _NO_ROWS, starts: Rows | None = None) -> None:
        self._rows = rows
        self._starts = np.zeros(1, dtype=np.int32) if starts is None else starts
        self._tail: dict[int, list[int]] = {}
        self._tail_rows = 0

    @classmethod
    def of(
        cls, texts: NDArray[np.int32], order_days: NDArray[np.int32], alive: NDArray[np.bool_]
    ) -> "Postings":
        """The postings of all live rows.

        Args:
            texts: int32 ``(n,)``, the text of each row.
            order_days: int32 ``(n,)``.
            alive: bool ``(n,)``.
        """
        return cls(*rows_by_text(texts, order_days, alive, int(texts.max(initial=-1)) + 1))

    @property
    def nbytes(self) -> int:
        """Bytes allocated; the tail by estimate."""
        return int(self._rows.nbytes + self._starts.nbytes) + 100 * len(self._tail) + 40 * self._tail_rows

    @property
    def is_due(self) -> bool:
        """Whether the tail has grown so long that the postings should be made anew."""
        return self._tail_rows > max(_TAIL_MIN, len(self._rows) // _TAIL_SHARE)

    def extend(self, first_row: int, texts: NDArray[np.int32]) -> None:
        """Add the rows from ``first_row`` on, which have these texts."""
        for row, text in enumerate(texts.tolist(), start=first_row):
            self._tail.setdefault(text, []).append(row)
        self._tail_rows += len(texts)

    def gather(
        self, texts: NDArray[np.int64], order_days: NDArray[np.int32], alive: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows that give evidence: the latest live ones of each text, within the limits of retrieval.

        Args:
            texts: int64 ``(k,)``, the nearest first.
            order_days: int32 ``(n,)``; n is the reader's published length.
            alive: bool ``(n,)``.

        Returns:
            rows: int64 ``(m,)`` with m <= RETRIEVED_ENTRIES_MAX, by text and then by day and row.
            ranks: int64 ``(m,)``, for each row the position in ``texts`` of its text.
        """
        return latest_rows(
            self._rows,
            self._starts,
            self._tail,
            texts,
            order_days,
            alive,
            limits.RETRIEVED_ENTRIES_PER_TEXT_MAX,
            limits.RETRIEVED_ENTRIES_MAX,
        )
