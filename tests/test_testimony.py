"""What a language model says: weighed by its record, filing nothing, forgotten with what it tells of."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_world import ask, bytes_on_disk, labelled, open_ledger
from likewise_engine import limits, testimony  # pytest takes a class of that name for tests
from likewise_engine.answers import ClassifyOptions, Decision, DimensionAnswer, Witness
from likewise_engine.chart import Category
from likewise_engine.encoder import HashingEncoder
from likewise_engine.feedback.codec import decoded_prediction, encoded
from likewise_engine.feedback.prediction import Prediction
from likewise_engine.feedback.replay import replayed
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.purge import CategoryPurge
from likewise_engine.ledger.reencode import reencode
from likewise_engine.ledger.reshape import Merge
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.testimony import NO_TESTIMONIES, Opinion, Record
from likewise_engine.transaction import Authority, Transaction
from likewise_engine.vote import KernelVote

CHART = ("food", "rent", "travel", "tools")
FOOD, RENT, TRAVEL, TOOLS = range(4)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Of a tenant with a chart, and a label of a text that is like none of those asked about."""
    with open_ledger(tmp_path) as opened:
        opened.update(categories=[Category(name) for name in CHART])
        opened.learn([labelled("1", payee="Castle Rent", category="rent")])
        yield opened


def said(
    ledger: Ledger, payee: str, category: int | None, transaction_id: str = "asked"
) -> testimony.Testimony:
    """What a model might say of a payee, as of now."""
    text = ask(ledger, payee).text
    return testimony.Testimony(
        transaction_id, text, "category", category, 0.02, "m/1", "menu", ledger.view.revision
    )


def judged(ledger: Ledger, payee: str) -> DimensionAnswer:
    return ask(ledger, payee).answer("category")


def counts(ledger: Ledger) -> tuple[int, int, int]:
    record = ledger.view.testimonies.records["category", "m/1"]
    return record.right, record.wrong, record.open


def test_it_lifts_an_ask_to_a_suggestion_and_is_named(ledger: Ledger) -> None:
    assert judged(ledger, "Qwxz").decision is Decision.ASK
    assert ledger.testify(said(ledger, "Qwxz", TRAVEL))
    heard = judged(ledger, "Qwxz")
    assert heard.decision is Decision.SUGGEST
    assert heard.candidates[0].category == "travel"
    assert heard.witness is Witness.LANGUAGE_MODEL
    assert heard.reason.startswith("A language model says 'travel'")
    assert sum(candidate.probability for candidate in heard.candidates) <= 1 + 1e-9
    assert judged(ledger, "Another").decision is Decision.ASK


def test_it_never_files_however_good_its_record(ledger: Ledger) -> None:
    for number in range(60):
        payee = f"Place {chr(97 + number % 26)}{chr(97 + number // 26)}x"
        ledger.testify(said(ledger, payee, TRAVEL, f"t{number}"))
        ledger.learn([labelled(f"t{number}", payee=payee, category="travel")])
    assert counts(ledger) == (60, 0, 0)
    ledger.testify(said(ledger, "Qwxz", TOOLS))
    heard = judged(ledger, "Qwxz")
    assert heard.candidates[0].category == "tools"
    assert heard.candidates[0].probability > 0.9
    assert heard.decision is Decision.SUGGEST
    assert "nothing is filed on what a language model says" in heard.reason


def test_what_the_vote_files_it_does_not_touch(ledger: Ledger) -> None:
    ledger.learn([labelled(f"r{n}", payee="Castle Rent", category="rent") for n in range(40)])
    before = judged(ledger, "Castle Rent")
    assert before.decision is Decision.FILE
    ledger.testify(said(ledger, "Castle Rent", FOOD))
    assert judged(ledger, "Castle Rent") == before


def test_a_label_tells_whether_it_was_right_and_ends_it(ledger: Ledger) -> None:
    ledger.testify(said(ledger, "Qwxz", TRAVEL))
    ledger.learn([labelled("m", payee="Qwxz", category="food", authority=Authority.MACHINE)])
    assert counts(ledger) == (0, 0, 1)
    ledger.learn([labelled("p", payee="Qwxz", category="food")])
    assert counts(ledger) == (0, 1, 0)
    assert judged(ledger, "Qwxz").witness is not Witness.LANGUAGE_MODEL
    ledger.learn([labelled("p", payee="Qwxz", category="travel")])
    assert counts(ledger) == (1, 0, 0)


def test_that_none_fits_counts_for_nothing(ledger: Ledger) -> None:
    before = judged(ledger, "Qwxz")
    ledger.testify(said(ledger, "Qwxz", None))
    assert judged(ledger, "Qwxz") == before
    assert ledger.view.testimonies.records == {}


