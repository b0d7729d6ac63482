"""Suggestions: what history bears out is found, as short as can be; what it does not is not."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine_world import labelled, open_ledger
from likewise_engine.chart import Category
from likewise_engine.errors import InvalidInput, UnknownDimension
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.reshape import Activation
from likewise_engine.rules import mining
from likewise_engine.rules.mining import MiningOptions, Suggestion, lower_bound
from likewise_engine.rules.rule import Condition, Operator, Rule, RuleField
from likewise_engine.transaction import Authority, LabelledTransaction

OPTIONS = MiningOptions("category")


def on(field: RuleField, value: str) -> Condition:
    return Condition(field, Operator.EQUALS, (value,))


class Diary:
    """Entries day after day."""

    def __init__(self) -> None:
        self.items: list[LabelledTransaction] = []

    def add(self, count: int, payee: str, category: str, **more: Any) -> None:
        for _ in range(count):
            number = len(self.items)
            day = date(2025, 1, 1) + timedelta(days=number)
            self.items.append(labelled(str(number), payee, category, date=day, **more))


def suggested(ledger: Ledger, diary: Diary, **options: Any) -> list[Suggestion]:
    ledger.import_batch(diary.items)
    return ledger.rules.suggestions(MiningOptions("category", **options))[1]


def test_a_payee_that_is_always_the_same_is_a_rule(tmp_path: Path) -> None:
    diary = Diary()
    for _ in range(20):
        diary.add(2, "Castle Rent", "rent")
        diary.add(1, "Corner Bakery", "food")
        diary.add(1, "Corner Bakery", "gifts")
    with open_ledger(tmp_path) as ledger:
        (found,) = suggested(ledger, diary)
        assert found.rule.conditions == (on(RuleField.PAYEE, "castle rent"),)
        assert found.rule.labels == {"category": "rent"}
        assert (found.support, found.right, found.later_support, found.later_right) == (28, 28, 12, 12)
        assert found.precision_min == pytest.approx(28 / (28 + 1.645**2))
        assert list(found.rule.violations()) == []
        ledger.rules.create(found.rule)
        assert ledger.rules.suggestions(OPTIONS)[1] == []  # all that is regular is decided by now


def test_a_wider_rule_that_is_as_right_takes_the_place_of_narrower_ones(tmp_path: Path) -> None:
    diary = Diary()
    for city in ("Oslo", "Bergen", "Narvik") * 10:
        diary.add(1, f"Nordrail {city}", "travel")
        diary.add(1, f"Hotel {city}", "lodging" if city == "Oslo" else "travel")
    with open_ledger(tmp_path) as ledger:
        found = suggested(ledger, diary, support_min=5, precision_min=0.6)
        patterns = [each.rule.conditions[0].values[0] for each in found]
        assert patterns[0] == "(^| )nordrail( |$)"
        assert not any("nordrail" in pattern for pattern in patterns[1:])
        assert "hotel oslo" in patterns  # an exception that no taken one contradicts


def test_what_is_not_regular_by_itself_is_tried_with_direction_and_amount(tmp_path: Path) -> None:
    diary = Diary()
    for number in range(30):
        diary.add(1, "Harbour Bank", "fees", amount=Decimal("-4.90"))
        diary.add(1, "Harbour Bank", "loan", amount=Decimal(-100 - number))
        diary.add(1, "Shop Desk", "sales", amount=Decimal(number + 1))
        diary.add(1, "Shop Desk", "refunds", amount=Decimal(-number - 1))
    with open_ledger(tmp_path) as ledger:
        found = {
            tuple(each.rule.conditions): each.rule.labels["category"] for each in suggested(ledger, diary)
        }
        fee = Decimal("-4.9")
        within = Condition(RuleField.AMOUNT, Operator.WITHIN, min_amount=fee, max_amount=fee)
        assert found == {
            (on(RuleField.PAYEE, "harbour bank"), within): "fees",
            (on(RuleField.PAYEE, "shop desk"), on(RuleField.DIRECTION, "in")): "sales",
            (on(RuleField.PAYEE, "shop desk"), on(RuleField.DIRECTION, "out")): "refunds",
        }


def test_what_the_later_part_contradicts_is_not_suggested(tmp_path: Path) -> None:
    diary = Diary()
    diary.add(30, "Castle Rent", "rent")
    diary.add(15, "Castle Rent", "storage")
    with open_ledger(tmp_path) as ledger:
        assert suggested(ledger, diary) == []


def test_nobody_but_people_and_active_categories_suggest(tmp_path: Path) -> None:
    diary = Diary()
    diary.add(40, "Castle Rent", "rent", authority=Authority.MACHINE)
    diary.add(40, "City Energy", "power")
    with open_ledger(tmp_path) as ledger:
        (found,) = suggested(ledger, diary)
        assert found.rule.labels == {"category": "power"}
        ledger.reshape(Activation("category", "power", active=False))
        assert ledger.rules.suggestions(OPTIONS)[1] == []


def test_suggestions_decide_what_they_were_counted_on(tmp_path: Path) -> None:
    """As rules, each decides at least what it was counted on: patterns and conditions mean the same."""
    diary = Diary()
    for number in range(30):
        diary.add(1, f"Café Søren №{number}", "fika")
        diary.add(1, "M&S Simply (Food) 4711", "food", description=f"Card 12{number}")
        diary.add(1, "東京 商店", "tokyo")
        diary.add(1, "", "cash", description="ATM withdrawal [Nord]")
    with open_ledger(tmp_path) as ledger:
        found = suggested(ledger, diary)
        assert {each.rule.labels["category"] for each in found} == {"fika", "food", "tokyo", "cash"}
        for each in found:
            trial = ledger.rules.trial(each.rule, 0)
            decided = trial.dimensions["category"]
            assert decided.right == each.right + each.later_right
            assert decided.right + decided.wrong == each.support + each.later_support


def test_options_are_held_to_their_bounds(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        assert ledger.rules.suggestions(OPTIONS) == (0, [])
        ledger.update(categories=[Category("food")])
        for wrong in (
            MiningOptions("category", 0),
            MiningOptions("category", 501),
            MiningOptions("category", support_min=2),
            MiningOptions("category", precision_min=0.4),
            MiningOptions("category", precision_min=float("nan")),
        ):
            with pytest.raises(InvalidInput):
                ledger.rules.suggestions(wrong)
        with pytest.raises(UnknownDimension):
            ledger.rules.suggestions(MiningOptions("tax"))
        ledger.rules.create(Rule("r", (on(RuleField.PAYEE, "x"),), {"category": "food"}))
        assert ledger.rules.suggestions(OPTIONS)[1] == []


def test_a_run_lets_calls_in_while_it_counts_and_ends_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diary = Diary()
    for number in range(30):
        diary.add(2, f"Castle Rent {chr(97 + number % 20)}", "rent")
        diary.add(1, "Corner Bakery", "food" if number % 3 else "gifts")
    with open_ledger(tmp_path) as ledger:
        found = suggested(ledger, diary)
        calls = []
        assert ledger.rules.suggestions(OPTIONS, lambda: calls.append("once"))[1] == found
        monkeypatch.setattr(mining, "_PACE", 1)
        often: list[str] = []
        assert ledger.rules.suggestions(OPTIONS, lambda: often.append("once"))[1] == found
        assert len(often) > len(calls) + 2 * len(diary.items)

        def until_then() -> None:
            often.pop()
            if not often:
                raise TimeoutError

        with pytest.raises(TimeoutError):
            ledger.rules.suggestions(OPTIONS, until_then)


def test_the_lower_bound_is_wilsons() -> None:
    # Wilson (1927), one-sided 95 %: https://www.itl.nist.gov/div898/handbook/prc/section2/prc241.htm
    assert lower_bound(0, 0) == 0.0
    assert lower_bound(8, 8) == pytest.approx(0.747, abs=1e-3)
    assert lower_bound(16, 16) == pytest.approx(0.855, abs=1e-3)
    assert lower_bound(90, 100) == pytest.approx(0.840, abs=1e-3)
    assert lower_bound(0, 10) == pytest.approx(0.0, abs=1e-12)
