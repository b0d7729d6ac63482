"""Messages of the contract from plain Python values, and back: dates, exact amounts, labels.

Amounts are exact both ways: a Decimal becomes a google.type.Money and the same Decimal again. A float is
refused, because 0.1 is not ten cents.
"""

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from google.type.date_pb2 import Date
from google.type.money_pb2 import Money

from likewise.v1.classifier_service_pb2 import Classification
from likewise.v1.rule_service_pb2 import RuleCondition, RuleField, RuleOperator
from likewise.v1.tenant_service_pb2 import EntrySelection
from likewise.v1.transaction_pb2 import (
    AUTHORITY_PERSON,
    DIRECTION_UNSPECIFIED,
    Authority,
    Direction,
    LabelledTransaction,
    Transaction,
)

CATEGORY_DIMENSION: Final = "category"
"""The dimension that is meant where none is named."""

_NANOS_PER_UNIT: Final = 10**9
_NANOS_DIGITS: Final = 9
_UNITS_DIGITS_MAX: Final = 18
"""All that have no more digits fit the int64 of Money.units."""


def transaction(
    *,
    id: str = "",  # noqa: A002 - the field's name in the contract
    date: datetime.date | None = None,
    amount: Decimal | int | str | None = None,
    currency: str = "",
    payee: str = "",
    description: str = "",
    account: str = "",
    direction: Direction.ValueType = DIRECTION_UNSPECIFIED,
    fields: Mapping[str, str] | None = None,
) -> Transaction:
    """A transaction from plain values; see the message's comments in the contract for their limits.

    Args:
        id: the caller's id, unique within the tenant; needed to learn or import it.
        date: booking date, None where unknown. Not a datetime, whose date depends on the time zone.
        amount: as booked, signed or not; None where unknown. A str has a decimal point and no thousands
            separators.
        currency: ISO 4217 code such as EUR, or empty.
        payee: the other party, as the bank or the invoice words it.
        description: whatever else is worded about it.
        account: the tenant's own account that it was booked on.
        direction: which way the money went. Where it is given the amount is taken to have its sign, whatever
            sign was sent; where it is not, the amount's own sign tells.
        fields: further fields by name.

    Raises:
        TypeError: the amount is a float or a bool, or the date is not a plain date.
        ValueError: the amount is not a finite number that fits google.type.Money, a currency is given
            without an amount (there is no place for it), or a text is not Unicode.
    """
    if amount is None and currency:
        raise ValueError("a currency without an amount says nothing")
    return Transaction(
        id=id,
        date=None if date is None else date_message(date),
        amount=None if amount is None else money_message(amount, currency),
        payee=payee,
        description=description,
        account=account,
        direction=direction,
        fields=fields,
    )


def labelled(
    transaction: Transaction,
    category: str | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    authority: Authority.ValueType = AUTHORITY_PERSON,
    predicted: Mapping[str, str] | None = None,
    prediction_id: str = "",
) -> LabelledTransaction:
    """A transaction with its labels, to be learned.

    Args:
        transaction: the transaction; its id is needed.
        category: category id in the dimension "category".
        labels: category ids by dimension, for any others.
        authority: who labelled it; a machine's label never replaces a person's.
        predicted: what Classify proposed before, as :func:`predictions` gives it.
        prediction_id: of the answer that Classify gave about it.

    Raises:
        ValueError: there is no label at all, or two for the dimension "category".
    """
    all_labels = dict(labels or {})
    if category is not None and all_labels.setdefault(CATEGORY_DIMENSION, category) != category:
        raise ValueError(f"two categories are given: {category!r} and {all_labels[CATEGORY_DIMENSION]!r}")
    if not all_labels:
        raise ValueError("give a category, or labels by dimension")
    return LabelledTransaction(
        transaction=transaction,
        labels=all_labels,
        authority=authority,
        predicted=predicted,
        prediction_id=prediction_id,
    )


def selection(
    *,
    transaction_ids: Iterable[str] = (),
    payee_contains: str = "",
    description_contains: str = "",
    min_amount: Decimal | int | str | None = None,
    max_amount: Decimal | int | str | None = None,
    currency: str = "",
    min_date: datetime.date | None = None,
    max_date: datetime.date | None = None,
) -> EntrySelection:
    """The entries for which all that is given holds, to be split off from their category.

    Args:
        transaction_ids: the transaction is one of these.
        payee_contains: in capitals or small letters.
        description_contains: likewise.
        min_amount: of the amount, signed as booked.
        max_amount: likewise.
        currency: of the amount; needs one of its bounds.
        min_date: of the date.
        max_date: likewise.

    Raises:
        TypeError: transaction_ids is a str, an amount a float or a bool, or a date not a plain date.
        ValueError: an amount does not fit google.type.Money, or a currency is given without one.
    """
    if isinstance(transaction_ids, str):
        raise TypeError("transaction_ids must be an iterable of ids, not one id")
    if currency and min_amount is None and max_amount is None:
        raise ValueError("a currency without an amount says nothing")
    return EntrySelection(
        transaction_ids=transaction_ids,
        payee_contains=payee_contains,
        description_contains=description_contains,
        min_amount=None if min_amount is None else money_message(min_amount, currency),
        max_amount=None if max_amount is None else money_message(max_amount, currency),
        min_date=None if min_date is None else date_message(min_date),
        max_date=None if max_date is None else date_message(max_date),
    )


