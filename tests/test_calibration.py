"""Calibration on simulated tenants whose truth is known: the guarantee, few outcomes, wrong votes, drift."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.calibration import (
    EXCESS_SIGMAS_MAX,
    PRIOR_OUTCOMES,
    RECENT_FILED,
    Calibration,
    Outcomes,
    Pooled,
)

HONEST = Pooled(
    tuple((b + 0.5) / 20 for b in range(20)), tuple((b + 0.5) / 20 for b in range(20)), (50,) * 20
)
"""A vote whose probabilities are as good as they say, spread evenly."""
BOASTFUL = Pooled(HONEST.probability, (1.0,) * 20, HONEST.questions)
"""Pooled outcomes that say whatever the vote answers is right."""

Floats = NDArray[np.float64]


def logit_shifted(probability: Floats, slope: float, intercept: float) -> Floats:
    logit = slope * np.log(probability / (1 - probability)) + intercept
    return np.asarray(1 / (1 + np.exp(-logit)), dtype=np.float64)


def asked(rng: np.random.Generator, count: int) -> Floats:
    """Probabilities of a vote that is mostly sure."""
    return rng.beta(3, 0.6, count).clip(0.01, 0.999)


def outcomes(probability: Floats, right: NDArray[np.bool_], filed: bool = False) -> Outcomes:
    return in_order(probability, right, np.full(len(right), filed))


def in_order(probability: Floats, right: NDArray[np.bool_], filed: NDArray[np.bool_]) -> Outcomes:
    """Outcomes of one entry a day."""
    return Outcomes(probability, right, filed, np.arange(1, len(right) + 1, dtype=np.int32))


@pytest.mark.parametrize("count", [0, 5, 40, 400])
@pytest.mark.parametrize("pooled", [HONEST, BOASTFUL])
@pytest.mark.parametrize("target", [0.8, 0.95])
def test_wrong_files_stay_within_the_stated_bound(count: int, pooled: Pooled, target: float) -> None:
    """The bound of the module's docstring, in the mean over tenants; the vote's 95 % are right at 88 %."""
    rng, alpha = np.random.default_rng(count), 1 - target
    wrong_rate, filed_rate = [], []
    for _ in range(150):
        voted = asked(rng, count + 30)
        truth = logit_shifted(voted, 0.8, -0.4)
        right = rng.random(count + 30) < truth
        calibration = Calibration.of(pooled, outcomes(voted[:count], right[:count]), target)
        filed = calibrated(calibration, voted[count:]) >= calibration.threshold(target)
        wrong_rate.append(float(np.mean(filed & ~right[count:])))
        filed_rate.append(float(np.mean(filed)))
    # R is not seen from here; what is FILEd is less, so the bound on 1 is taken where the two differ.
    spread = 3 * float(np.std(wrong_rate)) / np.sqrt(150)
    assert np.mean(wrong_rate) <= alpha * (np.mean(filed_rate) + PRIOR_OUTCOMES / (count + 1)) + spread
    if count >= 400:
        assert np.mean(filed_rate) > 0.1


def calibrated(calibration: Calibration, voted: Floats) -> Floats:
    """Calibrated probabilities of as many questions with one candidate each."""
    return np.array([calibration.probabilities(np.array([p]))[0] for p in voted])


@pytest.mark.parametrize(("slope", "intercept"), [(1, 0), (0.5, 0), (1, -1.5), (2, 1), (0.7, -1)])
def test_with_many_outcomes_probabilities_hold_and_the_target_is_met(slope: float, intercept: float) -> None:
    """An honest vote, an overconfident one, one that boasts everywhere, an underconfident one, a mixture."""
    rng, target = np.random.default_rng(5), 0.95
    voted = asked(rng, 6_000)
    truth = logit_shifted(voted, slope, intercept)
    precision, errors = [], []
    for start in range(0, 6_000, 1_500):
        history, later = slice(start, start + 1_000), slice(start + 1_000, start + 1_500)
        calibration = Calibration.of(
            HONEST, outcomes(voted[history], rng.random(1_000) < truth[history]), target
        )
        given = calibrated(calibration, voted[later])
        errors.append(np.abs(given - truth[later]).mean())
        filed = given >= calibration.threshold(target)
        # Known truth: the expectation of what is right, not one draw of it.
        precision += truth[later][filed].tolist()
    assert np.mean(errors) < 0.04
    assert 0.94 <= np.mean(precision) <= 0.985


def test_few_outcomes_move_the_pooled_map_a_little_and_many_move_it_far() -> None:
    rng = np.random.default_rng(1)
    voted = asked(rng, 1_000)
    right = np.arange(1_000) % 2 == 1
    given = [
        Calibration.of(HONEST, outcomes(voted[:n], right[:n]), 0.95).probabilities(np.array([0.95]))[0]
        for n in (0, 5, 20, 1_000)
    ]
    assert given[0] == pytest.approx(0.95, abs=0.03)
    assert given[0] > given[1] > given[2]
    assert given[3] == pytest.approx(0.5, abs=0.1)


def test_sure_answers_that_were_always_right_say_nothing_of_unsure_ones() -> None:
    voted = np.random.default_rng(6).uniform(0.8, 0.99, 500)
    calibration = Calibration.of(HONEST, outcomes(voted, np.ones(500, dtype=np.bool_)), 0.95)
    given = calibrated(calibration, np.array([0.05, 0.3, 0.9]))
    assert given[0] < 0.2
    assert given[1] < 0.65
    assert given[2] > 0.97


def test_nothing_is_filed_before_there_is_a_reason_to() -> None:
    assert Calibration.of(HONEST, Outcomes.none(), 0.95).threshold(0.95) == inf
    right = outcomes(np.full(40, 0.97), np.ones(40, dtype=np.bool_))
    assert Calibration.of(HONEST, right, 0.95).threshold(0.95) < 1.0


def test_a_higher_target_never_files_more() -> None:
    rng = np.random.default_rng(2)
    voted = asked(rng, 500)
    calibration = Calibration.of(HONEST, outcomes(voted, rng.random(500) < voted), 0.95)
    thresholds = [calibration.threshold(target) for target in (0.5, 0.7, 0.9, 0.95, 0.98, 0.999)]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] < 0.5  # the precision of all together: single ones may be less sure than the target


def test_a_threshold_is_the_same_however_many_are_asked_for() -> None:
    rng = np.random.default_rng(2)
    voted = asked(rng, 500)
    of_these = outcomes(voted, rng.random(500) < voted)
    calibration, targets = Calibration.of(HONEST, of_these, 0.95), [n / 1_000 for n in range(500, 999)]
    thresholds = [calibration.threshold(target) for target in targets]
    assert [calibration.threshold(target) for target in targets] == thresholds
    assert [Calibration.of(HONEST, of_these, 0.95).threshold(t) for t in targets[::50]] == thresholds[::50]
    assert len(calibration._thresholds) < 20  # callers choose the targets: few are remembered


def test_what_was_filed_wrongly_shrinks_file_at_once_and_what_was_right_lets_it_grow_again() -> None:
    rng = np.random.default_rng(3)
    voted = asked(rng, 1_000)
    before = outcomes(voted, rng.random(1_000) < voted, filed=False)

    def then(wrong: int, right: int) -> Calibration:
        """After so many FILEd outcomes more, all of one probability."""
        filed = in_order(
            np.concatenate((before.probability, np.full(wrong + right, 0.97))),
            np.concatenate((before.right, np.zeros(wrong, dtype=np.bool_), np.ones(right, dtype=np.bool_))),
            np.concatenate((before.filed, np.ones(wrong + right, dtype=np.bool_))),
        )
        return Calibration.of(HONEST, filed, 0.95)

    def share(calibration: Calibration) -> float:
        return float(np.mean(calibrated(calibration, voted[:200]) >= calibration.threshold(0.95)))

    shares = [share(then(wrong, 0)) for wrong in range(4)]
    assert shares[0] > shares[1] > shares[2] > shares[3] > 0
    assert then(30, 0).excess_sigmas > EXCESS_SIGMAS_MAX
    assert then(30, 0).threshold(0.95) == inf
    assert then(3, 0).excess_sigmas > then(3, 30).excess_sigmas > then(3, 60).excess_sigmas == 0.0
    assert share(then(3, 60)) > shares[3]


def test_drift_is_noticed_within_a_hundred_transactions() -> None:
    """Each is FILEd or not by what is known, then becomes an outcome; from 600 on the books are others."""
    rng, target = np.random.default_rng(4), 0.95
    voted = asked(rng, 900)
    turned = np.arange(900) >= 600
    right = rng.random(900) < np.where(turned, voted * 0.6, voted)
    filed = np.zeros(900, dtype=np.bool_)
    for step in range(100, 900, 10):
        now, known = slice(step, step + 10), slice(0, step)
        calibration = Calibration.of(HONEST, in_order(voted[known], right[known], filed[known]), target)
        filed[now] = calibrated(calibration, voted[now]) >= calibration.threshold(target)
    assert filed[300:600].mean() > 0.4
    assert right[300:600][filed[300:600]].mean() > 0.93
    assert filed[600:650].mean() < 0.9 * filed[300:600].mean()
    assert filed[650:700].mean() < 0.5 * filed[300:600].mean()
    assert filed[700:].mean() < 0.02


@pytest.mark.parametrize(("rates", "kept"), [((0.95, 0.2), 150), ((0.95, 0.2, 0.95), 120)])
def test_what_was_before_a_change_is_left_out(rates: tuple[float, ...], kept: int) -> None:
    """For the worse, and for the better again; the change is found to within a few outcomes."""
    rng, counts = np.random.default_rng(7), (400, 150, 120)
    right = np.concatenate([rng.random(n) < rate for n, rate in zip(counts, rates, strict=False)])
    voted = rng.uniform(0.9, 0.99, len(right))
    calibration = Calibration.of(HONEST, outcomes(voted, right), 0.95)
    assert calibration.outcomes == pytest.approx(kept, abs=15)


def test_where_nothing_changes_hardly_anything_is_left_out() -> None:
    rng = np.random.default_rng(8)
    cut = 0
    for _ in range(100):
        voted = asked(rng, 1_000)
        right = rng.random(1_000) < logit_shifted(voted, 0.8, -0.4)
        cut += Calibration.of(HONEST, outcomes(voted, right), 0.95).outcomes < 1_000
    assert cut <= 5


def test_rows_of_one_day_that_go_wrong_together_are_no_change() -> None:
    """Each day is good or bad as a whole. With a day for each row, most would be cut."""
    rng, rows_a_day = np.random.default_rng(10), 50
    day = np.repeat(np.arange(1, 21, dtype=np.int32), rows_a_day)
    cut_by_day, cut_by_row = 0, 0
    for _ in range(50):
        voted = asked(rng, len(day))
        right = rng.random(len(day)) < np.repeat(rng.choice([0.95, 0.3], 20, p=[0.8, 0.2]), rows_a_day)
        of_days = Outcomes(voted, right, np.zeros(len(day), dtype=np.bool_), day)
        cut_by_day += Calibration.of(HONEST, of_days, 0.95).outcomes < len(day)
        cut_by_row += Calibration.of(HONEST, outcomes(voted, right), 0.95).outcomes < len(day)
    assert cut_by_day <= 3
    assert cut_by_row >= 20


def test_a_bad_spell_weighs_most_while_it_lasts() -> None:
    """Thirty outcomes of which half were wrong, as the latest or sixty outcomes ago; else a fifth was."""
    number, voted = np.arange(400), np.full(400, 0.8)

    def given(spell: slice) -> float:
        is_bad = np.isin(number, number[spell])
        right = np.where(is_bad, number % 2 > 0, number % 5 > 0)
        return float(calibrated(Calibration.of(HONEST, outcomes(voted, right), 0.95), voted[:1])[0])

    never, earlier, now = given(slice(0)), given(slice(310, 340)), given(slice(370, 400))
    assert never == pytest.approx(0.8, abs=0.01)
    assert never > earlier > now + 0.02


def test_file_comes_back_within_a_hundred_right_answers_after_a_drift_has_ended() -> None:
    """Wrong for eighty outcomes; the books that were before count for nothing any more, nor do the wrong."""
    rng, target = np.random.default_rng(9), 0.95
    voted = rng.uniform(0.9, 0.99, 700)
    right = np.ones(700, dtype=np.bool_)
    right[500:580] = rng.random(80) < 0.2
    filed = np.zeros(700, dtype=np.bool_)
    for step in range(400, 700, 10):
        now, known = slice(step, step + 10), slice(0, step)
        calibration = Calibration.of(HONEST, in_order(voted[known], right[known], filed[known]), target)
        filed[now] = calibrated(calibration, voted[now]) >= calibration.threshold(target)
    assert filed[400:500].all()
    assert not filed[540:580].any()
    assert filed[680:].all()


def test_the_latest_filed_are_counted() -> None:
    right = np.ones(100, dtype=np.bool_)
    right[[10, 70, 90]] = False
    calibration = Calibration.of(HONEST, outcomes(np.full(100, 0.9), right, filed=True), 0.95)
    assert (calibration.outcomes, calibration.filed, calibration.filed_wrong) == (100, RECENT_FILED, 2)


@given(
    weights=st.lists(st.floats(0, 1), max_size=limits.CANDIDATES_MAX),
    total=st.floats(0.01, 1),
    slope=st.floats(0.05, 3),
    intercept=st.floats(-5, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_calibrating_keeps_the_order_and_a_sum_of_at_most_one_and_knows_no_position(
    weights: list[float], total: float, slope: float, intercept: float, seed: int
) -> None:
    voted = np.array(weights) / max(sum(weights), 1e-300) * total
    nobody = np.empty(0)
    calibration = Calibration(0, 0, 0, 0.0, slope, intercept, nobody, nobody)
    given = calibration.probabilities(voted)
    assert given.shape == voted.shape
    assert np.all((given >= 0) & (given <= 1))
    assert given.sum() <= 1 + 1e-9
    order = np.argsort(voted)
    assert np.all(np.diff(given[order]) >= -1e-12)
    permutation = np.random.default_rng(seed).permutation(len(voted))
    assert calibration.probabilities(voted[permutation]).tolist() == given[permutation].tolist()


@pytest.mark.parametrize(
    "right",
    [np.zeros(300, dtype=np.bool_), np.ones(300, dtype=np.bool_)],
    ids=["never right", "always right"],
)
@pytest.mark.parametrize("voted", [1e-300, 0.5, 1.0])
def test_one_sided_outcomes_are_no_trouble(right: NDArray[np.bool_], voted: float) -> None:
    calibration = Calibration.of(HONEST, outcomes(np.full(300, voted), right, filed=True), 0.95)
    probability = calibration.probabilities(np.array([voted]))[0]
    assert np.isfinite(probability)
    if voted == 0.5:
        assert probability > 0.9 if right.all() else probability < 0.1
        assert (probability >= calibration.threshold(0.95)) == right.all()
