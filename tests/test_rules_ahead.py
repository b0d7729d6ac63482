"""History is counted before a change of the rules has its turn; the record is right whatever came since."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chart_world import deactivate, rename
from engine_world import labelled, open_ledger
from likewise_engine.chart import Category
from likewise_engine.errors import RuleExists, RuleNotFound
from likewise_engine.ledger import rulekeeper
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.rulekeeper import RuleKeeper
from likewise_engine.rules.ahead import CountedAhead
from likewise_engine.rules.record import all_entries, recounted
from likewise_engine.rules.rule import Condition, Operator, Rule, RuleField, RuleUpdate

Meanwhile = Callable[[Ledger], object]


def rule(rule_id: str = "bakery", label: str = "food", priority: int = 0) -> Rule:
    condition = Condition(RuleField.TEXT, Operator.CONTAINS, ("bakery",))
    return Rule(rule_id, (condition,), {"category": label}, priority=priority)


def teach(ledger: Ledger, *taught: tuple[str, str, str]) -> None:
    ledger.learn([labelled(id_, payee, label) for id_, payee, label in taught])


def check_record(ledger: Ledger) -> None:
    """The record is what the entries say."""
    book = ledger.rules.book
    told = {(kept.number, label): tally for kept in book.kept for label, tally in kept.tallies.items()}
    assert told == recounted(book, all_entries(ledger.store))


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ledger, Meanwhile], list[str]]:
    """Has something done once history is counted and before the turn; tells what was counted within it."""
    monkeypatch.setattr(rulekeeper, "AHEAD_MIN", 0)

    def arranged(ledger: Ledger, meanwhile: Meanwhile) -> list[str]:
        counted_ahead, recounted_within = RuleKeeper._counted_ahead, RuleKeeper._recounted
        within: list[str] = []

        def count_and_let(keeper: RuleKeeper, *args: Any) -> CountedAhead | None:
            ahead = counted_ahead(keeper, *args)
            monkeypatch.setattr(RuleKeeper, "_counted_ahead", counted_ahead)
            meanwhile(ledger)
            return ahead

        def recount(keeper: RuleKeeper, *args: Any) -> Any:
            within.append("all")
            return recounted_within(keeper, *args)

        monkeypatch.setattr(RuleKeeper, "_counted_ahead", count_and_let)
        monkeypatch.setattr(RuleKeeper, "_recounted", recount)
        return within

    return arranged


def taught(ledger: Ledger) -> None:
    teach(ledger, ("a", "Corner Bakery", "food"), ("b", "Corner Bakery", "rent"), ("c", "Castle", "rent"))


def taught_twice(ledger: Ledger) -> None:
    for label in ("food", "rent"):
        teach(ledger, ("d", "Bakery", label))


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda _: None,
        lambda ledger: teach(ledger, ("d", "Maple Bakery", "food"), ("e", "Castle", "rent")),
        lambda ledger: teach(ledger, ("b", "Corner Bakery", "food")),  # takes the place of another
        lambda ledger: teach(ledger, ("a", "Castle", "rent"), ("d", "Maple Bakery", "new")),
        taught_twice,
    ],
)
def test_lessons_that_came_since_are_counted_with_it(
    meanwhile: Meanwhile, beside: Callable[..., list[str]], tmp_path: Path
) -> None:
    with open_ledger(tmp_path) as ledger:
        taught(ledger)
        within = beside(ledger, meanwhile)
        ledger.rules.create(rule())
        check_record(ledger)
        ledger.rules.update(RuleUpdate("bakery", labels={"category": "rent"}))
        ledger.rules.create(rule("first", priority=1))
        check_record(ledger)
        ledger.rules.delete("first")
        check_record(ledger)
        assert within == []


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda ledger: ledger.forget(["a"]),
        lambda ledger: ledger.reshape(rename("food", "meals")),
        lambda ledger: ledger.rules.create(rule("other", "rent", priority=1)),
    ],
)
def test_after_more_than_lessons_all_is_counted_within_the_turn(
    meanwhile: Meanwhile, beside: Callable[..., list[str]], tmp_path: Path
) -> None:
    with open_ledger(tmp_path) as ledger:
        taught(ledger)
        within = beside(ledger, meanwhile)
        ledger.rules.create(Rule("bakery", rule().conditions, {"category": "rent"}))
        check_record(ledger)
        assert within


def test_another_name_needs_no_count_and_a_closed_category_does(
    beside: Callable[..., list[str]], tmp_path: Path
) -> None:
    with open_ledger(tmp_path) as ledger:
        taught(ledger)
        ledger.rules.create(rule())
        within = beside(ledger, lambda _: None)
        ledger.reshape(rename("food", "meals"))
        ledger.update(categories=[Category("meals", name="Meals"), Category("other")])
        assert within == []
        check_record(ledger)
        ledger.reshape(deactivate("meals"))
        assert within
        check_record(ledger)


def test_what_is_wrong_by_then_is_told(beside: Callable[..., list[str]], tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        taught(ledger)
        beside(ledger, lambda ledger: ledger.rules.create(rule()))
        with pytest.raises(RuleExists):
            ledger.rules.create(rule())
        beside(ledger, lambda ledger: ledger.rules.delete("bakery"))
        with pytest.raises(RuleNotFound):
            ledger.rules.delete("bakery")


def test_a_lesson_does_not_wait_while_history_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rulekeeper, "AHEAD_MIN", 0)
    begun, taught_beside = threading.Event(), threading.Event()

    def slow(rulebook: Any, known: Any, store: Any) -> CountedAhead:
        begun.set()
        assert taught_beside.wait(30)
        return CountedAhead(rulebook, known, store)

    monkeypatch.setattr(rulekeeper, "CountedAhead", slow)
    with open_ledger(tmp_path) as ledger:
        taught(ledger)
        thread = threading.Thread(target=ledger.rules.create, args=(rule(),))
        thread.start()
        assert begun.wait(30)
        teach(ledger, ("d", "Maple Bakery", "food"))
        taught_beside.set()
        thread.join()
        check_record(ledger)
