"""Why an answer is what it is: contributions that add up, counterfactuals that hold, thresholds that file."""

from itertools import combinations
from math import factorial
from pathlib import Path

import numpy as np
import pytest

from engine_world import ENCODER, labelled, open_ledger
from likewise_engine.answers import ClassifyOptions, Decision
from likewise_engine.classify import classify
from likewise_engine.explain import explain
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.masking import Masking
from likewise_engine.transaction import Transaction
from likewise_engine.vote import AttributingVote, KernelVote, OnnxVote
from likewise_engine.vote.attribution import contrast
from likewise_engine.vote.ensemble import LEAF, Ensemble
from review_world import FIRST_DAY, clean_books, row
from shipped_world import shipped_models, tenant_of

OPTIONS = ClassifyOptions()


def random_trees(rng: np.random.Generator, trees: int, features: int, depth: int) -> Ensemble:
    """Whole binary trees, parents before their children."""
    roots, columns = [], ([], [], [], [], [])  # type: tuple[list[int], tuple[list[float], ...]]
    feature, threshold, left, right, value = columns
    for _ in range(trees):
        root = len(feature)
        roots.append(root)
        for node in range(2 ** (depth + 1) - 1):
            is_leaf = node >= 2**depth - 1
            feature.append(LEAF if is_leaf else int(rng.integers(features)))
            threshold.append(float(rng.normal()))
            left.append(0 if is_leaf else root + 2 * node + 1)
            right.append(0 if is_leaf else root + 2 * node + 2)
            value.append(float(rng.normal()) if is_leaf else 0.0)
    return Ensemble(
        roots=np.array(roots, np.int32),
        feature=np.array(feature, np.int32),
        threshold=np.array(threshold, np.float32),
        left=np.array(left, np.int32),
        right=np.array(right, np.int32),
        value=np.array(value, np.float32),
        base=0.5,
    )


def score(ensemble: Ensemble, asked: np.ndarray) -> float:
    total = ensemble.base
    for root in ensemble.roots.tolist():
        node = root
        while ensemble.feature[node] != LEAF:
            below = asked[ensemble.feature[node]] <= ensemble.threshold[node]
            node = int(ensemble.left[node] if below else ensemble.right[node])
        total += float(ensemble.value[node])
    return total


@pytest.mark.parametrize("seed", range(4))
def test_contributions_are_the_shapley_values_of_the_trees(seed: int) -> None:
    """Against the definition: each feature's marginal worth over all subsets of the others."""
    rng, features = np.random.default_rng(seed), 5
    ensemble = random_trees(rng, trees=6, features=features, depth=4)
    first, second = rng.normal(size=(2, features)).astype(np.float32)
    second[seed % features] = first[seed % features]
    worth = {
        chosen: score(ensemble, np.where([at in chosen for at in range(features)], first, second))
        for size in range(features + 1)
        for chosen in map(frozenset, combinations(range(features), size))
    }
    naive = np.zeros(features)
    for at in range(features):
        for chosen in worth:
            if at not in chosen:
                share = factorial(len(chosen)) * factorial(features - 1 - len(chosen)) / factorial(features)
                naive[at] += share * (worth[chosen | {at}] - worth[chosen])
    found = contrast(ensemble, first, second)
    assert np.allclose(found, naive)
    assert found.sum() == pytest.approx(score(ensemble, first) - score(ensemble, second))
    assert found[seed % features] == 0  # what does not differ tells nothing
    assert np.allclose(contrast(ensemble, second, first), -found)


def test_contributions_add_up_to_the_odds_of_the_two(tmp_path: Path) -> None:
    encoder, vote = shipped_models()
    assert isinstance(vote, OnnxVote)
    with tenant_of(tmp_path, clean_books(200)) as ledger:
        for item in clean_books(40, seed=3):
            explained = explain(ledger.view, encoder, vote, item.transaction, OPTIONS).dimensions[0]
            if explained.contrast is None:
                continue
            told = sum(one.log_odds for one in explained.contrast.contributions)
            assert told == pytest.approx(explained.contrast.log_odds, abs=2e-4)
            assert all(one.first != one.second and one.meaning for one in explained.contrast.contributions)
            first, second = explained.answer.candidates[:2]
            assert (explained.contrast.first, explained.contrast.second) == (first.category, second.category)


def test_without_the_entries_named_the_answer_is_as_told(tmp_path: Path) -> None:
    items = [row(n, 5 * n, "Harbour Power", "energy") for n in range(2)]
    items += [row(10 + n, 5 * n, "Silver Taxi", "travel") for n in range(8)]
    encoder, vote = ENCODER, KernelVote()  # and no heads, so that the answer is the entries' alone
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch(items)
        view = ledger.view
        asked = Transaction(payee="Harbour Power")
        before = classify(view, encoder, vote, asked, OPTIONS).answers[0]
        (explained,) = explain(view, encoder, vote, asked, OPTIONS).dimensions
        assert explained.answer == before
        found = [one for one in explained.counterfactuals if one.entries and one.changes_answer]
        assert found
        for one in found:
            rows = np.array([view.transaction_ids.find(e.transaction_id, 10)[0] for e in one.entries])
            after = classify(Masking(view).without(rows), encoder, vote, asked, OPTIONS).answers[0]
            assert (after.decision, after.candidates[0].category) == (one.decision, one.category)
            assert after.candidates[0].probability == one.probability
            assert (after.decision, after.candidates[0].category) != (
                before.decision,
                before.candidates[0].category,
            )
            for left in range(len(rows)):  # and none of them could stay
                fewer = classify(
                    Masking(view).without(np.delete(rows, left)), encoder, vote, asked, OPTIONS
                ).answers[0]
                same_first = fewer.candidates[0].category == before.candidates[0].category
                assert same_first or fewer.decision is before.decision or len(rows) == 1


