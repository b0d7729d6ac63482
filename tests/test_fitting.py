"""The compiled sums behind calibration and habits, held against the same said plainly in numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine import fitting
from likewise_engine.ledger.tallies import labelled_rows

counts = st.integers(0, 60)
seeds = st.integers(0, 2**32 - 1)


@given(counts, seeds)
def test_the_posterior_mode_is_where_the_gradient_vanishes(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    design = np.ascontiguousarray(rng.normal(size=(3, count)))
    right, weight = (rng.random(count) < 0.7).astype(float), rng.random(count)
    centre, scale = (1.0, 0.2, 0.0), (0.25, 0.3, 0.2)
    found = np.array(fitting.posterior_mode(design, right, weight, centre, scale))
    expected = 1.0 / (1.0 + np.exp(-found @ design))
    gradient = design @ (weight * (expected - right)) + (found - centre) / np.square(scale)
    # The last step of Newton's method was below a thousandth, and what it leaves is of second order.
    assert np.abs(gradient).max() < 1e-3


def test_no_more_coefficients_than_there_is_room_for() -> None:
    with pytest.raises(ValueError, match="4 coefficients"):
        fitting.posterior_mode(np.zeros((4, 1)), np.zeros(1), np.ones(1), (0.0,) * 4, (1.0,) * 4)


@given(counts, st.integers(0, 10), seeds)
def test_error_rates_are_those_of_counting_at_every_threshold(count: int, pooled: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    expected, right = rng.integers(1, 9, count) / 10, (rng.random(count) < 0.7).astype(float)
    pooled_expected, pooled_weight = rng.integers(1, 9, pooled) / 10, rng.random(pooled)
    reached, rate = fitting.error_rates(expected, right, pooled_expected, pooled_weight)
    assert reached.tolist() == sorted({*expected, *pooled_expected}, reverse=True)
    for threshold, found in zip(reached, rate, strict=True):
        own, lent = expected >= threshold, pooled_expected >= threshold
        lent_wrong = (pooled_weight * (1 - pooled_expected))[lent].sum()
        counted = (1 - right)[own].sum() + lent_wrong
        foreseen = (1 - expected)[own].sum() + lent_wrong
        wrong = max(counted, (counted + foreseen) / 2)
        assert found == pytest.approx((1 + wrong) / (1 + own.sum() + pooled_weight[lent].sum()))


@given(counts, seeds)
def test_the_excess_is_the_greatest_sum_of_any_latest_stretch(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    right, filed = (rng.random(count) < 0.7).astype(float), rng.random(count) < 0.6
    found = fitting.excess(right, filed, 0.05, 0.9)
    excess = np.where(filed, (1 - right) - 0.05, 0.0) * 0.9 ** np.arange(count - 1, -1, -1)
    assert found == pytest.approx(max([0.0, *(excess[start:].sum() for start in range(count))]))


def change_of(surprise: np.ndarray, day: np.ndarray) -> int:
    return fitting.latest_change(surprise, day, 7.0, 30, 5, 0.01)


def test_a_change_is_found_on_its_day() -> None:
    day = np.repeat(np.arange(40, dtype=np.int32), 5)
    surprise = np.where(day < 25, 0.1, -0.6) + np.random.default_rng(0).normal(0, 0.05, len(day))
    assert change_of(surprise, day) == 25 * 5
    assert change_of(surprise[::-1].copy(), day) == 15 * 5


def test_two_changes_leave_what_is_after_the_second() -> None:
    day = np.repeat(np.arange(60, dtype=np.int32), 5)
    level = np.select([day < 30, day < 40], [0.1, -0.6], -0.9)
    assert change_of(level + np.random.default_rng(0).normal(0, 0.05, len(day)), day) == 40 * 5


@pytest.mark.parametrize("days", [0, 1, 9, 40])
def test_where_nothing_changes_nothing_is_cut(days: int) -> None:
    day = np.repeat(np.arange(days, dtype=np.int32), 8)
    assert change_of(np.random.default_rng(0).normal(0, 0.3, len(day)), day) == 0


def test_one_bad_day_is_no_change() -> None:
    day = np.repeat(np.arange(30, dtype=np.int32), 5)
    surprise = np.random.default_rng(0).normal(0, 0.05, len(day))
    surprise[day == 15] = -1.0
    assert change_of(surprise, day) == 0


@given(counts, seeds, st.booleans())
def test_labelled_rows_come_by_day_and_then_by_row(count: int, seed: int, is_in_order: bool) -> None:
    rng = np.random.default_rng(seed)
    labels, alive = rng.integers(-1, 3, count).astype(np.int32), rng.random(count) < 0.8
    days = rng.integers(0, 9, count).astype(np.int32)
    if is_in_order:
        days.sort()
    rows = np.flatnonzero(alive & (labels >= 0) & (days >= 3))
    assert labelled_rows(labels, alive, days, 3).tolist() == rows[np.lexsort((rows, days[rows]))].tolist()
