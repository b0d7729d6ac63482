"""Peers: each rule on cases that are worked by hand, and what all of them must do."""

import datetime
import sys
from collections.abc import Sequence
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest

from likewise_engine.encoder import DEFAULT_MODEL
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_indexer.backtest.contest import Contest
from likewise_indexer.backtest.peers import PEERS, Peer, PeerSettings, Ranking, minilm
from likewise_indexer.backtest.peers.gnucash import tokens_of

MONDAY = datetime.date(2024, 1, 1)
TUESDAY = datetime.date(2024, 1, 2)
MODEL = Path(str(files("likewise_engine"))) / "models" / DEFAULT_MODEL
"""In place of MiniLM: any exported model does."""

Lesson = tuple[str, str]
"""Payee and label."""


def transaction(
    payee: str, description: str = "", *, day: datetime.date | None = None, amount: str | None = None
) -> Transaction:
    return Transaction(
        id="t",
        date=day,
        payee=payee,
        description=description,
        amount=None if amount is None else Decimal(amount),
    )


def lesson(of: Transaction, label: str) -> LabelledTransaction:
    return LabelledTransaction(of, {"category": label})


def fresh(name: str, dimension: str = "category") -> Peer:
    return PEERS[name].make(PeerSettings(dimension, MODEL))


def taught(name: str, lessons: Sequence[Lesson]) -> Peer:
    peer = fresh(name)
    peer.learn([lesson(transaction(payee), label) for payee, label in lessons])
    return peer


def rounded(ranking: Ranking) -> list[tuple[str, float]]:
    return [(label, round(confidence, 4)) for label, confidence in ranking]


# --- The payee's own record --------------------------------------------------------------------


def test_the_last_label_wins_whatever_the_count() -> None:
    peer = taught("payee_last", [("Tesco", "food"), ("Tesco", "food"), ("Tesco", "fuel")])
    # food 2, fuel 1, of 3: over 3 + 1.
    assert peer.rank(transaction("TESCO 2231")) == [("fuel", 0.25), ("food", 0.5)]


def test_the_majority_wins_and_among_equals_the_later() -> None:
    peer = taught("payee_majority", [("Tesco", "food"), ("Tesco", "food"), ("Tesco", "fuel")])
    assert peer.rank(transaction("tesco")) == [("food", 0.5), ("fuel", 0.25)]
    peer.learn([lesson(transaction("Tesco"), "fuel")])
    assert peer.rank(transaction("tesco")) == [("fuel", 0.4), ("food", 0.4)]


@pytest.mark.parametrize("name", ["payee_last", "payee_majority"])
def test_a_new_payee_has_no_record(name: str) -> None:
    assert not taught(name, [("Tesco", "food")]).rank(transaction("Shell"))


# --- GnuCash -----------------------------------------------------------------------------------


def test_gnucash_tokens_are_words_as_they_are_and_the_weekday() -> None:
    asked = transaction("Tesco  Tesco Stores", "Stores card", day=MONDAY)
    assert tokens_of(asked) == ["card", "Monday", "Stores", "Tesco"]
    assert tokens_of(transaction("Monday", day=MONDAY)) == ["Monday", "Monday"]


def test_gnucash_joins_tokens_by_the_product_rule() -> None:
    peer = taught("gnucash_bayes", [("A B", "x"), ("A B", "x"), ("A", "y"), ("B", "y"), ("B", "y")])
    # A: x 2 of 3, y 1 of 3. B: x 2 of 4, y 2 of 4.
    # x: 2/3 1/2 / (2/3 1/2 + 1/3 1/2) = 2/3; y: 1/3 1/2 / (1/3 1/2 + 2/3 1/2) = 1/3; cut to five digits.
    assert peer.rank(transaction("A B")) == [("x", 0.66666), ("y", 0.33333)]


def test_gnucash_leaves_out_tokens_that_an_account_never_had() -> None:
    peer = taught("gnucash_bayes", [("A", "x"), ("A", "y"), ("B", "x")])
    # x: 1/2 1 / (1/2 1 + 1/2 0) = 1; y has A alone: 1/2.
    assert peer.rank(transaction("A B c")) == [("x", 1.0), ("y", 0.5)]
    assert not peer.rank(transaction("a b"))


def test_gnucash_counts_the_weekday() -> None:
    peer = fresh("gnucash_bayes")
    peer.learn([lesson(transaction("A", day=MONDAY), "x"), lesson(transaction("A", day=TUESDAY), "y")])
    # A: 1/2 each. Tuesday: y alone.
    assert peer.rank(transaction("A", day=TUESDAY)) == [("y", 1.0), ("x", 0.5)]


# --- Odoo --------------------------------------------------------------------------------------


def test_odoo_ranks_by_the_highest_line_and_then_by_matching_lines() -> None:
    lessons = [("Shell garage", "fuel"), ("Shell garage", "fuel"), ("Shell garage", "car")]
    peer = taught("odoo_lexical", [*lessons, ("Garage Smith", "repair")])
    # All three words of the query match fuel's and car's lines, 2 and 1 of them: 2 / (3 + 1), 1 / (3 + 1).
    # repair's has "garage" alone: a lower rank, of which it is the only one: 1 / (1 + 1).
    assert peer.rank(transaction("Shell garage")) == [("fuel", 0.5), ("car", 0.25), ("repair", 0.5)]


