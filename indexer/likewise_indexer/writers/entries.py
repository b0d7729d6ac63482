"""A tenant's entries as a table, which can be indexed again."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import polars as pl

import likewise
from likewise_engine.errors import PreconditionFailed
from likewise_indexer.writers.files import Schema
from likewise_indexer.writers.transactions import TRANSACTION_SCHEMA, free_name, transaction_cells

_AUTHORITIES: Final = {
    likewise.Authority.AUTHORITY_MACHINE: "machine",
    likewise.Authority.AUTHORITY_PERSON: "person",
}


class EntryTable:
    """A table of entries.

    The columns are those of the transaction; for each dimension its label and who gave it, here ``category``
    and ``category_authority`` (person or machine); and ``revision``, at which the entry was last written.
    """

    def __init__(self, dimensions: Sequence[str]) -> None:
        """Lay out the table.

        Args:
            dimensions: all that the tenant uses.
        """
        schema = dict(TRANSACTION_SCHEMA)
        self._names: dict[str, tuple[str, str]] = {}
        for dimension in dimensions:
            label = free_name(dimension, {*schema, "revision"})
            authority = free_name(f"{label}_authority", {*schema, label, "revision"})
            schema |= {label: pl.String(), authority: pl.String()}
            self._names[dimension] = label, authority
        self.schema: Schema = {**schema, "revision": pl.Int64()}
        """The columns, in order."""

    def frame(self, entries: Iterable[likewise.LedgerEntry]) -> pl.DataFrame:
        """The entries as a frame of this schema.

        Raises:
            PreconditionFailed: one has a label in a dimension that the table does not have, which somebody
                taught meanwhile.
        """
        return pl.DataFrame([self._cells(entry) for entry in entries], self.schema)

    def _cells(self, entry: likewise.LedgerEntry) -> dict[str, Any]:
        cells: dict[str, Any] = dict.fromkeys(self.schema)
        cells |= transaction_cells(entry.labelled.transaction)
        cells["revision"] = entry.revision
        for dimension, category in entry.labelled.labels.items():
            if dimension not in self._names:
                raise PreconditionFailed(
                    f"the tenant was taught a new dimension meanwhile, {dimension!r}: run this once more"
                )
            label, authority = self._names[dimension]
            cells[label] = category
            cells[authority] = _AUTHORITIES.get(entry.authorities[dimension])
        return cells
