"""Files of history: CSV, NDJSON, Parquet and charts, read as ``likewise index`` reads them."""

import gzip
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import polars as pl

from fuzz_side.chance import Chance, weighted
from fuzz_side.target import Input, UntypedOutcome
from likewise_engine.errors import InvalidInput
from likewise_indexer.bulk import SourceOptions, open_source
from likewise_indexer.bulk.chart import read_chart
from likewise_indexer.readers import (
    ColumnsUnclear,
    ColumnWishes,
    Occurrences,
    RowConverter,
    UnreadableFile,
    rejection_of,
)

_KINDS: Final = ((8, "csv"), (5, "ndjson"), (3, "parquet"), (3, "chart"), (1, "bytes"))
_HEADERS: Final = (
    "date",
    "amount",
    "currency",
    "payee",
    "description",
    "category",
    "id",
    "Konto",
    "Betrag",
    "fields",
)
_ROWS_MAX: Final = 6
_PARQUET: Final = pl.DataFrame(
    {
        "id": ["a", "b", "c"],
        "date": ["2026-01-01", "2026-01-02", None],
        "amount": [1.5, -2.25, None],
        "payee": ["Tesco", "Caffé", ""],
        "category": ["food", "coffee", "food"],
    }
)
_OPTIONS: Final = SourceOptions(columns=ColumnWishes(keep_fields=True))


class Files:
    """Any file is read, row by row taken or refused with a reason, or refused as a whole."""

    name = "files"

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._path = Path(self._folder.name) / "input"
        parquet = io.BytesIO()
        _PARQUET.write_parquet(parquet)
        self._parquet = parquet.getvalue()

    def make(self, chance: Chance) -> Input:
        """A file, near enough to its format to get past the door."""
        kind = weighted(chance, _KINDS)
        makers: Mapping[str, Callable[[Chance], bytes]] = {
            "csv": _csv,
            "ndjson": _ndjson,
            "chart": _chart,
            "bytes": lambda c: c.randbytes(c.randrange(200)),
            "parquet": lambda c: c.mutated(self._parquet),
        }
        content = makers[kind](chance)
        if kind != "parquet" and chance.one_in(4):
            content = chance.mutated(content)
        if kind in ("csv", "ndjson") and chance.one_in(20):
            content = gzip.compress(content, 1)
            content = chance.mutated(content) if chance.one_in(2) else content
        return Input(kind, content)

    def feed(self, made: Input) -> str:
        """Raise UntypedOutcome for a row that is neither taken nor refused."""
        self._path.write_bytes(made.content)
        try:
            return self._chart() if made.kind == "chart" else self._rows()
        except (UnreadableFile, ColumnsUnclear, InvalidInput) as error:
            return type(error).__name__

    def close(self) -> None:
        """Delete the file."""
        self._folder.cleanup()

    def _chart(self) -> str:
        read_chart(self._path)
        return "chart"

    def _rows(self) -> str:
        source = open_source(self._path, _OPTIONS, labelled=False, tenants=False)
        taken = refused = 0
        with Occurrences() as occurrences:
            converter = RowConverter(source.plan, source.conventions, occurrences)
            for batch in source.reader.batches(source.plan.used):
                rows = converter.convert(batch)
                if len(rows.positions) + len(rows.rejected) != len(batch.rows) + len(batch.malformed):
                    raise UntypedOutcome("a row is neither taken nor refused")
                refused += len(rows.rejected)
                for position, transaction in zip(rows.positions, rows.transactions, strict=True):
                    violations = list(transaction.violations())
                    refused += bool(violations)
                    taken += not violations
                    if violations:
                        rejection_of(source.plan, batch, position, violations)
        return "rows taken" if taken > refused else "rows refused"


def _csv(chance: Chance) -> bytes:
    separator = chance.choice((",", ";", "\t", "|"))
    width = chance.randint(1, 8)
    names = [chance.choice(_HEADERS) if not chance.one_in(6) else chance.text() for _ in range(width)]
    lines = [separator.join(names)]
    for _ in range(chance.randint(0, _ROWS_MAX)):
        cells = [_cell(chance) for _ in range(width if not chance.one_in(6) else chance.randint(0, 12))]
        lines.append(separator.join(f'"{cell}"' if chance.one_in(5) else cell for cell in cells))
    text = chance.choice(("\n", "\r\n", "\r")).join(lines)
    encoding = chance.choice(("utf-8", "utf-8", "utf-8-sig", "cp1252", "utf-16"))
    return text.encode(encoding, errors="replace")


def _cell(chance: Chance) -> str:
    match chance.randrange(4):
        case 0:
            return f"{chance.randint(1990, 2030)}-{chance.randint(0, 13):02}-{chance.randint(0, 32):02}"
        case 1:
            return f"{chance.real():{chance.choice(('', '.2f', 'e', ',.2f'))}}"
        case 2:
            return chance.choice(("EUR", "food", "Tesco", "1.234,56", "(12.00)", "12-", "50 CR"))
        case _:
            return chance.text()


def _ndjson(chance: Chance) -> bytes:
    lines = []
    for _ in range(chance.randint(1, _ROWS_MAX)):
        row = {chance.choice(_HEADERS): _value(chance, 0) for _ in range(chance.randint(0, 6))}
        if chance.one_in(8):
            row[chance.text()] = _value(chance, 0)
        line = json.dumps(row, ensure_ascii=chance.one_in(2))
        if chance.one_in(30):
            depth = chance.choice((10, 900, 100_000))
            line = f'{{"payee": {"[" * depth}{"]" * depth}}}'
        lines.append(line)
    return "\n".join(lines).encode(errors="replace")


def _chart(chance: Chance) -> bytes:
    categories = [
        {
            name: _value(chance, 1) if chance.one_in(6) else chance.text()
            for name in ("id", "name", "description", "dimension")
            if not chance.one_in(4)
        }
        for _ in range(chance.randint(0, 4))
    ]
    return json.dumps({"name": chance.text(), "categories": categories}).encode()


def _value(chance: Chance, depth: int) -> object:
    match chance.randrange(7 if depth < 3 else 5):
        case 0:
            return chance.number()
        case 1:
            return chance.real()
        case 2:
            return chance.choice((None, True, False))
        case 5:
            return [_value(chance, depth + 1) for _ in range(chance.randrange(3))]
        case 6:
            return {chance.text(): _value(chance, depth + 1) for _ in range(chance.randrange(3))}
        case _:
            return _cell(chance)
