"""The backtest of a tenant: it is the engine that answers, and nothing looks ahead."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backtest_world import Spy, backtested, book, contestants, habits, item
from engine_world import open_ledger
from likewise_engine import limits
from likewise_engine.answers import ClassifyOptions, Decision
from likewise_engine.encoder import HashingEncoder
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.backtest import (
    LIKEWISE,
    BacktestSettings,
    Confusion,
    TenantResult,
    Visibility,
    answerers,
)
from likewise_indexer.backtest.confusions import costliest
from likewise_indexer.backtest.result import NO_DECISION, NO_LABEL
from likewise_indexer.backtest.tenant import backtest_tenant


def answered(result: TenantResult) -> list[tuple[str, float, int]]:
    """What was answered to each row: category, probability, decision."""
    given, labels = result.answers[LIKEWISE], (*result.asked.labels, "")
    columns = (given.answered.tolist(), given.probability.tolist(), given.decision.tolist())
    return [(labels[number], said, decision) for number, said, decision in zip(*columns, strict=True)]


def test_the_engine_that_serves_answers(tmp_path: Path) -> None:
    rows = habits(120)
    result = backtested(rows, visibility=Visibility.BATCH)
    with open_ledger(tmp_path, HashingEncoder(64)) as ledger:
        ledger.import_batch(rows[:60])
        ledger.calibrate()
        options = ClassifyOptions(candidates_max=limits.CANDIDATES_MAX)
        expected = [ledger.classify(one.transaction, options).answer("category") for one in rows[60:]]
    assert answered(result) == [
        (answer.candidates[0].category, answer.candidates[0].probability, answer.decision)
        for answer in expected
    ]
    ranks = [
        [candidate.category for candidate in answer.candidates].index(one.labels["category"])
        for answer, one in zip(expected, rows[60:], strict=True)
    ]
    assert result.answers[LIKEWISE].rank.tolist() == ranks
    assert (result.rows, result.history, len(result.asked)) == (120, 60, 60)
    assert result.asked.position.tolist() == list(range(60, 120))
    assert [result.asked.labels[n] for n in result.asked.label] == [o.labels["category"] for o in rows[60:]]
    assert min(result.answers[LIKEWISE].seconds) > 0


@pytest.mark.parametrize("visibility", Visibility)
def test_what_comes_later_changes_no_answer(visibility: Visibility) -> None:
    rows, changed_from = habits(150), 111
    # Row 111 is the first of its day: all rows to the end of that day are asked before it is known.
    day_ends = 114 if visibility is Visibility.NEXT_DAY else 112
    other = [
        one if row < changed_from else replace(one, labels={"category": f"planted {row}", "tax": "planted"})
        for row, one in enumerate(rows)
    ]
    before, after = (answered(backtested(r, visibility=visibility)) for r in (rows, other))
    assert before[: day_ends - 75] == after[: day_ends - 75]
    learns = visibility is not Visibility.BATCH
    assert (before[day_ends - 75 :] != after[day_ends - 75 :]) is learns


@pytest.mark.parametrize("visibility", Visibility)
def test_a_label_that_is_only_planted_in_the_future_is_never_answered(visibility: Visibility) -> None:
    rows = habits(90)
    rows[-1] = replace(rows[-1], labels={"category": "planted"})
    result = backtested(rows, visibility=visibility)
    assert "planted" not in [label for label, _, _ in answered(result)]
    assert result.answers[LIKEWISE].rank[-1] == NO_LABEL


def test_visibility_decides_when_a_new_payee_is_known() -> None:
    rows = [item(0, 1, "Bakery", "Food"), item(1, 2, "Bakery", "Food"), item(2, 3, "Bakery", "Food")]
    rows += [item(3, 4, "Garage", "Car"), item(4, 4, "Garage", "Car"), item(5, 5, "Garage", "Car")]
    ranks = {mode: backtested(rows, visibility=mode).answers[LIKEWISE].rank.tolist() for mode in Visibility}
    assert ranks == {
        Visibility.NEXT_DAY: [NO_LABEL, NO_LABEL, 0],
        Visibility.IMMEDIATE: [NO_LABEL, 0, 0],
        Visibility.BATCH: [NO_LABEL] * 3,
    }


def test_peers_get_the_same_rows_at_the_same_moments() -> None:
    rows, spies = habits(90), list[Spy]()

    def spy() -> Spy:
        spies.append(Spy())
        return spies[-1]

    settings = BacktestSettings()
    result = backtest_tenant(book(rows), contestants({"spy": spy}), settings)
    replayed, *lessons = spies
    assert [asked for asked, _ in replayed.asked] == [one.transaction for one in rows[45:]]
    for position, (_, taught) in enumerate(replayed.asked, start=45):
        assert len(taught) == position - position % 3
    assert [{len(taught) for _, taught in lesson.asked} for lesson in lessons] == [{10}, {50}, {45}]
    assert [len(lesson.asked) for lesson in lessons] == [78, 39, 45]
    assert set(result.answers["spy"].decision.tolist()) == {NO_DECISION}
    assert result.performance["spy"].measures.top1 == 0.0
    points = result.performance[LIKEWISE].learning
    assert [(point.size, point.labels, point.rows) for point in points] == [
        (10, 10, 78),
        (50, 50, 39),
        (None, 45, 45),
    ]


def test_a_ledger_learns_with_what_it_had_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    taught: list[Sequence[LabelledTransaction]] = []
    learn = Ledger.learn

    def remembered(self: Ledger, items: Sequence[LabelledTransaction], request_id: str = "") -> Any:
        taught.append(items)
        return learn(self, items, request_id)

    monkeypatch.setattr(Ledger, "learn", remembered)
    result = backtested(habits(40), visibility=Visibility.IMMEDIATE)
    predictions = [dict(one.predicted) for items in taught for one in items]
    # The label of the last row is taught to nobody: nothing is asked after it.
    assert predictions == [{"category": label} for label, _, _ in answered(result)[:-1]]


def test_slices_by_hand() -> None:
    rows = [item(0, 1, "A", "x", 1), item(1, 2, "A", "x", 2), item(2, 3, "A", "x", 3)]
    rows += [item(3, 4, "A", "x", 4), item(4, 5, "B", "y", 5), item(5, 6, "B", "z", 6)]
    rows += [item(6, 7, "B", "x", 10), item(7, 8, "A", "x", 20), item(8, 9, "C", "z", None)]
    rows += [item(9, 10, "B", "y", -30), item(10, 11, "A", "x", 40), item(11, 12, "C", "z", None)]
    slices = {name: np.flatnonzero(within).tolist() for name, within in backtested(rows).asked.slices.items()}
    assert slices == {
        "payee_unseen": [2],
        "payee_ambiguous": [0, 3],
        "category_rare": [0, 2, 3, 5],
        "amount_small": [0, 1],
        "amount_medium": [3],
        "amount_large": [4],
        "amount_missing": [2, 5],
        "age_first": [0, 1],
        "age_middle": [2, 3],
        "age_last": [4, 5],
    }


def test_any_dimension_can_be_measured_and_all_are_taught() -> None:
    rows = [
        replace(one, labels={"category": one.labels["category"]}) if row % 2 or row < 60 else one
        for row, one in enumerate(habits(120))
    ]
    result = backtested(rows, dimension="tax")
    assert set(result.asked.labels) == {"t0", "t1"}
    assert result.asked.position.tolist() == list(range(60, 120, 2))
    first, later = answered(result)[:2], answered(result)[6:]
    # At first there is no tax code at all, and then a payee's own is soon known.
    assert first == [("", 0.0, Decision.ASK)] * 2
    assert {label for label, _, _ in later} == {"t0", "t1"}
    assert result.performance[LIKEWISE].slices["age_last"].top1 > 0.6
    assert answered(backtested(rows)) != answered(result)


def test_books_without_dates_are_replayed_row_by_row() -> None:
    dated, undated = (habits(90, dated=d) for d in (True, False))
    found = backtested(undated)
    assert (found.undated, backtested(dated).undated) == (True, False)
    assert set(found.asked.day.tolist()) == {0}
    assert answered(found) == answered(backtested(undated, visibility=Visibility.IMMEDIATE))
    assert found.performance[LIKEWISE].measures.top1 > 0.5


def test_only_future_dates_are_as_good_as_others() -> None:
    rows = [
        replace(one, transaction=replace(one.transaction, date=date(2199, 1, 1 + row // 3)))
        for row, one in enumerate(habits(90))
    ]
    assert answered(backtested(rows)) == answered(backtested(habits(90)))


def test_history_can_be_shorter_and_the_target_another() -> None:
    rows = habits(100)
    result = backtested(rows, history_share=0.2, target_precision=0.5)
    assert (result.history, len(result.asked)) == (20, 80)
    surer = backtested(rows, history_share=0.2, target_precision=0.95)
    filed, filed_surely = (
        sum(decision == Decision.FILE for *_, decision in answered(one)) for one in (result, surer)
    )
    assert filed > filed_surely


def test_confusions_are_counted_and_show_what_misled() -> None:
    rows = [item(row, row + 1, "Zoom" if row % 2 else "Zoom Inc", "software", 15) for row in range(20)]
    rows += [item(20, 21, "Zoom", "training", 15), item(21, 22, "Zoom Inc", "training", 150)]
    rows += [item(22, 22, "Zoom Inc", "training", 140), item(23, 24, "Zoom", "software", 15)]
    rows += [item(row, row + 1, "Zoom", "software", 15) for row in range(24, 34)]
    (confusion,) = backtested(rows, confusions_max=5).confusions
    assert (confusion.tenant, confusion.label, confusion.answered) == ("acme", "training", "software")
    assert (confusion.count, confusion.amounts) == (3, {"EUR": Decimal(305)})
    # One of each payee.
    asked = {mistake.position: mistake for mistake in confusion.mistakes}
    assert sorted(asked) == [20, 21]
    assert {n.labels["category"] for n in asked[20].neighbours} == {"software"}
    assert len(asked[20].neighbours) == limits.BACKTEST_NEIGHBOURS_PER_LABEL_MAX
    # When the second was asked, the first was known: it is shown as well.
    assert {n.transaction_id for n in asked[21].neighbours if n.labels["category"] == "training"} == {"20"}
    assert confusion.filed >= sum(m.decision is Decision.FILE for m in asked.values())
    assert backtested(rows).confusions == ()
    assert backtested(rows, confusions_max=1).confusions == (confusion,)


def test_amounts_of_several_currencies_are_not_added_up() -> None:
    rows = [item(row, row + 1, "Zoom", "software", 15) for row in range(30)]
    for row, amount, currency in ((24, 150, "USD"), (26, 20, "EUR"), (28, 40, "USD"), (29, None, "")):
        wrong = item(row, row + 1, "Zoom", "training", amount)
        rows[row] = replace(wrong, transaction=replace(wrong.transaction, currency=currency))
    (confusion,) = (c for c in backtested(rows, confusions_max=5).confusions if c.label == "training")
    assert list(confusion.amounts.items()) == [("USD", Decimal(190)), ("EUR", Decimal(20))]


def test_what_was_filed_costs_most_and_then_what_happens_often() -> None:
    def confusion(label: str, count: int, filed: int, thousands: int) -> Confusion:
        return Confusion("acme", label, "other", count, filed, {"EUR": Decimal(1_000 * thousands)}, ())

    costs = [confusion("a", 9, 0, 2), confusion("b", 2, 2, 1), confusion("c", 3, 2, 1)]
    costs += [confusion("d", 9, 0, 10), confusion("e", 9, 0, 2)]
    assert [found.label for found in costliest(costs, 4)] == ["c", "b", "d", "a"]


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answerers, "memory_folder", lambda: str(tmp_path))
    seen = []
    settings = BacktestSettings(learning=False)
    backtest_tenant(
        book(habits(60)), contestants(), settings, lambda: seen.append(len(list(tmp_path.iterdir())))
    )
    assert set(seen) == {1}
    assert list(tmp_path.iterdir()) == []

    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backtest_tenant(book(habits(60)), contestants(), settings, fail)
    assert list(tmp_path.iterdir()) == []