def test_an_inactive_category_is_not_heard_of(ledger: Ledger) -> None:
    before = judged(ledger, "Qwxz")
    ledger.testify(said(ledger, "Qwxz", TRAVEL))
    ledger.update(categories=[Category("travel", active=False)])
    after = judged(ledger, "Qwxz")
    assert (after.decision, after.witness) == (before.decision, before.witness)


def test_it_follows_a_merger(ledger: Ledger) -> None:
    ledger.testify(said(ledger, "Qwxz", TRAVEL))
    ledger.reshape(Merge("category", ("travel",), "tools"))
    assert judged(ledger, "Qwxz").candidates[0].category == "tools"


@pytest.mark.parametrize("how", ["its transaction", "another of its text", "its category", "its label's"])
def test_it_is_forgotten_with(how: str, ledger: Ledger, tmp_path: Path) -> None:
    ledger.testify(said(ledger, "Qwxz Secretive", TRAVEL))
    if how != "its transaction":
        ledger.learn([labelled("p", payee="Qwxz Secretive", category="food")])
    if how == "its transaction":
        outcome = ledger.forget(["asked"])
        assert outcome.receipt is not None
        assert outcome.receipt.erased.testimonies == 1
    elif how == "another of its text":
        ledger.forget(["p"])
    else:
        ledger.purge_category(CategoryPurge("category", "travel" if how == "its category" else "food"))
        ledger.forget(["p"])
    assert not ledger.view.testimonies
    assert b"secretive" not in bytes_on_disk(tmp_path)


def test_what_was_asked_before_a_forgetting_is_not_kept(ledger: Ledger) -> None:
    late = said(ledger, "Qwxz", TRAVEL)
    ledger.forget(["1"])
    assert not ledger.testify(late)
    assert ledger.testify(replace(late, revision=ledger.view.revision))


def test_what_is_forgotten_while_it_is_asked_about_leaves_no_testimony(ledger: Ledger) -> None:
    """Nothing is known of it by then: it was never taught, and the model has not answered yet."""
    late = said(ledger, "Qwxz Secretive", TRAVEL, "asked")
    assert ledger.forget(["asked"]).forgotten == 0
    assert not ledger.testify(late)
    assert not ledger.view.testimonies
    ledger.learn([labelled("2", payee="Castle Rent", category="rent")])
    assert ledger.testify(said(ledger, "Qwxz Secretive", TRAVEL, "asked"))


def test_who_watches_is_told_of_what_has_the_id_of_a_forgotten_one(ledger: Ledger) -> None:
    assert ledger.testify(said(ledger, "Qwxz", TRAVEL))
    told = ledger.view.testimonies
    assert [each.text for each in told.beyond(testimony.NO_TESTIMONIES)] == ["qwxz"]
    assert not told.beyond(told)
    ledger.forget(["asked"])
    assert ledger.testify(said(ledger, "Vbnm", TOOLS, "another"))
    now = ledger.view.testimonies
    assert [each.id for each in now.since(0)] == [each.id for each in told.since(0)]
    assert [each.text for each in now.beyond(told)] == ["vbnm"]
    ledger.learn([labelled("p", payee="Vbnm", category="travel")])
    assert not ledger.view.testimonies.beyond(now)


def test_it_is_there_after_a_restart_and_for_other_processes(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as first, open_ledger(tmp_path) as second:
        first.update(categories=[Category(name) for name in CHART])
        first.testify(said(first, "Qwxz", TRAVEL))
        second.catch_up()
        assert judged(second, "Qwxz") == judged(first, "Qwxz")
        second.learn([labelled("p", payee="Qwxz", category="travel")])
        first.catch_up()
        assert first.view.testimonies.records == second.view.testimonies.records
    with open_ledger(tmp_path) as reopened:
        assert counts(reopened) == (1, 0, 0)


def test_other_texts_leave_the_record_and_no_wording(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.update(categories=[Category(name) for name in CHART])
        ledger.testify(said(ledger, "Qwxz Open", TRAVEL))
        ledger.testify(said(ledger, "Qwxz Known", TRAVEL, "p"))
        ledger.learn([labelled("p", payee="Qwxz Known", category="travel")])
        reencode(ledger.store, HashingEncoder(32))
    with open_ledger(tmp_path) as ledger:
        assert not ledger.view.testimonies
        assert counts(ledger) == (1, 0, 0)


def test_the_latest_are_kept_and_one_of_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "TESTIMONIES_KEPT_MAX", 3)  # what took the place of another counts too
    with open_ledger(tmp_path) as ledger:
        ledger.update(categories=[Category(name) for name in CHART])
        for number in range(5):
            ledger.testify(said(ledger, f"Place {'abcde'[number]}", FOOD))
        ledger.testify(said(ledger, "Place e", RENT))
        kept = ledger.view.testimonies.by_question
        assert [text for text, _ in kept] == ["place d", "place e"]
        assert kept["place e", "category"].category == RENT


def test_a_tenant_without_any_pays_nothing(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("1")])
        assert ledger.view.testimonies is NO_TESTIMONIES
        assert SqliteStore.testimonies(ledger.store, NO_TESTIMONIES) is NO_TESTIMONIES  # type: ignore[arg-type]


