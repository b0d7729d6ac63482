"""A tenant's outcomes: which answers count, that a replay of bulk does not look ahead, and that they last."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chart_world import merge, split
from engine_world import (
    ALL_NEIGHBOURS,
    ENCODER,
    KEY,
    Books,
    ask,
    bytes_on_disk,
    create_store,
    essence,
    labelled,
    load_ledger,
    open_ledger,
    raw_store,
)
from likewise_engine import limits
from likewise_engine.answers import Decision
from likewise_engine.classify import classify
from likewise_engine.errors import ModelFault, StoreCorrupt
from likewise_engine.evidence import Evidence
from likewise_engine.folder import STORE_NAME
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.store.base import Change
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import Authority, LabelledTransaction
from likewise_engine.vote import KernelVote

JANUARY_1 = date(2025, 1, 1)
COLUMNS = "transaction_id, (SELECT id FROM categories WHERE number = predicted), is_filed"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger that knows that the bakery is food; that first lesson could not be answered before."""
    with open_ledger(tmp_path) as opened:
        opened.learn([bought("first", 0)])
        yield opened


def bought(transaction_id: str, day: int, category: str = "food", **fields: Any) -> LabelledTransaction:
    return labelled(transaction_id, category=category, date=JANUARY_1 + timedelta(days=day), **fields)


def outcomes(folder: Path) -> list[tuple[Any, ...]]:
    """What the store has: transaction, predicted category, whether FILEd."""
    with closing(raw_store(folder)) as connection:
        return list(connection.execute(f"SELECT {COLUMNS} FROM outcomes ORDER BY id"))  # noqa: S608


def record(ledger: Ledger, dimension: str = "category") -> tuple[int, int]:
    """How many outcomes calibrate a dimension, and how many of those are right."""
    memory = ledger._state.memory
    labels = memory.labels[dimension].prefix(len(memory))
    found = memory.track_record.outcomes(memory.is_of(dimension), labels)
    assert ledger.view.calibrations[dimension].outcomes == len(found.right)
    return len(found.right), int(found.right.sum())


def test_what_is_taught_is_asked_about_first(ledger: Ledger, tmp_path: Path) -> None:
    assert record(ledger) == (0, 0)
    ledger.learn([bought("a", 1), bought("b", 1, "fun")])
    assert record(ledger) == (2, 1)
    assert outcomes(tmp_path) == [("a", "food", 0), ("b", "food", 0)]
    # A category that nobody knew yet, in the midst of a batch, could not be right.
    ledger.learn([bought("c", 2, "new")])
    assert record(ledger) == (3, 1)


def test_only_a_persons_first_label_counts(ledger: Ledger, tmp_path: Path) -> None:
    ledger.learn([bought("m", 1, "fun", authority=Authority.MACHINE)])
    assert record(ledger) == (0, 0)
    # A machine's label of the very transaction would have said fun: it is no evidence.
    ledger.learn([bought("m", 1, "food")])
    assert outcomes(tmp_path) == [("m", "food", 0)]
    ledger.learn([bought("m", 1, "food"), bought("first", 0, "food", description="reworded")])
    assert record(ledger) == (1, 1)


def test_a_label_that_is_corrected_turns_its_outcome(ledger: Ledger, tmp_path: Path) -> None:
    ledger.learn([bought("a", 1)])
    assert record(ledger) == (1, 1)
    ledger.learn([bought("a", 1, "fun")])
    assert record(ledger) == (1, 0)
    ledger.learn([bought("a", 9)])
    assert record(ledger) == (1, 1)
    ledger.close()
    with open_ledger(tmp_path) as again:
        assert record(again) == (1, 1)


def test_each_dimension_has_a_record_of_its_own(ledger: Ledger) -> None:
    def both(transaction_id: str, category: str, tax: str) -> LabelledTransaction:
        return labelled(transaction_id, labels={"category": category, "tax": tax})

    ledger.learn([both("a", "food", "t1")])
    ledger.learn([both("b", "fun", "t1")])
    assert (record(ledger), record(ledger, "tax")) == ((2, 1), (1, 1))


