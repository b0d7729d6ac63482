"""Messages from plain Python values and back: exact amounts, dates, labels."""

import datetime
from decimal import Decimal, localcontext

import pytest
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from hypothesis import example, given
from hypothesis import strategies as st

import likewise
from likewise.v1.transaction_pb2 import LabelledTransaction, Transaction

AMOUNTS = [
    # amount, units, nanos
    ("0", 0, 0),
    ("-0.00", 0, 0),
    ("1", 1, 0),
    ("-1", -1, 0),
    ("12.50", 12, 500_000_000),
    ("-12.50", -12, -500_000_000),
    ("-0.05", 0, -50_000_000),
    ("0.000000001", 0, 1),
    ("-0.999999999", 0, -999_999_999),
    ("1.5000000000000", 1, 500_000_000),
    ("1E+3", 1000, 0),
    ("1e-9", 0, 1),
    ("0E-30", 0, 0),
    ("0E+999999", 0, 0),
    ("999999999999999999.999999999", 999_999_999_999_999_999, 999_999_999),
]


@pytest.mark.parametrize(("amount", "units", "nanos"), AMOUNTS)
def test_an_amount_is_money_with_one_sign(amount: str, units: int, nanos: int) -> None:
    for same in (amount, Decimal(amount)):
        assert likewise.money_message(same, "EUR") == Money(currency_code="EUR", units=units, nanos=nanos)
    assert likewise.money_value(Money(units=units, nanos=nanos)) == Decimal(amount)


@given(st.decimals(min_value=-(10**18) + 1, max_value=10**18 - 1, places=9))
@example(Decimal(-100))
def test_amounts_are_exact_there_and_back_in_any_decimal_context(amount: Decimal) -> None:
    with localcontext(prec=2):
        assert likewise.money_value(likewise.money_message(amount)).compare(amount) == 0


def test_an_int_is_an_amount() -> None:
    assert likewise.money_message(-950) == Money(units=-950)


@pytest.mark.parametrize("amount", [1.5, 1.0, float("nan"), True, None, b"1"])
def test_what_is_not_exact_is_no_amount(amount: object) -> None:
    with pytest.raises(TypeError, match="money is exact"):
        likewise.money_message(amount)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        ("", "is not an amount"),
        ("1,50", "is not an amount"),
        ("£3", "is not an amount"),
        ("NaN", "not a finite"),
        ("-Infinity", "not a finite"),
        ("sNaN", "not a finite"),
        ("0.0000000001", "more than 9 decimals"),
        ("1E-999999999", "more than 9 decimals"),
        ("1E+18", "more than 18 digits"),
        ("1E+999999999", "more than 18 digits"),
    ],
)
def test_what_does_not_fit_money_is_refused(amount: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        likewise.money_message(amount)


@pytest.mark.parametrize(("units", "nanos"), [(1, -1), (-1, 1), (0, 1_000_000_000), (0, -1_000_000_000)])
def test_money_that_breaks_its_rules_has_no_value(units: int, nanos: int) -> None:
    with pytest.raises(ValueError, match=r"no google\.type\.Money"):
        likewise.money_value(Money(units=units, nanos=nanos))


@given(st.dates())
def test_dates_go_there_and_back(date: datetime.date) -> None:
    assert likewise.date_value(likewise.date_message(date)) == date


def test_partial_dates() -> None:
    assert likewise.date_value(Date()) is None
    assert likewise.date_value(Date(year=2024, month=5)) == datetime.date(2024, 5, 1)
    for no_day in (Date(year=2024), Date(month=5, day=1), Date(year=2023, month=2, day=29)):
        with pytest.raises(ValueError, match=r"month|day|year"):
            likewise.date_value(no_day)


@pytest.mark.parametrize("date", ["2024-05-01", datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC), 20240501])
def test_only_a_plain_date_is_a_date(date: object) -> None:
    with pytest.raises(TypeError, match=r"must be a datetime\.date"):
        likewise.transaction(payee="X", date=date)  # type: ignore[arg-type]


def test_a_transaction_from_plain_values() -> None:
    transaction = likewise.transaction(
        id="t1",
        date=datetime.date(2024, 5, 1),
        amount=Decimal("-3.40"),
        currency="GBP",
        payee="CAFFE NERO 042",
        description="card 1234",
        account="card",
        direction=likewise.Direction.DIRECTION_OUT,
        fields={"mcc": "5814"},
    )
    assert transaction == Transaction(
        id="t1",
        date=Date(year=2024, month=5, day=1),
        amount=Money(currency_code="GBP", units=-3, nanos=-400_000_000),
        payee="CAFFE NERO 042",
        description="card 1234",
        account="card",
        direction=likewise.Direction.DIRECTION_OUT,
        fields={"mcc": "5814"},
    )


def test_what_is_unknown_stays_unset() -> None:
    transaction = likewise.transaction(payee="X")
    assert not transaction.HasField("date")
    assert not transaction.HasField("amount")


def test_a_currency_without_an_amount_is_refused() -> None:
    with pytest.raises(ValueError, match="currency without an amount"):
        likewise.transaction(payee="X", currency="EUR")


def test_labels() -> None:
    transaction = likewise.transaction(id="t1", payee="X")
    assert likewise.labelled(
        transaction, "meals", labels={"tax": "VAT20"}, predicted={"category": "travel"}
    ) == LabelledTransaction(
        transaction=transaction,
        labels={"category": "meals", "tax": "VAT20"},
        authority=likewise.Authority.AUTHORITY_PERSON,
        predicted={"category": "travel"},
    )
    assert likewise.labelled(transaction, labels={"tax": "VAT20"}).labels == {"tax": "VAT20"}
    assert likewise.labelled(transaction, "a", labels={"category": "a"}).labels == {"category": "a"}


def test_no_label_and_two_labels_are_refused() -> None:
    transaction = likewise.transaction(id="t1", payee="X")
    with pytest.raises(ValueError, match="give a category"):
        likewise.labelled(transaction)
    with pytest.raises(ValueError, match="two categories"):
        likewise.labelled(transaction, "meals", labels={"category": "travel"})


def test_predictions_are_the_first_candidates() -> None:
    def answer(dimension: str, *categories: str) -> likewise.DimensionAnswer:
        candidates = [likewise.Candidate(category=category) for category in categories]
        return likewise.DimensionAnswer(dimension=dimension, candidates=candidates)

    classification = likewise.Classification(
        answers=[answer("category", "meals", "travel"), answer("tax"), answer("project", "p1")]
    )
    assert likewise.predictions(classification) == {"category": "meals", "project": "p1"}
