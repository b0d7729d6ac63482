"""Habits: what the latest labels say of each category, worked out by hand."""

import math
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from engine_world import labelled, open_ledger
from likewise_engine.ledger.habits import Habits


def test_shares_and_ages_count_the_latest_labels() -> None:
    habits = Habits.of(np.array([0, 1, 0, 2], np.int32), np.full(4, np.nan), np.arange(4), categories=4)
    assert habits.share.tolist() == [0.5, 0.25, 0.25, 0]
    assert habits.labels_since.tolist() == [1, 2, 0, 4]
    faded = [math.exp(-age / 100) for age in (3, 2, 1, 0)]
    expected = [(faded[0] + faded[2]), faded[1], faded[3], 0]
    assert habits.recent_share == pytest.approx([share / sum(faded) for share in expected])


def test_amounts_of_a_category_are_drawn_to_those_of_all() -> None:
    amounts = np.array([-9.0, -9.0, 99.0, np.nan])
    habits = Habits.of(np.array([0, 0, 1, 1], np.int32), amounts, np.arange(4), categories=2)
    low, high = math.log1p(9), math.log1p(99)
    mean = (2 * low + high) / 3
    assert habits.all_mean == pytest.approx(mean)
    assert habits.amount_mean == pytest.approx([mean + 2 * (low - mean) / 7, mean + (high - mean) / 6])
    assert habits.negative_share == pytest.approx([2.5 / 3, 0.5 / 2])
    assert habits.misfit(mean) < habits.misfit(high) < habits.misfit(50.0)


def test_there_are_habits_of_nothing() -> None:
    habits = Habits.of(np.empty(0, np.int32), np.empty(0), np.empty(0, np.int64), categories=3)
    assert habits.recent_share.tolist() == habits.share.tolist() == [0, 0, 0]
    for values in (habits.amount_mean, habits.amount_variance, habits.negative_share, habits.labels_since):
        assert np.isfinite(values).all()


def test_a_view_reads_the_latest_days_whatever_the_order_of_learning(tmp_path: Path) -> None:
    days = [date(2025, 1, 1) + timedelta(days=n) for n in (5, 1, 3, 2, 4)]
    with open_ledger(tmp_path) as ledger:
        ledger.learn(
            [
                labelled(str(n), date=day, amount=Decimal(n), category=f"c{day.day}")
                for n, day in enumerate(days)
            ]
        )
        view = ledger.view
        latest = view.latest_labelled("category", 3)
        assert [view.transaction_ids[row] for row in latest.tolist()] == ["2", "4", "0"]
        assert view.habits("category").labels_since[view.chart.numbers["category", "c6"]] == 0
        assert view.habits("category") is view.habits("category")
        assert view.habits("nothing").share.tolist() == [0] * 5
        earlier = view.as_of(days[2].toordinal())
        assert earlier.habits("category").share.sum() == 1
        assert earlier.habits("category").share[view.chart.numbers["category", "c6"]] == 0
        ledger.forget(["0"])
        assert ledger.view.habits("category").share[view.chart.numbers["category", "c6"]] == 0
