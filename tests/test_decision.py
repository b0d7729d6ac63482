"""The decision: FILE from the threshold on, SUGGEST below, ASK instead of guessing, and why, in words."""

from math import inf

import numpy as np
import pytest

from likewise_engine.answers import Candidate, Decision, Witness
from likewise_engine.calibration import Calibration
from likewise_engine.decision import SUGGEST_PROBABILITY_MIN, decide


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
            "short of the 90.0% with which what is filed reaches the 95.0%",
        ),
        ((0.97,), 0.98, Decision.SUGGEST, "short of the 98.0%"),
        ((0.97,), inf, Decision.SUGGEST, "too little is known of how often such answers are right"),
        ((0.48, 0.45), 0.9, Decision.SUGGEST, "both ways: 'Category 0' (48%) and 'Category 1' (45%)"),
        # Ambiguity is said and not tossed, however little is asked for.
        ((0.48, 0.45), 0.4, Decision.SUGGEST, "both ways: 'Category 0' (48%) and 'Category 1' (45%)"),
        ((0.60, 0.30), 0.4, Decision.FILE, "reaches the 95.0%"),
        ((SUGGEST_PROBABILITY_MIN - 0.01,), 0.9, Decision.ASK, "no better than a guess"),
        ((0.2, 0.2), 0.9, Decision.ASK, "no better than a guess"),
    ],
)
def test_decision(probabilities: tuple[float, ...], threshold: float, decision: Decision, said: str) -> None:
    decided, reason = decide(candidates(*probabilities), Witness.SAME_TEXT, 0.95, calibration(threshold))
    assert decided is decision
    assert said in reason


def test_a_record_that_falls_short_is_spoken_of() -> None:
    record = calibration(0.99, filed=40, wrong=5)
    decided, reason = decide(candidates(0.97), Witness.SAME_TEXT, 0.95, record)
    assert decided is Decision.SUGGEST
    assert "but of the last 40 filed, 5 turned out wrong: more is asked until 95.0% holds again." in reason
    _, good = decide(candidates(0.97), Witness.SAME_TEXT, 0.95, calibration(0.99, filed=40, wrong=2))
    assert "turned out wrong" not in good


@pytest.mark.parametrize("witness", list(Witness))
def test_every_witness_can_be_spoken_of(witness: Witness) -> None:
    _, reason = decide(candidates(0.99), witness, 0.95, calibration(0.9))
    assert reason.endswith(".")
    assert "Category 0" in reason
