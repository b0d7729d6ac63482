"""Probable mistakes: those that were planted are found, and found about where cleanlab finds them."""

import time
from pathlib import Path

import numpy as np
import pytest

from engine_world import labelled, open_ledger
from likewise_engine.errors import InvalidInput, UnknownDimension
from likewise_engine.review import FindingKind, Review, ReviewOptions, review
from likewise_engine.review.confident import suspicions_of
from likewise_engine.review.held_out import HeldOut, HeldOutJudge
from likewise_engine.review.pace import Pace
from review_world import clean_books, of_kind, planted, reviewed, row, taught
from shipped_world import shipped_models, tenant_of

MISTAKE = FindingKind.PROBABLE_MISTAKE


@pytest.mark.parametrize(("share", "precision_min", "recall_min"), [(0.04, 0.8, 0.9), (0.1, 0.85, 0.9)])
def test_planted_mistakes_are_found(
    share: float, precision_min: float, recall_min: float, tmp_path: Path
) -> None:
    books, wrong = planted(clean_books(500), share)
    with tenant_of(tmp_path, books) as ledger:
        found = of_kind(reviewed(ledger, MISTAKE, findings_max=1_000), MISTAKE)
    suspected = [finding.entries[0].transaction_id for finding in found]
    first = suspected[: len(wrong)]
    assert len(wrong & set(first)) >= precision_min * len(first)
    assert len(wrong & set(suspected)) >= recall_min * len(wrong)
    right = {item.transaction.id: item for item in clean_books(500)}
    named = [f.categories[1] == right[f.entries[0].transaction_id].labels["category"] for f in found]
    of_wrong = [ok for ok, one in zip(named, suspected, strict=True) if one in wrong]
    assert sum(of_wrong) >= 0.9 * len(of_wrong)  # and what they should have been is told


def test_books_without_a_mistake_have_none_that_is_confident(tmp_path: Path) -> None:
    with tenant_of(tmp_path, clean_books(300)) as ledger:
        found = of_kind(reviewed(ledger, MISTAKE), MISTAKE)
    assert sum(finding.statistics["is_confident"] for finding in found) <= 0.005 * 300


def test_the_entries_of_an_invoice_do_not_vouch_for_one_another(tmp_path: Path) -> None:
    items = [row(n, n, "Harbour Power", "energy") for n in range(12)]
    items += [row(100 + n, 30, "Harbour Power", "travel") for n in range(3)]  # one invoice, wrong all through
    items += [row(200 + n, n, "Silver Taxi", "travel") for n in range(12)]
    with tenant_of(tmp_path, items) as ledger:
        encoder, vote = shipped_models()
        judge = HeldOutJudge(ledger.view, encoder, vote)
        pace = Pace(60_000, lambda _done, _goal: True)
        judged = judge.judged(["category"], ledger.store.entries_by_id, 1_000, pace)["category"]
        found = of_kind(reviewed(ledger, MISTAKE), MISTAKE)
    assert {finding.entries[0].transaction_id for finding in found[:3]} == {"r100", "r101", "r102"}
    assert (len(judged), pace.done, pace.goal) == (27, 27, 27)
    assert sorted(judged.rows.tolist()) == list(range(27))


def dense(held_out: HeldOut, categories: int) -> tuple[np.ndarray, np.ndarray]:
    """The textbook's form: labels, and a row of probabilities each that sum to 1."""
    matrix = np.zeros((len(held_out), categories))
    matrix[held_out.entry_of, held_out.candidates] = held_out.probabilities
    return held_out.given, matrix / matrix.sum(1, keepdims=True)


def test_confident_learning_is_as_the_paper_has_it() -> None:
    """Against the definition by loops over a dense matrix: thresholds, confident categories, ranking."""
    rng = np.random.default_rng(3)
    count, categories = 200, 6
    matrix = rng.dirichlet(np.full(categories, 0.4), count)
    given = matrix.argmax(1)
    given[:30] = rng.integers(0, categories, 30)
    order = np.argsort(-matrix, axis=1)
    held_out = HeldOut(
        rows=np.arange(count),
        given=given,
        starts=np.arange(count + 1) * categories,
        candidates=order.reshape(-1),
        probabilities=np.take_along_axis(matrix, order, axis=1).reshape(-1),
    )
    labels, probabilities = dense(held_out, categories)
    assert np.allclose(probabilities, matrix)
    found = suspicions_of(held_out, categories)
    own = matrix[np.arange(count), labels]
    average = own.mean()
    threshold = [(own[labels == j].sum() + average) / ((labels == j).sum() + 1) for j in range(categories)]
    for at in range(count):
        sure = [
            j
            for j in range(categories)
            if j != labels[at] and matrix[at, j] >= threshold[j] and matrix[at, j] > own[at]
        ]
        assert found.is_confident[at] == bool(sure)
        others = sure or [j for j in range(categories) if j != labels[at]]
        assert found.likelier[at] == max(others, key=lambda j: matrix[at, j])
        assert found.own[at] == pytest.approx(own[at])
    ranked = found.ranked.tolist()
    sure_first = [bool(found.is_confident[at]) for at in ranked]
    assert sure_first == sorted(sure_first, reverse=True)
    assert set(ranked) >= set(np.flatnonzero(found.is_confident).tolist())
    assert np.all((found.quality >= 0) & (found.quality <= 1))


