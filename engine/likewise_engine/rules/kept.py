"""A rule as it is kept: with its record, and its labels by number: they follow what a category is called.

The record counts what the ledger holds: entries with a person's label that the rule decides, as the rules are
now. It follows from entries and rules alone, so forgetting an entry takes it out of the count.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from likewise_engine.rules.rule import Condition, Rule

_PRIOR_RIGHT: Final = 1.9
_PRIOR_WRONG: Final = 0.1
"""A Beta prior of two entries: a rule without a record is right 95 times in 100, until it shows otherwise. So
are suggested rules on later rows of 61 real books, in the mean of the tenants (bench/rules.py)."""

_GIVEN_ID: Final = re.compile("rule-([1-9][0-9]{0,11})")
"""An id that a rule is given by its number; of more digits than here no rule is ever numbered."""


def given_id(number: int) -> str:
    """The id of a rule that comes without one."""
    return f"rule-{number}"


def last_number(rules: Iterable[tuple[int, str]]) -> int:
    """The highest number that rules, by number and id, have or are called by: later ones have higher ones.

    So an id that is given means one rule for all time, though another rule was called so by somebody.
    """
    last = 0
    for number, rule_id in rules:
        called = _GIVEN_ID.fullmatch(rule_id)
        last = max(last, number, int(called[1]) if called else 0)
    return last


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a rule decided in one dimension, and how often it was right."""

    decided: int = 0
    right: int = 0

    @property
    def probability(self) -> float:
        """The mean of what is known of how often the rule is right (Beta-binomial)."""
        return (self.right + _PRIOR_RIGHT) / (self.decided + _PRIOR_RIGHT + _PRIOR_WRONG)

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.decided + other.decided, self.right + other.right)

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(self.decided - other.decided, self.right - other.right)


NO_TALLY: Final = Tally()


@dataclass(frozen=True, slots=True)
class KeptRule:
    """A rule as it is kept.

    Attributes:
        number: grows with every rule; tells their age.
        id: unique among the tenant's rules.
        name: for people.
        priority: rules of a higher one are tried first, and of equals the older.
        active: whether it is applied.
        conditions: all have to hold. None of a rule whose categories were purged.
        created: when, in UTC.
        tallies: its record by the number of each category that it labels with, as it was written: one that
            was merged since means the other.
    """

    number: int
    id: str
    name: str
    priority: int
    active: bool
    conditions: tuple[Condition, ...]
    created: datetime
    tallies: Mapping[int, Tally]

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name or self.id

    @classmethod
    def of(cls, number: int, rule: Rule, created: datetime, categories: Sequence[int]) -> "KeptRule":
        """A rule as it is first kept, with the numbers of the categories that it names."""
        return cls(
            number,
            rule.id,
            rule.name,
            rule.priority,
            rule.active,
            rule.conditions,
            created,
            dict.fromkeys(categories, NO_TALLY),
        )


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A change of a tenant's rules, in its store.

    Attributes:
        written: rules that are new or replaced, by number.
        deleted: numbers of those to delete.
        tallied: records by rule and category: they replace what was there.
    """

    written: Sequence[KeptRule] = ()
    deleted: Sequence[int] = ()
    tallied: Mapping[tuple[int, int], Tally] | None = None

    def applied(self, rules: Sequence[KeptRule]) -> list[KeptRule]:
        """Rules, the oldest first, after this change."""
        by_number = {rule.number: rule for rule in (*rules, *self.written)}
        for number in self.deleted:
            del by_number[number]
        for (number, category), tally in (self.tallied or {}).items():
            rule = by_number[number]
            by_number[number] = replace(rule, tallies={**rule.tallies, category: tally})
        return [by_number[number] for number in sorted(by_number)]
