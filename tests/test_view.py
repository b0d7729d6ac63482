"""A view: which of its labels are the latest, found without a look at all of them."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_world import Books, labelled, open_ledger
from likewise_engine.ledger.view import UNLABELLED, DayRanks, View


def test_the_first_day_of_the_latest_entries_has_enough_of_them() -> None:
    ranks = DayRanks.of(np.array([7, 3, 7, 9, 3, 3], np.int32))
    assert [ranks.first_day_of(count) for count in range(1, 8)] == [9, 7, 7, 3, 3, 3, 3]
    assert DayRanks.of(np.empty(0, np.int32)).first_day_of(5) == 0


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.integers(1, 40))
def test_the_first_day_of_the_latest_entries_is_the_latest_that_will_do(days: list[int], count: int) -> None:
    first = DayRanks.of(np.array(days, np.int32)).first_day_of(count)
    assert sum(day >= first for day in days) >= min(count, len(days))
    assert sum(day > first for day in days) < count


def naive_latest(view: View, dimension: str, count_max: int) -> list[int]:
    labels, order_day = view.labels[dimension].tolist(), view.order_day.tolist()
    rows = [row for row, alive in enumerate(view.alive.tolist()) if alive and labels[row] != UNLABELLED]
    return sorted(rows, key=lambda row: (order_day[row], row))[-count_max:]


@pytest.mark.parametrize("undated_share", [0.0, 0.1, 1.0])
def test_the_latest_labels_are_found_whatever_the_order_and_however_rare(
    undated_share: float, tmp_path: Path
) -> None:
    books = Books(seed=6, undated_share=undated_share)
    items = [books.item(f"t{n}") for n in range(300)]
    # Of the oldest day, and of a dimension of their own.
    rare = [
        labelled(
            f"r{n}", labels={"category": "c1", "project": "p"}, date=date(2023, 1, 1) + timedelta(days=n)
        )
        for n in range(3)
    ]
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([*items, *rare])
        ledger.learn(
            [books.item(f"t{n}") for n in range(0, 300, 7)]
        )  # Rows die, and others take their place.
        whole = ledger.view
    for view in (whole, whole.as_of(date(2024, 9, 1).toordinal())):
        for dimension in ("category", "tax", "project"):
            for count_max in (1, 2, 7, 50, 200, 1_000):
                found = view.latest_labelled(dimension, count_max)
                assert found.tolist() == naive_latest(view, dimension, count_max)
    assert whole.latest_labelled("nothing", 5).tolist() == []
