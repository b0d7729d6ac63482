"""A transaction and what somebody said about it: plain, frozen, validated values.

Validation collects every violation of a value before it raises, so that whoever sends a row learns all
that is wrong with it at once. Nothing here touches the text's wording; that is :mod:`likewise_engine.text`.
"""

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum
from itertools import starmap
from math import copysign
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.errors import FieldViolation, InvalidInput

CATEGORY_DIMENSION: Final = "category"
"""The dimension that is meant where none is named."""

_FLOWS: Final = np.array([0.0, 1.0, -1.0])
"""By direction."""
_CHARS_MAX: Final = (
    ("id", limits.TRANSACTION_ID_CHARS_MAX),
    ("payee", limits.PAYEE_CHARS_MAX),
    ("description", limits.DESCRIPTION_CHARS_MAX),
    ("account", limits.ACCOUNT_CHARS_MAX),
)
_PLAIN_AMOUNT_CHARS_MAX: Final = min(
    limits.AMOUNT_DECIMALS_MAX + 1, limits.AMOUNT_DIGITS_MAX, len(str(limits.AMOUNT_UNITS_MAX)) - 1
)
"""With the point, and so fewer decimals than may be."""
_NO_VIOLATIONS: Final[Iterator[FieldViolation]] = iter(())
_CURRENCY: Final = re.compile("[A-Z]{3}")
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


def _nothing() -> Mapping[str, str]:
    # A factory, because dataclasses take an unhashable default (a proxy before Python 3.12) for mutable.
    return _NOTHING


class Direction(IntEnum):
    """Which way the money went, seen from the tenant. Values are stored: never renumber."""

    UNKNOWN = 0
    IN = 1
    OUT = 2


class Authority(IntEnum):
    """Who gave a label. A label is never replaced by one of lesser authority. Values are stored."""

    MACHINE = 1
    PERSON = 2


@dataclass(frozen=True, slots=True)
class Transaction:
    """A bookkeeping transaction, as the caller's application knows it.

    Attributes:
        id: the caller's id, unique within the tenant; empty for one that is only asked about.
        date: booking date, where known.
        amount: as booked, kept and shown with the sign it came with; at most 15 significant digits and 9
            decimals; None where unknown.
        currency: ISO 4217 code in capitals, or empty.
        payee: the other party as the bank or the invoice words it.
        description: whatever else is worded about it.
        account: the tenant's own account (bank account, card) it was booked on.
        direction: which way the money went. Where it is known, the amount's own sign tells nothing.
        fields: further fields by name.
    """

    id: str = ""
    date: datetime.date | None = None
    amount: Decimal | None = None
    currency: str = ""
    payee: str = ""
    description: str = ""
    account: str = ""
    direction: Direction = Direction.UNKNOWN
    fields: Mapping[str, str] = field(default_factory=_nothing)

    def check(self, *, id_required: bool = False) -> None:
        """Raise InvalidInput naming every field that is out of bounds."""
        violations = list(self.violations(id_required=id_required))
        if violations:
            raise InvalidInput(violations)

    def violations(self, *, id_required: bool = False) -> Iterator[FieldViolation]:
        """What is wrong with this transaction, field by field; nothing if all is well."""
        if self._is_plain() and (self.id or not id_required):
            return _NO_VIOLATIONS
        return self._violations(id_required=id_required)

    def _is_plain(self) -> bool:
        """Whether all fields are within all bounds, told by a quick look that suffices for nearly all."""
        payee, description = self.payee, self.description
        return (
            (payee[:1] > " " or description[:1] > " ")
            and len(self.id) <= limits.TRANSACTION_ID_CHARS_MAX
            and len(payee) <= limits.PAYEE_CHARS_MAX
            and len(description) <= limits.DESCRIPTION_CHARS_MAX
            and len(self.account) <= limits.ACCOUNT_CHARS_MAX
            and f"{self.id}{payee}{description}{self.account}".isprintable()
            and (not self.currency or _CURRENCY.fullmatch(self.currency) is not None)
            and (self.date is None or limits.YEAR_MIN <= self.date.year <= limits.YEAR_MAX)
            and (self.amount is None or _is_plain_amount(self.amount))
            and not self.fields
        )

    def _violations(self, *, id_required: bool) -> Iterator[FieldViolation]:
        if id_required and not self.id:
            yield FieldViolation("id", "is required: labels are kept by transaction id")
        if not (self.payee.strip() or self.description.strip()):
            yield FieldViolation("payee", "is empty and so is the description: give at least one of them")
        for name, chars_max in _CHARS_MAX:
            value: str = getattr(self, name)
            yield from violations_of_string(name, value, chars_max)
        if self.currency and not _CURRENCY.fullmatch(self.currency):
            yield FieldViolation("currency", "is not an ISO 4217 code such as EUR")
        if self.date is not None and not limits.YEAR_MIN <= self.date.year <= limits.YEAR_MAX:
            yield FieldViolation("date", f"has a year outside {limits.YEAR_MIN} to {limits.YEAR_MAX}")
        if self.amount is not None:
            yield from _violations_of_amount(self.amount)
        if self.fields:
            yield from _violations_of_fields(self.fields)


