"""The figures of a backtest, on cases worked by hand."""

from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest

from likewise_engine.answers import Decision
from likewise_indexer.backtest import SLICES
from likewise_indexer.backtest.measures import (
    calibration_error,
    coverage,
    coverage_curve,
    learning_point,
    macro,
    mean_of,
    measures_of,
    performance_of,
    reliability,
)
from likewise_indexer.backtest.result import NO_DECISION, NO_LABEL, Answers


def answers(
    rank: list[int], probability: list[float], decision: list[int] | None = None, seconds: float = 0.001
) -> Answers:
    count = len(rank)
    return Answers(
        rank=np.array(rank),
        answered=np.zeros(count, dtype=np.int64),
        probability=np.array(probability),
        decision=np.array(decision or [NO_DECISION] * count),
        seconds=np.full(count, seconds),
    )


def test_coverage_is_the_longest_confident_run_that_is_precise_enough() -> None:
    right = np.array([True, True, False, True, False])
    confidence = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
    assert coverage(right, confidence, 1.0) == pytest.approx(2 / 5)
    assert coverage(right, confidence, 0.75) == pytest.approx(4 / 5)
    assert coverage(right, confidence, 0.99) == pytest.approx(2 / 5)
    assert coverage(~right, confidence, 0.99) == 0.0


def test_coverage_does_not_part_rows_of_equal_confidence() -> None:
    right = np.array([True, True, False, False])
    assert coverage(right, np.array([0.9, 0.9, 0.9, 0.1]), 0.95) == 0.0


def test_coverage_counts_no_row_without_an_answer() -> None:
    assert coverage(np.array([True]), np.array([0.0]), 0.95) == 0.0


def test_calibration_error_by_hand() -> None:
    bins = reliability(np.array([True, False, True, True]), np.array([0.95, 0.95, 0.35, 0.35]))
    # (.5 of the rows) x |.5 - .95| + (.5) x |1 - .35|
    assert calibration_error(bins) == pytest.approx(0.5 * 0.45 + 0.5 * 0.65)


def test_reliability_by_hand() -> None:
    bins = reliability(np.array([True, False, True]), np.array([1.0, 0.9, 0.05]))
    assert bins.rows.tolist() == pytest.approx([1 / 3, 0, 0, 0, 0, 0, 0, 0, 0, 2 / 3])
    assert (bins.probability[0], bins.right[0]) == (0.05, 1.0)
    assert (bins.probability[9], bins.right[9]) == (pytest.approx(0.95), 0.5)
    assert isnan(bins.probability[1])
    assert isnan(bins.right[1])


def test_curve_goes_in_a_straight_line_through_equals() -> None:
    curve = coverage_curve(np.array([True, True, False, False]), np.array([0.9, 0.5, 0.5, 0.1]))
    at = dict(zip(np.round(curve.coverage, 2).tolist(), curve.precision.tolist(), strict=True))
    assert at[0.25] == 1.0
    # Of the two rows at .5 one is right: the second row is right half the time.
    assert at[0.5] == pytest.approx(1.5 / 2)
    assert at[0.75] == pytest.approx(2 / 3)
    assert at[1.0] == pytest.approx(2 / 4)


def test_measures_by_hand() -> None:
    given = answers(
        rank=[0, 0, 1, 3, NO_LABEL],
        probability=[0.99, 0.97, 0.96, 0.5, 0.0],
        decision=[Decision.FILE, Decision.FILE, Decision.FILE, Decision.SUGGEST, Decision.ASK],
    )
    found = measures_of(given, target_precision=0.6)
    assert (found.top1, found.top3) == (0.4, 0.6)
    assert (found.coverage_at_95, found.coverage_at_98) == (0.4, 0.4)
    assert (found.filed_share, found.suggested_share, found.asked_share) == (0.6, 0.2, 0.2)
    assert found.filed_precision == pytest.approx(2 / 3)
    assert found.hindsight_share == 0.6
    assert (found.seconds_p50, found.seconds_p99) == (0.001, 0.001)


def test_who_decides_nothing_has_no_figures_of_decisions() -> None:
    found = measures_of(answers([0, 1], [0.9, 0.8]), 0.95)
    assert (found.top1, found.coverage_at_95) == (0.5, 0.5)
    for figure in (found.filed_share, found.suggested_share, found.asked_share, found.hindsight_share):
        assert isnan(figure)


def test_precision_of_nothing_is_not_a_figure() -> None:
    found = measures_of(answers([0], [0.5], [Decision.SUGGEST]), 0.95)
    assert found.filed_share == 0.0
    assert isnan(found.filed_precision)
    assert isnan(mean_of([nan]))
    assert mean_of([nan, 1.0, 2.0]) == 1.5


def test_macro_weighs_every_tenant_the_same_and_counts_none_that_lacks_the_figure() -> None:
    slices = {name: np.zeros(4, dtype=bool) for name in SLICES}
    slices["payee_unseen"] = np.array([True, True, False, False])
    large = performance_of(
        answers([0, 1, 0, 0], [0.95, 0.95, 0.95, 0.95], [Decision.FILE] * 4),
        slices,
        [learning_point(10, 10, answers([0, 0, 1, 1], [0.9] * 4))],
        0.95,
    )
    small = performance_of(
        answers([0], [0.35], [Decision.SUGGEST]),
        {name: np.zeros(1, dtype=bool) for name in SLICES},
        [learning_point(10, 10, answers([0], [0.9])), learning_point(None, 60, answers([1], [0.9]))],
        0.95,
    )
    both = macro([large, small])
    assert both.measures.top1 == pytest.approx((0.75 + 1) / 2)
    assert both.measures.filed_share == 0.5
    assert both.measures.filed_precision == 0.75
    assert (both.slices["payee_unseen"].rows, both.slices["payee_unseen"].tenants) == (2, 1)
    assert both.slices["payee_unseen"].top1 == 0.5
    assert both.slices["payee_ambiguous"].rows == 0
    assert isnan(both.slices["payee_ambiguous"].top1)
    assert both.reliability.rows.tolist() == [0, 0, 0, 0.5, 0, 0, 0, 0, 0, 0.5]
    assert (both.reliability.right[3], both.reliability.right[9]) == (1.0, 0.75)
    assert both.reliability.probability[9] == pytest.approx(0.95)
    assert both.curve.precision[-1] == pytest.approx((0.75 + 1) / 2)
    ten, everything = both.learning
    assert (ten.size, ten.rows, ten.tenants, ten.top1) == (10, 5, 2, 0.75)
    assert (everything.size, everything.labels, everything.tenants, everything.top1) == (None, 60, 1, 0)
    assert macro([large]).measures == replace(large.measures)