def test_a_label_that_nobody_proposes_is_suspected_and_one_without_candidates_is_not() -> None:
    held_out = HeldOut(
        rows=np.array([0, 1, 2]),
        given=np.array([0, 0, 1]),
        starts=np.array([0, 1, 1, 2]),
        candidates=np.array([1, 1]),
        probabilities=np.array([0.9, 0.8]),
    )
    found = suspicions_of(held_out, 2)
    assert found.ranked.tolist() == [0]
    assert found.likelier.tolist() == [1, -1, -1]


def test_a_sample_is_as_large_as_was_asked_for_and_the_same_each_time(tmp_path: Path) -> None:
    with tenant_of(tmp_path, clean_books(300)) as ledger:
        some = [reviewed(ledger, MISTAKE, entries_max=60) for _ in range(2)]
    assert some[0] == some[1]
    assert some[0].judged == 60 < some[0].judgeable
    assert not some[0].ran_out


def test_as_many_are_told_as_are_wanted_and_all_are_counted(tmp_path: Path) -> None:
    items, _ = planted(clean_books(400), 0.1)
    with tenant_of(tmp_path, items) as ledger:
        all_of_them, few = (reviewed(ledger, MISTAKE, findings_max=limit) for limit in (1_000, 5))
    assert few.found == all_of_them.found == {MISTAKE: len(all_of_them.findings)}
    assert few.findings == all_of_them.findings[:5]
    scores = [finding.score for finding in all_of_them.findings]
    assert scores == sorted(scores, reverse=True)


def test_a_review_ends_with_its_time_within_an_invoice_too(tmp_path: Path) -> None:
    encoder, vote = shipped_models()
    asked: list[int] = []

    def until_ten(done: int, _goal: int) -> bool:
        asked.append(done)
        return done < 10

    lines = [row(n, 3, "Corner Print", "ab"[n % 2], f"{n}.00") for n in range(80)]
    with tenant_of(tmp_path, lines) as ledger:
        options = ReviewOptions(kinds=(MISTAKE,))
        assert review(ledger.view, encoder, vote, ledger.store.entries_by_id, options, until_ten) is None
    assert max(asked) == 10


def test_a_review_ends_with_its_time_and_says_so(tmp_path: Path) -> None:
    with tenant_of(tmp_path, clean_books(300)) as ledger:
        found = reviewed(ledger, MISTAKE, budget_ms=1)
    assert found.ran_out
    assert found.judged < found.judgeable


def test_a_review_that_nobody_wants_any_more_is_given_up(tmp_path: Path) -> None:
    encoder, vote = shipped_models()
    told: list[tuple[int, int]] = []

    def until_ten(done: int, goal: int) -> bool:
        told.append((done, goal))
        return done < 10

    with tenant_of(tmp_path, clean_books(200)) as ledger:
        started = time.monotonic()
        options = ReviewOptions()
        assert review(ledger.view, encoder, vote, ledger.store.entries_by_id, options, until_ten) is None
        assert time.monotonic() >= started
    assert told[-1][0] < 20 <= told[-1][1]


def test_a_tenant_that_was_taught_nothing_has_no_findings(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        found = reviewed(ledger)
    assert (found.findings, found.judged, found.judgeable) == ([], 0, 0)


def test_an_entry_that_was_forgotten_meanwhile_is_left_out(tmp_path: Path) -> None:
    encoder, vote = shipped_models()
    with tenant_of(tmp_path, clean_books(120)) as ledger:
        view = ledger.view
        ledger.forget(["t7", "t8"])
        kinds = ReviewOptions(kinds=(MISTAKE,))
        entries_of = ledger.store.entries_by_id
        found = review(view, encoder, vote, entries_of, kinds, lambda _done, _goal: True)
        assert isinstance(found, Review)
        assert found.judged <= found.judgeable - 1


def test_what_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        taught(ledger, [labelled("a")])
        encoder, vote = shipped_models()
        options = ReviewOptions(dimensions=("nothing",))
        with pytest.raises(UnknownDimension):
            review(ledger.view, encoder, vote, ledger.store.entries_by_id, options, lambda *_: True)
    for wrong in ({"entries_max": 0}, {"findings_max": 10**9}, {"budget_ms": 0}, {"dimensions": ("x",) * 17}):
        with pytest.raises(InvalidInput):
            ReviewOptions(**wrong).check()