@dataclass(frozen=True, slots=True)
class LabelledTransaction:
    """A transaction with the labels that somebody gave it.

    Attributes:
        transaction: the transaction; its id is required.
        labels: category id by dimension; at least one.
        authority: who labelled it.
        predicted: category id by dimension that was proposed before, where the caller knows: a label that
            differs is kept as a correction.
        prediction_id: names what was answered about it, where the caller knows.
    """

    transaction: Transaction
    labels: Mapping[str, str]
    authority: Authority = Authority.PERSON
    predicted: Mapping[str, str] = field(default_factory=_nothing)
    prediction_id: str = ""

    def violations(self) -> Iterator[FieldViolation]:
        """What is wrong, field by field; fields of the transaction as ``transaction.amount``."""
        of_transaction = self.transaction.violations(id_required=True)
        if (
            of_transaction is _NO_VIOLATIONS
            and len(self.labels) == 1
            and not self.predicted
            and len(self.prediction_id) <= limits.PREDICTION_ID_CHARS_MAX
            and self.prediction_id.isprintable()
            and all(starmap(_is_plain_label, self.labels.items()))
        ):
            return _NO_VIOLATIONS
        return self._violations(of_transaction)

    def _violations(self, of_transaction: Iterator[FieldViolation]) -> Iterator[FieldViolation]:
        for violation in of_transaction:
            yield violation.beneath("transaction")
        if not self.labels:
            yield FieldViolation("labels", "is empty: give at least one category")
        for name, labels in (("labels", self.labels), ("predicted", self.predicted)):
            if len(labels) > limits.DIMENSIONS_MAX:
                yield FieldViolation(name, f"has more than {limits.DIMENSIONS_MAX} dimensions")
                continue
            for dimension, category in labels.items():
                shown = dimension[: limits.DIMENSION_CHARS_MAX]
                yield from violations_of_label(f"{name}[{shown!r}]", dimension, category)
        yield from violations_of_string("prediction_id", self.prediction_id, limits.PREDICTION_ID_CHARS_MAX)


def flows_of(amounts: NDArray[np.float64], directions: NDArray[np.int8]) -> NDArray[np.float64]:
    """Which way the money went: 1 where it came in, -1 where it went out, 0 where nothing tells.

    By direction, so that applications whose amounts have no sign are understood; where that is not known, by
    the sign of the amount. ``copysign`` of the amounts and their flows is what all evidence goes by.

    Args:
        amounts: float64 ``(n,)``, NaN where there is none.
        directions: int8 ``(n,)``, Direction.

    Returns:
        float64 ``(n,)``.
    """
    by_sign = np.where(np.isnan(amounts), 0.0, np.copysign(1.0, amounts))
    return np.where(directions == Direction.UNKNOWN, by_sign, _FLOWS[directions])


