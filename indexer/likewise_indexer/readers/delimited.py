"""CSV and its relatives: separators, preambles and ragged rows of the real world.

Records are split by the standard library's csv module and gathered in polars frames, batch by batch. polars'
own scanner was tried first and is five times as fast, but it refuses a whole file for one stray quote or one
row with a field too many, knows no line numbers, no encoding but UTF-8, and took 330 MB for a file of 230 MB
where this takes 60 (polars 2.1, 3 million rows). Reading is a tenth of the cost of indexing a row.
"""

import csv
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from likewise_engine import limits
from likewise_indexer.readers import headers
from likewise_indexer.readers.batches import Batch, RejectedRow, batch_of_texts, unique_names
from likewise_indexer.readers.errors import ColumnsUnclear
from likewise_indexer.readers.textfile import TextLines, detect_encoding, open_text

_SEPARATORS: Final = (",", ";", "\t", "|")
_SEPARATOR_NAMES: Final = {"\t": "tab"}


class _Table(NamedTuple):
    """Where a file's table begins: its separator, the index of the header's record, and the header."""

    separator: str
    header_index: int
    header: tuple[str, ...]


class DelimitedReader:
    """A text file of separated values with a header.

    The header may stand beneath a preamble, as in the exports of many banks: it is the first record with the
    most names that mean something, within the first lines.

    Args:
        path: the file, compressed by gzip or not.
        encoding: as Python names it; detected if empty.
        separator: one character; detected if empty.
        skip_rows: lines before the header; detected if None.
        named: columns that the user named, which are as good as known ones for finding the header.

    Raises:
        UnreadableFile: the file cannot be read as text.
        ColumnsUnclear: no line of it looks like a header.
    """

    row_word = "line"

    def __init__(
        self,
        path: Path,
        *,
        encoding: str = "",
        separator: str = "",
        skip_rows: int | None = None,
        named: Collection[str] = (),
    ) -> None:
        self.path = path
        self._encoding = encoding or detect_encoding(path)
        self._skipped_lines = skip_rows or 0
        table = self._find_table(
            [separator] if separator else _SEPARATORS, named, fixed=skip_rows is not None
        )
        self._separator = table.separator
        self._header_index = table.header_index
        if len(table.header) > limits.FILE_COLUMNS_MAX:
            raise ColumnsUnclear(
                f"{path} has {len(table.header)} columns; at most {limits.FILE_COLUMNS_MAX} can be"
            )
        self.columns = unique_names(table.header)
        self.bytes_total = path.stat().st_size
        self.notes = self._found()

    def _found(self) -> tuple[str, ...]:
        separator = _SEPARATOR_NAMES.get(self._separator, self._separator)
        notes = [f"encoding {self._encoding}, separator {separator}"]
        if self._header_index:
            notes.append(f"the header is record {self._header_index + 1}; what stands above it is skipped")
        return tuple(notes)

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """Read the file from its start; see :class:`~likewise_indexer.readers.batches.Reader`."""
        wanted = [self.columns.index(column) for column in columns]
        with open_text(self.path, self._encoding) as lines:
            for records, starts, malformed in self._records(lines):
                by_column = list(zip(*records, strict=True)) or [()] * len(self.columns)
                cells = [by_column[position] for position in wanted]
                yield batch_of_texts(columns, cells, starts, malformed, lines.bytes_read)

    def _records(self, lines: TextLines) -> Iterator[tuple[list[list[str]], list[int], list[RejectedRow]]]:
        """Batches of records with as many fields as the header, where they start, and those that have not."""
        reader = csv.reader(islice(lines, self._skipped_lines, None), delimiter=self._separator)
        for _ in islice(reader, self._header_index + 1):
            pass
        width = len(self.columns)
        records: list[list[str]] = []
        starts: list[int] = []
        malformed: list[RejectedRow] = []
        chars_before = lines.chars_read
        while True:
            start = self._skipped_lines + reader.line_num + 1
            try:
                record = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                end = self._skipped_lines + reader.line_num
                reason = f"cannot be split up to line {end} ({error}): is a quote not closed?"
                malformed.append(RejectedRow(start, "", reason, (), is_malformed=True))
                continue
            if not any(record):
                continue
            if len(record) == width or _fits(record, width):
                records.append(record)
                starts.append(start)
            else:
                reason = f"has {len(record)} fields where the header has {width}"
                if self._skipped_lines + reader.line_num > start:
                    reason += (
                        f" and ends in line {self._skipped_lines + reader.line_num}: is a quote not closed?"
                    )
                malformed.append(RejectedRow(start, "", reason, tuple(record), is_malformed=True))
            full = len(records) + len(malformed) >= limits.FILE_BATCH_ROWS
            if full or lines.chars_read - chars_before >= limits.FILE_BATCH_CHARS_MAX:
                yield records, starts, malformed
                records, starts, malformed = [], [], []
                chars_before = lines.chars_read
        if records or malformed:
            yield records, starts, malformed

    def _find_table(self, separators: Sequence[str], named: Collection[str], *, fixed: bool) -> _Table:
        head: list[str] = []
        with open_text(self.path, self._encoding) as lines:
            last = self._skipped_lines + limits.FILE_HEADER_LINES_MAX
            for line in islice(lines, self._skipped_lines, last):
                head.append(line)
                # A hundred lines of a megabyte of separators would be as many million cells.
                if sum(map(len, head)) > limits.FILE_LINE_CHARS_MAX:
                    break
        best: _Table | None = None
        best_score = (0, 0)
        for separator in separators:
            for index, record in enumerate(_records_of(head, separator)):
                known = sum(cell in named or headers.is_known(cell) for cell in map(str.strip, record))
                score = (known, len(record))
                if score > best_score and (known or fixed):
                    best, best_score = _Table(separator, index, _trimmed(record)), score
                if fixed and any(record):
                    break
        # A single known name makes a header only of the first line: further down it is part of a preamble.
        if best is None or (
            best_score[0] < 2 and not fixed and any(map(str.strip, head[: best.header_index]))
        ):
            shown = next((line.strip()[:80] for line in head if line.strip()), "")
            raise ColumnsUnclear(
                f"{self.path}: none of the first {limits.FILE_HEADER_LINES_MAX} lines names columns that are"
                f" known (it begins {shown!r}). Give --skip-rows (the lines above the header) and --map"
            )
        return best


def _records_of(lines: Sequence[str], separator: str) -> list[list[str]]:
    records: list[list[str]] = []
    reader = csv.reader(lines, delimiter=separator)
    while True:
        try:
            records.append(next(reader))
        except csv.Error:
            records.append([])
        except StopIteration:
            return records


def _fits(record: list[str], width: int) -> bool:
    """Take off empty fields beyond the header, which a separator at each line's end makes."""
    while len(record) > width and not record[-1].strip():
        record.pop()
    return len(record) == width


def _trimmed(header: Sequence[str]) -> tuple[str, ...]:
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()
    return tuple(names)
