"""Lessons as a bookkeeper would tell them: what is there, what comes, what is there afterwards."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from engine_world import ask, labelled, open_ledger
from likewise_engine import limits
from likewise_engine.chart import Category
from likewise_engine.errors import LimitReached
from likewise_engine.ledger import category_vectors
from likewise_engine.ledger.outcomes import LearnOutcome
from likewise_engine.text import text_of_name
from likewise_engine.transaction import Authority

MACHINE, PERSON = Authority.MACHINE, Authority.PERSON

# (what was taught: labels, who) (what is taught now) -> (labels, who gave each, what came of it)
TABLE = [
    # A machine never overwrites a person, nor does a person's word need a machine's consent.
    ("food", PERSON, "fun", MACHINE, "food", PERSON, "kept"),
    ("food", MACHINE, "fun", PERSON, "fun", PERSON, "updated"),
    ("food", PERSON, "fun", PERSON, "fun", PERSON, "updated"),
    ("food", MACHINE, "fun", MACHINE, "fun", MACHINE, "updated"),
    # The same again changes nothing, but a person's yes to a machine's guess is a person's label.
    ("food", PERSON, "food", PERSON, "food", PERSON, "unchanged"),
    ("food", PERSON, "food", MACHINE, "food", PERSON, "unchanged"),
    ("food", MACHINE, "food", MACHINE, "food", MACHINE, "unchanged"),
    ("food", MACHINE, "food", PERSON, "food", PERSON, "updated"),
]


@pytest.mark.parametrize(("old", "old_who", "new", "new_who", "label", "who", "came_of_it"), TABLE)
def test_who_may_replace_whose_label(
    old: str,
    old_who: Authority,
    new: str,
    new_who: Authority,
    label: str,
    who: Authority,
    came_of_it: str,
    tmp_path: Path,
) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", category=old, authority=old_who)])
        outcome = ledger.learn([labelled("a", category=new, authority=new_who)])
        revision = 2 if came_of_it == "updated" else 1
        assert outcome == LearnOutcome(revision, **{came_of_it: 1})
        entry = ledger.entry("a")
        assert (entry.labels, entry.authorities, entry.revision) == (
            {"category": label},
            {"category": who},
            revision,
        )
        assert ask(ledger, "Corner Bakery").neighbours[0].labels == {"category": label}


def test_labels_merge_by_dimension_and_keep_their_own_authority(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", labels={"category": "food"}, authority=PERSON)])
        outcome = ledger.learn([labelled("a", labels={"category": "fun", "tax": "t7"}, authority=MACHINE)])
        assert outcome.updated == 1
        entry = ledger.entry("a")
        assert entry.labels == {"category": "food", "tax": "t7"}
        assert entry.authorities == {"category": PERSON, "tax": MACHINE}
        assert [answer.dimension for answer in ask(ledger, "Corner Bakery").answers] == ["category", "tax"]


def test_a_machine_does_not_reword_what_a_person_labelled(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", payee="Corner Bakery", authority=PERSON)])
        outcome = ledger.learn([labelled("a", payee="CRNR BKRY 4711", authority=MACHINE)])
        assert outcome.kept == 1
        ledger.learn([labelled("a", payee="CRNR BKRY 4711", labels={"tax": "t7"}, authority=MACHINE)])
        assert ledger.entry("a").transaction.payee == "Corner Bakery"
        assert ledger.view.texts[0] == "corner bakery"


def test_a_person_may_reword_and_the_old_wording_is_let_go(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", payee="Corner Bakery")])
        ledger.learn([labelled("a", payee="Harbour Garage", category="car")])
        answer = ask(ledger, "Corner Bakery")
        assert [n.text for n in answer.neighbours] == ["harbour garage"]
        assert answer.neighbours[0].similarity < 1
        assert ledger.store.statistics().texts == 1


def test_only_labels_that_were_taken_correct_a_prediction(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", category="food", predicted={"category": "food", "tax": "t1"})])
        assert ledger.store.statistics().corrections == 0
        ledger.learn([labelled("a", category="fun", predicted={"category": "food"})])
        assert ledger.store.statistics().corrections == 1
        # A machine's label is overruled; that it adds another dimension changes nothing about that.
        overruled = {"category": "food", "tax": "t1"}
        ledger.learn([labelled("a", labels=overruled, authority=MACHINE, predicted={"category": "rent"})])
        assert ledger.store.statistics().corrections == 1
        ledger.forget(["a"])
        assert ledger.store.statistics().corrections == 0


def test_one_id_twice_in_an_import_is_as_in_two_imports(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        outcome = ledger.import_batch(
            [labelled("a", payee="First"), labelled("b"), labelled("a", payee="Second", category="fun")]
        )
        assert outcome.learned == LearnOutcome(1, created=2, updated=1)
        entries = ledger.store.entries_after(-1, 10)
        assert [(e.transaction.id, e.transaction.payee) for e in entries] == [
            ("b", "Corner Bakery"),
            ("a", "Second"),
        ]
        assert ledger.view.texts == ["corner bakery", "second"]


def test_an_entry_without_a_date_counts_for_the_latest_day_before_it(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("no day yet")])
        ledger.learn([labelled("late", date=date(2025, 6, 1)), labelled("early", date=date(2024, 1, 1))])
        ledger.learn([labelled("undated"), labelled("later", date=date(2025, 7, 1)), labelled("undated 2")])
        days = ledger.view.order_day.tolist()
        assert (
            days
            == [0, *(d.toordinal() for d in (date(2025, 6, 1), date(2024, 1, 1), date(2025, 6, 1)))]
            + [date(2025, 7, 1).toordinal()] * 2
        )
        assert [n.date for n in ask(ledger, "Corner Bakery").neighbours].count(None) == 3


def test_categories_beyond_the_limit_are_refused_row_by_row(tmp_path: Path) -> None:
    """And quickly: an import of as many categories as rows is what a wrongly mapped column looks like."""
    rows = limits.CATEGORIES_MAX + 5
    items = [labelled(f"t{n}", category=f"c{n}") for n in range(rows)]
    with open_ledger(tmp_path) as ledger:
        assert ledger.import_batch(items[:5_000]).rejections == ()
        outcome = ledger.import_batch(items[5_000:])
        assert [r.position for r in outcome.rejections] == [5_000, 5_001, 5_002, 5_003, 5_004]
        assert "10001 categories; at most 10000" in outcome.rejections[0].violations[0].message
        with pytest.raises(LimitReached):
            ledger.learn([labelled("x", category="one more")])
        assert len(ledger.view.chart.categories) == limits.CATEGORIES_MAX


def test_dimensions_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", labels={f"d{n}": "x" for n in range(limits.DIMENSIONS_MAX)})])
        with pytest.raises(LimitReached, match="17 dimensions"):
            ledger.learn([labelled("b", labels={"one more": "x"})])
        assert ledger.view.revision == 1


def test_a_full_tenant_takes_corrections_and_nothing_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TENANT_LABELS_MAX", 3)
    with open_ledger(tmp_path) as ledger:
        outcome = ledger.import_batch([labelled(f"t{n}", category=f"c{n}") for n in range(5)])
        assert [r.position for r in outcome.rejections] == [3, 4]
        # What was refused leaves no category behind.
        assert len(ledger.view.chart.categories) == 3
        assert ledger.learn([labelled("t0", category="c2")]).updated == 1
        ledger.forget(["t1"])
        assert ledger.learn([labelled("new")]).created == 1
        with pytest.raises(LimitReached, match="forget some first"):
            ledger.learn([labelled("newer")])


def test_a_lesson_reads_no_names_but_those_of_new_categories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the writer's lock: with a chart of a thousand, all of them took 30 ms of each lesson."""
    normalised: list[str] = []

    def noted_text_of_name(name: str) -> str:
        normalised.append(name)
        return text_of_name(name)

    with open_ledger(tmp_path) as ledger:
        ledger.update(categories=[Category(f"c{n}", name=f"Account {n}") for n in range(50)])
        monkeypatch.setattr(category_vectors, "text_of_name", noted_text_of_name)
        ledger.learn([labelled("a", category="c7")])
        assert normalised == []
        ledger.learn([labelled("b", category="new")])
        assert normalised == ["new"]
        normalised.clear()
        ledger.update(
            categories=[Category("c3", name="Other"), Category("c4", name="Account 4", active=False)]
        )
        assert normalised == ["Other"]
        vectors = ledger.view.name_vectors
    with open_ledger(tmp_path) as again:
        assert np.array_equal(again.view.name_vectors, vectors)
