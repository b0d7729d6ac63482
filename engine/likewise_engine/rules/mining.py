"""Suggestions: rules that a tenant's history bears out, mined level by level (Agrawal and Srikant 1994).

A pattern is what a plain rule would say: the payee is this, or the text has this word, or these two words in
a row. One that is frequent and not right by itself is tried narrower: with the direction, or with the very
amount. So each suggestion is as short as it can be, and none is made that says no more than a shorter one. Of
patterns that are right, those that decide most are taken first; another is taken only where it decides enough
that none before decides, and never where it says otherwise than one that was taken: exceptions are for the
bookkeeper to see.

How often a pattern is right is stated by the lower bound of Wilson's score interval (1927), since eight of
eight is no certainty. It is found in the earlier part of the history and held against the later: what the
later part contradicts is not suggested, and what it says is stated beside. Entries that a rule decides
already suggest nothing, nor do those that a machine labelled.
"""

import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from math import sqrt
from typing import Final, NamedTuple, TypeAlias, TypeVar

from likewise_engine import limits
from likewise_engine.errors import FieldViolation, InvalidInput
from likewise_engine.rules.folding import folded
from likewise_engine.rules.matcher import signed_amount
from likewise_engine.rules.record import Texts
from likewise_engine.rules.rule import Condition, Operator, Rule, RuleField
from likewise_engine.rules.rulebook import Rulebook
from likewise_engine.store.base import Entry
from likewise_engine.text import NAMELESS, SEPARATOR, text_of
from likewise_engine.transaction import Authority, flow_of, violations_of_string

PRECISION_MIN_DEFAULT: Final = 0.85
"""Sixteen of sixteen, at 95 % confidence. bench/rules.py says how right such rules are on later rows."""
_EARLIER_SHARE: Final = 0.7
"""Of the history, in which patterns are looked for; the rest is what they are held against."""
_Z: Final = 1.645
"""Standard deviations of a one-sided bound at 95 % confidence."""
_SUPPORT_MIN: Final = 3
_PRECISION_MIN: Final = 0.5
"""What is more likely wrong than right is no rule."""
_WORD_CHARS_MIN: Final = 3
"""Shorter words are endings and initials more often than names."""


_PACE: Final = 500
"""Entries or patterns that are looked at without a pause: some milliseconds."""
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """What is to be suggested.

    Attributes:
        dimension: in which.
        suggestions_max: how many at most.
        support_min: entries of the earlier part that a suggestion decides at least.
        precision_min: lower bound of how often it is right, at least.
    """

    dimension: str
    suggestions_max: int = limits.RULE_SUGGESTIONS_DEFAULT
    support_min: int = limits.RULE_SUPPORT_MIN_DEFAULT
    precision_min: float = PRECISION_MIN_DEFAULT

    def check(self) -> None:
        """Raise InvalidInput naming every option that is out of bounds."""
        violations = list(violations_of_string("dimension", self.dimension, limits.DIMENSION_CHARS_MAX))
        for name, value, low, high in (
            ("max_suggestions", self.suggestions_max, 1, limits.RULE_SUGGESTIONS_MAX),
            ("min_support", self.support_min, _SUPPORT_MIN, limits.TENANT_LABELS_MAX),
            ("min_precision", self.precision_min, _PRECISION_MIN, 1),
        ):
            if not low <= value <= high:
                violations.append(FieldViolation(name, f"is {value}: it must be within {low} to {high}"))
        if violations:
            raise InvalidInput(violations)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule that would be right, without an id.

    Attributes:
        rule: what it says.
        support: entries of the earlier part that it decides.
        right: of these, those with its category.
        later_support: entries of the later part that it decides.
        later_right: of these, those with its category.
    """

    rule: Rule
    support: int
    right: int
    later_support: int
    later_right: int

    @property
    def precision_min(self) -> float:
        """How often it is right at the least, by the earlier part."""
        return lower_bound(self.right, self.support)


_Wordings: TypeAlias = tuple[tuple[RuleField, str], ...]
"""Of an entry: the fields that patterns look at, each with a wording of it."""


class _Pattern(NamedTuple):
    """What a rule would say: conditions on a wording, a direction, an amount."""

    field: RuleField
    wording: str
    direction: str = ""
    amount: Decimal | None = None


class _Sight(NamedTuple):
    """An entry as patterns see it."""

    label: str
    wordings: _Wordings
    direction: str
    amount: Decimal | None


@dataclass(slots=True)
class _Found:
    """A pattern that is right often enough: where, and what it says."""

    pattern: _Pattern
    label: str
    rows: Sequence[int]
    right: int


def lower_bound(right: int, count: int) -> float:
    """The least share of right ones at 95 % confidence: Wilson's score."""
    if not count:
        return 0.0
    share, z2 = right / count, _Z * _Z
    margin = _Z * sqrt(share * (1.0 - share) / count + z2 / (4.0 * count * count))
    return max(0.0, (share + z2 / (2.0 * count) - margin) / (1.0 + z2 / count))