def test_outcomes_last_and_calibrate_the_same_after_a_restart(tmp_path: Path) -> None:
    books = Books(seed=3)
    with open_ledger(tmp_path) as ledger:
        for n in range(120):
            ledger.learn([books.item(f"t{n}")])
        asked = [books.transaction() for _ in range(40)]
        answers = [essence(ledger.classify(one, ALL_NEIGHBOURS)) for one in asked]
        before = ledger.view.calibrations["category"]
        assert before.outcomes > 40
    with open_ledger(tmp_path) as ledger:
        after = ledger.view.calibrations["category"]
        assert (after.slope, after.intercept) == (before.slope, before.intercept)
        assert after.error_rate.tolist() == before.error_rate.tolist()
        assert [essence(ledger.classify(one, ALL_NEIGHBOURS)) for one in asked] == answers


def test_only_the_latest_outcomes_are_kept(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OUTCOMES_KEPT_MAX", 5)
    for day in (1, 5, 2, 6, 3, 4, 7):
        ledger.learn([bought(f"t{day}", day)])
    assert record(ledger) == (5, 5)
    # The oldest by their day went, not those that came first.
    assert {transaction_id for transaction_id, *_ in outcomes(tmp_path)} == {f"t{n}" for n in range(3, 8)}


def test_a_large_lesson_is_history_and_replayed(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OUTCOMES_PER_LESSON_MAX", 3)
    ledger.learn([bought(f"a{n}", 1) for n in range(3)])
    assert (record(ledger)[0], ledger.is_calibration_due) == (3, False)
    ledger.learn([bought(f"b{n}", 2) for n in range(4)])
    assert (record(ledger)[0], ledger.is_calibration_due) == (3, True)
    assert ledger.calibrate()
    # All but the very first, before which there was nothing.
    assert (record(ledger)[0], ledger.is_calibration_due) == (7, False)


def test_bulk_is_replayed_as_of_the_day_before(tmp_path: Path) -> None:
    rows = [bought(f"t{n}", n // 3, "food" if n < 9 else "fun") for n in range(18)]
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch(rows)
        assert (ledger.is_calibration_due, outcomes(tmp_path)) == (True, [])
        revision = ledger.view.revision
        assert ledger.calibrate()
        assert (ledger.is_calibration_due, ledger.view.revision) == (False, revision)
        # Day 0 had nothing to go by; on day 3 nobody knew of fun, not even from the rows of that day.
        assert [transaction_id for transaction_id, *_ in outcomes(tmp_path)] == [
            f"t{n}" for n in range(3, 18)
        ]
        assert {predicted for t, predicted, _ in outcomes(tmp_path) if t in ("t9", "t10", "t11")} == {"food"}
        assert record(ledger)[0] == 15
        assert not any(is_filed for *_, is_filed in outcomes(tmp_path))


def test_a_replay_looks_at_nothing_ahead(tmp_path: Path) -> None:
    """What comes on a later day changes no outcome of an earlier one."""
    books, planted = Books(seed=8, undated_share=0.0), 40
    rows = sorted(
        (books.item(f"t{n}") for n in range(80)), key=lambda item: item.transaction.date or date.min
    )
    rows = [bought(f"t{n}", n, payee=one.transaction.payee, labels=one.labels) for n, one in enumerate(rows)]
    other = [
        row if n < planted else bought(f"t{n}", n, payee="Planted", category="planted")
        for n, row in enumerate(rows)
    ]
    found = []
    for name, taught in (("whole", rows), ("planted", other)):
        folder = tmp_path / name
        folder.mkdir()
        with open_ledger(folder) as ledger:
            ledger.import_batch(taught)
            ledger.calibrate()
        with closing(raw_store(folder)) as connection:
            found.append(
                connection.execute("SELECT transaction_id, predicted, probability FROM outcomes").fetchall()
            )
    early = {f"t{n}" for n in range(planted)}
    first, second = ([row for row in rows if row[0] in early] for rows in found)
    assert first == second
    assert len(first) > 30


def test_as_of_a_day_is_what_was_known_then(tmp_path: Path) -> None:
    """The view as of a day answers what a ledger answers that was never taught the rest."""
    books = Books(seed=5, undated_share=0.0)
    items = [books.item(f"t{n}") for n in range(150)]
    cut = date(2024, 9, 1)
    for name, taught in (("all", items), ("early", [i for i in items if (i.transaction.date or cut) < cut])):
        (tmp_path / name).mkdir()
        with open_ledger(tmp_path / name) as ledger:
            ledger.import_batch(taught)
    with open_ledger(tmp_path / "all") as whole, open_ledger(tmp_path / "early") as early:
        view = whole.view.as_of(cut.toordinal())
        asked = [books.transaction() for _ in range(40)]
        for one in asked:
            expected = early.classify(one, ALL_NEIGHBOURS)
            given = classify(view, ENCODER, KernelVote(), one, ALL_NEIGHBOURS)
            assert given.neighbours == expected.neighbours
            known = {answer.dimension: answer for answer in given.answers}
            assert [known[answer.dimension].candidates for answer in expected.answers] == [
                answer.candidates for answer in expected.answers
            ]


def test_only_the_latest_labels_are_replayed_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "OUTCOMES_REPLAYED_MAX", 10)
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([bought(f"t{n}", n) for n in range(30)])
        ledger.calibrate()
        assert [t for t, *_ in outcomes(tmp_path)] == [f"t{n}" for n in range(20, 30)]
        ledger.import_batch([bought(f"u{n}", 30 + n) for n in range(4)])
        ledger.calibrate()
        assert [t for t, *_ in outcomes(tmp_path)][10:] == [f"u{n}" for n in range(4)]
        assert ledger.calibrate()
        assert record(ledger) == (14, 14)


def test_a_machines_labels_are_not_replayed(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([bought("a", 0), bought("b", 1, authority=Authority.MACHINE), bought("c", 2)])
        ledger.calibrate()
        assert [t for t, *_ in outcomes(tmp_path)] == ["c"]


def test_what_is_forgotten_leaves_no_outcome(ledger: Ledger, tmp_path: Path) -> None:
    ledger.learn([bought("Very Private 7", 1), bought("b", 1)])
    assert record(ledger) == (2, 2)
    ledger.forget(["Very Private 7"])
    assert record(ledger) == (1, 1)
    assert b"Very Private 7" not in bytes_on_disk(tmp_path)


def test_outcomes_follow_a_merge_and_a_split(ledger: Ledger, tmp_path: Path) -> None:
    ledger.learn([bought("x", 1, "meals", payee="Harbour Cafe")])
    ledger.learn([bought("a", 2), bought("y", 2, "meals", payee="Harbour Cafe"), bought("z", 3, "meals")])
    before = record(ledger)
    # food was answered where it was meals: that is right once they are one.
    assert (before, [p for _, p, _ in outcomes(tmp_path)]) == ((4, 2), ["food", "food", "meals", "food"])
    ledger.reshape(merge("food", into="meals"))
    assert (record(ledger), {p for _, p, _ in outcomes(tmp_path)}) == ((4, 4), {"meals"})
    # What was right before a split was right.
    ledger.reshape(split("meals", "snacks", payee_contains="bakery"))
    assert record(ledger) == (4, 4)
    assert {t: p for t, p, _ in outcomes(tmp_path)} == {
        "x": "meals",
        "a": "snacks",
        "y": "meals",
        "z": "snacks",
    }
    ledger.close()
    with open_ledger(tmp_path) as again:
        assert record(again) == (4, 4)


class OtherVote:
    """The kernel under another name."""

    fingerprint = "another"
    pooled = KernelVote.pooled

    def probabilities(self, evidence: Evidence) -> NDArray[np.float64]:
        return KernelVote().probabilities(evidence)


def test_outcomes_of_another_vote_tell_nothing_of_this_one(ledger: Ledger, tmp_path: Path) -> None:
    ledger.learn([bought("a", 1)])
    ledger.close()
    store = SqliteStore(tmp_path / STORE_NAME, KEY)
    with closing(Ledger(store, ENCODER, OtherVote(), tmp_path)) as other:
        assert (record(other)[0], other.is_calibration_due) == (0, True)
        assert other.calibrate()
        assert record(other) == (1, 1)
        assert store.record().outcomes_fingerprint.startswith("another on ")
    with open_ledger(tmp_path) as back:
        assert (record(back)[0], back.is_calibration_due) == (0, True)


def test_a_replay_that_is_given_up_stays_due(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([bought(f"t{n}", n) for n in range(5)])
        assert not ledger.calibrate(keep_on=lambda: False)
        assert (ledger.is_calibration_due, outcomes(tmp_path)) == (True, [])
    with open_ledger(tmp_path) as again:
        assert again.is_calibration_due


def test_a_replay_that_fails_stays_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ModelFault("no luck")

    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([bought(f"t{n}", n) for n in range(5)])
        with monkeypatch.context() as failing:
            failing.setattr(KernelVote, "probabilities", fail)
            with pytest.raises(ModelFault, match="no luck"):
                ledger.calibrate()
            with pytest.raises(ModelFault, match="no luck"):
                ledger.learn([bought("x", 9)])
        assert (ledger.is_calibration_due, ledger.view.revision) == (True, 1)
        assert ledger.calibrate()


def test_what_changes_during_a_replay_is_left_out_of_it(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([bought(f"t{n}", n, "food" if n < 4 else "fun") for n in range(8)])
        changes: list[Callable[[], object]] = [
            lambda: ledger.import_batch([bought("late", 20)]),
            lambda: ledger.reshape(merge("food", into="fun")),
            lambda: ledger.learn([bought("t6", 6, "trips")]),
        ]

        def meanwhile() -> bool:
            if changes:
                changes.pop()()
            return True

        assert ledger.calibrate(meanwhile)
        assert {t: p for t, p, _ in outcomes(tmp_path)} == dict.fromkeys(
            ["t1", "t2", "t3", "t4", "t5", "t7"], "fun"
        )
        assert ledger.is_calibration_due  # for the row that came in late
        ledger.calibrate()
        assert {t for t, *_ in outcomes(tmp_path)} == {"t1", "t2", "t3", "t4", "t5", "t6", "t7", "late"}


def test_memory_that_was_made_anew_during_a_replay_is_replayed_later(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([bought(f"t{n}", n) for n in range(4)])
        assert not ledger.calibrate(lambda: bool(ledger.forget(["t1"])))
        assert ledger.is_calibration_due
        assert ledger.calibrate()
        assert {t for t, *_ in outcomes(tmp_path)} == {"t2", "t3"}


def test_a_policy_is_what_filed_outcomes_are_held_to(ledger: Ledger) -> None:
    for n in range(1, 30):
        ledger.learn([bought(f"t{n}", n)])
    assert ledger.view.calibrations["category"].filed > 5
    before = ledger.view.calibrations["category"].excess_sigmas
    for n in range(30, 33):
        ledger.learn([bought(f"t{n}", n, "fun")])
    strict = ledger.view.calibrations["category"].excess_sigmas
    assert strict > before
    ledger.update(target_precision=0.5)
    assert ledger.view.calibrations["category"].excess_sigmas < strict


def test_what_was_filed_under_a_lower_target_is_not_held_against_a_higher_one(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.update(target_precision=0.6)
        for n in range(1, 41):
            ledger.learn([bought(f"t{n}", n, "fun" if n % 4 == 0 else "food")])
        lenient = ledger.view.calibrations["category"]
        assert lenient.filed > 5
        assert lenient.filed_wrong > 1
        ledger.update(target_precision=0.97)
        strict = ledger.view.calibrations["category"]
        assert (strict.outcomes, strict.filed, strict.excess_sigmas) == (lenient.outcomes, 0, 0)
    with open_ledger(tmp_path) as ledger:
        assert ledger.view.calibrations["category"].filed == 0
        # To lower it again is no reason to forget.
        ledger.update(target_precision=0.6)
        for n in range(41, 61):
            ledger.learn([bought(f"t{n}", n)])
        filed = ledger.view.calibrations["category"].filed
        assert filed > 0
        ledger.update(target_precision=0.55)
        assert ledger.view.calibrations["category"].filed == filed


def test_file_ends_when_the_books_turn_and_the_reason_says_so(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([bought(f"t{n}", n) for n in range(60)])
        ledger.calibrate()
        assert ask(ledger, "Corner Bakery", date=date(2025, 4, 1)).answers[0].decision is Decision.FILE
        # The same payee, each time something else.
        for n in range(60, 72):
            ledger.learn([bought(f"t{n}", n, f"c{n}")])
        answer = ask(ledger, "Corner Bakery", date=date(2025, 4, 1)).answers[0]
        assert answer.decision is not Decision.FILE
        filed = ledger.view.calibrations["category"]
        assert 0 < filed.filed_wrong <= filed.filed


def test_undated_books_are_no_trouble(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch([labelled(f"t{n}") for n in range(20)])
        assert ledger.calibrate()
        # In ten parts, and the first of them was asked when nothing was known.
        assert record(ledger) == (18, 18)
        ledger.learn([labelled("next")])
        assert record(ledger) == (19, 19)


def test_of_a_day_that_has_most_of_the_books_no_later_row_is_looked_at(tmp_path: Path) -> None:
    """Were they, the second half of a payee's rows would tell what the first half was."""
    when = date(2025, 3, 1)
    rows = [labelled(f"t{n}", date=when, category="early" if n < 50 else "late") for n in range(100)]
    with open_ledger(tmp_path) as ledger:
        ledger.import_batch(rows)
        assert ledger.calibrate()
        # Of ten parts the first was not asked, four were right, and the one after the change was wrong; of
        # the others, it depends on the vote.
        memory = ledger._state.memory
        labels = memory.labels["category"].prefix(len(memory))
        right = memory.track_record.outcomes(memory.is_of("category"), labels).right
        assert len(right) == 90
        assert right[:40].all()
        assert not right[40:50].any()


def test_a_tenant_that_was_imported_is_calibrated_aside(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        tenants.create("acme")
        for start in (0, 20):
            with tenants.use("acme") as ledger:
                ledger.import_batch([bought(f"t{start + n}", start + n) for n in range(20)])
        tenants.settle()
        with tenants.use("acme") as ledger:
            assert not ledger.is_calibration_due
            assert record(ledger) == (39, 39)


def test_an_old_tenant_is_calibrated_when_it_is_first_used(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        tenants.create("acme")
        with tenants.use("acme") as ledger:
            ledger.import_batch([bought(f"t{n}", n) for n in range(5)])
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        with tenants.use("acme"):
            pass
        tenants.settle()
        with tenants.use("acme") as ledger:
            assert record(ledger) == (4, 4)


@pytest.mark.parametrize("damage", ["probability = 0", "probability = 2.5", "predicted = 99"])
def test_damaged_outcomes_are_found_out(ledger: Ledger, tmp_path: Path, damage: str) -> None:
    ledger.learn([bought("a", 1)])
    ledger.close()
    with closing(raw_store(tmp_path)) as connection, connection:
        connection.execute(f"UPDATE outcomes SET {damage}")  # noqa: S608
    with pytest.raises(StoreCorrupt, match="outcome"):
        load_ledger(tmp_path)


def test_an_outcome_of_nothing_is_not_read(tmp_path: Path) -> None:
    create_store(tmp_path)
    with closing(SqliteStore(tmp_path / STORE_NAME, KEY)) as store:
        store.commit(Change(revision=0))
        assert store.snapshot().outcomes.ids.tolist() == []
        assert store.snapshot().outcomes.probability.dtype == np.float64
