"""Posting lists: which entries have which text.

A compressed base (one array of entries sorted by text, then by day, then by row; one array of starts) and a
tail of small lists for what was learned since. The base is immutable; the writer replaces it when the tail
has outgrown a share of it, which keeps appending amortised O(1) and memory at one int32 an entry.

Readers share the tail's lists with the writer without a lock: the writer only appends rows that lie beyond
every published length, and a reader drops rows beyond its own. Appending to a list is atomic under the GIL.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits

Rows = NDArray[np.int32]

_TAIL_MIN: Final = 512
_TAIL_SHARE: Final = 8
"""The tail is folded into the base when it has more rows than this and than the base's eighth."""
_NO_ROWS: Final[Rows] = np.empty(0, dtype=np.int32)


class Postings:
    """Rows by text. ``extend`` is the writer's; ``gather`` is for readers of any published length."""

    __slots__ = ("_rows", "_starts", "_tail", "_tail_rows")

    def __init__(self, rows: Rows = _NO_ROWS, starts: NDArray[np.int64] | None = None) -> None:
        self._rows = rows
        self._starts = np.zeros(1, dtype=np.int64) if starts is None else starts
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
        live = np.flatnonzero(alive).astype(np.int32)
        order = np.lexsort((live, order_days[live], texts[live]))
        counts = np.bincount(texts[live], minlength=int(texts.max(initial=-1)) + 1)
        return cls(live[order], np.concatenate(([0], np.cumsum(counts, dtype=np.int64))))

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

    def rows_of(
        self, text: int, order_days: NDArray[np.int32], alive: NDArray[np.bool_], count_max: int
    ) -> Rows:
        """The latest live rows of one text, at most ``count_max``, ordered by day and then by row.

        Args:
            text: the text.
            order_days: int32 ``(n,)``; n is the reader's published length.
            alive: bool ``(n,)``.
            count_max: how many.
        """
        base = _NO_ROWS
        if text + 1 < len(self._starts):
            start, end = self._starts[text : text + 2].tolist()
            base = _latest_live(self._rows[start:end], alive, count_max)
        tail = self._tail.get(text)
        if tail is None:
            return base
        rows = np.array(tail, dtype=np.int32)
        rows = rows[rows < len(alive)]
        rows = np.concatenate((base, rows[alive[rows]]))
        # What was learned since may be dated before what was known.
        return rows[np.argsort(order_days[rows], kind="stable")][-count_max:]

    def gather(
        self, texts: NDArray[np.int64], order_days: NDArray[np.int32], alive: NDArray[np.bool_]
    ) -> tuple[Rows, NDArray[np.int64]]:
        """The rows that give evidence: of the nearest texts first, within the limits of retrieval.

        Args:
            texts: int64 ``(k,)``, the nearest first.
            order_days: int32 ``(n,)``; n is the reader's published length.
            alive: bool ``(n,)``.

        Returns:
            rows: int32 ``(m,)`` with m <= RETRIEVED_ENTRIES_MAX.
            ranks: int64 ``(m,)``, for each row the position in ``texts`` of its text.
        """
        per_text, in_all = limits.RETRIEVED_ENTRIES_PER_TEXT_MAX, limits.RETRIEVED_ENTRIES_MAX
        in_base = texts < len(self._starts) - 1
        bounded = np.where(in_base, texts, 0)
        ends = np.where(in_base, self._starts[bounded + in_base], 0)
        lengths = ends - np.where(in_base, self._starts[bounded], 0)
        counts = np.minimum(lengths, per_text)
        ranks = np.repeat(np.arange(len(texts)), counts)
        behind = np.cumsum(counts)[ranks] - np.arange(len(ranks))  # places from the end of the text's rows
        rows = self._rows[ends[ranks] - behind]
        live = alive[rows]
        if not live.all():
            if (lengths[ranks[~live]] > per_text).any():
                return self._gather_one_by_one(texts, order_days, alive)
            rows, ranks = rows[live], ranks[live]
        learned = [(rank, tail) for rank, text in enumerate(texts.tolist()) if (tail := self._tail.get(text))]
        if learned:
            rows, ranks = _merged(rows, ranks, learned, order_days, alive)
        counts = np.bincount(ranks, minlength=len(texts))
        ends = np.cumsum(counts)
        allowed = np.minimum(
            per_text, in_all - np.cumsum(np.minimum(counts, per_text)) + np.minimum(counts, per_text)
        )
        kept = ends[ranks] - np.arange(len(ranks)) <= allowed[ranks]
        return rows[kept], ranks[kept]

    def _gather_one_by_one(
        self, texts: NDArray[np.int64], order_days: NDArray[np.int32], alive: NDArray[np.bool_]
    ) -> tuple[Rows, NDArray[np.int64]]:
        """As :meth:`gather`, the plain way: for texts whose dead rows make it look further back."""
        left = limits.RETRIEVED_ENTRIES_MAX
        found: list[Rows] = []
        for text in texts.tolist():
            rows = self.rows_of(text, order_days, alive, min(left, limits.RETRIEVED_ENTRIES_PER_TEXT_MAX))
            found.append(rows)
            left -= len(rows)
            if left == 0:
                break
        return np.concatenate(found), np.repeat(np.arange(len(found)), [len(rows) for rows in found])


def _merged(
    rows: Rows,
    ranks: NDArray[np.int64],
    learned: Sequence[tuple[int, list[int]]],
    order_days: NDArray[np.int32],
    alive: NDArray[np.bool_],
) -> tuple[Rows, NDArray[np.int64]]:
    """Rows of the base and of the tail in one order: by rank of text, day and row."""
    # Each list is read once: the writer may append to it between a first and a second look.
    tails = [np.array(tail_rows, dtype=np.int32) for _, tail_rows in learned]
    tail = np.concatenate(tails)
    tail_ranks = np.repeat([rank for rank, _ in learned], [len(tail_rows) for tail_rows in tails])
    seen = tail < len(alive)
    seen[seen] = alive[tail[seen]]
    rows, ranks = np.concatenate((rows, tail[seen])), np.concatenate((ranks, tail_ranks[seen]))
    order = np.lexsort((rows, order_days[rows], ranks))
    return rows[order], ranks[order]


def _latest_live(rows: Rows, alive: NDArray[np.bool_], count_max: int) -> Rows:
    """The last ``count_max`` live ones of these rows; looks at twice as many each time it finds too few."""
    window = 2 * count_max
    while True:
        latest = rows[-window:]
        # Rows beyond the reader's length cannot be in a base that is as old as the reader's view.
        live = latest[alive[latest]]
        if len(live) >= count_max or window >= len(rows):
            return live[-count_max:]
        window *= 2
