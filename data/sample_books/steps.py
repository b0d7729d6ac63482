"""A value that changes on known days: a price that rises, a category that is renamed."""

from dataclasses import dataclass
from datetime import date
from typing import Self


@dataclass(frozen=True, slots=True)
class Steps:
    """Values, each with the day from which it holds, in order."""

    values: tuple[tuple[date, str], ...]

    @classmethod
    def of(cls, first: str, *later: tuple[str, str]) -> Self:
        """``first`` from the outset, then each of ``later`` from its ISO date on."""
        return cls(((date.min, first), *((date.fromisoformat(day), value) for day, value in later)))

    def on(self, day: date) -> str:
        """The value on that day."""
        return [value for since, value in self.values if since <= day][-1]
