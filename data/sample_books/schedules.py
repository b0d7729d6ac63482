"""When things happen: the days of a habit between two dates."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Protocol

from sample_books.chance import Chance

EVERY_MONTH: Final = tuple(range(1, 13))
QUARTERS: Final = (1, 4, 7, 10)
LEVEL: Final = (1.0,) * 12
SUMMER: Final = (0.7, 0.7, 0.8, 1.0, 1.2, 1.3, 1.4, 1.4, 1.1, 0.9, 0.8, 0.7)
WINTER: Final = (1.6, 1.5, 1.3, 1.0, 0.7, 0.5, 0.4, 0.4, 0.7, 1.0, 1.3, 1.6)
CHRISTMAS: Final = (0.5, 0.6, 0.8, 0.8, 0.9, 0.8, 0.8, 0.8, 1.0, 1.3, 2.0, 1.9)
TERM_TIME: Final = (1.2, 1.0, 1.2, 0.8, 1.2, 1.1, 0.9, 0.1, 1.3, 1.1, 1.3, 0.8)
"""Seasons: how often in each month, against the average."""

_MONDAY_TO_SATURDAY: Final = 6


class Schedule(Protocol):
    """When a habit happens."""

    def days(self, first: date, last: date, chance: Chance) -> Iterator[date]:
        """Yield the days from ``first`` to ``last``, both included, in order; one day may come twice."""


@dataclass(frozen=True, slots=True)
class Monthly:
    """On one day of some months or up to ``slip`` days later; instead of a weekend, the Monday after."""

    day: int
    months: tuple[int, ...] = EVERY_MONTH
    slip: int = 0

    def days(self, first: date, last: date, chance: Chance) -> Iterator[date]:
        """Yield the days, see :class:`Schedule`."""
        for day in _days_between(first.replace(day=1), last):
            if day.day == self.day and day.month in self.months:
                due = day + timedelta(days=chance.below(self.slip + 1))
                due += timedelta(days={6: 2, 7: 1}.get(due.isoweekday(), 0))
                if first <= due <= last:
                    yield due


@dataclass(frozen=True, slots=True)
class Weekly:
    """On some days of the week (Monday is 1), left out now and then."""

    weekdays: tuple[int, ...]
    kept: float = 1.0

    def days(self, first: date, last: date, chance: Chance) -> Iterator[date]:
        """Yield the days, see :class:`Schedule`."""
        for day in _days_between(first, last):
            if day.isoweekday() in self.weekdays and chance.happens(self.kept):
                yield day


@dataclass(frozen=True, slots=True)
class Often:
    """About so many times a month, on any day but Sundays, more in some seasons than in others."""

    per_month: float
    season: tuple[float, ...] = LEVEL

    def days(self, first: date, last: date, chance: Chance) -> Iterator[date]:
        """Yield the days, see :class:`Schedule`."""
        for day in _days_between(first, last):
            if day.isoweekday() > _MONDAY_TO_SATURDAY:
                continue
            expected = self.per_month * self.season[day.month - 1] / 26
            times = int(expected) + chance.happens(expected - int(expected))
            yield from [day] * times


def _days_between(first: date, last: date) -> Iterator[date]:
    for days in range((last - first).days + 1):
        yield first + timedelta(days=days)
