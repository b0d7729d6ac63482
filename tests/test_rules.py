"""Rules of a tenant: what they decide, their record, and what becomes of them as chart and books change."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chart_world import activate, deactivate, merge, rename, split
from engine_world import (
    ALL_NEIGHBOURS,
    ENCODER,
    ask,
    bytes_on_disk,
    create_store,
    essence,
    labelled,
    load_ledger,
    open_ledger,
)
from likewise_engine import limits
from likewise_engine.answers import (
    Classification,
    ClassifyOptions,
    DecidingRule,
    Decision,
    DimensionAnswer,
    Witness,
)
from likewise_engine.audit import Action
from likewise_engine.chart import Category
from likewise_engine.errors import (
    InvalidInput,
    LimitReached,
    RequestIdReused,
    RuleExists,
    RuleNotFound,
    UnknownCategory,
)
from likewise_engine.explain import explain
from likewise_engine.feedback.codec import decoded_prediction, encoded
from likewise_engine.feedback.prediction import Prediction
from likewise_engine.feedback.replay import replayed
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.purge import CategoryPurge
from likewise_engine.rules.kept import NO_TALLY, Tally
from likewise_engine.rules.rule import Condition, Operator, Rule, RuleField, RuleUpdate
from likewise_engine.selection import Selection
from likewise_engine.transaction import Authority, Transaction
from likewise_engine.vote import KernelVote


def payee(value: str, operator: Operator = Operator.CONTAINS) -> Condition:
    return Condition(RuleField.PAYEE, operator, (value,))


def rule(rule_id: str, value: str, category: str, **more: Any) -> Rule:
    """A rule on the payee alone."""
    return Rule(rule_id, (payee(value),), {"category": category}, **more)


BAKERY = rule("bakery", "bakery", "food", name="All bakers")


def answer(ledger: Ledger, asked: str, dimension: str = "category", **fields: Any) -> DimensionAnswer:
    return ask(ledger, asked, **fields).answer(dimension)


def tally(ledger: Ledger, rule_id: str = "bakery") -> Tally:
    """The record of a rule with one label, in memory; the store's is the same."""
    (found,) = ledger.rules.book.rule(rule_id).tallies.values()
    stored = {kept.id: kept for kept in ledger.store.snapshot().rules}
    assert stored == {kept.id: kept for kept in ledger.rules.book.kept}
    return found


def teach(ledger: Ledger) -> None:
    ledger.learn(
        [
            labelled("1", "Corner Bakery", "food"),
            labelled("2", "Harbour Bakery", "food"),
            labelled("3", "Maple Bakery", "gifts"),
            labelled("4", "Castle Rent", "rent"),
            labelled("5", "Corner Bakery", "rent", authority=Authority.MACHINE),
        ]
    )


