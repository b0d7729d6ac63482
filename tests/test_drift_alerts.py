"""Drift alerts: they find what was planted, and cry wolf as seldom as they promise."""

from datetime import date
from math import log

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import t as t_distribution

from likewise_engine.answers import Decision, Witness
from likewise_engine.feedback import statistics
from likewise_engine.feedback.drift import (
    EARLIER_MIN,
    LOOK_LEVEL,
    PRECISION_DAYS,
    AlertKind,
    Days,
    population_days,
    precision_alerts,
    shift_alerts,
)
from likewise_engine.feedback.profile import AMOUNT, EDGES, PAYEE, SIMILARITY, bin_of
from likewise_engine.feedback.report import Counts, Tally

FIRST = date(2024, 1, 1).toordinal()


def _days(rng: np.random.Generator, shares: NDArray[np.float64], days: int) -> NDArray[np.int64]:
    """Counts by day, as books have them: each day has a mind of its own, some days are busy."""
    sizes = 1 + rng.negative_binomial(2, 0.2, size=days)
    return np.array([rng.multinomial(n, rng.dirichlet(20.0 * shares + 1e-3)) for n in sizes])


def _split(counts: NDArray[np.int64]) -> Days:
    split = Days.split(FIRST + np.arange(len(counts)), counts)
    assert split is not None
    return split


def _with_earlier(counts: NDArray[np.int64]) -> Days:
    days = Days.with_earlier(FIRST + np.arange(len(counts)), counts)
    assert days is not None
    return days


def _filed(errors: list[int], count: int = 8) -> list[Tally]:
    return [
        Tally(
            date.fromordinal(FIRST + day),
            "category",
            Decision.FILE,
            Witness.SAME_TEXT,
            0,
            Counts(count, count - wrong, 0, wrong, 0.95 * count),
        )
        for day, wrong in enumerate(errors)
    ]


@pytest.mark.parametrize("level", [0.01, 0.05, 0.2])
def test_the_test_of_homogeneity_keeps_its_level_where_days_are_clustered(level: float) -> None:
    rng = np.random.default_rng(7)
    p_values = np.array(
        [statistics.homogeneity(_days(rng, rng.dirichlet(np.ones(9)), 60), 15)[0] for _ in range(300)]
    )
    rejected = np.count_nonzero(p_values <= level)
    # Three standard deviations of chance.
    assert abs(rejected - 300 * level) <= 3 * np.sqrt(300 * level * (1 - level))


def test_nothing_is_alarmed_more_often_than_promised() -> None:
    alarmed = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        population = {
            name: _split(_days(rng, rng.dirichlet(np.ones(bins)), 120))
            for name, bins in ((SIMILARITY, 9), (PAYEE, 2), (AMOUNT, 14))
        }
        charts = {"category": _with_earlier(_days(rng, rng.dirichlet(np.ones(30)), 240))}
        alarmed += bool(shift_alerts(population, charts, [f"c{n}" for n in range(30)]))
    assert alarmed <= 100 * LOOK_LEVEL + 3 * np.sqrt(100 * LOOK_LEVEL)


def test_the_precision_detector_is_as_patient_as_promised() -> None:
    # At the very error rate that is allowed, in the worst case: in a thousand days it is expected to be
    # exceeded with a probability that a mean of a thousand days allows.
    firsts = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        count = rng.poisson(6, size=1_000)
        detector = statistics.surprise_of_errors(rng.binomial(count, 0.05), count, 0.05)
        over = np.flatnonzero(detector >= log(PRECISION_DAYS))
        firsts.append(over[0] if len(over) else 1_000)
    # Cut off at 1,000 days, the mean is no less than that of one whose whole mean is 1,000.
    assert np.mean(firsts) >= 1_000 * (1 - np.exp(-1))


def test_a_fall_of_precision_is_found_with_the_day_it_began() -> None:
    rng = np.random.default_rng(3)
    errors = np.concatenate((rng.binomial(8, 0.02, size=100), rng.binomial(8, 0.25, size=15)))
    assert precision_alerts(_filed(errors[:100].tolist()), 0.95) == []
    (alert,) = precision_alerts(_filed(errors.tolist()), 0.95)
    assert (alert.kind, alert.dimension, alert.measure) == (
        AlertKind.PRECISION,
        "category",
        "filed precision",
    )
    assert abs(alert.since.toordinal() - (FIRST + 100)) <= 3
    assert alert.surprise >= PRECISION_DAYS
    assert alert.strength > 0.1
    assert "95.0% are asked for" in alert.message