def test_an_answer_that_no_three_entries_decide_says_so(tmp_path: Path) -> None:
    items = [row(n, n, "Harbour Power", "energy") for n in range(40)] + [row(90, 3, "Taxi", "travel")]
    encoder, vote = shipped_models()
    with tenant_of(tmp_path, items) as ledger:
        (explained,) = explain(
            ledger.view, encoder, vote, Transaction(payee="Harbour Power"), OPTIONS
        ).dimensions
    (one,) = [one for one in explained.counterfactuals if one.entries]
    assert (len(one.entries), one.changes_answer, one.category) == (3, False, "energy")
    assert one.change.startswith("even without")


def test_an_entry_of_the_books_is_explained_as_of_before_it_was_labelled(tmp_path: Path) -> None:
    items = [row(n, n, "Harbour Power", "energy") for n in range(6)] + [row(9, 9, "Harbour Power", "travel")]
    encoder, vote = shipped_models()
    with tenant_of(tmp_path, items) as ledger:
        explained = explain(ledger.view, encoder, vote, items[-1].transaction, OPTIONS)
        masked = Masking(ledger.view).without(np.array([6]))
        again = classify(masked, encoder, vote, items[-1].transaction, OPTIONS)
        asked = explain(ledger.view, encoder, vote, Transaction(payee="Harbour Power"), OPTIONS)
    assert explained.is_of_books
    assert any("calibration" in part for part in explained.still_known)
    assert explained.dimensions[0].label == "travel"
    assert explained.classification.answers == again.answers
    assert "r9" not in {n.transaction_id for n in explained.classification.neighbours}
    assert (asked.is_of_books, asked.still_known, asked.dimensions[0].label) == (False, (), "")


def test_the_threshold_is_what_it_takes_to_file(tmp_path: Path) -> None:
    encoder, vote = shipped_models()
    with tenant_of(tmp_path, clean_books(300)) as ledger:
        decisions = set()
        for item in clean_books(30, seed=4):
            explained = explain(ledger.view, encoder, vote, item.transaction, OPTIONS).dimensions[0]
            threshold, answer = explained.threshold, explained.answer
            decisions.add(answer.decision)
            assert threshold.calibrated == answer.candidates[0].probability
            if answer.decision is Decision.FILE:
                assert threshold.probability is not None
                assert threshold.calibrated >= threshold.probability
            met = threshold.target_precision_met
            if met is not None:
                at_most = ClassifyOptions(target_precision=met)
                asked = classify(
                    masked_of(ledger, item.transaction), encoder, vote, item.transaction, at_most
                )
                assert asked.answers[0].decision is Decision.FILE
    assert Decision.FILE in decisions


def masked_of(ledger: Ledger, transaction: Transaction):  # type: ignore[no-untyped-def]
    rows = ledger.view.transaction_ids.find(transaction.id, len(ledger.view.alive))
    return Masking(ledger.view).without(np.array(rows, dtype=np.int64))


def test_a_vote_that_weighs_no_features_names_none(tmp_path: Path) -> None:
    assert not isinstance(KernelVote(), AttributingVote)
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch(
            [labelled(f"a{n}") for n in range(4)] + [labelled(f"b{n}", category="fun") for n in range(3)]
        )
        explained = explain(ledger.view, ENCODER, KernelVote(), Transaction(payee="Corner Bakery"), OPTIONS)
    contrast_found = explained.dimensions[0].contrast
    assert contrast_found is not None
    assert contrast_found.contributions == ()
    assert contrast_found.log_odds > 0


def test_what_is_told_otherwise_is_asked_otherwise(tmp_path: Path) -> None:
    encoder, vote = shipped_models()
    asked = Transaction(payee="Corner Bakery", description="bread", date=FIRST_DAY)
    with tenant_of(tmp_path, clean_books(100)) as ledger:
        (explained,) = explain(ledger.view, encoder, vote, asked, OPTIONS).dimensions
        told = {one.change: one for one in explained.counterfactuals if not one.entries}
        assert set(told) == {"with the date unknown", "without the description", "without the payee"}
        without = classify(
            ledger.view, encoder, vote, Transaction(payee="", description="bread", date=FIRST_DAY), OPTIONS
        )
        assert told["without the payee"].category == without.answers[0].candidates[0].category


def test_a_tenant_that_was_taught_nothing_is_explained(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        explained = explain(ledger.view, ENCODER, KernelVote(), Transaction(id="x", payee="Taxi"), OPTIONS)
    assert explained.dimensions[0].contrast is None
    assert explained.dimensions[0].counterfactuals == ()
    assert explained.dimensions[0].answer.decision is Decision.ASK


def test_an_id_is_found_among_others_that_hold_it(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([labelled(key) for key in ("aa", "a", "ba", "ab", "é", "aé")])
        ledger.learn([labelled("a", category="fun")])
        ids, count = ledger.view.transaction_ids, len(ledger.view.alive)
        found = {key: ids.find(key, count) for key in ("aa", "a", "ba", "ab", "é", "aé", "b", "zz")}
    assert found == {"aa": [0], "a": [1, 6], "ba": [2], "ab": [3], "é": [4], "aé": [5], "b": [], "zz": []}