def mined(
    rulebook: Rulebook, entries: Iterable[Entry], options: MiningOptions, keep_on: Callable[[], None]
) -> list[Suggestion]:
    """Rules that history bears out, those first that decide most.

    Args:
        rulebook: the rules that there are.
        entries: the history, in any order.
        options: what is wanted.
        keep_on: called now and then; what it raises ends the run.

    Raises:
        EngineFault: a search ran out of its memory.
    """
    dimension = options.dimension
    texts = Texts(rulebook)
    telling = (entry for entry in entries if _tells(rulebook, texts, entry, dimension, keep_on))
    latest = heapq.nlargest(limits.RULE_MINED_ENTRIES_MAX, telling, key=_when)
    wordings: dict[tuple[str, str], _Wordings] = {}
    sights = [_sight(entry, dimension, wordings) for entry in _paced(reversed(latest), keep_on)]
    earlier = int(len(sights) * _EARLIER_SHARE)
    found = _patterns(sights[:earlier], options, keep_on)
    titles = {(c.dimension, c.id): c.title for c in rulebook.chart.categories}
    active = {c.id for c in rulebook.chart.categories if c.active and c.dimension == dimension}
    later = _rows_by_pattern(sights[earlier:], {each.pattern for each in found}, keep_on)
    suggestions = []
    for each in found:
        rows = later.get(each.pattern, ())
        later_right = sum(sights[earlier + row].label == each.label for row in rows)
        if each.label not in active or later_right < options.precision_min * len(rows):
            continue
        rule = _rule(each, dimension, titles[dimension, each.label])
        suggestions.append(Suggestion(rule, len(each.rows), each.right, len(rows), later_right))
        if len(suggestions) == options.suggestions_max:
            break
    return suggestions


def _when(entry: Entry) -> tuple[bool, date | None, int]:
    day = entry.transaction.date
    return day is not None, day, entry.seq  # Without a date, an entry is of long ago.


def _tells(
    rulebook: Rulebook, texts: Texts, entry: Entry, dimension: str, keep_on: Callable[[], None]
) -> bool:
    """Whether a person labelled an entry that no rule decides."""
    if entry.authorities.get(dimension) is not Authority.PERSON:
        return False
    if not rulebook:
        return True
    keep_on()
    return dimension not in rulebook.rulings(entry.transaction, texts.of(entry.transaction))


def _sight(entry: Entry, dimension: str, wordings: dict[tuple[str, str], _Wordings]) -> _Sight:
    transaction = entry.transaction
    worded = transaction.payee, transaction.description
    if worded not in wordings:
        wordings[worded] = tuple(_wordings(*worded))
    flow = flow_of(transaction)
    direction = {1.0: "in", -1.0: "out"}.get(flow, "")
    amount = None if transaction.amount is None else signed_amount(transaction.amount, flow)
    return _Sight(entry.labels[dimension], wordings[worded], direction, amount)


def _wordings(payee: str, description: str) -> Iterator[tuple[RuleField, str]]:
    """The payee, and the words of the text, by themselves and two in a row."""
    if compared := folded(payee):
        yield RuleField.PAYEE, compared
    seen = set[str]()
    for part in text_of(payee, description).split(SEPARATOR):
        words = part.split(" ")
        pairs = [f"{first} {second}" for first, second in pairwise(words)]
        seen.update((word for word in words if len(word) >= _WORD_CHARS_MIN), pairs)
    seen.discard(NAMELESS)
    for wording in sorted(seen):
        yield RuleField.TEXT, wording


def _patterns(sights: Sequence[_Sight], options: MiningOptions, keep_on: Callable[[], None]) -> list[_Found]:
    """Patterns that are right, none of which decides too little that those before it do not."""
    positions = _paced(range(len(sights)), keep_on)
    wide = _rows(sights, positions, lambda sight: (_Pattern(*wording) for wording in sight.wordings))
    taken: list[_Found] = []
    said: dict[int, str] = {}
    right, impure = _judged(sights, wide, options, keep_on)
    _take(right, said, taken, options)
    narrow: dict[_Pattern, list[int]] = {}
    for pattern, rows in impure.items():
        keep_on()
        narrow |= _rows(sights, rows, lambda sight, pattern=pattern: _narrower(pattern, sight))  # type: ignore[misc]
    right, _ = _judged(sights, narrow, options, keep_on)
    _take(right, said, taken, options)
    return sorted(taken, key=lambda each: (-each.right, each.pattern[:3], str(each.pattern.amount)))