def condition(
    field: str,
    operator: str,
    *values: str,
    field_name: str = "",
    min_amount: Decimal | int | str | None = None,
    max_amount: Decimal | int | str | None = None,
    currency: str = "",
) -> RuleCondition:
    """A condition of a rule: ``condition("payee", "contains", "tesco")``.

    Args:
        field: text, payee, description, account, direction, amount, currency, day_of_month, weekday, further.
        operator: equals, contains, matches or within.
        values: what it is compared with: one suffices. None for within.
        field_name: of a further field.
        min_amount: for within: the least amount; what went out is negative.
        max_amount: for within: the largest amount.
        currency: of these amounts.

    Raises:
        TypeError: an amount is a float or a bool.
        ValueError: there is no such field or operator, or an amount does not fit google.type.Money.
    """
    return RuleCondition(
        field=RuleField.Value(f"RULE_FIELD_{field.upper()}"),
        operator=RuleOperator.Value(f"RULE_OPERATOR_{operator.upper()}"),
        values=values,
        field_name=field_name,
        min_amount=None if min_amount is None else money_message(min_amount, currency),
        max_amount=None if max_amount is None else money_message(max_amount, currency),
    )


def predictions(classification: Classification) -> dict[str, str]:
    """The first candidate of every dimension that has one: category id by dimension."""
    return {a.dimension: a.candidates[0].category for a in classification.answers if a.candidates}


def date_message(date: datetime.date) -> Date:
    """The google.type.Date of a date.

    Raises:
        TypeError: it is a datetime (whose date depends on the time zone), or no date at all.
    """
    if isinstance(date, datetime.datetime) or not isinstance(date, datetime.date):
        raise TypeError(f"a date must be a datetime.date, not {type(date).__name__}")
    return Date(year=date.year, month=date.month, day=date.day)


def date_value(message: Date) -> datetime.date | None:
    """The date of a google.type.Date; None for an empty one. Year and month alone are the first of the month.

    Raises:
        ValueError: there is no such day, or it has no year or month.
    """
    if not (message.year or message.month or message.day):
        return None
    return datetime.date(message.year, message.month, message.day or 1)


def money_message(amount: Decimal | int | str, currency: str = "") -> Money:
    """The google.type.Money of an amount, exactly: units and nanos, both with the amount's sign.

    Args:
        amount: a finite number of at most 18 digits before and 9 behind the decimal point.
        currency: ISO 4217 code such as EUR, or empty.

    Raises:
        TypeError: the amount is a float, a bool or no number.
        ValueError: the amount does not fit, or is not a number.
    """
    sign, nanos = _sign_and_nanos(_decimal(amount))
    units, nanos = divmod(nanos, _NANOS_PER_UNIT)
    return Money(currency_code=currency, units=sign * units, nanos=sign * nanos)


def money_value(message: Money) -> Decimal:
    """The amount of a google.type.Money, exactly, without trailing zeros.

    Raises:
        ValueError: the message breaks the rules of Money: nanos beyond 999,999,999 or of the other sign.
    """
    units, nanos = message.units, message.nanos
    if abs(nanos) >= _NANOS_PER_UNIT or units * nanos < 0:
        raise ValueError(f"units {units} and nanos {nanos} make no google.type.Money")
    sign = "-" if units < 0 or nanos < 0 else ""
    # From digits, since Decimal arithmetic rounds to whatever context the caller has set.
    return Decimal(f"{sign}{abs(units)}.{abs(nanos):09d}".rstrip("0").rstrip("."))


def _decimal(amount: Decimal | int | str) -> Decimal:
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str):
        kind = type(amount).__name__
        raise TypeError(f"an amount must be a Decimal, an int or a str, not a {kind}: money is exact")
    try:
        return Decimal(amount)
    except InvalidOperation as error:
        raise ValueError(f"{amount!r} is not an amount such as '-1234.50'") from error


def _sign_and_nanos(amount: Decimal) -> tuple[int, int]:
    """Sign (1 or -1) and absolute value in nanos."""
    sign, digits, exponent = amount.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{amount} is not a finite amount")
    significant = "".join(map(str, digits)).lstrip("0")
    # Before any power of ten is taken: 1E+999999999 is a short text and a long number.
    if len(significant) + exponent > _UNITS_DIGITS_MAX and significant:
        raise ValueError(f"{amount} has more than {_UNITS_DIGITS_MAX} digits before the decimal point")
    kept = significant.rstrip("0")
    shift = exponent + len(significant) - len(kept) + _NANOS_DIGITS
    if kept and shift < 0:
        raise ValueError(f"{amount} has more than {_NANOS_DIGITS} decimals")
    return (-1 if sign else 1), (int(kept) * 10**shift if kept else 0)