def flow_of(transaction: Transaction) -> float:
    """Which way the money of one transaction went, as :func:`flows_of` says it of many."""
    if transaction.direction is Direction.UNKNOWN:
        return 0.0 if transaction.amount is None else copysign(1.0, transaction.amount)
    return float(_FLOWS[transaction.direction])


def violations_of_string(name: str, value: str, chars_max: int) -> Iterator[FieldViolation]:
    """Yield what is wrong with one string: too long, or holding NUL or lone surrogates."""
    if len(value) > chars_max:
        yield FieldViolation(name, f"has {len(value)} characters; at most {chars_max} are allowed")
    elif not value.isprintable() and ("\x00" in value or any("\ud800" <= c <= "\udfff" for c in value)):
        yield FieldViolation(name, "holds a NUL or a lone surrogate: it is not valid text")


def violations_of_label(name: str, dimension: str, category: str) -> Iterator[FieldViolation]:
    """Yield what is wrong with the name of a dimension and the id of a category in it."""
    if not dimension.strip():
        yield FieldViolation(name, "names an empty dimension")
    if not category.strip():
        yield FieldViolation(name, "is empty: leave the dimension out where there is no label")
    yield from violations_of_string(name, dimension, limits.DIMENSION_CHARS_MAX)
    yield from violations_of_string(name, category, limits.CATEGORY_ID_CHARS_MAX)


def _is_plain_label(dimension: str, category: str) -> bool:
    """Whether the name of a dimension and the id of a category are within all bounds, as nearly all are."""
    return (
        len(dimension) <= limits.DIMENSION_CHARS_MAX
        and len(category) <= limits.CATEGORY_ID_CHARS_MAX
        and dimension.isprintable()
        and category.isprintable()
        and not (dimension.isspace() or category.isspace())
        and dimension != ""
        and category != ""
    )


def _is_plain_amount(amount: Decimal) -> bool:
    """Whether an amount is finite and so short that it is within all bounds, as nearly all are."""
    digits = str(amount)
    return len(digits) <= _PLAIN_AMOUNT_CHARS_MAX and "E" not in digits and amount.is_finite()


def _violations_of_amount(amount: Decimal) -> Iterator[FieldViolation]:
    if not amount.is_finite():
        yield FieldViolation("amount", f"is {amount}: it must be a finite number")
        return
    if amount.copy_abs() > limits.AMOUNT_UNITS_MAX:
        yield FieldViolation("amount", f"is beyond {limits.AMOUNT_UNITS_MAX:,} units")
        return
    # By its digits: arithmetic, Decimal.normalize too, would first round to the context's 28.
    _, digits, exponent = amount.as_tuple()
    significant = bytes(digits).rstrip(b"\0")
    decimals = -int(exponent) - (len(digits) - len(significant))
    if significant and decimals > limits.AMOUNT_DECIMALS_MAX:
        yield FieldViolation("amount", f"has more than {limits.AMOUNT_DECIMALS_MAX} decimals")
    if len(significant) > limits.AMOUNT_DIGITS_MAX:
        yield FieldViolation("amount", f"has more than {limits.AMOUNT_DIGITS_MAX} significant digits")


def _violations_of_fields(fields: Mapping[str, str]) -> Iterator[FieldViolation]:
    if len(fields) > limits.FIELDS_MAX:
        yield FieldViolation("fields", f"has {len(fields)} entries; at most {limits.FIELDS_MAX} are allowed")
        return
    for name, value in fields.items():
        if not name.strip():
            yield FieldViolation("fields", "has an entry without a name")
        yield from violations_of_string("fields", name, limits.FIELD_NAME_CHARS_MAX)
        yield from violations_of_string(f"fields[{name[:32]!r}]", value, limits.FIELD_VALUE_CHARS_MAX)


def decimal_of(amount: float) -> Decimal:
    """The decimal of at most AMOUNT_DIGITS_MAX digits that a float64 stands for."""
    # The shortest repr that reads back as this float64 is that decimal.
    return Decimal(repr(amount).removesuffix(".0"))
