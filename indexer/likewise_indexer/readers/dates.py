"""Dates as banks and spreadsheets write them.

What a date alone cannot tell is whether 03/04/2024 is in March or in April. :func:`order_of` says what one
value tells, the conventions of a file are decided over many, and :class:`DateParser` holds to them.

The day is taken as written: a time of day and its time zone are cut off and never move it.
"""

import datetime
import re
import unicodedata
from enum import Enum
from functools import lru_cache
from typing import Final

from likewise_indexer.readers.cells import CELL_CHARS_MAX, BadCell, shown

_TIME_OF_DAY: Final = re.compile(r"(?:[Tt]|\s+)\d{1,2}:\d{2}.*$")
_YEAR_FIRST: Final = re.compile(r"(\d{4})[-/.](\d{1,2})(?:[-/.](\d{1,2}))?")
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[Tt]?\d{4,6}Z?)?")
_YEAR_LAST: Final = re.compile(r"(\d{1,2})\s*([-/.])\s*(\d{1,2})\s*[-/.]\s*(\d{4}|\d{2})")
_MONTH_YEAR: Final = re.compile(r"(\d{1,2})[-/.](\d{4})")
_SERIAL: Final = re.compile(r"(\d{5})(?:\.\d+)?")
_WORDS: Final = re.compile(r"[^\W\d_]+|\d+")

_SERIAL_EPOCH: Final = datetime.date(1899, 12, 30)
"""Day 0 of spreadsheets, shifted by the 29 February 1900 that they believe in."""
_SERIAL_MIN: Final = 20_000
_SERIAL_MAX: Final = 80_000
"""1954 to 2119: five digits outside are more likely something else."""
_CENTURY_PIVOT: Final = 69
"""Two-digit years from 69 are of the last century, as POSIX strptime has it."""

_PROBE: Final = datetime.datetime(2024, 11, 1, tzinfo=datetime.UTC)
"""The first of a month: what a pattern without a day reads every date as."""
_MONTHS: Final = {
    name: month
    for month, names in enumerate(
        (
            "jan january januar janner janvier janv enero ene gennaio gen janeiro januari",
            "feb february februar fevrier fevr fev febrero febbraio fevereiro februari",
            "mar march marz mrz maerz mars marzo marco maart mrt",
            "apr april avril avr abril abr aprile",
            "may mai mayo maggio mag maio mei",
            "jun june juni juin junio giugno giu junho",
            "jul july juli juillet juil julio luglio lug julho",
            "aug august aout aou agosto ago augustus",
            "sep sept september septembre septiembre settembre set setembro",
            "oct october oktober okt octobre octubre ottobre ott outubro out",
            "nov november novembre noviembre novembro",
            "dec december dezember dez decembre diciembre dic dicembre dezembro",
        ),
        start=1,
    )
    for name in names.split()
}


class Order(Enum):
    """What a value tells about the order of day and month."""

    NOTHING = 0
    AMBIGUOUS = 1
    DAY_FIRST = 2
    MONTH_FIRST = 3


def order_of(text: str) -> Order:
    """Say what one date tells about the order in which its file writes day and month."""
    if len(text) > CELL_CHARS_MAX:
        return Order.NOTHING
    match = _YEAR_LAST.fullmatch(_TIME_OF_DAY.sub("", text.strip()))
    if match is None or match[2] == ".":  # with dots, the day comes first wherever dots are used
        return Order.NOTHING
    first, second = int(match[1]), int(match[3])
    if first == second:
        return Order.NOTHING
    if first > 12 >= second:
        return Order.DAY_FIRST
    if second > 12 >= first:
        return Order.MONTH_FIRST
    return Order.AMBIGUOUS if first <= 12 else Order.NOTHING


