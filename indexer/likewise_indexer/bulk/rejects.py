"""The file of rejected rows: CSV, with what is wrong beside the original values under their original names.

Mended there, it can be imported itself: the names of its own columns mean nothing to the readers. Rows are
rejected when they are read or when they are committed, and by several processes at once: they are put into
the order of their files before they are written.
"""

import csv
import filecmp
import io
import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self, TextIO

from likewise_indexer.readers import RejectedRow

REJECTS_SUFFIX: Final = ".rejects.csv"
"""Follows the name of the file whose rows were rejected, unless another place is named."""
_OWN_COLUMNS: Final = ("file", "row", "column", "reason")
_MALFORMED_COLUMN: Final = "malformed"
"""What there is of a row that has not the shape of the others."""


class RejectedInOrder:
    """Rejected rows of some files, however many, in the files' order. A context manager.

    They wait in a temporary database on disk, as :class:`~likewise_indexer.readers.Occurrences` does.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(
            "CREATE TABLE rejected (file, row, reject_column, reason, cells, is_malformed)"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._database.close()

    def add(self, file: int, rejected: RejectedRow) -> None:
        """Take a row of the file of a number. Raises OSError where the disk is full."""
        row = (file, rejected.row, rejected.column, rejected.reason)
        with _on_disk():
            self._database.execute(
                "INSERT INTO rejected VALUES (?, ?, ?, ?, ?, ?)",
                (*row, json.dumps(rejected.values), rejected.is_malformed),
            )

    def taken(self) -> Iterator[tuple[int, RejectedRow]]:
        """Take all of them out, each with the number of its file. Raises OSError where the disk is full."""
        with _on_disk():
            for file, row, column, reason, cells, is_malformed in self._database.execute(
                "SELECT * FROM rejected ORDER BY file, row, rowid"
            ):
                values = tuple(json.loads(cells))
                yield file, RejectedRow(row, column, reason, values, bool(is_malformed))
            self._database.execute("DELETE FROM rejected")


@contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise OSError(f"rejected rows could not be kept in a temporary file: {error}") from error


class RejectFile:
    """Writes rejected rows; a context manager. The file is written aside, and there once it is closed.

    A file of an earlier run that says something else is kept under a number, for it may have been mended.

    Args:
        path: where to.
        columns: names of the columns of original values.
    """

    def __init__(self, path: Path, columns: Iterable[str]) -> None:
        self.path = path
        self._columns = tuple(dict.fromkeys(columns))
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Put the file in its place; repeating it does nothing. Raises OSError."""
        if self._file is None or self._file.closed:
            return
        self._file.close()
        if self.path.exists():
            if filecmp.cmp(self.path, self._aside, shallow=False):
                self._aside.unlink()
                return
            self.path.rename(self._numbered())
        self._aside.rename(self.path)

    @property
    def _aside(self) -> Path:
        return self.path.with_name(f".{self.path.name}.new")

    def _numbered(self) -> Path:
        """``books.csv.rejects.csv`` -> ``books.csv.1.rejects.csv``, or with the first number that is free."""
        name = self.path.name
        stem = name.removesuffix(REJECTS_SUFFIX)
        ending = REJECTS_SUFFIX if stem != name else ""
        candidates = (self.path.with_name(f"{stem}.{number}{ending}") for number in itertools.count(1))
        return next(path for path in candidates if not path.exists())

    @property
    def is_written(self) -> bool:
        """Whether a row was written."""
        return self._file is not None

    def add(self, file: Path, columns: Sequence[str], rejected: RejectedRow) -> None:
        """Write one row.

        Args:
            file: the row's.
            columns: names of the row's original values.
            rejected: the row.

        Raises:
            OSError: it cannot be written.
        """
        if rejected.is_malformed:
            values = {_MALFORMED_COLUMN: _as_line(rejected.values)}
        else:
            values = dict(zip(columns, rejected.values, strict=True))
        known = (*self._columns, _MALFORMED_COLUMN)
        writer = csv.writer(self._open(known))
        own = (str(file), rejected.row, rejected.column, rejected.reason)
        writer.writerow((*own, *(values.get(column, "") for column in known)))

    def _open(self, columns: Sequence[str]) -> TextIO:
        if self._file is None:
            # With a byte order mark, without which spreadsheets take UTF-8 for something else.
            self._file = self._aside.open("w", encoding="utf-8-sig", newline="")
            csv.writer(self._file).writerow((*_OWN_COLUMNS, *columns))
        return self._file


def _as_line(values: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()
