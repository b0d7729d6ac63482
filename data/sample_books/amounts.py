"""How much: laws for the amounts of a habit, in minor units (pence, cents) and without a sign."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

from sample_books.chance import Chance
from sample_books.steps import Steps


class Amount(Protocol):
    """How much a habit costs or brings."""

    def minor(self, day: date, chance: Chance) -> int:
        """The amount on that day, in minor units."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same every time, until the price changes."""

    steps: Steps

    def minor(self, day: date, chance: Chance) -> int:  # noqa: ARG002 - a law that leaves nothing to chance
        """The amount, see :class:`Amount`."""
        return to_minor(self.steps.on(day))


@dataclass(frozen=True, slots=True)
class Between:
    """Between two amounts, small ones more often; rising by a share a year; in whole multiples of ``unit``.

    Attributes:
        low_minor: the least, on 1 July 2024.
        high_minor: the most.
        unit_minor: what it is a multiple of.
        rise: share by which both rise in a year.
    """

    low_minor: int
    high_minor: int
    unit_minor: int = 1
    rise: float = 0.03

    def minor(self, day: date, chance: Chance) -> int:
        """The amount, see :class:`Amount`."""
        span = self.high_minor - self.low_minor
        drawn = self.low_minor + min(chance.below(span + 1), chance.below(span + 1))
        risen = drawn * (1 + self.rise * (day - date(2024, 7, 1)).days / 365)
        return max(self.unit_minor, int(risen) // self.unit_minor * self.unit_minor)


def to_minor(units: str) -> int:
    """``"12.99"`` -> 1299."""
    return int(Decimal(units) * 100)


def fixed(units: str, *later: tuple[str, str]) -> Fixed:
    """An amount that stays; ``later`` has the days on which it changes: ``("2025-04-01", "13.99")``."""
    return Fixed(Steps.of(units, *later))


def between(low: float, high: float, *, unit: str = "0.01", rise: float = 0.03) -> Between:
    """Amounts between two, in units."""
    return Between(int(low * 100), int(high * 100), to_minor(unit), rise)