def test_a_precision_that_holds_is_none_however_long() -> None:
    assert precision_alerts(_filed([0, 0, 1, 0, 0] * 100), 0.95) == []


def test_what_nobody_judged_tells_nothing() -> None:
    tally = Tally(date(2024, 1, 1), "category", Decision.FILE, Witness.SAME_TEXT, 0, Counts(answered=900))
    assert precision_alerts([tally], 0.95) == []


def test_what_was_suggested_is_not_held_to_the_target() -> None:
    wrong = Counts(answered=500, corrected=500)
    tally = Tally(date(2024, 1, 1), "category", Decision.SUGGEST, Witness.SAME_TEXT, 0, wrong)
    assert precision_alerts([tally], 0.95) == []


@pytest.mark.parametrize(
    ("measure", "before", "after"),
    [
        (PAYEE, [0.1, 0.9], [0.6, 0.4]),
        (
            SIMILARITY,
            [0, 0.02, 0.03, 0.05, 0.1, 0.1, 0.1, 0.1, 0.5],
            [0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0, 0, 0.1],
        ),
    ],
)
def test_another_population_is_found(measure: str, before: list[float], after: list[float]) -> None:
    rng = np.random.default_rng(4)
    counts = np.concatenate((_days(rng, np.array(before), 100), _days(rng, np.array(after), 14)))
    rows = [
        (FIRST + day, measure, bin_, int(count))
        for day, of_day in enumerate(counts)
        for bin_, count in enumerate(of_day)
        if count
    ]
    (alert,) = shift_alerts(population_days(rows), {})
    assert (alert.kind, alert.measure) == (AlertKind.POPULATION, measure)
    assert alert.strength >= 0.25
    assert alert.surprise >= 1 / LOOK_LEVEL
    assert FIRST + 95 <= alert.since.toordinal() <= FIRST + 110
    assert alert.advice


def test_a_category_that_takes_anothers_place_is_named() -> None:
    rng = np.random.default_rng(5)
    shares = np.array([0.4, 0.2, 0.2, 0.2, 0.0])
    renamed = shares[[4, 1, 2, 3, 0]]
    counts = np.concatenate((_days(rng, shares, 100), _days(rng, renamed, 12)))
    counts[:100, 4], counts[100:, 0] = 0, 0
    # The latest stretch may begin after the change: then the old name is gone, and the new one not quite new.
    earlier = _with_earlier(counts[:100]).earlier
    assert len(earlier) >= EARLIER_MIN
    split = Days(FIRST + np.arange(112), counts, recent=12, earlier=earlier)
    (alert,) = shift_alerts({}, {"category": split}, ["old rent", "b", "c", "d", "new rent"])
    assert (alert.kind, alert.dimension) == (AlertKind.CHART, "category")
    assert "'new rent'" in alert.message
    assert "Not used any more: 'old rent'" in alert.message
    assert "RenameCategory" in alert.advice


def _in_runs(rng: np.random.Generator) -> NDArray[np.int64]:
    """Counts of books whose fortnights have a mind of their own, looked at on any day of one."""
    shares = rng.dirichlet(np.ones(12))
    runs = [rng.multinomial(20, rng.dirichlet(30.0 * shares), size=14) for _ in range(30)]
    return np.concatenate(runs)[: -rng.integers(1, 14)]


def test_runs_of_days_that_go_together_are_no_change() -> None:
    by_days, alarmed, looks = 0, 0, 100
    for seed in range(looks):
        days = _with_earlier(_in_runs(np.random.default_rng(seed)))
        p, _ = statistics.homogeneity(days.counts, days.recent)
        by_days += p <= LOOK_LEVEL
        alarmed += bool(shift_alerts({}, {"category": days}, [f"c{n}" for n in range(12)]))
    assert by_days >= 20 * LOOK_LEVEL * looks  # days alone take each run for a change
    assert alarmed <= looks * LOOK_LEVEL + 3 * np.sqrt(looks * LOOK_LEVEL)


