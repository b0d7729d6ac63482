"""Which rules a transaction is as: the compiled conditions against ten lines that are slow and plain."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine import limits
from likewise_engine.errors import EngineFault, LimitReached
from likewise_engine.rules.folding import folded
from likewise_engine.rules.matcher import Matcher
from likewise_engine.rules.plain import condition_of, plain_condition
from likewise_engine.rules.rule import WEEKDAYS, Condition, Operator, Rule, RuleField
from likewise_engine.text import text_of
from likewise_engine.transaction import Direction, Transaction

EQUALS, CONTAINS, MATCHES, WITHIN = Operator.EQUALS, Operator.CONTAINS, Operator.MATCHES, Operator.WITHIN


def as_rule(transaction: Transaction, *conditions: Condition) -> bool:
    """Whether a transaction is as one rule says."""
    for condition in conditions:
        assert list(condition.violations()) == []
    text = text_of(transaction.payee, transaction.description)
    return Matcher([conditions]).matching(transaction, text) == [0]


PAID = Transaction(
    payee="Café  Müller GmbH",
    description="Order 4711 AMZN Mktp",
    date=date(2026, 3, 2),
    amount=Decimal("-12.50"),
    currency="EUR",
    account="main card",
    fields={"voucher": "V-17"},
)

# field, operator, values, whether it holds of PAID
TABLE = [
    ("payee", "equals", "cafe müller gmbh", True),
    ("payee", "equals", "CAFÉ MÜLLER GMBH", True),
    ("payee", "equals", "cafe muller", False),
    ("payee", "contains", "MULLER", True),
    ("payee", "contains", "e  m", True),
    ("payee", "contains", "maler", False),
    ("payee", "matches", "^café", True),
    ("payee", "matches", "^cafe", False),
    ("payee", "matches", "(?-i)café", False),
    ("payee", "matches", "g.bh$", True),
    ("description", "contains", "4711", True),
    ("description", "matches", r"order \d{4}\b", True),
    ("text", "contains", "amzn mktp", True),
    (
        "text",
        "contains",
        "order 0815 amzn",
        True,
    ),  # numbers are left out of a text, and of what is looked for
    ("text", "contains", "muller gmbh order", True),
    ("text", "contains", "order muller", False),
    ("text", "equals", "Café Müller GmbH Order AMZN Mktp", True),
    ("text", "matches", r"\| order", True),
    ("account", "equals", "Main Card", True),
    ("currency", "equals", "EUR", True),
    ("currency", "equals", "USD", False),
    ("direction", "equals", "out", True),
    ("direction", "equals", "in", False),
    ("weekday", "equals", "monday", True),
    ("weekday", "equals", "sunday", False),
    ("day_of_month", "equals", "2", True),
    ("day_of_month", "equals", "3", False),
]


@pytest.mark.parametrize(("field", "operator", "value", "expected"), TABLE)
def test_one_condition(field: str, operator: str, value: str, expected: bool) -> None:
    condition = Condition(RuleField(field), Operator(operator), (value,))
    assert as_rule(PAID, condition) is expected
    several = Condition(RuleField(field), Operator(operator), (value, value))
    assert as_rule(PAID, several) is expected


def test_a_further_field_is_named() -> None:
    assert as_rule(PAID, Condition(RuleField.FURTHER, EQUALS, ("v-17",), "voucher"))
    assert not as_rule(PAID, Condition(RuleField.FURTHER, EQUALS, ("v-17",), "project"))


def test_an_amount_counts_as_the_money_went() -> None:
    spent = Condition(RuleField.AMOUNT, WITHIN, min_amount=Decimal(-20), max_amount=Decimal(-10))
    assert as_rule(PAID, spent)
    unsigned = Transaction(payee="x", amount=Decimal("12.50"), direction=Direction.OUT)
    assert as_rule(unsigned, spent)
    assert not as_rule(Transaction(payee="x", amount=Decimal("12.50")), spent)
    assert not as_rule(Transaction(payee="x"), spent)
    in_dollars = Condition(RuleField.AMOUNT, WITHIN, max_amount=Decimal(0), currency="USD")
    assert not as_rule(PAID, in_dollars)
    equal = Condition(RuleField.AMOUNT, WITHIN, min_amount=Decimal("-12.5"), max_amount=Decimal("-12.5"))
    assert as_rule(PAID, equal)


def test_what_is_not_said_is_not_so() -> None:
    bare = Transaction(payee="x")
    for field, value in (
        ("weekday", "monday"),
        ("day_of_month", "1"),
        ("direction", "in"),
        ("currency", "EUR"),
    ):
        assert not as_rule(bare, Condition(RuleField(field), EQUALS, (value,)))
    assert not as_rule(bare, Condition(RuleField.ACCOUNT, MATCHES, (".*",)))


def test_all_conditions_have_to_hold() -> None:
    payee = Condition(RuleField.PAYEE, CONTAINS, ("müller",))
    assert as_rule(PAID, payee, Condition(RuleField.DIRECTION, EQUALS, ("out",)))
    assert not as_rule(PAID, payee, Condition(RuleField.DIRECTION, EQUALS, ("in",)))
    assert not as_rule(PAID, payee, Condition(RuleField.DESCRIPTION, CONTAINS, ("rent",)))


WORDS = st.sampled_from(["rent", "cafe", "café", "AMZN", "a.b", "(x)", "ab", "b", "müller", "münch", "日本"])
WORDINGS = st.lists(WORDS, max_size=3).map(" ".join)
WORDING_CONDITIONS = st.builds(
    Condition,
    st.sampled_from([RuleField.PAYEE, RuleField.DESCRIPTION, RuleField.ACCOUNT]),
    st.sampled_from([EQUALS, CONTAINS]),
    st.lists(WORDS, min_size=1, max_size=2).map(tuple),
) | st.builds(
    Condition,
    st.sampled_from([RuleField.PAYEE, RuleField.DESCRIPTION]),
    st.just(MATCHES),
    st.sampled_from([("^rent",), ("a.b", "cafe$"), ("amzn|b+",), ("[^a-z]",), ("x?rent",)]),
)
OTHER_CONDITIONS = st.one_of(
    st.sampled_from([("in",), ("out",), ("in", "out")]).map(
        lambda values: Condition(RuleField.DIRECTION, EQUALS, values)
    ),
    st.sampled_from(WEEKDAYS).map(lambda day: Condition(RuleField.WEEKDAY, EQUALS, (day,))),
    st.tuples(st.integers(-20, 20), st.integers(0, 20)).map(
        lambda bounds: Condition(
            RuleField.AMOUNT, WITHIN, min_amount=Decimal(bounds[0]), max_amount=Decimal(sum(bounds))
        )
    ),
)
RULES = st.lists(
    st.lists(WORDING_CONDITIONS | OTHER_CONDITIONS, min_size=1, max_size=3).map(tuple), max_size=8
)
TRANSACTIONS = st.builds(
    Transaction,
    payee=WORDINGS,
    description=WORDINGS,
    account=WORDINGS,
    date=st.none() | st.dates(date(2026, 1, 1), date(2026, 2, 1)),
    amount=st.none() | st.integers(-20, 20).map(Decimal),
    direction=st.sampled_from(Direction),
)


def plainly(condition: Condition, transaction: Transaction) -> bool:
    """A condition, read out."""
    if condition.field is RuleField.AMOUNT:
        if transaction.amount is None:
            return False
        size = abs(transaction.amount)
        signed = {Direction.IN: size, Direction.OUT: -size}.get(transaction.direction, transaction.amount)
        return (condition.min_amount or 0) <= signed <= (condition.max_amount or 0)
    if condition.field is RuleField.DIRECTION:
        by_sign = "" if transaction.amount is None else "out" if transaction.amount < 0 else "in"
        told = {Direction.IN: "in", Direction.OUT: "out"}.get(transaction.direction, by_sign)
        return told in condition.values
    if condition.field is RuleField.WEEKDAY:
        return transaction.date is not None and WEEKDAYS[transaction.date.weekday()] in condition.values
    wording: str = getattr(transaction, condition.field)
    if not wording:
        return False
    if condition.operator is MATCHES:
        return any(re.search(pattern, wording, re.IGNORECASE) for pattern in condition.values)
    if condition.operator is EQUALS:
        return folded(wording) in map(folded, condition.values)
    return any(folded(value) in folded(wording) for value in condition.values)


@given(RULES, st.lists(TRANSACTIONS, min_size=1, max_size=5))
def test_all_rules_at_once_are_as_each_by_itself(rules: Any, transactions: list[Transaction]) -> None:
    matcher = Matcher(rules)
    for transaction in transactions:
        expected = [n for n, rule in enumerate(rules) if all(plainly(c, transaction) for c in rule)]
        assert matcher.matching(transaction, "") == expected


@given(WORDING_CONDITIONS | OTHER_CONDITIONS)
def test_a_condition_comes_back_from_plain_values(condition: Condition) -> None:
    assert condition_of(plain_condition(condition)) == condition


@given(st.text())
def test_folding_is_idempotent(wording: str) -> None:
    assert folded(folded(wording)) == folded(wording)


# What is wrong, and the field that is named.
WRONG = [
    (Condition(RuleField.PAYEE, MATCHES, ("a(",)), "values[0]"),
    (Condition(RuleField.PAYEE, MATCHES, (r"(a)\1",)), "values[0]"),
    (Condition(RuleField.PAYEE, MATCHES, ("(?=a)b",)), "values[0]"),
    (Condition(RuleField.PAYEE, MATCHES, ("((a{1,30}){1,30}){1,30}",)), "values[0]"),
    (Condition(RuleField.PAYEE, MATCHES, (r"(\pL{30}\d){9}",)), "values[0]"),
    (Condition(RuleField.PAYEE, CONTAINS, ("x" * 513,)), "values[0]"),
    (Condition(RuleField.PAYEE, CONTAINS, (" ",)), "values[0]"),
    (Condition(RuleField.PAYEE, CONTAINS, ("\u0301",)), "values[0]"),
    (Condition(RuleField.PAYEE, CONTAINS, ("a\x00",)), "values[0]"),
    (Condition(RuleField.TEXT, CONTAINS, ("4711",)), "values[0]"),
    (Condition(RuleField.PAYEE, CONTAINS, ()), "values"),
    (Condition(RuleField.PAYEE, CONTAINS, ("x",) * 101), "values"),
    (Condition(RuleField.PAYEE, CONTAINS, ("x",), "voucher"), "field_name"),
    (Condition(RuleField.FURTHER, CONTAINS, ("x",)), "field_name"),
    (Condition(RuleField.WEEKDAY, EQUALS, ("Monday",)), "values[0]"),
    (Condition(RuleField.DAY_OF_MONTH, EQUALS, ("32",)), "values[0]"),
    (Condition(RuleField.DIRECTION, CONTAINS, ("in",)), "operator"),
    (Condition(RuleField.AMOUNT, EQUALS, ("3",)), "operator"),
    (Condition(RuleField.PAYEE, WITHIN, min_amount=Decimal(1)), "operator"),
    (Condition(RuleField.AMOUNT, WITHIN), "min_amount"),
    (Condition(RuleField.AMOUNT, WITHIN, min_amount=Decimal("1e13")), "min_amount"),
    (Condition(RuleField.AMOUNT, WITHIN, max_amount=Decimal("NaN")), "max_amount"),
    (Condition(RuleField.AMOUNT, WITHIN, min_amount=Decimal(2), max_amount=Decimal(1)), "max_amount"),
    (Condition(RuleField.PAYEE, EQUALS, ("x",), min_amount=Decimal(2)), "min_amount"),
]


@pytest.mark.parametrize(("condition", "field"), WRONG)
def test_what_is_wrong_is_named(condition: Condition, field: str) -> None:
    assert field in [violation.field for violation in condition.violations()]


def test_a_rule_of_too_much_or_nothing_is_wrong() -> None:
    payee = Condition(RuleField.PAYEE, EQUALS, ("x",))
    for rule, field in (
        (Rule("r", (), {"category": "c"}), "conditions"),
        (Rule("r", (payee,) * 17, {"category": "c"}), "conditions"),
        (Rule("r", (payee,), {}), "labels"),
        (Rule("r", (payee,), {"category": " "}), "labels['category']"),
        (Rule("r" * 129, (payee,), {"category": "c"}), "id"),
        (Rule("r", (payee,), {"category": "c"}, priority=10**7), "priority"),
    ):
        assert field in [violation.field for violation in rule.violations()]


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", ".*.*.*=.*", "(x+x+)+y", "[ab]*a[ab]{90}"])
def test_patterns_that_hang_other_engines_are_answered(pattern: str) -> None:
    hostile = Transaction(payee="a" * 500, description="ab" * 1_000)
    matching = [Condition(field, MATCHES, (pattern,)) for field in (RuleField.PAYEE, RuleField.DESCRIPTION)]
    for condition in matching:
        as_rule(hostile, condition)


def test_more_patterns_than_can_be_searched_for_are_refused() -> None:
    patterns = [rf"{number}\pL" for number in range(300)]
    assert not list(Condition(RuleField.PAYEE, MATCHES, (patterns[0],)).violations())
    heavy = [(Condition(RuleField.PAYEE, MATCHES, (pattern,)),) for pattern in patterns]
    with pytest.raises(LimitReached) as refused:
        Matcher(heavy)
    assert refused.value.metadata["limit"] == "RULE_PATTERNS_BYTES_MAX"


def test_a_search_that_runs_out_of_memory_is_no_silent_no(monkeypatch: pytest.MonkeyPatch) -> None:
    matcher = Matcher([(Condition(RuleField.PAYEE, MATCHES, ("x",)),)])
    (pair,) = matcher._patterns.values()
    monkeypatch.setattr(type(pair[1]._set), "Match", lambda *_: [])  # type: ignore[union-attr]
    with pytest.raises(EngineFault):
        matcher.matching(Transaction(payee="x"), "x")


def test_a_thousand_rules_are_one_search() -> None:
    rules = [(Condition(RuleField.PAYEE, CONTAINS, (f"merchant {n} ltd",)),) for n in range(limits.RULES_MAX)]
    matcher = Matcher(rules)
    assert matcher.matching(Transaction(payee="MERCHANT 77 LTD"), "") == [77]
    assert matcher.matching(Transaction(payee="Merchant"), "") == []
