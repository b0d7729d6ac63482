"""Transactions and labels: every field has its bounds, and all that is wrong is said at once."""

import decimal
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine import limits
from likewise_engine.errors import InvalidInput
from likewise_engine.transaction import LabelledTransaction, Transaction, decimal_of

GOOD: Mapping[str, Any] = {"id": "t1", "payee": "Corner Bakery"}


def violations(**fields: Any) -> list[tuple[str, str]]:
    transaction = Transaction(**{**GOOD, **fields})
    return [(v.field, v.message) for v in transaction.violations(id_required=True)]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"id": "x" * limits.TRANSACTION_ID_CHARS_MAX},
        {"payee": "p" * limits.PAYEE_CHARS_MAX, "description": "d" * limits.DESCRIPTION_CHARS_MAX},
        {"payee": "", "description": "only that"},
        {"payee": "日本語\n\t🍞‮", "account": "a" * limits.ACCOUNT_CHARS_MAX},
        {"currency": "EUR"},
        {"date": date(limits.YEAR_MIN, 1, 1)},
        {"date": date(limits.YEAR_MAX, 12, 31)},
        {"amount": Decimal(limits.AMOUNT_UNITS_MAX)},
        {"amount": Decimal("-123456.123456789")},
        {"amount": Decimal("1.2300000000000000000000000000000000000000")},
        {"amount": Decimal("0E-40")},
        {"amount": Decimal("1E12")},
        {"amount": Decimal("-0.000000001")},
        {
            "fields": {
                f"n{position}": "v" * limits.FIELD_VALUE_CHARS_MAX for position in range(limits.FIELDS_MAX)
            }
        },
        {"fields": {"n" * limits.FIELD_NAME_CHARS_MAX: ""}},
    ],
)
def test_what_is_within_bounds_is_taken(fields: dict[str, Any]) -> None:
    assert violations(**fields) == []


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"id": ""}, "id", "is required"),
        ({"id": "x" * 129}, "id", "has 129 characters; at most 128"),
        ({"payee": " ", "description": "\n"}, "payee", "is empty and so is the description"),
        ({"payee": "p" * 513}, "payee", "at most 512"),
        ({"payee": "a\x00b"}, "payee", "NUL"),
        ({"description": "\ud800"}, "description", "lone surrogate"),
        ({"description": "d" * 2_049}, "description", "at most 2048"),
        ({"account": "a" * 129}, "account", "at most 128"),
        ({"currency": "eur"}, "currency", "ISO 4217"),
        ({"currency": "EURO"}, "currency", "ISO 4217"),
        ({"currency": "A1-"}, "currency", "ISO 4217"),
        ({"currency": "ÄÖÜ"}, "currency", "ISO 4217"),
        ({"currency": "EUR\n"}, "currency", "ISO 4217"),
        ({"date": date(1899, 12, 31)}, "date", "outside 1900 to 2200"),
        ({"date": date(2201, 1, 1)}, "date", "outside 1900 to 2200"),
        ({"amount": Decimal("NaN")}, "amount", "finite"),
        ({"amount": Decimal("sNaN")}, "amount", "finite"),
        ({"amount": Decimal("-Infinity")}, "amount", "finite"),
        ({"amount": Decimal("1000000000000.01")}, "amount", "beyond 1,000,000,000,000 units"),
        ({"amount": Decimal("1E+999999")}, "amount", "beyond"),
        ({"amount": Decimal("1234567.123456789")}, "amount", "15 significant digits"),
        ({"amount": Decimal("0.1234567891")}, "amount", "9 decimals"),
        ({"amount": Decimal("1E-999999999")}, "amount", "9 decimals"),
        ({"amount": Decimal("1." + "0" * 40 + "1")}, "amount", "9 decimals"),
        ({"fields": {str(position): "" for position in range(33)}}, "fields", "33 entries"),
        ({"fields": {" ": "v"}}, "fields", "without a name"),
        ({"fields": {"n" * 65: "v"}}, "fields", "at most 64"),
        ({"fields": {"n": "v" * 1_025}}, "fields['n']", "at most 1024"),
    ],
)
def test_what_is_out_of_bounds_is_named(fields: dict[str, Any], field: str, message: str) -> None:
    found = violations(**fields)
    assert found
    assert found[0][0] == field
    assert message in found[0][1]


def test_all_that_is_wrong_is_said_at_once() -> None:
    fields = [field for field, _ in violations(id="", currency="x", amount=Decimal("inf"), fields={"": ""})]
    assert fields == ["id", "currency", "amount", "fields"]
    with pytest.raises(InvalidInput, match=r"payee: .*empty"):
        Transaction().check()


def test_an_id_is_needed_to_learn_and_not_to_ask() -> None:
    Transaction(payee="x").check()
    with pytest.raises(InvalidInput, match="id: is required"):
        Transaction(payee="x").check(id_required=True)


@pytest.mark.parametrize(
    ("labels", "predicted", "field", "message"),
    [
        ({}, {}, "labels", "at least one"),
        ({"category": " "}, {}, "labels['category']", "leave the dimension out"),
        ({" ": "x"}, {}, "labels[' ']", "empty dimension"),
        ({"d" * 65: "x"}, {}, f"labels['{'d' * 64}']", "at most 64"),
        ({"d" * 1_000_000: "x"}, {}, f"labels['{'d' * 64}']", "at most 64"),
        ({"category": "c" * 129}, {}, "labels['category']", "at most 128"),
        ({f"d{position}": "x" for position in range(17)}, {}, "labels", "more than 16 dimensions"),
        ({"category": "x"}, {"category": "\x00"}, "predicted['category']", "NUL"),
        ({"category": "x"}, {f"d{position}": "x" for position in range(17)}, "predicted", "more than 16"),
    ],
)
def test_labels_have_bounds_too(
    labels: dict[str, str], predicted: dict[str, str], field: str, message: str
) -> None:
    item = LabelledTransaction(Transaction(**GOOD), labels, predicted=predicted)
    found = [(v.field, v.message) for v in item.violations()]
    assert found[0][0] == field
    assert message in found[0][1]


def test_violations_of_the_transaction_are_named_beneath_it() -> None:
    item = LabelledTransaction(Transaction(payee="x"), {"category": "food"})
    assert [violation.field for violation in item.violations()] == ["transaction.id"]


@given(st.integers(-(10**15) + 1, 10**15 - 1), st.integers(0, limits.AMOUNT_DECIMALS_MAX))
def test_floats_stand_for_decimals_of_fifteen_digits(digits: int, decimals: int) -> None:
    amount = Decimal(digits).scaleb(-decimals)
    assert decimal_of(float(amount)) == amount


def test_bounds_do_not_depend_on_the_decimal_context() -> None:
    with decimal.localcontext() as context:
        context.prec = 3
        assert violations(amount=Decimal("123456.78")) == []
        assert violations(amount=Decimal("0.12345678901"))
