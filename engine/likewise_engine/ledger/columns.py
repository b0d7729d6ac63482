"""Append-only columns: the memory that a ledger's readers see a consistent prefix of.

The one writer appends beyond the published length and then publishes a longer one; what lies before a
published length never changes. Growing copies into a larger array and leaves the old one to those who
still read it. So a reader that holds ``prefix(n)`` needs no lock.
"""

from collections.abc import Sequence
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

_CAPACITY_MIN: Final = 16
_GROWTH: Final = 1.25
"""Appending stays amortised O(1), and a warm tenant wastes a tenth of its columns on average."""


class Column(Generic[Scalar]):
    """A growing array of rows; rows are scalars, or vectors of a fixed width."""

    __slots__ = ("_array", "_length")

    def __init__(self, initial: NDArray[Scalar]) -> None:
        """Start with these rows. The array is taken over, not copied."""
        self._array = initial
        self._length = len(initial)

    def __len__(self) -> int:
        return self._length

    @property
    def nbytes(self) -> int:
        """Bytes allocated."""
        return int(self._array.nbytes)

    def extend(self, rows: ArrayLike) -> None:
        """Append rows. Only the writer may call it."""
        added = np.asarray(rows, dtype=self._array.dtype)
        end = self._length + len(added)
        if end > len(self._array):
            capacity = max(end, int(len(self._array) * _GROWTH), _CAPACITY_MIN)
            grown = np.empty((capacity, *self._array.shape[1:]), dtype=self._array.dtype)
            grown[: self._length] = self._array[: self._length]
            self._array = grown
        self._array[self._length : end] = added
        self._length = end

    def detach(self) -> NDArray[Scalar]:
        """Copy the rows, so that the writer may change some in place while readers keep what they have."""
        self._array = self._array[: self._length].copy()
        return self._array

    def prefix(self, length: int) -> NDArray[Scalar]:
        """The first ``length`` rows, as a view that later appends do not change."""
        return self._array[:length]


class StringColumn:
    """A growing column of short strings, packed as UTF-8: for ids, which are many and rarely looked at."""

    __slots__ = ("_bytes", "_ends")

    def __init__(self, initial: Sequence[str] = ()) -> None:
        self._bytes = bytearray()
        # 32 bits: see limits. A tenant's dead entries are no more than its live ones.
        self._ends: Column[Any] = Column(np.zeros(1, dtype=np.uint32))
        self.extend(initial)

    @property
    def nbytes(self) -> int:
        """Bytes allocated."""
        return len(self._bytes) + self._ends.nbytes

    def extend(self, strings: Sequence[str]) -> None:
        """Append strings. Only the writer may call it."""
        joined = "".join(strings)
        # As with most ids: a string is as many bytes as characters.
        measured = strings if joined.isascii() else map(str.encode, strings)
        lengths = np.fromiter(map(len, measured), dtype=np.int64, count=len(strings))
        self._ends.extend(len(self._bytes) + np.cumsum(lengths))
        self._bytes += joined.encode()

    def __getitem__(self, row: int) -> str:
        """The string of a row that was appended. Slicing a bytearray copies, so appends do not disturb it."""
        start, end = self._ends.prefix(row + 2)[row:].tolist()
        return self._bytes[start:end].decode()

    def find(self, string: str, length: int) -> list[int]:
        """The rows among the first ``length`` that are this string, ascending: by a search of the bytes."""
        wanted, ends = string.encode(), self._ends.prefix(length + 1)
        rows, at = [], self._bytes.find(wanted)
        while at >= 0:
            row = int(np.searchsorted(ends, at, side="right")) - 1
            if row >= length:
                break
            if int(ends[row]) == at and int(ends[row + 1]) == at + len(wanted):
                rows.append(row)
            at = self._bytes.find(wanted, at + 1)
        return rows
