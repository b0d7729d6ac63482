"""The vote: probabilities that add up, know no category, and follow the evidence."""

import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine_world import ENCODER, Books
from likewise_engine.answers import ClassifyOptions
from likewise_engine.chart import Category
from likewise_engine.evidence import FEATURES, Evidence
from likewise_engine.probabilities import with_outside_option
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_engine.vote import KernelVote, Vote, load_vote


def evidence(shares: list[float], log_mass: float) -> Evidence:
    features = np.zeros((len(shares), len(FEATURES)))
    return Evidence(np.arange(len(shares)), features, np.array(shares), log_mass, np.arange(0), np.arange(0))


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


@cache
def learned() -> Vote:
    return load_vote()


def drawn(count: int, seed: int) -> Evidence:
    """Evidence that no books would give."""
    features = np.random.default_rng(seed).normal(0.3, 1.5, (count, len(FEATURES)))
    return Evidence(np.arange(count), features, np.zeros(count), 0.0, np.arange(0), np.arange(0))


def permuted(evidence: Evidence, order: NDArray[np.int64]) -> Evidence:
    candidates, share = evidence.candidates[order], evidence.share[order]
    return Evidence(candidates, evidence.features[order], share, 0.0, np.arange(0), np.arange(0))


@given(count=st.integers(0, 256), seed=st.integers(0, 2**32 - 1))
def test_learned_probabilities_sum_to_less_than_one_whatever_the_evidence(count: int, seed: int) -> None:
    probabilities = learned().probabilities(drawn(count, seed))
    assert probabilities.shape == (count,)
    assert probabilities.dtype == np.float64
    assert np.all((probabilities > 0) & (probabilities < 1))
    assert probabilities.sum() <= 1 + 1e-9


@given(count=st.integers(2, 256), seed=st.integers(0, 2**32 - 1))
def test_learned_probabilities_are_the_same_bits_for_candidates_in_any_order(count: int, seed: int) -> None:
    evidence = drawn(count, seed)
    order = np.random.default_rng(seed).permutation(count)
    expected = learned().probabilities(evidence)[order]
    assert np.array_equal(learned().probabilities(permuted(evidence, order)), expected)


def test_scores_become_a_softmax_with_none_of_them_at_zero() -> None:
    assert with_outside_option(np.array([0.0], np.float32)) == pytest.approx([0.5])
    assert with_outside_option(np.array([0.0, 0.0, 0.0], np.float32)) == pytest.approx([0.25] * 3)
    assert with_outside_option(np.array([np.log(6), np.log(2)], np.float32)) == pytest.approx([6 / 9, 2 / 9])
    assert with_outside_option(np.array([900.0, -900.0], np.float32)).tolist() == [1.0, 0.0]
    assert with_outside_option(np.array([-900.0], np.float32)).tolist() == [0.0]


def answers(
    folder: Path,
    items: Sequence[LabelledTransaction],
    asked: Sequence[Transaction],
    chart: Sequence[Category],
) -> list[dict[str, float]]:
    """The probability of each category, for all that is asked."""
    options = ClassifyOptions(dimensions=("category",), candidates_max=50)
    with Tenants.open_folder(folder, ENCODER, vote=learned()) as tenants:
        tenants.create("t", categories=chart)
        with tenants.use("t") as ledger:
            ledger.import_batch(items)
            found = [ledger.classify(transaction, options).answer("category") for transaction in asked]
    return [{c.category: c.probability for c in answer.candidates} for answer in found]


def test_no_category_is_known_by_its_id_or_its_place_in_the_chart(tmp_path: Path) -> None:
    books = Books(seed=5, payees=12)
    items = [books.item(f"t{number}") for number in range(300)]
    asked = [books.transaction() for _ in range(60)]
    ids = sorted({item.labels["category"] for item in items})
    shuffled = random.Random(1).sample(ids, len(ids))
    other = {
        old: f"Konto {number} / {new}" for number, (old, new) in enumerate(zip(ids, shuffled, strict=True))
    }
    renamed = [
        LabelledTransaction(item.transaction, {**item.labels, "category": other[item.labels["category"]]})
        for item in items
    ]
    chart = [Category(category) for category in ids]
    # What it is called is compared with what is asked, so each keeps its name.
    other_chart = [Category(other[category], name=category) for category in reversed(ids)]

    before = answers(tmp_path / "one", items, asked, chart)
    after = answers(tmp_path / "two", renamed, asked, other_chart)
    assert after == [{other[category]: p for category, p in answer.items()} for answer in before]
    assert len({round(p, 9) for answer in before for p in answer.values()}) > 50