def test_a_rule_decides_before_the_vote_and_says_so(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        voted = answer(ledger, "Castle Rent")
        assert voted.rule is None
        ledger.rules.create(rule("rent", "castle", "gifts", name="No rent"))
        ruled = answer(ledger, "Castle Rent")
        assert (ruled.decision, ruled.witness) == (Decision.FILE, Witness.RULE)
        assert ruled.rule == DecidingRule("rent", "No rent")
        assert ruled.candidates[0].category == "gifts"
        assert "No rent" in ruled.reason
        behind = [c.category for c in ruled.candidates[1:]]
        assert behind == [c.category for c in voted.candidates if c.category != "gifts"]
        assert sum(c.probability for c in ruled.candidates) <= 1.0 + 1e-9
        assert ask(ledger, "Castle Rent").neighbours
        assert answer(ledger, "Corner Bakery").witness is not Witness.RULE


def test_who_has_no_rules_answers_as_before(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        before = essence(ask(ledger, "Corner Bakery"))
        ledger.rules.create(BAKERY)
        assert essence(ask(ledger, "Corner Bakery")) != before
        ledger.rules.delete("bakery")
        assert essence(ask(ledger, "Corner Bakery")) == before


def test_the_probability_is_the_rules_own_record(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        ledger.rules.create(BAKERY)
        assert tally(ledger) == Tally(3, 2)  # what a machine said counts for nothing
        assert answer(ledger, "New Bakery").candidates[0].probability == Tally(3, 2).probability
        ledger.learn([labelled("6", "Old Bakery", "food"), labelled("7", "Castle Rent", "rent")])
        assert tally(ledger) == Tally(4, 3)
        ledger.learn([labelled("3", "Maple Bakery", "food")])  # corrected
        assert tally(ledger) == Tally(4, 4)
        ledger.import_batch([labelled("8", "Bakery", "gifts"), labelled("1", "Corner Rent", "rent")])
        assert tally(ledger) == Tally(4, 3)
        ledger.forget(["8", "2"])
        assert tally(ledger) == Tally(2, 2)


def test_a_rule_without_a_record_is_as_sure_as_rules_mostly_are(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.update(categories=[Category("food")])
        ledger.rules.create(BAKERY)
        found = answer(ledger, "Bakery")
        assert found.candidates[0].probability == NO_TALLY.probability == pytest.approx(0.95)
        assert "no entry" in found.reason


def test_rules_and_calibration_leave_each_other_alone(tmp_path: Path) -> None:
    def taught(folder: Path, *rules: Rule) -> Any:
        folder.mkdir()
        with open_ledger(folder) as ledger:
            teach(ledger)
            for each in rules:
                ledger.rules.create(each)
            for number in range(20):
                ledger.learn([labelled(f"n{number}", "Harbour Bakery", "food" if number % 3 else "gifts")])
            return ledger.store.snapshot().outcomes.probability.tolist(), ledger.view.calibrations

    plain, with_rules = taught(tmp_path / "a"), taught(tmp_path / "b", BAKERY)
    assert plain[0] == with_rules[0]
    assert plain[1]["category"].threshold(0.9) == with_rules[1]["category"].threshold(0.9)


def test_the_first_by_priority_and_then_by_age_decides(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        ledger.rules.create(rule("old", "bakery", "gifts"))
        ledger.rules.create(rule("young", "corner", "rent"))
        assert answer(ledger, "Corner Bakery").rule == DecidingRule("old", "")
        assert [kept.id for kept in ledger.rules.book.rules] == ["old", "young"]
        ledger.rules.update(RuleUpdate("young", priority=1))
        assert answer(ledger, "Corner Bakery").rule == DecidingRule("young", "")
        assert [kept.id for kept in ledger.rules.book.rules] == ["young", "old"]
        # The record is of what each decides: of the three of people, the young one has one.
        assert (tally(ledger, "young").decided, tally(ledger, "old").decided) == (1, 2)
        ledger.rules.update(RuleUpdate("young", active=False))
        assert answer(ledger, "Corner Bakery").rule == DecidingRule("old", "")
        assert (tally(ledger, "young").decided, tally(ledger, "old").decided) == (0, 3)


def test_each_dimension_has_its_first_rule_and_the_others_go_the_usual_road(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(
            [
                labelled(str(n), "Corner Bakery", labels={"category": "food", "tax": "t7", "site": "a"})
                for n in range(3)
            ]
        )
        ledger.update(categories=[Category("t19", "tax"), Category("gifts")])
        ledger.rules.create(rule("one", "corner", "gifts"))
        ledger.rules.create(Rule("two", (payee("bakery"),), {"category": "food", "tax": "t19"}))
        found = {a.dimension: a for a in ask(ledger, "Corner Bakery").answers}
        assert found["category"].rule == DecidingRule("one", "")
        assert found["tax"].rule == DecidingRule("two", "")
        assert (found["site"].rule, found["site"].candidates[0].category) == (None, "a")


@pytest.mark.parametrize("reopened", [False, True], ids=["in memory", "loaded anew"])
def test_a_rule_follows_its_category(tmp_path: Path, reopened: bool) -> None:
    with ExitStack() as stack:
        ledger = stack.enter_context(open_ledger(tmp_path))

        def said() -> tuple[str | None, str]:
            """The category that the rule files under, if it does, and why it does not."""
            nonlocal ledger
            if reopened:
                stack.close()
                ledger = stack.enter_context(open_ledger(tmp_path))
            book = ledger.rules.book
            ((_, _, why),) = book.labels(book.rule("bakery"))
            found = answer(ledger, "Unheard Bakery")
            return (found.candidates[0].category if found.witness is Witness.RULE else None), why

        teach(ledger)
        ledger.rules.create(BAKERY)
        ledger.reshape(rename("food", "meals", "Meals"))
        assert said() == ("meals", "")
        ledger.reshape(merge("meals", into="gifts"))
        assert said() == ("gifts", "")
        assert tally(ledger) == Tally(3, 3)
        ledger.reshape(split("gifts", "cakes", "1"))
        assert (said(), tally(ledger)) == (("gifts", ""), Tally(3, 2))
        ledger.reshape(deactivate("gifts"))
        filed, why = said()
        assert filed is None
        assert "not active" in why
        assert tally(ledger) == NO_TALLY
        ledger.reshape(activate("gifts"))
        assert (said(), tally(ledger)) == (("gifts", ""), Tally(3, 2))
        ledger.update(categories=[Category("gifts", active=False)])
        assert said()[0] is None
        ledger.purge_category(CategoryPurge("category", "gifts"))
        filed, why = said()
        assert filed is None
        assert "purged" in why


def test_a_purge_leaves_nothing_of_what_a_rule_said_of_the_category(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn(
            [
                labelled("1", "Quendel Clinic", labels={"category": "medical", "tax": "t7"}),
                labelled("2", "Corner Bakery", labels={"category": "food", "tax": "t7"}),
            ]
        )
        ledger.rules.create(rule("r1", "quendel", "medical", name="Xaver's doctor"))
        ledger.rules.create(Rule("r2", (payee("clinic"),), {"category": "medical", "tax": "t7"}))
        ledger.purge_category(CategoryPurge("category", "medical"))
        book = ledger.rules.book
        assert (book.rule("r1").name, book.rule("r1").conditions) == ("", ())
        assert len(book.rule("r2").tallies) == 1
        assert answer(ledger, "Quendel Clinic", "tax").rule == DecidingRule("r2", "")
        assert answer(ledger, "Quendel Clinic").rule is None
        with pytest.raises(InvalidInput):
            ledger.rules.update(RuleUpdate("r1", name="again"))
        ledger.rules.update(RuleUpdate("r1", conditions=(payee("bakery"),), labels={"category": "food"}))
        assert answer(ledger, "Corner Bakery").rule == DecidingRule("r1", "")
    left = bytes_on_disk(tmp_path)
    assert b"uendel" not in left
    assert b"Xaver" not in left


def test_a_rule_names_only_what_is_in_the_chart_and_active(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        ledger.reshape(deactivate("gifts"))
        for category in ("gifts", "nowhere"):
            with pytest.raises(UnknownCategory, match=category) as refused:
                ledger.rules.create(rule("r", "x", category))
            assert refused.value.violations[0].field == "rule.labels['category']"
        assert not ledger.rules.book


def test_what_is_done_to_rules_is_counted_told_and_repeatable(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        made = ledger.rules.create(BAKERY, "once", actor="ann")
        assert made.revision == ledger.view.revision == 2
        assert ledger.rules.create(BAKERY, "once") == made
        with pytest.raises(RequestIdReused):
            ledger.rules.create(rule("other", "x", "food"), "once")
        with pytest.raises(RuleExists):
            ledger.rules.create(BAKERY)
        assert ledger.rules.update(RuleUpdate("bakery", name="Bakers"), actor="bea").revision == 3
        assert ledger.rules.update(RuleUpdate("bakery", name="Bakers")).revision == 3
        assert ledger.rules.delete("bakery", "gone", actor="cy").revision == 4
        assert ledger.rules.delete("bakery", "gone").revision == 4
        with pytest.raises(RuleNotFound):
            ledger.rules.delete("bakery")
        with pytest.raises(RuleNotFound):
            ledger.rules.update(RuleUpdate("bakery"))
        told = [(r.action, r.actor, r.categories) for r in ledger.store.audit_records(3)]
        named = [("category", "food")]
        assert told == [
            (Action.DELETE_RULE, "cy", named),
            (Action.UPDATE_RULE, "bea", named),
            (Action.CREATE_RULE, "ann", named),
        ]


def test_rules_without_an_id_are_given_one_that_is_free(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        ledger.rules.create(rule("rule-2", "x", "food"))
        ledger.rules.create(rule("", "y", "food"))
        assert [kept.id for kept in ledger.rules.book.kept] == ["rule-2", "rule-4"]


def test_an_id_that_was_given_means_one_rule_for_all_time(tmp_path: Path) -> None:
    def given(ledger: Ledger, *rules: Rule) -> list[str]:
        outcome = ledger.rules.create_all(rules or [rule("", "x", "food")])
        return [ledger.rules.book.numbered(outcome.rule + n).id for n in range(len(rules) or 1)]

    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        assert given(ledger) + given(ledger) == ["rule-1", "rule-2"]
        for rule_id in ("rule-2", "rule-1"):
            ledger.rules.delete(rule_id)
        assert list(ledger.rules.book.kept) == []
    with closing(load_ledger(tmp_path)) as ledger:
        assert list(ledger.rules.book.kept) == []
        assert given(ledger) == ["rule-3"]
        # What somebody calls a rule is not given to another one either, in the same call or later.
        assert given(ledger, rule("", "y", "food"), rule("rule-9", "x", "food")) == ["rule-10", "rule-9"]
        ledger.rules.delete("rule-9")
        ledger.rules.delete("rule-10")
        assert given(ledger) == ["rule-12"]
        assert given(ledger, rule("rule-" + "9" * 40, "x", "food"), rule("", "z", "food"))[1] == "rule-14"


def test_limits_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        ledger.rules.create(BAKERY)
        for name, value in (("RULES_MAX", 1), ("RULES_CHARS_MAX", 10)):
            with monkeypatch.context() as patched:
                patched.setattr(limits, name, value)
                with pytest.raises(LimitReached) as refused:
                    ledger.rules.create(rule("more", "castle", "rent"))
                assert refused.value.metadata["limit"] == name
        assert ledger.view.revision == 2


def test_other_processes_follow(tmp_path: Path) -> None:
    """Ledgers over one store, as those of several processes are."""
    create_store(tmp_path)
    with ExitStack() as stack:
        one, other = load_ledger(tmp_path), load_ledger(tmp_path)
        stack.callback(one.close)
        stack.callback(other.close)
        teach(one)

        def both() -> list[Classification]:
            one.catch_up()
            other.catch_up()
            assert list(one.rules.book.kept) == list(other.rules.book.kept)
            return [ask(ledger, "Corner Bakery") for ledger in (one, other)]

        steps: list[Callable[[], object]] = [
            lambda: one.rules.create(BAKERY),
            lambda: other.learn([labelled("9", "River Bakery", "food")]),
            lambda: other.rules.update(RuleUpdate("bakery", name="Bakers")),
            lambda: one.reshape(merge("food", into="gifts")),
            lambda: one.forget(["1"]),
            lambda: other.rules.delete("bakery"),
        ]
        for step in steps:
            step()
            first, second = both()
            assert essence(first) == essence(second)
            assert first.revision == second.revision


def test_rules_outlast_a_restart_and_a_cached_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SNAPSHOT_LABELS_MIN", 1)
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        assert ledger.save_snapshot()
        ledger.rules.create(BAKERY)
        expected = essence(ask(ledger, "Corner Bakery"))
    for _ in range(2):
        with open_ledger(tmp_path) as ledger:
            assert tally(ledger) == Tally(3, 2)
            assert essence(ask(ledger, "Corner Bakery")) == expected


def test_a_dry_run_says_what_would_come_of_a_rule_and_writes_nothing(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        ledger.learn([labelled("6", "Bakery Six", labels={"tax": "t7"})])
        ledger.rules.create(rule("corner", "corner", "rent", priority=1))
        position = ledger.store.position()
        trial = ledger.rules.trial(rule("", "bakery", "food"), 5)
        assert (trial.entries, trial.matched, trial.taken_over, trial.revision) == (
            6,
            5,
            0,
            ledger.view.revision,
        )
        found = trial.dimensions["category"]
        assert (found.right, found.wrong, found.machine_changed, found.unlabelled) == (1, 1, 0, 1)
        assert [e.transaction.id for e in trial.right_examples] == ["2"]
        assert [e.transaction.id for e in trial.wrong_examples] == ["3"]
        above = ledger.rules.trial(rule("", "bakery", "food", priority=2), 0)
        found = above.dimensions["category"]
        assert (found.right, found.wrong, found.machine_changed, above.taken_over) == (2, 1, 1, 2)
        assert not above.right_examples
        instead = ledger.rules.trial(rule("corner", "bakery", "food"), 1)
        assert (instead.dimensions["category"].right, instead.taken_over) == (2, 0)
        assert ledger.store.position() == position
        assert [kept.id for kept in ledger.rules.book.kept] == ["corner"]


def test_amounts_and_selection_read_alike(tmp_path: Path) -> None:
    """A rule on an amount decides what a split by the same bounds would choose, where amounts have signs."""
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled(str(n), "Bakery", "food", amount=Decimal(-n)) for n in range(1, 10)])
        low, high = Decimal(-6), Decimal(-3)
        within = Condition(RuleField.AMOUNT, Operator.WITHIN, min_amount=low, max_amount=high)
        ledger.rules.create(Rule("r", (within,), {"category": "food"}))
        chosen = ledger.store.select(0, Selection(min_amount=low, max_amount=high))
        assert tally(ledger, "r").decided == len(chosen) == 4


def test_a_recorded_answer_of_a_rule_is_replayed_to_the_bit(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        ledger.rules.create(rule("rent", "castle", "gifts", name="No rent"))
        asked = Transaction(payee="Castle Rent")
        found = ledger.classify(asked, ALL_NEIGHBOURS)
        prediction = Prediction.of("f" * 16, datetime.now(UTC), asked, ALL_NEIGHBOURS, found)
        ledger.rules.delete("rent")
        kept = decoded_prediction(prediction.id, encoded(prediction))
        assert replayed(kept, KernelVote()).answers == kept.answer.answers == found.answers


def test_an_answer_of_a_rule_is_explained_by_what_it_would_be_without(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        asked = Transaction(payee="Castle Rent")
        without = ledger.classify(asked, ClassifyOptions()).answers[0]
        ledger.rules.create(rule("rent", "castle", "gifts", name="No rent"))
        explained = explain(ledger.view, ENCODER, KernelVote(), asked, ClassifyOptions())
        (told,) = explained.dimensions
        first = told.counterfactuals[0]
        assert first.change == "without the rule 'No rent'"
        assert (first.category, first.decision) == (without.candidates[0].category, without.decision)
        assert not first.entries


def test_several_rules_are_created_in_one_revision_or_not_at_all(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        both = [rule("", "corner", "rent"), BAKERY]
        made = ledger.rules.create_all(both, "once")
        assert (made.revision, made.rule, ledger.view.revision) == (2, 1, 2)
        assert ledger.rules.create_all(both, "once") == made
        assert [kept.id for kept in ledger.rules.book.rules] == ["rule-1", "bakery"]
        assert (tally(ledger, "rule-1"), tally(ledger)) == (Tally(1, 0), Tally(2, 1))
        with pytest.raises(RuleExists):
            ledger.rules.create_all([rule("new", "x", "food"), rule("new", "y", "food")])
        with pytest.raises(UnknownCategory) as refused:
            ledger.rules.create_all([rule("new", "x", "food"), rule("other", "y", "no")], field="rules[{}]")
        assert refused.value.violations[0].field == "rules[1].labels['category']"
        with pytest.raises(InvalidInput):
            ledger.rules.create_all([])
        assert ledger.view.revision == 2


def test_a_dry_run_knows_what_the_rule_in_its_place_decides_by_texts(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach(ledger)
        text = Condition(RuleField.TEXT, Operator.CONTAINS, ("bakery",))
        ledger.rules.create(Rule("by text", (text,), {"category": "food"}))
        ledger.rules.create(rule("corner", "corner", "rent", priority=1))
        trial = ledger.rules.trial(rule("corner", "bakery", "food", priority=1), 0)
        assert (trial.matched, trial.taken_over) == (4, 2)  # of the four the corner's are its own by now
