"""Tables as files: CSV, NDJSON and Parquet, written frame by frame in bounded memory.

A file is there whole or not at all: it is written in a folder aside, hidden beside it, fsynced, and renamed.
What is interrupted, by Ctrl-C too, leaves nothing. It is somebody's books: only its owner may read it.

Cells go out as they are. A payee that begins with ``=``, ``+``, ``-`` or ``@`` is a formula to a spreadsheet
that opens the CSV file; but a quote put before it would be data that nobody booked, and would come back as
such when the file is read again. Import such a file as text, or use Parquet.

Amounts are DECIMAL(38, 9) in Parquet; in text they have two decimals or as many more as they need. In NDJSON
they are strings, since readers of JSON make floats of numbers. Lists are lists in NDJSON and Parquet, and
JSON in a cell of CSV.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO, Final, Protocol

import polars as pl
import polars.selectors as cs
from polars.exceptions import PolarsError

from likewise_engine import limits
from likewise_engine.durable import sync
from likewise_engine.errors import LikewiseError

Schema = Mapping[str, pl.DataType]

SUFFIXES: Final = (".csv", ".ndjson", ".parquet")
"""What the name of a file ends in says its format."""

_MORE_ZEROS: Final = r"^(-?\d+\.\d{2}\d*?)0+$"


class UnwritableFile(LikewiseError):
    """A file cannot be written there, or not under that name."""

    reason = "UNWRITABLE_FILE"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}", path=str(path))


class TableWriter(Protocol):
    """A table that is being written."""

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows: a frame of the table's schema, of any number of rows."""

    def finish(self) -> None:
        """Write what is held back; nothing can be added afterwards."""


@contextmanager
def open_table(path: Path, schema: Schema, *, replace: bool = False) -> Iterator[TableWriter]:
    """Write a table to a file, which is there when the ``with`` ends without an error, and only then.

    Args:
        path: what its name ends in says the format: ``.csv``, ``.ndjson`` or ``.parquet``.
        schema: the columns. Without any rows the file still has them, but for NDJSON.
        replace: whether a file that is there already may be replaced.

    Raises:
        UnwritableFile: the format is not known, the file is there already, or it cannot be written.
    """
    check_writable(path, replace=replace)
    with _translated(path):
        aside = Path(mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
    try:
        whole = aside / path.name
        with _writer(path, whole, schema) as writer:
            yield writer
            writer.finish()
        with _translated(path):
            whole.chmod(0o600)  # polars made it as the umask says; nobody else could look into its folder
            sync(whole)
            whole.replace(path)
            sync(path.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def open_ndjson_stream(stream: BinaryIO, name: str) -> TableWriter:
    """Write a table to a stream that is open already, as NDJSON; ``name`` is what errors call it.

    Each frame is flushed. What was written stays written, whatever comes later.
    """
    return _TextWriter(Path(name), stream, _ndjson)


def check_writable(path: Path, *, replace: bool) -> None:
    """Say at once what :func:`open_table` would say later, after work that would be lost.

    Raises:
        UnwritableFile: as there.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UnwritableFile(path, f"ends in none of {', '.join(SUFFIXES)}, which would say its format")
    if path.is_dir():
        raise UnwritableFile(path, "is a folder: name a file in it")
    if path.exists() and not replace:
        raise UnwritableFile(path, "is there already: choose another name, or replace it with --force")
    if not path.parent.is_dir():
        raise UnwritableFile(path, f"there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UnwritableFile(path, f"nothing may be written in the folder {path.parent}")


@contextmanager
def _writer(path: Path, whole: Path, schema: Schema) -> Iterator[TableWriter]:
    """The writer of ``whole``, which ``path`` is to become."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        with _translated(path):
            parquet = _ParquetWriter(path, whole, schema)
        yield parquet
        return
    with _translated(path):
        stream = whole.open("wb")
    try:
        if suffix == ".csv":
            text = _TextWriter(path, stream, _csv)
            text.write_text(_flat(_exact(pl.DataFrame(schema=schema))).write_csv())
        else:
            text = _TextWriter(path, stream, _ndjson)
        yield text
    finally:
        # What was written is flushed by now. Only after a failure is there a rest, which fails once more:
        # the first error stands.
        with suppress(OSError):
            stream.close()


class _TextWriter:
    def __init__(self, path: Path, stream: BinaryIO, render: Callable[[pl.DataFrame], str]) -> None:
        self._path = path
        self._stream = stream
        self._render = render

    def write(self, frame: pl.DataFrame) -> None:
        self.write_text(self._render(frame))

    def write_text(self, text: str) -> None:
        with _translated(self._path):
            self._stream.write(text.encode())
            self._stream.flush()

    def finish(self) -> None:
        pass


class _ParquetWriter:
    """Parts first, which polars then streams into one file.

    Polars has no writer that takes frame after frame. Against a generator as source of its sink
    (``register_io_source``, 680 MB for 300,000 answers) parts take twice the disk for a moment, and less than
    half of the memory; and errors, Ctrl-C among them, arise here and not in a thread of the engine.
    """

    def __init__(self, path: Path, whole: Path, schema: Schema) -> None:
        self._path = path
        self._whole = whole
        self._folder = whole.parent / "parts"
        self._folder.mkdir()
        self._parts: list[Path] = []
        self._held = [pl.DataFrame(schema=schema)]

    def write(self, frame: pl.DataFrame) -> None:
        self._held.append(frame)
        if sum(map(len, self._held)) >= limits.TABLE_PART_ROWS:
            self._write_part()

    def finish(self) -> None:
        self._write_part()
        with _translated(self._path):
            parts = pl.scan_parquet(self._parts, glob=False)
            parts.sink_parquet(self._whole, row_group_size=limits.TABLE_PART_ROWS)

    def _write_part(self) -> None:
        part = self._folder / f"{len(self._parts)}.parquet"
        with _translated(self._path):
            pl.concat(self._held).write_parquet(part, compression="lz4", statistics=False)
        self._parts.append(part)
        self._held = [self._held[0].clear()]


def _csv(frame: pl.DataFrame) -> str:
    return _flat(_exact(frame)).write_csv(include_header=False)


def _ndjson(frame: pl.DataFrame) -> str:
    return _exact(frame).write_ndjson()


def _exact(frame: pl.DataFrame) -> pl.DataFrame:
    """Amounts as text: two decimals, or as many more as they need."""
    return frame.with_columns(cs.decimal().cast(pl.String).str.replace(_MORE_ZEROS, "$1"))


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Lists of structs as JSON."""
    objects = cs.nested().list.eval(pl.element().struct.json_encode()).list.join(",")
    return frame.with_columns(pl.format("[{}]", objects))


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnwritableFile(path, error.strerror or str(error)) from error
    except PolarsError as error:
        raise UnwritableFile(path, str(error)) from error
