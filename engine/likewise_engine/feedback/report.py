"""What became of a tenant's answers: counts, and the precision that they came to.

Read from the tallies, which outlive the answers. Only answers that a person's label was tied to are *judged*;
the precision of the rest is not known. Whoever teaches corrections alone, and never what was right, sees a
precision that is too low.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from typing import TypeVar

from likewise_engine.answers import Decision, Witness
from likewise_engine.feedback.statistics import wilson_interval
from likewise_engine.store.predictions import PredictionFile

Key = TypeVar("Key", bound=Hashable)


class Period(IntEnum):
    """A stretch of time by which answers are counted. Numbered as in the contract."""

    DAY = 1
    WEEK = 2
    MONTH = 3

    def start_of(self, day: date) -> date:
        """The first day of the period that a day is of; a week begins on Monday."""
        if self is Period.MONTH:
            return day.replace(day=1)
        return day - timedelta(days=day.weekday()) if self is Period.WEEK else day


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of answers.

    Attributes:
        answered: how many there were.
        accepted: a person gave the first candidate as the label.
        offered: a person gave another of the candidates that were shown.
        corrected: a person gave another label than the first candidate; those offered are among them.
        expected: the sum of the first candidates' probabilities over accepted and corrected.
    """

    answered: int = 0
    accepted: int = 0
    offered: int = 0
    corrected: int = 0
    expected: float = 0.0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.answered + other.answered,
            self.accepted + other.accepted,
            self.offered + other.offered,
            self.corrected + other.corrected,
            self.expected + other.expected,
        )

    @property
    def judged(self) -> int:
        """Those that a person has said of what was right."""
        return self.accepted + self.corrected

    @property
    def precision(self) -> float | None:
        """Share of the judged whose first candidate was right; None where none is judged."""
        return self.accepted / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """A 95 % interval of it, as if the judged were independent draws of all."""
        return wilson_interval(self.accepted, self.judged)


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of a day's answers that are alike.

    Attributes:
        day: on which they were given, UTC.
        dimension: the dimension.
        decision: what was decided.
        witness: what decided for the first candidate.
        category: number of that candidate; NO_CATEGORY where there was none.
        counts: what became of them.
    """

    day: date
    dimension: str
    decision: Decision
    witness: Witness
    category: int
    counts: Counts


def tallies_of(file: PredictionFile, start: date = date.min, end: date = date.max) -> list[Tally]:
    """Tallies of the days from ``start`` to before ``end``, by day. Raises StoreFault."""
    rows = file.rows(
        "SELECT day, dimension, decision, witness, category, answered, accepted, offered, corrected, expected"
        " FROM tallies WHERE day >= ? AND day < ? ORDER BY day, dimension, decision, witness, category",
        (start.toordinal(), end.toordinal()),
    )
    return [
        Tally(
            date.fromordinal(day), dimension, Decision(decision), Witness(witness), category, Counts(*counts)
        )
        for day, dimension, decision, witness, category, *counts in rows
    ]


def grouped(tallies: Iterable[Tally], key: Callable[[Tally], Key]) -> dict[Key, Counts]:
    """Sums of counts by what a key says, in the order in which keys first come."""
    sums: dict[Key, Counts] = {}
    for tally in tallies:
        group = key(tally)
        sums[group] = sums.get(group, Counts()) + tally.counts
    return sums


def filed(tallies: Sequence[Tally], dimension: str) -> list[Tally]:
    """Those that were FILEd in a dimension, by the vote or by a rule: what a target is meant of."""
    return [t for t in tallies if t.decision is Decision.FILE and t.dimension == dimension]
