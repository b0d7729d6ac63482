"""How a business exports its books: columns under the names and in the notations of its bank or ledger."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol

import polars as pl

from sample_books.rows import CATEGORY, Row

Cell = Callable[[Row], str]

_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Export(Protocol):
    """A file format with its columns."""

    @property
    def suffix(self) -> str:
        """Of the file's name, with its dot."""

    def write(self, rows: Sequence[Row], path: Path) -> None:
        """Write the file; the same rows give the same bytes, Parquet across versions of polars apart."""


@dataclass(frozen=True, slots=True)
class Delimited:
    """Delimited text with a header."""

    columns: tuple[tuple[str, Cell], ...]
    separator: str = ","
    encoding: str = "utf-8"
    suffix: str = ".csv"

    def write(self, rows: Sequence[Row], path: Path) -> None:
        """Write the file, see :class:`Export`."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.separator, lineterminator="\n")
        writer.writerow(header for header, _ in self.columns)
        writer.writerows([cell(row) for _, cell in self.columns] for row in rows)
        path.write_bytes(text.getvalue().encode(self.encoding))


@dataclass(frozen=True, slots=True)
class JsonLines:
    """One JSON object a line, without the members that are empty."""

    suffix: str = ".ndjson"

    def write(self, rows: Sequence[Row], path: Path) -> None:
        """Write the file, see :class:`Export`."""
        path.write_bytes("".join(f"{self._line(row)}\n" for row in rows).encode())

    @staticmethod
    def _line(row: Row) -> str:
        members = {
            "id": row.id,
            "date": iso(row),
            "payee": row.payee,
            "description": row.description,
            "amount": row.amount_minor / 100,
            "currency": row.currency,
            **row.labels,
        }
        return json.dumps({name: value for name, value in members.items() if value != ""}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Parquet:
    """Parquet with native dates and decimals."""

    suffix: str = ".parquet"

    def write(self, rows: Sequence[Row], path: Path) -> None:
        """Write the file, see :class:`Export`."""
        columns = {
            "transaction_id": [row.id for row in rows],
            "date": [row.day for row in rows],
            "payee": [row.payee for row in rows],
            "description": [row.description or None for row in rows],
            "amount": pl.Series([Decimal(row.amount_minor) / 100 for row in rows], dtype=pl.Decimal(18, 2)),
            "currency": [row.currency for row in rows],
            "category": [row.labels[CATEGORY] for row in rows],
        }
        pl.DataFrame(columns).write_parquet(path, compression="zstd")


# --- Cells: one value of a row, as some export notes it ----------------------------------------


def identity(row: Row) -> str:
    """``CL-00042``."""
    return row.id


def kind(row: Row) -> str:
    """``direct debit``."""
    return row.kind


def payee(row: Row) -> str:
    """The payee as worded."""
    return row.payee


def description(row: Row) -> str:
    """The description as worded."""
    return row.description


def currency(row: Row) -> str:
    """``GBP``."""
    return row.currency


def label(dimension: str) -> Cell:
    """The category in a dimension."""
    return lambda row: row.labels[dimension]


def constant(value: str) -> Cell:
    """The same in every row, such as the account's own number."""
    return lambda _row: value


def iso(row: Row) -> str:
    """``2024-07-31``."""
    return row.day.isoformat()


def day_first(separator: str = "/") -> Cell:
    """``31/07/2024``."""
    return lambda row: f"{row.day.day:02d}{separator}{row.day.month:02d}{separator}{row.day.year}"


def day_month_name(row: Row) -> str:
    """``31-Jul-2024``."""
    return f"{row.day.day:02d}-{_MONTHS[row.day.month - 1]}-{row.day.year}"


def signed(row: Row) -> str:
    """``-1250.00``."""
    return f"{'-' if row.amount_minor < 0 else ''}{_units(row)}"


def decimal_comma(row: Row) -> str:
    """``-1.250,00``."""
    swapped = _units(row, ",").translate(str.maketrans(",.", ".,"))
    return f"-{swapped}" if row.amount_minor < 0 else swapped


def trailing_minus(row: Row) -> str:
    """``1,250.00-``."""
    return f"{_units(row, ',')}{'-' if row.amount_minor < 0 else ''}"


def parenthesised(symbol: str) -> Cell:
    """``(£1,250.00)``."""

    def cell(row: Row) -> str:
        amount = f"{symbol}{_units(row, ',')}"
        return f"({amount})" if row.amount_minor < 0 else amount

    return cell


def paid_out(row: Row) -> str:
    """``1250.00``, or nothing where money came in."""
    return _units(row) if row.amount_minor < 0 else ""


def paid_in(row: Row) -> str:
    """``1250.00``, or nothing where money went out."""
    return _units(row) if row.amount_minor >= 0 else ""


def _units(row: Row, thousands: str = "") -> str:
    units, minor = divmod(abs(row.amount_minor), 100)
    return f"{units:{thousands}}.{minor:02d}"