def test_an_answer_that_heard_it_is_replayed_to_the_bit(ledger: Ledger) -> None:
    ledger.testify(said(ledger, "Qwxz", TRAVEL))
    asked = Transaction(payee="Qwxz")
    answer = ledger.classify(asked, ClassifyOptions())
    assert answer.answers[0].witness is Witness.LANGUAGE_MODEL
    given = Prediction.of("p", datetime(2026, 7, 1, tzinfo=UTC), asked, ClassifyOptions(), answer)
    kept = decoded_prediction("p", encoded(given))
    assert kept.bases[0].hearing == given.bases[0].hearing is not None
    assert replayed(kept, KernelVote()).answers == answer.answers


# --- The pool -------------------------------------------------------------------------------------


def record(right: int, wrong: int, expected: float) -> Record:
    """Of a model that named what the vote gave so much, each time."""
    return Record.of(
        [
            testimony.Testimony("", "t", "category", FOOD, expected, "m", "", 0, FOOD if n < right else RENT)
            for n in range(right + wrong)
        ]
    )


@pytest.mark.parametrize(
    ("of", "before", "after"),
    [
        (Record(), 0.05, 0.5),  # nobody knows it
        (record(800, 200, 0.2), 0.2, 0.8),
        (record(200, 800, 0.2), 0.2, 0.2),  # a parrot
        (record(10, 990, 0.2), 0.2, 0.01),
    ],
)
def test_a_testimony_is_worth_what_it_knew_beyond_the_vote(of: Record, before: float, after: float) -> None:
    assert of.probability(before) == pytest.approx(after, abs=0.01)


def test_an_unknown_category_has_its_share_of_what_is_left() -> None:
    opinion = Opinion(7, Record(), categories=10)
    candidates, pooled = opinion.pooled(np.array([3, 4]), np.array([0.3, 0.3]))
    assert candidates.tolist() == [3, 4, 7]
    assert pooled[2] == pytest.approx(0.5)  # it had an eighth of .4
    assert pooled[0] == pytest.approx(0.3 * (1 - pooled[2]) / 0.95)


@given(
    st.lists(st.floats(0, 1), max_size=8),
    st.integers(0, 9),
    st.integers(0, 500),
    st.integers(0, 500),
    st.floats(0, 1),
)
def test_what_is_pooled_are_probabilities(
    weights: list[float], named: int, right: int, wrong: int, expected: float
) -> None:
    total = sum(weights) + 0.25
    voted = np.array([weight / total for weight in weights])
    opinion = Opinion(named, record(right, wrong, expected), categories=10)
    candidates, pooled = opinion.pooled(np.arange(len(weights), dtype=np.int64), voted)
    assert len(candidates) == len(set(candidates.tolist())) == len(pooled)
    assert ((pooled >= 0) & (pooled <= 1)).all()
    assert pooled.sum() <= 1 + 1e-9
    others = candidates != named
    order = np.argsort(voted[others[: len(voted)]])
    assert (np.diff(pooled[others][order]) >= -1e-12).all()  # theirs does not change


def test_pooled_probabilities_hold_where_the_record_does() -> None:
    """A model that is right three times in four, and a vote that is one time in three."""
    rng = np.random.default_rng(7)
    kinds, told = 12, testimony.Testimonies()
    surprise, confident, right_of_confident = [], 0, 0
    kept: list[testimony.Testimony] = []
    for number in range(1_500):
        truth = int(rng.integers(kinds))
        first = truth if rng.random() < 0.34 else int(rng.integers(kinds))
        voted = np.full(kinds, 0.6 / kinds)
        voted[first] += 0.4
        named = truth if rng.random() < 0.72 else int(rng.integers(kinds))
        whose = told.records.get(("category", "m"), Record())
        _, pooled = Opinion(named, whose, kinds).pooled(np.arange(kinds, dtype=np.int64), voted)
        if number >= 300:
            surprise.append(float(pooled[named]) - (named == truth))
            if pooled[named] > 0.9:
                confident, right_of_confident = confident + 1, right_of_confident + (named == truth)
        kept.append(
            testimony.Testimony("", f"t{number}", "category", named, float(voted[named]), "m", "", 0, truth)
        )
        if number % 50 == 0:
            told = testimony.Testimonies.of(number, kept)
    assert abs(np.mean(surprise)) < 0.05
    assert confident > 100
    assert right_of_confident / confident > 0.9
