"""Raw rows become transactions, column by column; a row with a cell that cannot be read is rejected.

Cells are read here; whether the transaction that they make is within bounds is for whoever takes it to say,
and ``ColumnPlan.column_of`` leads from that back to the file's column.
"""

import datetime
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from types import MappingProxyType
from typing import Final, TypeVar

import polars as pl

from likewise_engine.errors import FieldViolation
from likewise_engine.transaction import Direction, Transaction
from likewise_indexer.readers import headers
from likewise_indexer.readers.amounts import Money
from likewise_indexer.readers.batches import Batch, RejectedRow
from likewise_indexer.readers.cells import BadCell
from likewise_indexer.readers.conventions import Conventions
from likewise_indexer.readers.identity import Occurrences, content_digest, content_id
from likewise_indexer.readers.plan import ColumnPlan

T = TypeVar("T")

_Content = tuple[datetime.date | None, Decimal | None, str, str, str, str]
"""What the id of a row that brings none is made of."""

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_NO_MONEY: Final = Money(None)
_OUT_WORDS: Final = """
    debit dr db d out expense outgoing withdrawal payment purchase paidout moneyout soll s lastschrift ausgabe
    belastung cargo gasto salida addebito uscita af debet afschrijving
"""
_IN_WORDS: Final = """
    credit cr c in income incoming deposit receipt refund paidin moneyin haben h gutschrift einnahme abono
    ingreso entrada accredito bij kredit bijschrijving
"""
_DIRECTIONS: Final = {
    **dict.fromkeys(_OUT_WORDS.split(), Direction.OUT),
    **dict.fromkeys(_IN_WORDS.split(), Direction.IN),
}
"""By :func:`headers.key` of the cell. What else stands in such columns (POS, BACS) tells nothing."""
_REPEATED_ID: Final = (
    "is the id of a row before. Where rows share one, leave the column out with --ignore: ids are made of"
    " the rows' content"
)
_DIRECTION_CHARS_MAX: Final = 32
"""Longer is no word for a direction, and need not be remembered."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What became of a batch. The lists run in parallel, one element per row that could be read.

    Attributes:
        batch: the rows as they stand in the file.
        positions: of the rows within the batch.
        tenants: whose books; empty strings where the file does not say.
        transactions: the rows, not yet checked against the bounds of a transaction.
        labels: category id by dimension; nothing where the row has no label.
        rejected: the rows that could not be read, malformed ones included, in the file's order.
    """

    batch: Batch
    positions: Sequence[int]
    tenants: Sequence[str]
    transactions: Sequence[Transaction]
    labels: Sequence[Mapping[str, str]]
    rejected: Sequence[RejectedRow]


