"""Distinct strings of one tenant, as its memory's writer owns them: texts, and normalised payees."""

from collections.abc import Collection, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.errors import StoreCorrupt
from likewise_engine.ledger.columns import Column

_STRING_OVERHEAD_BYTES: Final = 92
"""Of a str, its dictionary entry, its number and its list slot, besides its characters: the mean of 61 real
books, where it is 77 to 121."""
_FEW_SHARE: Final = 16
"""Where so many times fewer rows than names are counted, it is done one by one: that takes .2 us each."""


class Names:
    """Distinct strings (texts, payees) with dense numbers, and the ids that the store knows them by."""

    __slots__ = ("chars", "live_rows", "next_store_id", "numbers", "store_ids")

    def __init__(self, store_ids: NDArray[np.int64], names: Sequence[str], last_store_id: int) -> None:
        self.numbers = {name: number for number, name in enumerate(names)}
        self.store_ids = Column(store_ids.copy())
        self.live_rows = Column(np.zeros(len(names), dtype=np.int32))
        self.next_store_id = last_store_id + 1
        self.chars = sum(map(len, names))

    @property
    def nbytes(self) -> int:
        """Bytes of main memory; strings by estimate."""
        overhead = _STRING_OVERHEAD_BYTES * len(self.store_ids)
        return self.chars + overhead + self.store_ids.nbytes + self.live_rows.nbytes

    def extend(self, named: Sequence[tuple[int, str]]) -> None:
        """Add strings that are new: (store id, string), ids ascending."""
        for number, (_, name) in enumerate(named, start=len(self.store_ids)):
            self.numbers[name] = number
            self.chars += len(name)
        self.store_ids.extend([store_id for store_id, _ in named])
        self.live_rows.extend(np.zeros(len(named), dtype=np.int32))
        if named:
            self.next_store_id = named[-1][0] + 1

    def numbers_of(self, store_ids: NDArray[np.int64]) -> NDArray[np.int32]:
        """Numbers of these store ids. Raises StoreCorrupt where one is not known."""
        known = self.store_ids.prefix(len(self.store_ids))
        numbers = np.searchsorted(known, store_ids)
        if len(numbers) and (numbers.max() >= len(known) or not np.array_equal(known[numbers], store_ids)):
            raise StoreCorrupt("an entry refers to a text or payee that the store does not have")
        return numbers.astype(np.int32)

    def store_id(self, name: str) -> int | None:
        """The store's id of a live string, or None."""
        number = self.numbers.get(name)
        return None if number is None else int(self.store_ids.prefix(number + 1)[number])

    def count(self, numbers: NDArray[np.int32], by: int) -> None:
        """Note that rows with these numbers came (``by`` 1) or died (-1)."""
        live_rows = self.live_rows.prefix(len(self.live_rows))
        if len(numbers) < len(live_rows) // _FEW_SHARE:
            np.add.at(live_rows, numbers, by)
        else:
            live_rows += by * np.bincount(numbers, minlength=len(live_rows)).astype(np.int32)

    def orphaned_ids(self, dying: NDArray[np.int32], kept: Collection[int]) -> list[int]:
        """Store ids, other than ``kept``, without a live row once the rows with these numbers are dead."""
        ids: list[int] = self.store_ids.prefix(len(self.store_ids))[self.orphans(dying)].tolist()
        return [store_id for store_id in ids if store_id not in kept]

    def drop(self, numbers: NDArray[np.int64]) -> None:
        """Let go of strings; readers keep the dictionary that they have."""
        if len(numbers):
            dropped = set(numbers.tolist())
            self.numbers = {name: number for name, number in self.numbers.items() if number not in dropped}

    def orphans(self, dying: NDArray[np.int32]) -> NDArray[np.int64]:
        """Numbers that have no live row once the rows with these numbers are dead."""
        numbers, counts = np.unique(dying, return_counts=True)
        orphaned: NDArray[np.bool_] = self.live_rows.prefix(len(self.live_rows))[numbers] == counts
        return numbers[orphaned].astype(np.int64)
