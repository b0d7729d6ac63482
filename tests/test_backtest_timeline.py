"""What is visible to which row of a replay: the one place where it could look ahead."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest_world import Spy, item
from likewise_engine import limits
from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.backtest import Visibility
from likewise_indexer.backtest.replay import Labels, replay
from likewise_indexer.backtest.timeline import (
    Timeline,
    in_time_order,
    labels_before_last,
    learning_timeline,
    replay_timeline,
    visible_counts,
)


def rows_on(*days: int | None) -> list[LabelledTransaction]:
    return [item(row, day, f"Payee {row}", "food") for row, day in enumerate(days)]


def visible_to(items: Sequence[LabelledTransaction], visibility: Visibility, history: int) -> dict[int, int]:
    """How many first rows each asked row sees."""
    timeline = replay_timeline(items, "category", visibility, history)
    return dict(zip(timeline.asked.tolist(), timeline.visible.tolist(), strict=True))


def test_rows_of_a_day_see_those_of_the_days_before() -> None:
    rows = rows_on(1, 2, 3, 3, 4, 5, 5, 5)
    assert visible_counts(rows).tolist() == [0, 1, 2, 2, 4, 5, 5, 5]
    assert visible_to(rows, Visibility.NEXT_DAY, 4) == {4: 4, 5: 5, 6: 5, 7: 5}


def test_the_day_that_history_shares_with_the_first_question_is_over_before_it_is_known() -> None:
    rows = rows_on(1, 2, 3, 3, 3, 4)
    assert visible_to(rows, Visibility.NEXT_DAY, 3) == {3: 2, 4: 2, 5: 5}
    assert visible_to(rows, Visibility.BATCH, 3) == {3: 2, 4: 2, 5: 2}
    assert visible_to(rows, Visibility.IMMEDIATE, 3) == {3: 3, 4: 4, 5: 5}


def test_history_of_one_single_day_is_known_for_want_of_any_other() -> None:
    rows = rows_on(1, 1, 1, 1, 2)
    assert visible_to(rows, Visibility.NEXT_DAY, 2) == {2: 2, 3: 2, 4: 4}
    assert visible_to(rows, Visibility.BATCH, 2) == {2: 2, 3: 2, 4: 2}


def test_an_undated_row_is_a_day_of_its_own() -> None:
    assert visible_to(rows_on(None, None, None, None), Visibility.NEXT_DAY, 2) == {2: 2, 3: 3}
    assert visible_counts(rows_on(None, 1, None, None, 2, None)).tolist() == [0, 1, 2, 3, 4, 5]


def test_an_undated_row_amid_a_day_is_of_that_day() -> None:
    assert visible_counts(rows_on(1, 2, None, 2, 2)).tolist() == [0, 1, 1, 1, 1]
    assert visible_counts(rows_on(1, 1, None, None, 1, None, 2)).tolist() == [0, 0, 0, 0, 0, 5, 6]


def test_rows_without_the_label_are_taught_and_not_asked() -> None:
    rows = [item(0, 1, "A", "food"), item(1, 2, "B", "food"), item(2, 3, "C", "food", tax="t1")]
    assert replay_timeline(rows, "tax", Visibility.NEXT_DAY, 1).asked.tolist() == [2]
    assert replay_timeline(rows, "tax", Visibility.NEXT_DAY, 1).visible.tolist() == [2]
    assert not len(replay_timeline(rows, "project", Visibility.NEXT_DAY, 1).asked)
    assert not len(replay_timeline(rows[:1], "category", Visibility.NEXT_DAY, 1).asked)


def test_rows_are_sorted_by_date_and_undated_ones_stay_behind_the_row_they_followed() -> None:
    rows = rows_on(None, 5, None, 3, 3, None, 4)
    assert [one.transaction.id for one in in_time_order(rows)] == ["0", "3", "4", "5", "6", "1", "2"]


@given(days=st.lists(st.none() | st.integers(1, 6), max_size=30))
def test_visible_is_what_stands_before_every_day_that_is_not_over(days: list[int | None]) -> None:
    rows = in_time_order(rows_on(*days))
    dates = [one.transaction.date or date.min for one in rows]
    for row, visible in enumerate(visible_counts(rows).tolist()):
        going_on = {day for day in dates[row:] if day > date.min}
        seen = [count for count in range(row + 1) if not going_on & set(dates[:count])]
        assert visible == max(seen)


@given(
    days=st.lists(st.none() | st.integers(1, 6), min_size=2, max_size=30),
    history=st.integers(1, 29),
    visibility=st.sampled_from(list(Visibility)),
)
def test_nobody_ever_sees_the_day_of_its_question_nor_what_comes_after(
    days: list[int | None], history: int, visibility: Visibility
) -> None:
    rows = in_time_order(rows_on(*days))
    history = min(history, len(rows) - 1)
    spy = Spy()
    timeline = replay_timeline(rows, "category", visibility, history)
    replay(rows, timeline, {"spy": spy}, "category", Labels())
    assert [asked.id for asked, _ in spy.asked] == [one.transaction.id for one in rows[history:]]
    going_on = {one.transaction.date for one in rows[history:]} - {None}
    for position, (asked, taught) in enumerate(spy.asked, start=history):
        assert list(taught) == rows[: len(taught)]
        assert len(taught) <= position
        if visibility is Visibility.IMMEDIATE:
            assert len(taught) == position
        elif len(taught) > history:
            assert visibility is Visibility.NEXT_DAY
            assert asked.date is None or asked.date not in {one.transaction.date for one in taught}
        elif len(taught) < history:
            # Only the day that the history shares with the first question is held back.
            assert rows[len(taught)].transaction.date in going_on


def learned(rows: Sequence[LabelledTransaction], labels: int, *, immediate: bool = False) -> Timeline:
    timeline = learning_timeline(rows, "category", labels, immediate=immediate)
    assert timeline is not None
    return timeline


def test_a_learning_curve_teaches_the_first_labels_and_asks_from_the_next_day_on() -> None:
    rows = rows_on(*(1 + row // 4 for row in range(60)))
    timeline = learned(rows, 10)
    assert set(timeline.visible.tolist()) == {10}
    # Rows 10 and 11 share their day with what was taught.
    assert timeline.asked.tolist() == list(range(12, 60))
    assert learned(rows, 10, immediate=True).asked.tolist() == list(range(10, 60))


def test_a_learning_curve_counts_labels_of_the_dimension_that_is_measured() -> None:
    days = enumerate(rows_on(*range(1, 81)))
    with_tax, without = (item(0, 1, "A", "food", tax="t"), item(0, 1, "A", "food"))
    rows = [replace(with_tax if row % 2 else without, transaction=one.transaction) for row, one in days]
    timeline = learning_timeline(rows, "tax", 10, immediate=False)
    assert timeline is not None
    assert set(timeline.visible.tolist()) == {20}
    assert timeline.asked.tolist() == list(range(21, 80, 2))


def test_a_learning_curve_asks_neither_too_few_nor_too_many() -> None:
    rows = rows_on(*range(1, 401))
    assert len(learned(rows, 10).asked) == limits.BACKTEST_LEARNING_ASKED_MAX
    assert labels_before_last(rows, "category") == 400 - limits.BACKTEST_LEARNING_ASKED_MAX
    assert labels_before_last(rows[:30], "category") == 15
    enough = 10 + limits.BACKTEST_ASKED_ROWS_MIN
    assert len(learned(rows[:enough], 10).asked) == limits.BACKTEST_ASKED_ROWS_MIN
    for too_few in (rows[: enough - 1], rows[:10], []):
        assert learning_timeline(too_few, "category", 10, immediate=False) is None
    assert learning_timeline(rows, "category", 0, immediate=False) is None


@pytest.mark.parametrize("visibility", Visibility)
def test_all_of_one_day_is_still_replayed(visibility: Visibility) -> None:
    assert len(visible_to(rows_on(*[1] * 10), visibility, 5)) == 5