def test_a_change_is_found_among_runs_of_days() -> None:
    found, looks = 0, 40
    for seed in range(looks):
        counts = _in_runs(np.random.default_rng(seed))
        largest = int(counts.sum(axis=0).argmax())
        counts = np.column_stack((counts, np.zeros(len(counts), dtype=np.int64)))
        counts[-5:, [largest, 12]] = counts[-5:, [12, largest]]
        found += bool(shift_alerts({}, {"category": _with_earlier(counts)}, [f"c{n}" for n in range(13)]))
    assert found >= looks / 2


def test_books_without_a_past_are_not_alarmed() -> None:
    rng = np.random.default_rng(8)
    counts = np.concatenate((_days(rng, np.array([0.9, 0.1]), 60), _days(rng, np.array([0.1, 0.9]), 20)))
    days = _with_earlier(counts[-60:])
    assert len(days.earlier) < EARLIER_MIN
    assert statistics.homogeneity(days.counts, days.recent)[0] <= LOOK_LEVEL
    assert shift_alerts({}, {"category": days}, ["a", "b"]) == []


@pytest.mark.parametrize("count", [2, 3, 4, 7, 12])
def test_what_surpasses_the_earlier_is_told_as_students_distribution_has_it(count: int) -> None:
    earlier = np.random.default_rng(count).normal(size=count)
    spread = earlier.std(ddof=1) * np.sqrt(1 + 1 / count)
    for value in (-2.0, 0.1, 3.0, 20.0):
        expected = t_distribution.sf((value - earlier.mean()) / spread, count - 1)
        assert statistics.surpassing(value, earlier) == pytest.approx(expected, rel=1e-6)
    assert statistics.surpassing(1.0, np.ones(4)) == 1.0
    assert statistics.surpassing(1.1, np.ones(4)) == 0.0


def test_few_days_are_not_compared() -> None:
    counts = np.full((12, 3), 100)
    assert Days.split(FIRST + np.arange(12), counts) is None
    assert Days.split(FIRST + np.arange(200), np.ones((200, 1), dtype=np.int64)) is None
    assert shift_alerts({}, {}) == []


def test_the_same_counts_give_the_same_answer() -> None:
    counts = _days(np.random.default_rng(6), np.array([0.5, 0.3, 0.2]), 60)
    assert statistics.homogeneity(counts, 15) == statistics.homogeneity(counts, 15)


def test_holm_rejects_step_by_step() -> None:
    p_values = np.array([0.04, 0.001, 0.02, 0.012])
    # .001 <= .05 / 4, .012 <= .05 / 3, .02 <= .05 / 2, .04 <= .05
    assert statistics.rejections(p_values, 0.05).all()
    # .012 > .03 / 3: none beyond the first.
    assert statistics.rejections(p_values, 0.03).tolist() == [False, True, False, False]
    assert not statistics.rejections(np.array([0.5]), 0.05).any()


@pytest.mark.parametrize(
    ("right", "count", "low", "high"),
    [(0, 0, 0.0, 1.0), (10, 10, 0.7225, 1.0), (0, 10, 0.0, 0.2775), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_intervals_are_those_of_the_books(right: int, count: int, low: float, high: float) -> None:
    assert statistics.wilson_interval(right, count) == pytest.approx((low, high), abs=5e-5)


def test_the_stability_index_is_that_of_the_formula() -> None:
    reference, recent = np.array([5_000, 3_000, 2_000]), np.array([3_000, 3_000, 4_000])
    expected = (0.3 - 0.5) * log(0.3 / 0.5) + (0.4 - 0.2) * log(0.4 / 0.2)
    assert statistics.stability_index(reference, recent) == pytest.approx(expected, rel=1e-3)
    assert statistics.stability_index(reference, reference) == 0.0


def test_a_bin_has_its_lower_edge() -> None:
    assert [bin_of(PAYEE, value) for value in (0.0, 1.0)] == [0, 1]
    assert bin_of(AMOUNT, 0.0) == bin_of(AMOUNT, 9.99) == bin_of(AMOUNT, -0.01) + 1
    assert bin_of(SIMILARITY, 1.0) == len(EDGES[SIMILARITY])
