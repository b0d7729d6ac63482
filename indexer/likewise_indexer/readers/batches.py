"""What every reader yields: batches of rows as they stand in the file, not yet understood.

A batch is a polars frame: all strings where the format is text, so that amounts and dates are parsed here
with a reason per row, and native types where the format has them (Parquet).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that cannot be taken as it is.

    Attributes:
        row: where it starts: the line in a text file, the row (from 1) in others.
        column: the file's own name of the column at fault; empty where it is the row as a whole.
        reason: what is wrong, for a person.
        values: the original values, in the order of the batch's columns.
        is_malformed: whether the row has not the shape of the others; values then are what there is of it.
    """

    row: int
    column: str
    reason: str
    values: tuple[str, ...]
    is_malformed: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Some successive rows of a file.

    Attributes:
        frame: the rows, with the columns that were asked for.
        rows: where each row starts: line numbers in a text file, row numbers from 1 in others.
        malformed: rows between these that do not have the shape of a row at all.
        bytes_read: how far into the file this batch ends; of a compressed file, in compressed bytes.
    """

    frame: pl.DataFrame
    rows: Sequence[int]
    malformed: tuple[RejectedRow, ...]
    bytes_read: int

    def values(self, position: int) -> tuple[str, ...]:
        """The original values of one row, as text."""
        # Cast by polars, whose dates go beyond the years of Python's.
        return self.frame.slice(position, 1).select(pl.all().cast(pl.String).fill_null("")).row(0)


def batch_of_texts(
    columns: Sequence[str],
    cells: Sequence[Sequence[str | None]],
    rows: Sequence[int],
    malformed: Sequence[RejectedRow],
    bytes_read: int,
) -> Batch:
    """A batch from columns of strings. Rows that are not valid text (lone surrogates) become malformed ones.

    Args:
        columns: names of the columns.
        cells: the cells of each column; None for what is not there.
        rows: where each row starts.
        malformed: rows that were found malformed before.
        bytes_read: how far into the file the batch ends.
    """
    try:
        series = [pl.Series(name, column, pl.String) for name, column in zip(columns, cells, strict=True)]
    except UnicodeEncodeError:
        whole, broken = [], list(malformed)
        for row, values in zip(rows, zip(*cells, strict=True), strict=True):
            bad = next((c for c, v in zip(columns, values, strict=True) if v and not _is_text(v)), None)
            if bad is None:
                whole.append((row, values))
            else:
                originals = tuple((v or "").encode(errors="replace").decode() for v in values)
                broken.append(
                    RejectedRow(row, bad, "holds bytes that are no text: is it another encoding?", originals)
                )
        return batch_of_texts(
            columns,
            list(zip(*(values for _, values in whole), strict=True)) or [[] for _ in columns],
            [row for row, _ in whole],
            broken,
            bytes_read,
        )
    return Batch(pl.DataFrame(series), rows, tuple(malformed), bytes_read)


def unique_names(header: Sequence[str]) -> tuple[str, ...]:
    """Valid text by which each column can be told: ``Amount``, ``Amount (2)``, ``column 3``."""
    names: dict[str, None] = {}
    for position, name in enumerate(header, start=1):
        wanted = name.encode(errors="replace").decode() or f"column {position}"
        candidate, count = wanted, 1
        while candidate in names:
            count += 1
            candidate = f"{wanted} ({count})"
        names[candidate] = None
    return tuple(names)


def _is_text(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)


class Reader(Protocol):
    """One file, open for reading from its start as often as wanted. Memory does not grow with the file."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, each one unique."""

    @property
    def bytes_total(self) -> int:
        """Size of the file: what ``Batch.bytes_read`` reaches at the end."""

    @property
    def row_word(self) -> str:
        """What a row number counts: ``"line"`` or ``"row"``."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out about the file and a person may want to check, such as its encoding."""

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """Read the file from its start, some columns of it, batch by batch.

        Raises:
            UnreadableFile: the file cannot be read on; batches before stand.
        """