class RowConverter:
    """Converts the batches of one file, in their order; they have the columns ``plan.used``.

    Args:
        plan: which column means what.
        conventions: how the file writes dates and amounts.
        occurrences: of this file alone, to give ids to the rows that bring none, and refuse ids that occur
            twice; None to leave all ids as they are.
    """

    def __init__(
        self, plan: ColumnPlan, conventions: Conventions, occurrences: Occurrences | None = None
    ) -> None:
        self._plan = plan
        self._parse_date = conventions.date_parser().parse
        self._parse_amount = conventions.amount_parser().parse
        self._occurrences = occurrences

    def convert(self, batch: Batch) -> Rows:
        """Convert one batch. Raises OSError where counting occurrences needs disk and there is none."""
        frame, faults = batch.frame, _Faults()
        dates = self._dates(frame, faults)
        moneys = self._moneys(frame, faults)
        amounts = [money.amount for money in moneys]
        currencies = self._currencies(self._column(frame, headers.CURRENCY), moneys)
        payees = self._column(frame, headers.PAYEE)
        descriptions = self._descriptions(frame)
        accounts = self._column(frame, headers.ACCOUNT)
        tenants = self._column(frame, headers.TENANT)
        ids = self._column(frame, headers.ID)
        if self._occurrences is not None:
            contents = list(zip(dates, amounts, currencies, payees, descriptions, accounts, strict=True))
            ids = self._told_apart(ids, tenants, contents, self._occurrences, faults)
        directions = self._directions(self._column(frame, headers.DIRECTION), moneys)
        fields = _mappings(self._plan.column_of_field, frame)
        labels = _mappings(self._plan.labels, frame)
        columns = (ids, dates, amounts, currencies, payees, descriptions, accounts, directions, fields)
        transactions = list(map(Transaction, *columns))
        positions: Sequence[int] = range(len(frame))
        if faults:
            positions = [position for position in positions if position not in faults]
            tenants = [tenants[position] for position in positions]
            transactions = [transactions[position] for position in positions]
            labels = [labels[position] for position in positions]
        rejected = sorted((*batch.malformed, *faults.rejected(batch)), key=attrgetter("row"))
        return Rows(batch, positions, tenants, transactions, labels, rejected)

    def _told_apart(
        self,
        ids: Sequence[str],
        tenants: Sequence[str],
        contents: Sequence[_Content],
        occurrences: Occurrences,
        faults: "_Faults",
    ) -> Sequence[str]:
        """An id for every row: its own, which no row before may have, or one of its content."""
        rows = [
            (position, given, b"" if given else content_digest(*content), tenant)
            for position, (given, content, tenant) in enumerate(zip(ids, contents, tenants, strict=True))
            if position not in faults
        ]
        keys = [
            f"{len(given)}|{given}|{tenant}".encode()
            if given
            else _day_bytes(contents[position][0]) + digest + tenant.encode()
            for position, given, digest, tenant in rows
        ]
        found = list(ids)
        for (position, given, digest, _), count in zip(rows, occurrences.count(keys), strict=True):
            if not given:
                found[position] = content_id(contents[position][0], digest, count)
            elif count > 1:
                faults.add(position, self._plan.columns[headers.ID], _REPEATED_ID)
        return found

    def _column(self, frame: pl.DataFrame, meaning: str) -> Sequence[str]:
        column = self._plan.columns.get(meaning)
        return [""] * len(frame) if column is None else texts_of(frame[column])

    def _dates(self, frame: pl.DataFrame, faults: "_Faults") -> Sequence[datetime.date | None]:
        column = self._plan.columns.get(headers.DATE)
        if column is None:
            return [None] * len(frame)
        series = frame[column]
        if series.dtype == pl.Datetime:
            series = series.dt.date()
        if series.dtype == pl.Date:
            # Beyond the years that Python's dates have, polars' own would raise for the whole column.
            years = series.dt.year()
            for position in years.is_between(1, 9999).not_().fill_null(value=False).arg_true():
                faults.add(position, column, f"year {years[position]} is out of bounds")
            nothing = pl.repeat(None, len(series), dtype=pl.Date, eager=True)
            return series.zip_with(years.is_between(1, 9999), nothing).to_list()
        return _parsed(texts_of(series), self._parse_date, None, column, faults)

    def _moneys(self, frame: pl.DataFrame, faults: "_Faults") -> Sequence[Money]:
        columns = self._plan.columns
        if amount := columns.get(headers.AMOUNT):
            return self._money_column(frame, amount, faults)
        debit, credit = columns.get(headers.DEBIT), columns.get(headers.CREDIT)
        nothing = [_NO_MONEY] * len(frame)
        debits = self._money_column(frame, debit, faults) if debit else nothing
        credits_ = self._money_column(frame, credit, faults) if credit else nothing
        for position, (out, into) in enumerate(zip(debits, credits_, strict=True)):
            if out.amount and into.amount:
                faults.add(position, f"{debit}, {credit}", "there is money out and money in: which is it?")
        return list(map(_signed, debits, credits_))

    def _money_column(self, frame: pl.DataFrame, column: str, faults: "_Faults") -> Sequence[Money]:
        series = frame[column]
        if series.dtype == pl.Float64:
            # 15 digits are what a float64 holds for certain; those beyond are noise of arithmetic.
            return [_NO_MONEY if v is None else Money(Decimal(f"{v:.15g}")) for v in series.to_list()]
        if series.dtype.is_float():
            return [_NO_MONEY if v is None else Money(Decimal(v)) for v in series.cast(pl.String).to_list()]
        if series.dtype.is_numeric():
            return [_NO_MONEY if v is None else Money(Decimal(v)) for v in series.to_list()]
        return _parsed(texts_of(series), self._parse_amount, _NO_MONEY, column, faults)

    def _currencies(self, named: Sequence[str], moneys: Sequence[Money]) -> Sequence[str]:
        # A currency without an amount says nothing, and the contract's Money could not carry it.
        default = self._plan.currency
        return [
            "" if money.amount is None else name.upper() or money.currency or default
            for name, money in zip(named, moneys, strict=True)
        ]

    def _descriptions(self, frame: pl.DataFrame) -> Sequence[str]:
        columns = [texts_of(frame[column]) for column in self._plan.descriptions]
        if not columns:
            return [""] * len(frame)
        if len(columns) == 1:
            return columns[0]
        return [" ".join(filter(None, parts)) for parts in zip(*columns, strict=True)]

    def _directions(self, words: Sequence[str], moneys: Sequence[Money]) -> Sequence[Direction]:
        # Which column the money stands in, or DR beside it, is surer than a word such as "payment".
        return [
            money.direction or _DIRECTIONS.get(headers.key(word[:_DIRECTION_CHARS_MAX]), Direction.UNKNOWN)
            for word, money in zip(words, moneys, strict=True)
        ]