def _narrower(pattern: _Pattern, sight: _Sight) -> Iterator[_Pattern]:
    if sight.direction:
        yield pattern._replace(direction=sight.direction)
    # Words of the text are too many to be tried with every amount; a payee with its rent or its fee is not.
    if sight.amount is not None and pattern.field is RuleField.PAYEE:
        yield pattern._replace(amount=sight.amount)


def _rows(
    sights: Sequence[_Sight], rows: Iterable[int], patterns_of: Callable[[_Sight], Iterable[_Pattern]]
) -> dict[_Pattern, list[int]]:
    found: dict[_Pattern, list[int]] = defaultdict(list)
    for row in rows:
        for pattern in patterns_of(sights[row]):
            found[pattern].append(row)
    return found


def _judged(
    sights: Sequence[_Sight],
    patterns: dict[_Pattern, list[int]],
    options: MiningOptions,
    keep_on: Callable[[], None],
) -> tuple[list[_Found], dict[_Pattern, list[int]]]:
    """Of the frequent patterns those that are right, and the rows of the others."""
    right, impure = [], {}
    for pattern, rows in _paced(patterns.items(), keep_on):
        if len(rows) < options.support_min:
            continue
        label, count = Counter(sights[row].label for row in rows).most_common(1)[0]
        if lower_bound(count, len(rows)) >= options.precision_min:
            right.append(_Found(pattern, label, rows, count))
        else:
            impure[pattern] = rows
    return right, impure


def _take(found: list[_Found], said: dict[int, str], taken: list[_Found], options: MiningOptions) -> None:
    """Take patterns, those first that decide most; of equals the payee, then the longer wording."""
    found.sort(
        key=lambda each: (
            -each.right,
            each.pattern.field is not RuleField.PAYEE,
            -len(each.pattern.wording),
            each.pattern.wording,
        )
    )
    for each in found:
        fresh = [row for row in each.rows if row not in said]
        contradicts = any(said[row] != each.label for row in each.rows if row in said)
        if len(fresh) >= options.support_min and not contradicts:
            taken.append(each)
            said.update(dict.fromkeys(each.rows, each.label))


def _rows_by_pattern(
    sights: Sequence[_Sight], wanted: set[_Pattern], keep_on: Callable[[], None]
) -> dict[_Pattern, list[int]]:
    def patterns_of(sight: _Sight) -> Iterator[_Pattern]:
        for wording in sight.wordings:
            wide = _Pattern(*wording)
            yield from (pattern for pattern in (wide, *_narrower(wide, sight)) if pattern in wanted)

    return _rows(sights, _paced(range(len(sights)), keep_on), patterns_of)


def _paced(values: Iterable[_Value], keep_on: Callable[[], None]) -> Iterator[_Value]:
    """The same values, with calls let in between every so many."""
    for position, value in enumerate(values):
        if position % _PACE == 0:
            keep_on()
        yield value


def _rule(found: _Found, dimension: str, title: str) -> Rule:
    """The rule that a pattern makes."""
    pattern = found.pattern
    if pattern.field is RuleField.PAYEE:
        conditions = [Condition(RuleField.PAYEE, Operator.EQUALS, (pattern.wording,))]
    else:
        word = f"(^| ){_literal(pattern.wording)}( |$)"
        conditions = [Condition(RuleField.TEXT, Operator.MATCHES, (word,))]
    if pattern.direction:
        conditions.append(Condition(RuleField.DIRECTION, Operator.EQUALS, (pattern.direction,)))
    if pattern.amount is not None:
        bounds = {"min_amount": pattern.amount, "max_amount": pattern.amount}
        conditions.append(Condition(RuleField.AMOUNT, Operator.WITHIN, **bounds))  # type: ignore[arg-type]
    name = f"{pattern.wording}: {title}"[: limits.RULE_NAME_CHARS_MAX]
    return Rule("", tuple(conditions), {dimension: found.label}, name)


def _literal(words: str) -> str:
    """Words as a pattern that people can read: spaces stand for themselves."""
    return " ".join(map(re.escape, words.split(" ")))