def fault_of_pattern(pattern: str) -> str:
    """Why no dates can be read by a pattern of ``strptime``; empty where they can. The day may be missing."""
    try:
        read = datetime.datetime.strptime(_PROBE.strftime(pattern), pattern)  # noqa: DTZ007 - only its day
    except (ValueError, re.error) as error:  # re.error: a directive that is there twice
        return str(error)
    return "" if read.date() == _PROBE.date() else "it does not tell year and month"


class DateParser:
    """Parses the dates of one file.

    Args:
        day_first: how ``03/04/2024`` is read; None if the file told nothing: then such a value is refused.
        pattern: a pattern of ``strptime`` that all dates have; the rest is then not tried.
    """

    def __init__(self, day_first: bool | None = True, pattern: str = "") -> None:
        self._day_first = day_first
        self._pattern = pattern
        # Books have a few thousand distinct days: nearly every row is answered from here.
        self.parse = lru_cache(maxsize=16_384)(self._parse)

    def _parse(self, text: str) -> datetime.date | None:
        """The date of a cell; None for an empty one. Raises BadCell with a reason for a person."""
        if not text:
            return None
        if len(text) > CELL_CHARS_MAX:
            raise BadCell(f"{shown(text)} is not a date")
        try:
            if self._pattern:
                return datetime.datetime.strptime(text, self._pattern).date()  # noqa: DTZ007 - only its day
            found = self._parts(_TIME_OF_DAY.sub("", text).strip())
            if isinstance(found, datetime.date):
                return found
            return datetime.date(*found)
        except (ValueError, OverflowError) as error:
            raise BadCell(f"{shown(text)} is not a date: {self._hint(error)}") from error

    def _hint(self, error: Exception) -> str:
        if self._pattern:
            return f"expected {self._pattern}"
        return str(error)

    def _parts(self, text: str) -> tuple[int, int, int] | datetime.date:
        if match := _YEAR_FIRST.fullmatch(text):
            return int(match[1]), int(match[2]), int(match[3] or 1)
        if match := _COMPACT.fullmatch(text):
            return int(match[1]), int(match[2]), int(match[3])
        if match := _YEAR_LAST.fullmatch(text):
            return self._year_last(int(match[1]), match[2], int(match[3]), _century(match[4]))
        if match := _MONTH_YEAR.fullmatch(text):
            return int(match[2]), int(match[1]), 1
        if (match := _SERIAL.fullmatch(text)) and _SERIAL_MIN <= int(match[1]) <= _SERIAL_MAX:
            return _SERIAL_EPOCH + datetime.timedelta(days=int(match[1]))
        return _named_month(text)

    def _year_last(self, first: int, separator: str, second: int, year: int) -> tuple[int, int, int]:
        day_first = True if separator == "." or first == second else self._day_first
        if day_first is None:
            if first > 12 or second > 12:
                day_first = first > 12
            else:
                raise ValueError("day or month first? Give --date-format day-first or month-first")
        day, month = (first, second) if day_first else (second, first)
        if month > 12 >= day:
            wanted = "the day" if day_first else "the month"
            raise ValueError(f"its file has {wanted} first, and there is no month {month}")
        return year, month, day


def _century(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (1900 if year >= _CENTURY_PIVOT else 2000)


def _named_month(text: str) -> tuple[int, int, int]:
    """``12 Mar 2024``, ``March 5th, 2024``, ``Di. 5. März 2024``, ``März 2024``, in any order."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    words = _WORDS.findall(plain)
    months = [_MONTHS[word] for word in words if word in _MONTHS]
    numbers = [word for word in words if word.isdecimal()]
    if len(months) != 1 or not 1 <= len(numbers) <= 2:
        raise ValueError("no known form")
    if len(numbers) == 1:
        if len(numbers[0]) != 4:
            raise ValueError("the year is missing")
        return int(numbers[0]), months[0], 1
    day, year = numbers if len(numbers[0]) <= 2 else reversed(numbers)
    if len(year) not in (2, 4):
        raise ValueError("no known form")
    return _century(year), months[0], int(day)
