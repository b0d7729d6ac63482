"""How one file writes dates and amounts, found out by the values that can only be one.

03/04/2024 and 1.234 tell nothing by themselves; 25/04/2024 and 1.234,50 elsewhere in the file do. So a file
is searched until it has answered what it asks. What it never answers is decided by a default and reported.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import polars as pl

from likewise_engine import limits
from likewise_indexer.readers import headers
from likewise_indexer.readers.amounts import AmountParser, Mark, mark_of
from likewise_indexer.readers.batches import Reader
from likewise_indexer.readers.dates import DateParser, Order, order_of
from likewise_indexer.readers.plan import ColumnPlan

DAY_FIRST: Final = "day-first"
MONTH_FIRST: Final = "month-first"


@dataclass(frozen=True, slots=True)
class Conventions:
    """How a file writes dates and amounts.

    Attributes:
        day_first: how 03/04/2024 is read; None if the question never came up.
        date_pattern: a pattern of ``strptime`` that the user gave; empty otherwise.
        decimal_mark: ``"."``, ``","``, or None if the question never came up.
        warnings: what was decided by default and is to be checked by a person.
    """

    day_first: bool | None = None
    date_pattern: str = ""
    decimal_mark: str | None = None
    warnings: tuple[str, ...] = ()

    def date_parser(self) -> DateParser:
        """A parser of this file's dates."""
        return DateParser(self.day_first, self.date_pattern)

    def amount_parser(self) -> AmountParser:
        """A parser of this file's amounts."""
        return AmountParser(self.decimal_mark)

    def described(self) -> str:
        """In words, for the plan that is shown; empty where there is nothing to say."""
        parts = []
        if self.date_pattern:
            parts.append(f"dates as {self.date_pattern}")
        elif self.day_first is not None:
            parts.append("dates with the day first" if self.day_first else "dates with the month first")
        if self.decimal_mark is not None:
            parts.append("decimal comma" if self.decimal_mark == "," else "decimal point")
        return ", ".join(parts)


def find_conventions(
    reader: Reader, plan: ColumnPlan, *, date_format: str = "", decimal_mark: str | None = None
) -> Conventions:
    """Find out how a file writes dates and amounts.

    Args:
        reader: the file. It is read from its start, as far as needed.
        plan: its columns.
        date_format: ``day-first``, ``month-first``, a pattern of ``strptime``, or empty to find out.
        decimal_mark: ``"."``, ``","``, or None to find out.

    Raises:
        UnreadableFile: the file cannot be read on.
    """
    told = _Told(ask_dates=not date_format, ask_amounts=decimal_mark is None)
    date_columns = [plan.columns[headers.DATE]] if headers.DATE in plan.columns else []
    money = (headers.AMOUNT, headers.DEBIT, headers.CREDIT)
    amount_columns = [plan.columns[meaning] for meaning in money if meaning in plan.columns]
    if told.asking and (date_columns or amount_columns):
        rows = 0
        for batch in reader.batches([*date_columns, *amount_columns]):
            told.look_at(_texts(batch.frame, date_columns), _texts(batch.frame, amount_columns))
            rows += len(batch.rows)
            if told.settled or (rows >= limits.FILE_UNASKED_ROWS_MAX and not told.open):
                break
    warnings: list[str] = []
    pattern = date_format if "%" in date_format else ""
    return Conventions(
        day_first=told.day_first(warnings) if not date_format else date_format == DAY_FIRST,
        date_pattern=pattern,
        decimal_mark=decimal_mark or told.decimal_mark(warnings),
        warnings=tuple(warnings),
    )


class _Told:
    """What the values of a file told so far."""

    def __init__(self, *, ask_dates: bool, ask_amounts: bool) -> None:
        self._ask_dates = ask_dates
        self._ask_amounts = ask_amounts
        self._orders: Counter[Order] = Counter()
        self._marks: Counter[Mark] = Counter()

    @property
    def asking(self) -> bool:
        """Whether anything is to be found out at all."""
        return self._ask_dates or self._ask_amounts

    @property
    def settled(self) -> bool:
        """Whether everything is."""
        return (not self._ask_dates or self._dates_answered) and (
            not self._ask_amounts or self._amounts_answered
        )

    @property
    def open(self) -> bool:
        """Whether a value was seen that can be two, and none that tells which."""
        dates = bool(self._orders[Order.AMBIGUOUS]) and not self._dates_answered
        ambiguous = self._marks[Mark.AMBIGUOUS_COMMA] + self._marks[Mark.AMBIGUOUS_POINT]
        return dates or (bool(ambiguous) and not self._amounts_answered)

    @property
    def _dates_answered(self) -> bool:
        return bool(self._orders[Order.DAY_FIRST] or self._orders[Order.MONTH_FIRST])

    @property
    def _amounts_answered(self) -> bool:
        return bool(self._marks[Mark.POINT] or self._marks[Mark.COMMA])

    def look_at(self, dates: Iterable[str], amounts: Iterable[str]) -> None:
        """Count what these distinct values tell about what is not answered yet."""
        if self._ask_dates and not self._dates_answered:
            self._orders.update(map(order_of, dates))
        if self._ask_amounts and not self._amounts_answered:
            self._marks.update(map(mark_of, amounts))

    def day_first(self, warnings: list[str]) -> bool | None:
        day, month = self._orders[Order.DAY_FIRST], self._orders[Order.MONTH_FIRST]
        if day and month:
            warnings.append(
                f"dates contradict each other: {day} have the day first, {month} the month. The more common"
                " way is taken, the others are rejected (--date-format decides)"
            )
        if day or month:
            return day >= month
        if self._orders[Order.AMBIGUOUS]:
            warnings.append(
                "no date tells whether 03/04 is in March or April: taken as day first (--date-format)"
            )
            return True
        return None

    def decimal_mark(self, warnings: list[str]) -> str | None:
        point, comma = self._marks[Mark.POINT], self._marks[Mark.COMMA]
        if point and comma:
            warnings.append(
                f"amounts contradict each other: {point} have a decimal point, {comma} a decimal comma. The"
                " more common way is taken, the others are rejected (--decimal decides)"
            )
        if point or comma:
            return "." if point >= comma else ","
        points, commas = self._marks[Mark.AMBIGUOUS_POINT], self._marks[Mark.AMBIGUOUS_COMMA]
        if points or commas:
            # Three decimals are rare in money, thousands are not.
            mark = "," if points > commas else "."
            shown = "1.234" if points > commas else "1,234"
            warnings.append(f"no amount tells whether {shown} has decimals: taken as thousands (--decimal)")
            return mark
        return None


def _texts(frame: pl.DataFrame, columns: Iterable[str]) -> Iterable[str]:
    """The distinct strings of some columns; nothing of columns with native types."""
    for column in columns:
        if frame.schema[column] in (pl.String, pl.Categorical, pl.Enum):
            yield from frame[column].cast(pl.String).str.strip_chars().unique().drop_nulls().to_list()
