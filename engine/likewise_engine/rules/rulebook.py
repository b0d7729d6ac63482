"""A tenant's rules over its chart: which rule decides a transaction, and how sure that is. Immutable.

Rules are tried by priority, the highest first, and of equals the oldest first. In each dimension the first
one decides that the transaction is as and that has a label there: one rule may tell the category and another
the tax code. A label follows its category where that is renamed, or merged into another. Where the category
is not active, or was purged, the label is suspended: the rule says nothing in that dimension, and the next
one is tried. Nothing is ever filed under a category that the bookkeeper has closed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from likewise_engine import limits
from likewise_engine.chart import Category, Chart
from likewise_engine.errors import LimitReached, RuleNotFound
from likewise_engine.rules.kept import KeptRule, Tally
from likewise_engine.rules.matcher import Matcher
from likewise_engine.rules.rule import Condition
from likewise_engine.transaction import Transaction


class Ruling(NamedTuple):
    """What a rule says of a transaction in one dimension.

    Attributes:
        rule: number of the rule.
        label: number of the category as the rule was written: its record goes by that.
        category: number of the category that it is today.
        rule_id: id of the rule.
        rule_name: its name for people.
        tally: its record in this dimension.
    """

    rule: int
    label: int
    category: int
    rule_id: str
    rule_name: str
    tally: Tally


class _Label(NamedTuple):
    """What a rule says in a dimension: numbers as of :class:`Ruling`."""

    label: int
    category: int


@dataclass(frozen=True, eq=False)
class Rulebook:
    """A tenant's rules, over its chart.

    Attributes:
        kept: all of them, as they are kept.
        rules: the same, in the order in which they are tried.
        chart: the categories.
        matcher: of the conditions of ``rules``, in their order.
    """

    kept: Sequence[KeptRule]
    rules: Sequence[KeptRule]
    chart: Chart
    matcher: Matcher

    @classmethod
    def of(cls, kept: Sequence[KeptRule], chart: Chart, earlier: "Rulebook | None" = None) -> "Rulebook":
        """The rulebook of rules, in any order, over a chart.

        Args:
            kept: the rules.
            chart: the categories.
            earlier: whose compiled conditions serve again, if they are the same.

        Raises:
            LimitReached: their conditions are too much to be searched for in time.
        """
        in_order = sorted(kept, key=lambda rule: (-rule.priority, rule.number))
        if earlier is not None and _conditions(earlier.rules) == _conditions(in_order):
            return cls(kept, in_order, chart, earlier.matcher)
        return cls(kept, in_order, chart, Matcher(_conditions(in_order)))

    def __bool__(self) -> bool:
        return bool(self.rules)

    @property
    def reads_text(self) -> bool:
        """Whether a rule looks at the text."""
        return self.matcher.reads_text

    @property
    def nbytes(self) -> int:
        """Bytes of main memory, by estimate."""
        return self.matcher.nbytes + 1_000 * len(self.rules)

    def rulings(self, transaction: Transaction, text: str) -> Mapping[str, Ruling]:
        """By dimension what is decided of a transaction.

        Args:
            transaction: the transaction.
            text: its normalised text.

        Raises:
            EngineFault: a search ran out of its memory.
        """
        found: dict[str, Ruling] = {}
        for position in self.matcher.matching(transaction, text):
            rule = self.rules[position]
            for dimension, (label, category) in self._labels[position].items():
                if dimension not in found:
                    tally = rule.tallies[label]
                    found[dimension] = Ruling(rule.number, label, category, rule.id, rule.name, tally)
        return found

    def holds(self, number: int, transaction: Transaction, text: str) -> bool:
        """Whether a transaction is as the rule of a number says. Raises EngineFault."""
        matching = self.matcher.matching(transaction, text)
        return any(self.rules[position].number == number for position in matching)

    def rule(self, rule_id: str) -> KeptRule:
        """The rule of an id. Raises RuleNotFound."""
        return rule_of(self.kept, rule_id)

    def without(self, rule_id: str) -> "Rulebook":
        """These rules but for one, with the records that they have. Raises LimitReached."""
        return Rulebook.of([kept for kept in self.kept if kept.id != rule_id], self.chart)

    def numbered(self, number: int) -> KeptRule:
        """The rule of a number. Raises RuleNotFound: it was deleted since."""
        for rule in self.kept:
            if rule.number == number:
                return rule
        raise RuleNotFound(f"number {number}")

    def labels(self, rule: KeptRule) -> list[tuple[int, Category, str]]:
        """What a rule says: label numbers, what category each means, and why it is suspended; "" if not."""
        return [(label, *_meant(self.chart, label)) for label in rule.tallies]

    @cached_property
    def _labels(self) -> Sequence[Mapping[str, _Label]]:
        """What each rule says by dimension, as far as that is not suspended. Nothing, of one that is off."""
        found = []
        for rule in self.rules:
            said = {}
            for label in rule.tallies if rule.active else ():
                category, suspended = _meant(self.chart, label)
                if not suspended:
                    into = self.chart.categories[label].merged_into
                    said[category.dimension] = _Label(label, label if into is None else into)
            found.append(said)
        return found


NO_RULES: Final = Rulebook((), (), Chart(), Matcher(()))


def _meant(chart: Chart, label: int) -> tuple[Category, str]:
    """The category that a label means today, and why it cannot be given; "" where it can."""
    category = chart.categories[label]
    if category.is_purged:
        return category, "its category was purged, and what the rule said of it went along"
    if category.merged_into is not None:
        category = chart.categories[category.merged_into]
    if not category.active:
        return category, f"its category {category.title!r} is not active"
    return category, ""


def _conditions(rules: Sequence[KeptRule]) -> list[Sequence[Condition]]:
    return [rule.conditions for rule in rules]


def rule_of(rules: Sequence[KeptRule], rule_id: str) -> KeptRule:
    """The rule of an id. Raises RuleNotFound."""
    for rule in rules:
        if rule.id == rule_id:
            return rule
    raise RuleNotFound(rule_id)


def check_size(rules: Sequence[KeptRule]) -> None:
    """Raise LimitReached for more rules, or longer ones, than a tenant may have."""
    if len(rules) > limits.RULES_MAX:
        raise LimitReached(
            f"the tenant would have {len(rules)} rules; at most {limits.RULES_MAX} are allowed",
            limit="RULES_MAX",
            value=limits.RULES_MAX,
        )
    chars = sum(len(value) for rule in rules for condition in rule.conditions for value in condition.values)
    if chars > limits.RULES_CHARS_MAX:
        raise LimitReached(
            f"the values of all rules would have {chars:,} characters; at most {limits.RULES_CHARS_MAX:,}",
            limit="RULES_CHARS_MAX",
            value=limits.RULES_CHARS_MAX,
        )
