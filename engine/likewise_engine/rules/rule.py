"""A rule as a value: what has to be so of a transaction, and which labels it has then.

All conditions have to hold, and of a condition's values one. What a transaction does not say (no amount, no
date, an empty account) is never so. Wordings are compared as :mod:`likewise_engine.rules.folding` has them;
the text is compared as it is normalised, and a rule's words for it are normalised alike. Regular expressions
are RE2's, which take linear time whatever they are, see :mod:`likewise_engine.rules.matcher`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

import re2

from likewise_engine import limits
from likewise_engine.errors import FieldViolation
from likewise_engine.rules.folding import folded
from likewise_engine.text import NO_PAYEES, normalise
from likewise_engine.transaction import Transaction, violations_of_label, violations_of_string


class RuleField(StrEnum):
    """What of a transaction a condition looks at. The names are stored: none is ever changed."""

    TEXT = "text"
    PAYEE = "payee"
    DESCRIPTION = "description"
    ACCOUNT = "account"
    DIRECTION = "direction"
    AMOUNT = "amount"
    CURRENCY = "currency"
    DAY_OF_MONTH = "day_of_month"
    WEEKDAY = "weekday"
    FURTHER = "further"


class Operator(StrEnum):
    """How a condition compares. The names are stored: none is ever changed."""

    EQUALS = "equals"
    CONTAINS = "contains"
    MATCHES = "matches"
    WITHIN = "within"


WORDINGS: Final = frozenset(
    {RuleField.TEXT, RuleField.PAYEE, RuleField.DESCRIPTION, RuleField.ACCOUNT, RuleField.FURTHER}
)
"""Fields of free wording; of the others only certain values can be."""
DIRECTIONS: Final = ("in", "out")
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
"""By :meth:`datetime.date.weekday`."""
_FAULT_CHARS_MAX: Final = 120
"""Of what RE2 says, for it repeats much of a pattern."""
_CHOICES: Final[Mapping[RuleField, Sequence[str]]] = {
    RuleField.DIRECTION: DIRECTIONS,
    RuleField.WEEKDAY: WEEKDAYS,
    RuleField.DAY_OF_MONTH: tuple(map(str, range(1, 32))),
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that has to be so.

    Attributes:
        field: what it looks at.
        operator: how it compares.
        values: what with: one suffices. None for WITHIN.
        field_name: of a further field; "" for any other.
        min_amount: for WITHIN the least amount, signed as money flows: what went out is negative, whatever
            sign was sent. None for no bound.
        max_amount: likewise the largest.
        currency: for WITHIN, that of the amounts; "" for any.
    """

    field: RuleField
    operator: Operator
    values: tuple[str, ...] = ()
    field_name: str = ""
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    currency: str = ""

    def violations(self) -> Iterator[FieldViolation]:
        """Yield what is wrong, field by field, named as in the contract."""
        if self.field is RuleField.FURTHER:
            if not self.field_name.strip():
                yield FieldViolation("field_name", "is required for a further field")
            yield from violations_of_string("field_name", self.field_name, limits.FIELD_NAME_CHARS_MAX)
        elif self.field_name:
            yield FieldViolation("field_name", "is for further fields alone")
        if self.operator is Operator.WITHIN:
            yield from self._violations_of_bounds()
        elif self.field is RuleField.AMOUNT:
            yield FieldViolation("operator", "is not for amounts: give WITHIN")
        elif self.operator is not Operator.EQUALS and self.field not in WORDINGS:
            yield FieldViolation("operator", f"is for wordings, not for {self.field}: give EQUALS")
        else:
            yield from self._violations_of_values()

    def _violations_of_values(self) -> Iterator[FieldViolation]:
        if self.min_amount is not None or self.max_amount is not None:
            yield FieldViolation("min_amount", "and max_amount are for WITHIN alone")
        if not 1 <= len(self.values) <= limits.RULE_VALUES_MAX:
            message = f"has {len(self.values)} values; 1 to {limits.RULE_VALUES_MAX} are allowed"
            yield FieldViolation("values", message)
            return
        for position, value in enumerate(self.values):
            name = f"values[{position}]"
            if not value.strip():
                yield FieldViolation(name, "is empty: it would hold of everything, or of nothing")
            yield from violations_of_string(name, value, limits.RULE_VALUE_CHARS_MAX)
            choices = _CHOICES.get(self.field)
            if choices is not None and value not in choices:
                yield FieldViolation(name, f"is {value[:32]!r}: it must be one of {', '.join(choices)}")
            if self.field in WORDINGS and (wrong := self._wrong_value(value)):
                yield FieldViolation(name, wrong)

    def _wrong_value(self, value: str) -> str:
        if self.operator is Operator.MATCHES:
            return wrong_pattern(value)
        if comparable_value(self.field, value) not in NO_PAYEES:
            return ""
        if self.field is RuleField.TEXT:
            return "is of nothing that a text keeps: numbers are left out of it, look in payee or description"
        return "is of nothing that can be compared"

    def _violations_of_bounds(self) -> Iterator[FieldViolation]:
        if self.field is not RuleField.AMOUNT:
            yield FieldViolation("operator", "WITHIN is for amounts alone")
            return
        if self.values:
            yield FieldViolation("values", "are not for WITHIN: give min_amount, max_amount or both")
        if self.min_amount is None and self.max_amount is None:
            yield FieldViolation("min_amount", "is missing and so is max_amount: give at least one")
        found = False
        for name, amount in (("min_amount", self.min_amount), ("max_amount", self.max_amount)):
            # What no transaction can have bounds none either.
            for violation in Transaction(payee="-", amount=amount, currency=self.currency).violations():
                found = True
                yield FieldViolation(name, violation.message)
        if not found and None not in (self.min_amount, self.max_amount) and self.min_amount > self.max_amount:  # type: ignore[operator]
            yield FieldViolation("max_amount", "is less than min_amount")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a bookkeeper has laid down.

    Attributes:
        id: unique among the tenant's rules.
        conditions: all have to hold.
        labels: category id by dimension.
        name: for people.
        priority: rules of a higher one are tried first, and of equals the older.
        active: whether it is applied.
    """

    id: str
    conditions: tuple[Condition, ...]
    labels: Mapping[str, str]
    name: str = ""
    priority: int = 0
    active: bool = True

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name or self.id

    def violations(self) -> Iterator[FieldViolation]:
        """Yield what is wrong whatever the tenant, field by field, named as in the contract."""
        yield from violations_of_string("id", self.id, limits.RULE_ID_CHARS_MAX)
        yield from violations_of_string("name", self.name, limits.RULE_NAME_CHARS_MAX)
        if abs(self.priority) > limits.RULE_PRIORITY_MAX:
            bounds = f"-{limits.RULE_PRIORITY_MAX:,} to {limits.RULE_PRIORITY_MAX:,}"
            yield FieldViolation("priority", f"is {self.priority}: it must be within {bounds}")
        if not 1 <= len(self.conditions) <= limits.RULE_CONDITIONS_MAX:
            message = f"has {len(self.conditions)} conditions; 1 to {limits.RULE_CONDITIONS_MAX} are allowed"
            yield FieldViolation("conditions", message)
        for position, condition in enumerate(self.conditions[: limits.RULE_CONDITIONS_MAX]):
            yield from (v.beneath(f"conditions[{position}]") for v in condition.violations())
        if not 1 <= len(self.labels) <= limits.DIMENSIONS_MAX:
            message = f"has {len(self.labels)} dimensions; 1 to {limits.DIMENSIONS_MAX} are allowed"
            yield FieldViolation("labels", message)
            return
        for dimension, category in self.labels.items():
            shown = dimension[: limits.DIMENSION_CHARS_MAX]
            yield from violations_of_label(f"labels[{shown!r}]", dimension, category)


@dataclass(frozen=True, slots=True)
class RuleUpdate:
    """What is to change of a rule; what is None stays.

    Attributes:
        id: of the rule.
    """

    id: str
    name: str | None = None
    priority: int | None = None
    active: bool | None = None
    conditions: tuple[Condition, ...] | None = None
    labels: Mapping[str, str] | None = None


def comparable_value(field: RuleField, value: str) -> str:
    """A value as EQUALS and CONTAINS compare it: for the text normalised as that is, for all else folded."""
    return normalise(value) if field is RuleField.TEXT else folded(value)


def pattern_options(bytes_max: int) -> re2.Options:
    """How patterns are read. Capitals make no difference unless a pattern says so itself.

    Args:
        bytes_max: of the automaton that they are compiled to, with the states that its searches keep.
    """
    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = bytes_max
    return options


def wrong_pattern(pattern: str) -> str:
    """What is wrong with a regular expression; "" where nothing is."""
    # By itself, and not by re2.compile, which would keep it in a cache of the process.
    alone = re2.Set.SearchSet(pattern_options(limits.RULE_PATTERN_BYTES_MAX))
    try:
        alone.Add(pattern)
    except re2.error:
        return (
            "is no regular expression of RE2's, which has no look-arounds and no back-references:"
            f" {_fault(pattern)}"
        )
    try:
        alone.Compile()
    except re2.error:
        return "is too large once it is compiled: repeat less"
    return ""


def _fault(pattern: str) -> str:
    """What RE2 says of a pattern that it does not take."""
    try:
        re2.compile(
            pattern, pattern_options(limits.RULE_PATTERN_BYTES_MAX)
        )  # Keeps what it takes, and no other.
    except re2.error as error:
        said = error.args[0]
        told = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        return f"{told[:_FAULT_CHARS_MAX]}"
    return "its sets refuse it"
