"""NDJSON: one JSON object a line.

Lines are parsed by the standard library's json module and gathered in polars frames, batch by batch. polars'
own scanner gives up on the whole file at one broken line, rounds 12345678901234567890.12 to a float on its
way to a string, and took 530 MB for a file of 470 MB where this takes 60 (polars 2.1, 3 million rows).
"""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from likewise_engine import limits
from likewise_indexer.readers.batches import Batch, RejectedRow, batch_of_texts, unique_names
from likewise_indexer.readers.errors import ColumnsUnclear, UnreadableFile
from likewise_indexer.readers.textfile import detect_encoding, open_text

_HEAD_LINES: Final = 1_000
"""Lines whose keys make up the columns; a key that comes up later only is not seen."""
_SHOWN_CHARS_MAX: Final = 1_000

# Numbers stay as they are written: money has no place in a float.
_DECODER: Final = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


class NdjsonReader:
    """A text file with one JSON object a line; its keys are the columns.

    Nested values stay JSON text.

    Raises:
        UnreadableFile: the file cannot be read as text, or holds no JSON objects.
    """

    row_word = "line"

    def __init__(self, path: Path, *, encoding: str = "") -> None:
        self.path = path
        self._encoding = encoding or detect_encoding(path)
        self.bytes_total = path.stat().st_size
        self.notes = (f"encoding {self._encoding}",)
        keys: dict[str, None] = {}
        with open_text(path, self._encoding) as lines:
            for line in islice(lines, _HEAD_LINES):
                keys.update(dict.fromkeys(_object(line) or ()))
                if len(keys) > limits.FILE_COLUMNS_MAX:
                    break
        if not keys:
            raise UnreadableFile(
                path, f"has no JSON object in its first {_HEAD_LINES:,} lines: one a line is needed"
            )
        if len(keys) > limits.FILE_COLUMNS_MAX:
            raise ColumnsUnclear(
                f"{path} has {len(keys)} keys or more; at most {limits.FILE_COLUMNS_MAX} can be"
            )
        self.columns = unique_names(tuple(keys))
        self._keys = dict(zip(self.columns, keys, strict=True))

    def batches(self, columns: Sequence[str]) -> Iterator[Batch]:
        """Read the file from its start; see :class:`~likewise_indexer.readers.batches.Reader`."""
        keys = [self._keys[column] for column in columns]
        cells: list[list[str | None]] = [[] for _ in columns]
        rows: list[int] = []
        malformed: list[RejectedRow] = []
        with open_text(self.path, self._encoding) as lines:
            chars_before = 0
            for number, line in enumerate(lines, start=1):
                if (value := _object(line)) is not None:
                    rows.append(number)
                    for key, cell in zip(keys, cells, strict=True):
                        cell.append(_text(value.get(key)))
                elif line.strip():
                    original = line.strip()[:_SHOWN_CHARS_MAX].encode(errors="replace").decode()
                    reason = "is not a JSON object"
                    malformed.append(RejectedRow(number, "", reason, (original,), is_malformed=True))
                full = len(rows) + len(malformed) >= limits.FILE_BATCH_ROWS
                if full or lines.chars_read - chars_before >= limits.FILE_BATCH_CHARS_MAX:
                    yield batch_of_texts(columns, cells, rows, malformed, lines.bytes_read)
                    cells, rows, malformed = [[] for _ in columns], [], []
                    chars_before = lines.chars_read
            if rows or malformed:
                yield batch_of_texts(columns, cells, rows, malformed, lines.bytes_read)


def _object(line: str) -> dict[str, object] | None:
    """The object of a line; None where there is none."""
    try:
        value = _DECODER.decode(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
