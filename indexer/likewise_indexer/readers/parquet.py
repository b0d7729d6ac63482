"""Parquet, through polars: lazily, only the columns that are needed, slice by slice.

Slices of a lazy scan are read rather than its stream of batches: polars marks ``collect_batches`` as
unstable, and on one row group of 3 million rows it took 420 MB where slices took 120 (polars 2.1).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import polars as pl
from polars.exceptions import PanicException, PolarsError

from likewise_engine import limits
from likewise_indexer.readers.batches import Batch
from likewise_indexer.readers.errors import ColumnsUnclear, UnreadableFile

_NO_VALUES: Final = (pl.Binary, pl.Object, pl.Duration)
"""Types of columns, beside the nested ones, whose cells have no wording of their own."""


class ParquetReader:
    """A Parquet file.

    Raises:
        UnreadableFile: the file is damaged.
    """

    row_word = "row"
    notes: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_total = path.stat().st_size
        with _translated(path):
            self._scan = pl.scan_parquet(path, glob=False)
            self._schema = self._scan.collect_schema()
            self._row_count: int = self._scan.select(pl.len()).collect().item()
        self.columns = tuple(self._schema.names())
        if len(self.columns) > limits.FILE_COLUMNS_MAX:
            raise ColumnsUnclear(
                f"{path} has {len(self.columns)} columns; at most {limits.FILE_COLUMNS_MAX} can be"
            )

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """Read the file from its start; see :class:`~likewise_indexer.readers.batches.Reader`."""
        for column in columns:
            kind = self._schema[column]
            if kind.is_nested() or kind in _NO_VALUES:
                raise ColumnsUnclear(
                    f"column {column!r} holds {kind}, which is no value: leave it out (--ignore)"
                )
        scan = self._scan.select(columns)
        offset, row_count = 0, min(1_000, limits.FILE_BATCH_ROWS)
        while offset < self._row_count:
            with _translated(self.path):
                frame = scan.slice(offset, row_count).collect()
            if not len(frame):
                raise UnreadableFile(self.path, f"ends after {offset:,} of {self._row_count:,} rows")
            rows = range(offset + 1, offset + 1 + len(frame))
            offset += len(frame)
            yield Batch(frame, rows, (), self.bytes_total * offset // self._row_count)
            row_bytes = max(1, int(frame.estimated_size()) // len(frame))
            row_count = max(1, min(limits.FILE_BATCH_ROWS, limits.FILE_BATCH_CHARS_MAX // row_bytes))


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (PolarsError, PanicException, OSError) as error:  # polars panics at some damaged files
        raise UnreadableFile(path, f"cannot be read as Parquet: {error}") from error
