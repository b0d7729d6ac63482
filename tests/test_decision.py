"""The decision: FILE at the target, SUGGEST below, ASK where it would be a guess, and the reason in words."""

import pytest

from likewise_engine.answers import Candidate, Decision, Witness
from likewise_engine.decision import SUGGEST_PROBABILITY_MIN, decide


def candidates(*probabilities: float) -> list[Candidate]:
    return [Candidate(f"c{i}", f"Category {i}", p) for i, p in enumerate(probabilities)]


@pytest.mark.parametrize(
    ("probabilities", "target", "decision", "said"),
    [
        ((), 0.95, Decision.ASK, "Nothing like it"),
        ((0.97,), 0.95, Decision.FILE, "at least the 95.0%"),
        ((0.95,), 0.95, Decision.FILE, "at least the 95.0%"),
        ((0.9499, 0.01), 0.95, Decision.SUGGEST, "short of the 95.0%"),
        ((0.97,), 0.98, Decision.SUGGEST, "short of the 98.0%"),
        ((0.48, 0.45), 0.95, Decision.SUGGEST, "both ways: 'Category 0' (48%) and 'Category 1' (45%)"),
        ((SUGGEST_PROBABILITY_MIN - 0.01,), 0.95, Decision.ASK, "no better than a guess"),
        ((0.2, 0.2), 0.95, Decision.ASK, "no better than a guess"),
    ],
)
def test_decision(probabilities: tuple[float, ...], target: float, decision: Decision, said: str) -> None:
    decided, reason = decide(candidates(*probabilities), Witness.SAME_TEXT, target)
    assert decided is decision
    assert said in reason


@pytest.mark.parametrize("witness", list(Witness))
def test_every_witness_can_be_spoken_of(witness: Witness) -> None:
    _, reason = decide(candidates(0.99), witness, 0.95)
    assert reason.endswith(".")
    assert "Category 0" in reason
