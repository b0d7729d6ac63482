"""Which files to read, and which reader reads a file."""

import gzip
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from likewise_indexer.readers.batches import Reader
from likewise_indexer.readers.delimited import DelimitedReader
from likewise_indexer.readers.errors import UnreadableFile
from likewise_indexer.readers.ndjson import NdjsonReader
from likewise_indexer.readers.parquet import ParquetReader

_SUFFIXES: Final = (".csv", ".tsv", ".txt", ".parquet", ".pq", ".ndjson", ".jsonl")
"""What is read of a folder, each also with ``.gz``. A file that is named is read whatever it is called."""

_FOREIGN: Final = (
    (b"PK\x03\x04", "is a workbook or a zip archive: export it as CSV first"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook: export it as CSV first"),
    (b"%PDF", "is a PDF: export CSV from your bank or bookkeeping instead"),
    (b"ARROW1", "is an Arrow file: write it as Parquet first"),
    (b"SQLite format 3", "is a SQLite database: export the table as CSV first"),
)


@dataclass(frozen=True, slots=True)
class TextOptions:
    """What the user says about text files; all else is detected.

    Attributes:
        encoding: as Python names it, such as ``cp1252``.
        separator: one character.
        skip_rows: lines above the header.
    """

    encoding: str = ""
    separator: str = ""
    skip_rows: int | None = None


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The files to read: those named, and of each folder named the ones in it, by name.

    Raises:
        UnreadableFile: one is not there, or a folder has nothing to read.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            within = [f for f in sorted(path.iterdir()) if f.is_file() and _is_table(f)]
            if not within:
                raise UnreadableFile(path, f"has no files that end in {', '.join(_SUFFIXES)}")
            files.extend(within)
        elif path.is_file():
            files.append(path)
        else:
            raise UnreadableFile(path, "is not a file" if path.exists() else "is not there")
    return files


def open_reader(path: Path, options: TextOptions, named: Collection[str] = ()) -> Reader:
    """The reader of a file, whose format is told by its content.

    Args:
        path: the file.
        options: what the user says about text files.
        named: columns that the user named; they help to find the header.

    Raises:
        UnreadableFile: the file is empty, damaged, or of another format.
        ColumnsUnclear: it has no header.
    """
    head = _head(path)
    if head.startswith(b"PAR1"):
        return ParquetReader(path)
    for magic, why in _FOREIGN:
        if head.startswith(magic):
            raise UnreadableFile(path, why)
    text = head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if not text:
        raise UnreadableFile(path, "is empty")
    if text.startswith(b"{"):
        return NdjsonReader(path, encoding=options.encoding)
    if text.startswith(b"[") and b"{" in text[:16]:
        raise UnreadableFile(path, "is a JSON array: write one object a line (jq -c '.[]')")
    return DelimitedReader(
        path,
        encoding=options.encoding,
        separator=options.separator,
        skip_rows=options.skip_rows,
        named=named,
    )


def _is_table(path: Path) -> bool:
    name = path.name.lower().removesuffix(".gz")
    # What was rejected here before stands beside the file it came from, and is not part of the books.
    return name.endswith(_SUFFIXES) and not name.startswith(".") and not name.endswith(".rejects.csv")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(4_096)
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path, "rb") as stream:
                return stream.read(4_096)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile(path, f"is a damaged gzip file: {error}") from error
    except OSError as error:
        raise UnreadableFile(path, error.strerror or str(error)) from error
    return head