def test_odoo_prefers_one_partner_to_two_words() -> None:
    peer = fresh("odoo_lexical")
    peer.learn(
        [
            lesson(transaction("Smith", "window"), "partner"),
            lesson(transaction("Jones", "annual garden"), "words"),
        ]
    )
    # Of the 3 lexemes asked, the partner's line has one of weight 1, Jones's two of .4: 1 > .8.
    ranking = peer.rank(transaction("Smith", "annual garden"))
    assert [label for label, _ in ranking] == ["partner", "words"]


def test_odoo_sums_repeated_words_as_postgresql_does() -> None:
    peer = fresh("odoo_lexical")
    peer.learn(
        [
            lesson(transaction("One", "tea milk"), "pair"),
            lesson(transaction("Two", "tea tea tea tea"), "repeated"),
        ]
    )
    # .4 (1 + 1/4 + 1/9 + 1/16) = .569 for the four of one word, .8 for one of each of two.
    assert [label for label, _ in peer.rank(transaction("Three", "tea milk"))] == ["pair", "repeated"]
    # Asked for the one word alone: .569 against .4.
    assert [label for label, _ in peer.rank(transaction("Three", "tea"))] == ["repeated", "pair"]


# --- Neighbours by embeddings ------------------------------------------------------------------


def test_neighbours_vote_by_the_inverse_of_their_distance() -> None:
    # Weights 1/.2 = 5, 1/.5 = 2, 1/.5 = 2; trust 3/4 of the cosine .8: y has 5/9, x 4/9 of .6.
    assert rounded(minilm.vote([("y", 0.8), ("x", 0.5), ("x", 0.5)])) == [("y", 0.3333), ("x", 0.2667)]


def test_equal_texts_outvote_all_that_are_near() -> None:
    # Two of distance 0: 1/2 each, times 2/3.
    ranking = minilm.vote([("x", 1.0), ("y", 1.0), ("z", 0.99)])
    assert rounded(ranking) == [("x", 0.3333), ("y", 0.3333)]


# --- All of them -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_starts_with_nothing(name: str) -> None:
    peer = fresh(name)
    assert not peer.rank(transaction("Tesco"))
    peer.learn([])
    assert not peer.rank(transaction("Tesco"))


@pytest.mark.parametrize("name", PEERS)
def test_a_single_category_is_all_that_is_answered(name: str) -> None:
    peer = taught(name, [("Tesco", "food")] * 3)
    assert [label for label, _ in peer.rank(transaction("Tesco"))] == ["food"]


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_finds_what_it_was_taught_and_is_sure_within_bounds(name: str) -> None:
    lessons = [("Tesco stores", "food"), ("Shell garage", "fuel"), ("City energy", "power")]
    peer = taught(name, lessons * 4)
    for payee, label in lessons:
        ranking = peer.rank(transaction(payee))
        assert ranking[0][0] == label
        assert all(0 <= confidence <= 1 for _, confidence in ranking)
        assert len({label for label, _ in ranking}) == len(ranking)


@pytest.mark.parametrize("name", PEERS)
def test_asking_teaches_nothing(name: str) -> None:
    lessons = [("Tesco stores", "food"), ("Shell garage", "fuel")] * 3
    asked, unasked = taught(name, lessons), taught(name, lessons)
    for payee in ("Tesco stores", "Shell", "never heard of"):
        asked.rank(transaction(payee))
    assert asked.rank(transaction("Shell garage")) == unasked.rank(transaction("Shell garage"))


@pytest.mark.parametrize("name", PEERS)
def test_only_the_peers_dimension_is_learned(name: str) -> None:
    peer = fresh(name, "tax")
    both = LabelledTransaction(transaction("Tesco"), {"category": "food", "tax": "T0"})
    peer.learn([both, lesson(transaction("Tesco"), "food")])
    assert [label for label, _ in peer.rank(transaction("Tesco"))] == ["T0"]


@pytest.mark.parametrize("name", ["payee_majority", "gnucash_bayes", "odoo_lexical"])
def test_counting_peers_do_not_depend_on_the_order_of_lessons(name: str) -> None:
    lessons = [("A B", "x"), ("A", "y"), ("A B", "x"), ("B c", "y"), ("c", "z")]
    there, back = taught(name, lessons), taught(name, lessons[::-1])
    for payee in ("A B", "B c", "c", "A"):
        assert sorted(there.rank(transaction(payee))) == sorted(back.rank(transaction(payee)))


# --- Which can run here ------------------------------------------------------------------------


def test_peers_without_packages_run_anywhere() -> None:
    for name in ("payee_last", "payee_majority", "gnucash_bayes", "odoo_lexical"):
        assert not PEERS[name].why_missing(PeerSettings())


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("smart_importer", "beancount.core.data"),
        ("svm_char", "sklearn.svm"),
        ("svm_char_amount", "scipy.sparse"),
    ],
)
def test_a_missing_package_is_a_reason_and_no_error(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "smart_importer" if name == "smart_importer" else "svm"
    monkeypatch.delitem(sys.modules, f"likewise_indexer.backtest.peers.{module}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    contest = Contest.of(["payee_last", name])
    assert contest.peers == ("payee_last",)
    assert "pip install 'likewise[peers]'" in contest.missing[name]


def test_a_folder_without_minilm_is_a_reason_and_no_error(tmp_path: Path) -> None:
    contest = Contest.of(["minilm_knn"], minilm=tmp_path)
    assert contest.peers == ()
    assert str(tmp_path) in contest.missing["minilm_knn"]
