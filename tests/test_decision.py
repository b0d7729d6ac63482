"""The decision: FILE from the threshold on, SUGGEST below, ASK instead of guessing, and why, in words."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine.answers import Candidate, Decision, Witness
from likewise_engine.calibration import Calibration
from likewise_engine.chart import TARGET_PRECISION_MAX, TARGET_PRECISION_MIN
from likewise_engine.decision import (
    FILE_PROBABILITY_MIN,
    SUGGEST_PROBABILITY_MIN,
    decide,
    file_threshold,
    files,
)


def candidates(*probabilities: float) -> list[Candidate]:
    return [Candidate(f"c{i}", f"Category {i}", p) for i, p in enumerate(probabilities)]


def calibration(threshold: float, filed: int = 0, wrong: int = 0) -> Calibration:
    """One that FILEs from a threshold on, whatever the target; with a record of what was FILEd."""
    reached = np.array([threshold]) if threshold < inf else np.empty(0)
    excess_sigmas = 0.1 if wrong else 0.0
    return Calibration(filed, filed, wrong, excess_sigmas, 1.0, 0.0, reached, np.zeros(len(reached)))


@pytest.mark.parametrize(
    ("probabilities", "threshold", "decision", "said"),
    [
        ((), 0.9, Decision.ASK, "Nothing like it"),
        # What counts is the threshold, which may be above the target of 95 % or below it.
        (
            (0.97,),
            0.9,
            Decision.FILE,
            "'Category 0' (97%), and what is this sure reaches the 95.0% asked for",
        ),
        ((0.90,), 0.9, Decision.FILE, "reaches the 95.0%"),
        (
            (0.899, 0.01),
            0.9,
            Decision.SUGGEST,
            "short of the 90.0% that it takes to file at 95.0%",
        ),
        ((0.97,), 0.98, Decision.SUGGEST, "short of the 98.0%"),
        ((0.97,), inf, Decision.SUGGEST, "too little is known of how often such answers are right"),
        ((0.48, 0.45), 0.9, Decision.SUGGEST, "both ways: 'Category 0' (48%) and 'Category 1' (45%)"),
        # Ambiguity is said and not tossed, however little is asked for.
        ((0.48, 0.45), 0.4, Decision.SUGGEST, "both ways: 'Category 0' (48%) and 'Category 1' (45%)"),
        ((0.72, 0.28), 0.4, Decision.FILE, "reaches the 95.0%"),
        # However right the rest is, a single one is not FILEd that is far less sure than the target.
        ((0.60, 0.30), 0.4, Decision.SUGGEST, "short of the 70.0%"),
        ((SUGGEST_PROBABILITY_MIN - 0.01,), 0.9, Decision.ASK, "no better than a guess"),
        ((0.2, 0.2), 0.9, Decision.ASK, "no better than a guess"),
    ],
)
def test_decision(probabilities: tuple[float, ...], threshold: float, decision: Decision, said: str) -> None:
    decided, reason = decide(
        candidates(*probabilities), None, Witness.SAME_TEXT, 0.95, calibration(threshold)
    )
    assert decided is decision
    assert said in reason


def test_a_record_that_falls_short_is_spoken_of() -> None:
    record = calibration(0.99, filed=40, wrong=5)
    decided, reason = decide(candidates(0.97), None, Witness.SAME_TEXT, 0.95, record)
    assert decided is Decision.SUGGEST
    assert "but of the last 40 filed, 5 turned out wrong: more is asked until 95.0% holds again." in reason
    _, good = decide(candidates(0.97), None, Witness.SAME_TEXT, 0.95, calibration(0.99, filed=40, wrong=2))
    assert "turned out wrong" not in good


@pytest.mark.parametrize("witness", sorted(set(Witness) - {Witness.RULE}))
def test_every_witness_can_be_spoken_of(witness: Witness) -> None:
    _, reason = decide(candidates(0.99), None, witness, 0.95, calibration(0.9))
    assert reason.endswith(".")
    assert "Category 0" in reason


@pytest.mark.parametrize(("first", "rival"), [(0.99, 0.01), (0.6, 0.3), (0.1, 0.05)])
@pytest.mark.parametrize("target", [0.5, 0.95])
def test_a_rival_among_entries_just_like_it_is_named_and_nothing_is_filed(
    first: float, rival: float, target: float
) -> None:
    both = candidates(first, rival)
    decided, reason = decide(both, both[1], Witness.SAME_TEXT, target, calibration(0.0))
    assert decided is Decision.SUGGEST
    assert f"both ways: 'Category 0' ({first:.0%}) and 'Category 1' ({rival:.0%})." in reason
    assert not files([first, rival], 0.0, has_rival=True)


@given(
    probabilities=st.lists(st.floats(0, 1), min_size=1, max_size=6),
    threshold=st.one_of(st.floats(0, 1), st.just(inf)),
    target=st.floats(TARGET_PRECISION_MIN, TARGET_PRECISION_MAX),
    rival=st.integers(0, 5),
)
def test_every_decision_holds_what_it_says(
    probabilities: list[float], threshold: float, target: float, rival: int
) -> None:
    ranked = candidates(*(p / max(1.0, sum(probabilities)) for p in sorted(probabilities, reverse=True)))
    known, first = calibration(threshold), ranked[0].probability
    other = ranked[rival] if 0 < rival < len(ranked) else None
    decided, reason = decide(ranked, other, Witness.SAME_TEXT, target, known)
    needed = file_threshold(target, known)
    assert needed >= max(known.threshold(target), FILE_PROBABILITY_MIN)
    assert reason.endswith(".")
    if decided is Decision.FILE:
        assert first >= needed
        assert other is None
        assert len(ranked) == 1 or first > ranked[1].probability
    if decided is Decision.ASK:
        assert first < SUGGEST_PROBABILITY_MIN
    if other is not None:
        assert decided is Decision.SUGGEST
    # It depends on the first two and the rival alone: how many more there are or are shown changes nothing.
    assert decide(ranked[:2], other, Witness.SAME_TEXT, target, known) == (decided, reason)


@given(probability=st.floats(0, 1), low=st.floats(0.5, 0.999), high=st.floats(0.5, 0.999))
def test_what_is_filed_at_a_target_is_filed_at_any_lower_one(
    probability: float, low: float, high: float
) -> None:
    low, high = sorted((low, high))
    known = calibration(0.3)
    if files([probability], file_threshold(high, known), has_rival=False):
        assert files([probability], file_threshold(low, known), has_rival=False)
