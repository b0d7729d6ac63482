"""Amounts as people write them: a table of cells and what they mean, and what one tells about its file."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine.transaction import Direction
from likewise_indexer.readers.amounts import AmountParser, Mark, Money, mark_of
from likewise_indexer.readers.cells import BadCell

NBSP, THIN, NARROW = "\u00a0", "\u2009", "\u202f"


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("12", "12"),
        ("-12.50", "-12.50"),
        ("+12.50", "12.50"),
        ("−12.50", "-12.50"),  # the typographic minus
        ("–12.50", "-12.50"),  # a dash instead of one
        ("12.50-", "-12.50"),
        ("(12.50)", "-12.50"),
        ("( 1,234.56 )", "-1234.56"),
        ("1,234,567.89", "1234567.89"),
        ("12,34,567.89", "1234567.89"),  # lakh and crore
        ("1'234.50", "1234.50"),
        ("1’234.50", "1234.50"),
        ("1 234.50", "1234.50"),
        (f"1{NBSP}234{NBSP}567.50", "1234567.50"),
        (f"1{THIN}234.50", "1234.50"),
        (f"1{NARROW}234.50", "1234.50"),
        (".50", "0.50"),
        ("12.", "12"),
        ("12.-", "12"),  # Swiss for 12.00
        ("0012.50", "12.50"),
        ("1e3", "1E+3"),
        ("1.5E+03", "1.5E+3"),
        ("１２.５０", "12.50"),  # full-width digits
    ],
)
def test_an_amount_with_a_decimal_point(cell: str, amount: str) -> None:
    assert AmountParser(".").parse(cell) == Money(Decimal(amount))


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("12,50", "12.50"),
        ("1.234,56", "1234.56"),
        ("1.234.567,89-", "-1234567.89"),
        ("1.234", "1234"),
        ("1,234", "1.234"),
        (f"12{NARROW}345,67", "12345.67"),
        ("-0,99", "-0.99"),
        ("1234", "1234"),
    ],
)
def test_an_amount_with_a_decimal_comma(cell: str, amount: str) -> None:
    assert AmountParser(",").parse(cell) == Money(Decimal(amount))


@pytest.mark.parametrize(
    ("cell", "money"),
    [
        ("£12.50", Money(Decimal("12.50"), "GBP")),
        ("-£12.50", Money(Decimal("-12.50"), "GBP")),
        ("£-12.50", Money(Decimal("-12.50"), "GBP")),
        ("(£12.50)", Money(Decimal("-12.50"), "GBP")),
        ("12.50 EUR", Money(Decimal("12.50"), "EUR")),
        ("usd 12.50", Money(Decimal("12.50"), "USD")),
        ("R$ 5,000.00", Money(Decimal("5000.00"), "BRL")),
        ("12.50 zł", Money(Decimal("12.50"), "PLN")),
        ("$12.50", Money(Decimal("12.50"))),  # whose dollar?
        ("Rs. 500", Money(Decimal(500))),
        ("kr. 100", Money(Decimal(100))),
        ("12.50 DR", Money(Decimal("-12.50"), "", Direction.OUT)),
        ("12.50 CR", Money(Decimal("12.50"), "", Direction.IN)),
        ("12.50 Dr.", Money(Decimal("-12.50"), "", Direction.OUT)),
        ("-12.50 DR", Money(Decimal("-12.50"), "", Direction.OUT)),
        ("4.50 GBP CR", Money(Decimal("4.50"), "GBP", Direction.IN)),
        ("100.00 S", Money(Decimal("-100.00"), "", Direction.OUT)),
        ("100.00 H", Money(Decimal("100.00"), "", Direction.IN)),
        ("", Money(None)),
        ("-", Money(None)),
        ("n/a", Money(None)),
    ],
)
def test_currency_and_direction_within_the_cell(cell: str, money: Money) -> None:
    assert AmountParser(".").parse(cell) == money


@pytest.mark.parametrize(
    "cell",
    [
        *("nan", "NaN", "inf", "-Infinity", "abc", "12.50 pounds sterling", "5%", "0x10", "1_000", "#REF!"),
        *("1.2.3", "12-34", "--5", "(-5)", "(5", "5)", "1 2", "1,23", "1,2345.00", "12.50 13.50", "5 CR DR"),
        *("-12.50 CR", ".", "€", "1e999", "1" * 65, "-" * 60 + "1"),
    ],
)
def test_what_is_no_amount_is_refused_with_a_reason(cell: str) -> None:
    with pytest.raises(BadCell, match=r"amount|minus"):
        AmountParser(".").parse(cell)


def test_the_wrong_mark_is_refused_and_never_guessed() -> None:
    with pytest.raises(BadCell, match="decimal point"):
        AmountParser(".").parse("1.234,56")
    with pytest.raises(BadCell, match="decimal comma"):
        AmountParser(",").parse("1,234.56")


def test_a_reason_does_not_repeat_a_long_cell() -> None:
    with pytest.raises(BadCell) as refused:
        AmountParser(".").parse("x" * 10_000)
    assert len(str(refused.value)) < 100


def test_without_a_known_mark_only_the_ambiguous_is_refused() -> None:
    undecided = AmountParser(None)
    assert undecided.parse("1.50").amount == Decimal("1.50")
    assert undecided.parse("1,50").amount == Decimal("1.50")
    assert undecided.parse("1,234.50").amount == Decimal("1234.50")
    for cell in ("1,234", "1.234", "-1.234 EUR"):
        with pytest.raises(BadCell, match="--decimal"):
            undecided.parse(cell)


@pytest.mark.parametrize(
    ("cell", "mark"),
    [
        ("12", Mark.NOTHING),
        ("abc", Mark.NOTHING),
        ("", Mark.NOTHING),
        ("1.2.3", Mark.NOTHING),
        ("1.234", Mark.AMBIGUOUS_POINT),
        ("-£1,234", Mark.AMBIGUOUS_COMMA),
        ("0.123", Mark.POINT),  # no group of thousands begins with nought
        ("1234.567", Mark.POINT),
        ("12.5", Mark.POINT),
        ("1,234.5", Mark.POINT),
        ("1,234,567", Mark.POINT),
        ("1'234.567", Mark.POINT),
        ("12,34,567", Mark.POINT),
        ("12,5", Mark.COMMA),
        ("1.234,5", Mark.COMMA),
        ("1.234.567", Mark.COMMA),
    ],
)
def test_what_an_amount_tells_about_the_mark(cell: str, mark: Mark) -> None:
    assert mark_of(cell) is mark


@given(
    amount=st.decimals(min_value=-(10**12), max_value=10**12, places=2),
    mark=st.sampled_from([".", ","]),
    space=st.booleans(),
)
def test_what_is_written_with_groups_is_read_back(amount: Decimal, mark: str, *, space: bool) -> None:
    separator = NARROW if space else {".": ",", ",": "."}[mark]
    written = f"{amount:,.2f}".translate({ord(","): separator, ord("."): mark})
    assert AmountParser(mark).parse(written).amount == amount


@given(st.text(max_size=80))
def test_no_text_is_more_than_refused(cell: str) -> None:
    for mark in (".", ",", None):
        try:
            money = AmountParser(mark).parse(cell)
        except BadCell:
            continue
        assert money.amount is None or money.amount.is_finite()
