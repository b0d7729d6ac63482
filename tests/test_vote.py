"""The vote: probabilities that add up, know no category, and follow the evidence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from likewise_engine.evidence import FEATURES, Evidence
from likewise_engine.vote import KernelVote


def evidence(shares: list[float], log_mass: float) -> Evidence:
    features = np.zeros((len(shares), len(FEATURES)))
    features[:, FEATURES.index("share")] = shares
    return Evidence(np.arange(len(shares)), features, log_mass, np.arange(0), np.arange(0))


def test_no_candidate_has_no_probability() -> None:
    assert KernelVote().probabilities(evidence([], -np.inf)).shape == (0,)


def test_the_same_share_is_surer_with_more_behind_it() -> None:
    little = KernelVote().probabilities(evidence([0.9, 0.1], -12.0))
    much = KernelVote().probabilities(evidence([0.9, 0.1], 2.0))
    assert much[0] > little[0]


def test_full_agreement_of_much_evidence_is_nearly_certain_but_never_certain() -> None:
    (probability,) = KernelVote().probabilities(evidence([1.0], 5.0))
    assert 0.98 < probability < 1.0


def test_equal_shares_get_equal_probabilities_of_at_most_half() -> None:
    first, second = KernelVote().probabilities(evidence([0.5, 0.5], 3.0))
    assert first == second <= 0.5


@given(
    weights=st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=50),
    log_mass=st.floats(-700, 10),
    seed=st.integers(0, 2**32 - 1),
)
def test_probabilities_keep_the_order_of_shares_sum_to_at_most_one_and_know_no_category(
    weights: list[float], log_mass: float, seed: int
) -> None:
    shares = np.array(weights) / sum(weights)
    probabilities = KernelVote().probabilities(evidence(shares.tolist(), log_mass))
    assert np.all(probabilities >= 0)
    assert probabilities.sum() <= 1 + 1e-9
    assert probabilities[np.argmax(shares)] == probabilities.max()
    order = np.argsort(shares)
    assert np.all(np.diff(probabilities[order]) >= -1e-12)

    permutation = np.random.default_rng(seed).permutation(len(shares))
    permuted = KernelVote().probabilities(evidence(shares[permutation].tolist(), log_mass))
    assert permuted == pytest.approx(probabilities[permutation])