def rejection_of(
    plan: ColumnPlan, batch: Batch, position: int, violations: Sequence[FieldViolation]
) -> RejectedRow:
    """A row whose transaction somebody refused, with the file's own names of the columns at fault."""
    faults = [(plan.column_of(violation.field), _reason(plan, violation)) for violation in violations]
    return _rejected(batch, position, faults)


def _reason(plan: ColumnPlan, violation: FieldViolation) -> str:
    if plan.column_of(violation.field):
        return violation.message
    return f"{violation.field.removeprefix('transaction.')} {violation.message}".strip()


class _Faults:
    """What is wrong with the cells of a batch, by position."""

    def __init__(self) -> None:
        self._by_position: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)

    def __contains__(self, position: int) -> bool:
        return position in self._by_position

    def __len__(self) -> int:
        return len(self._by_position)

    def add(self, position: int, column: str, reason: str) -> None:
        self._by_position[position].append((column, reason))

    def rejected(self, batch: Batch) -> list[RejectedRow]:
        return [_rejected(batch, position, faults) for position, faults in sorted(self._by_position.items())]


def _rejected(batch: Batch, position: int, faults: Sequence[tuple[str, str]]) -> RejectedRow:
    columns = dict.fromkeys(column for column, _ in faults if column)
    return RejectedRow(
        row=batch.rows[position],
        column=", ".join(columns),
        reason="; ".join(dict.fromkeys(reason for _, reason in faults)),
        values=batch.values(position),
    )


def _day_bytes(date: datetime.date | None) -> bytes:
    # Books are sorted by date: with it in front, counting stays in one corner of its table, and in memory.
    # At 3 million rows it takes 3.7 us a row, without it 8.4.
    return b"" if date is None else date.toordinal().to_bytes(3, "big")


def texts_of(series: pl.Series) -> list[str]:
    """The cells of a column as stripped strings; empty where there is nothing."""
    if series.dtype.is_float():
        # What a table of numbers made of a code: 4000.0 was 4000.
        return ["" if v is None or math.isnan(v) else f"{v:.15g}" for v in series.to_list()]
    return series.cast(pl.String).fill_null("").str.strip_chars().to_list()


def _parsed(
    cells: Sequence[str], parse: Callable[[str], T], instead: T, column: str, faults: _Faults
) -> Sequence[T]:
    """What the cells say; of one that cannot be read, ``instead`` and a fault."""
    try:
        return list(map(parse, cells))
    except BadCell:
        pass  # at least one is bad: the slower way finds them
    values = []
    for position, cell in enumerate(cells):
        try:
            values.append(parse(cell))
        except BadCell as error:
            faults.add(position, column, str(error))
            values.append(instead)
    return values


def _signed(out: Money, into: Money) -> Money:
    """Money out is negative and money in positive, whichever sign their columns write them with."""
    if out.amount:
        return Money(out.amount.copy_abs().copy_negate(), out.currency, Direction.OUT)
    if into.amount:
        return Money(into.amount.copy_abs(), into.currency, Direction.IN)
    return into if into.amount is not None else out


def _mappings(columns: Mapping[str, str], frame: pl.DataFrame) -> Sequence[Mapping[str, str]]:
    """For each row the cells that are not empty, by name."""
    names = list(columns)
    if not names:
        return [_NOTHING] * len(frame)
    cells = [texts_of(frame[column]) for column in columns.values()]
    if len(names) == 1:
        name = names[0]
        return [{name: cell} if cell else _NOTHING for cell in cells[0]]
    return [
        {name: cell for name, cell in zip(names, row, strict=True) if cell}
        for row in zip(*cells, strict=True)
    ]
