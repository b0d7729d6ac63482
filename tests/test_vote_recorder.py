"""What a vote is trained on: the engine's own evidence, recorded without a look ahead, and kept in files."""

import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from backtest_world import habits, item
from encoder_world import other_model
from likewise_engine.encoder import shipped_folder
from likewise_engine.errors import ModelFault
from likewise_engine.evidence import FEATURES
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_indexer.backtest import Book
from likewise_indexer.backtest.timeline import visible_counts
from likewise_indexer.models.vote.record import Record
from likewise_indexer.models.vote.recorder import recorded
from likewise_indexer.models.vote.replay import (
    RENAMED_CHART,
    RENAMED_LABELS,
    YOUNG_LABELS,
    Lacks,
    renamed,
    runs_of,
    without,
)


def book(items: Sequence[LabelledTransaction], tenant: str = "acme") -> Book:
    return Book(tenant, (Path("books/of-some-kind.csv.gz"),), tuple(items))


def record(items: Sequence[LabelledTransaction], folder: Path) -> Record:
    (found,) = recorded([book(items)], folder)
    return found


def test_runs_cover_the_second_half_and_every_age_of_books_and_follow_from_the_seed() -> None:
    items = habits(900)
    runs = runs_of(items, np.random.default_rng(3))
    assert runs[0].asked.tolist() == list(range(450, 900))
    assert {run.young_labels for run in runs[1:]} == {*YOUNG_LABELS, RENAMED_CHART}
    visible = visible_counts(items)
    for run in runs[1:]:
        labels = visible[run.asked[0]] - run.start
        if run.young_labels == RENAMED_CHART:
            assert RENAMED_LABELS[0] <= labels <= RENAMED_LABELS[1]
        else:
            assert labels == run.young_labels
        assert run.start >= 0
    again = runs_of(items, np.random.default_rng(3))
    assert [run.asked.tolist() for run in again] == [run.asked.tolist() for run in runs]
    assert {int(lacks) for run in runs for lacks in run.lacks} == set(Lacks)


def test_books_of_a_few_rows_have_the_runs_that_they_can_have() -> None:
    assert [run.young_labels for run in runs_of([item(0, 1, "A", "x")], np.random.default_rng(0))] == [-1]
    young = {run.young_labels for run in runs_of(habits(12), np.random.default_rng(0))}
    assert young == {-1, 0, 1, 3}


def test_a_chart_is_renamed_from_one_row_on() -> None:
    items = [item(0, day, f"payee {day % 40}", f"c{day % 40}") for day in range(200)]
    relabelled = renamed(items, 120, np.random.default_rng(5))
    assert relabelled[:120] == items[:120]
    pairs = {
        (was.labels["category"], now.labels["category"])
        for was, now in zip(items[120:], relabelled[120:], strict=True)
    }
    assert len(pairs) == 40  # Each category has one name then …
    moved = {(was, now) for was, now in pairs if was != now}
    assert 10 < len(moved) < 35  # … most another one …
    assert (
        0 < sum(now != f"{was} (renamed)" for was, now in moved) < len(moved) / 2
    )  # … some one of the others.
    assert [i.transaction for i in relabelled] == [i.transaction for i in items]


def test_what_a_question_lacks_is_gone_unless_nothing_would_be_left() -> None:
    asked = Transaction("t", date(2025, 1, 1), Decimal(5), "EUR", "Payee", "words")
    assert without(asked, Lacks.NOTHING) == asked
    assert without(asked, Lacks.AMOUNT).amount is None
    assert without(asked, Lacks.DATE).date is None
    assert without(asked, Lacks.PAYEE).payee == ""
    assert without(asked, Lacks.DESCRIPTION).description == ""
    for lacks in (Lacks.PAYEE, Lacks.DESCRIPTION):
        without(replace(asked, payee=""), lacks).check()
        without(replace(asked, description=""), lacks).check()


def test_a_record_is_what_the_books_say(tmp_path: Path) -> None:
    items = habits(400)
    found = record(items, tmp_path)
    assert (found.source, found.tenant) == ("of-some-kind", "acme")
    assert found.features.shape == (found.pairs_end[-1], len(FEATURES))
    assert np.isfinite(found.features).all()
    assert len(found.is_right) == len(found.kernel) == found.pairs_end[-1]
    rights = np.add.reduceat(np.append(found.is_right, False).astype(int), np.append(0, found.pairs_end[:-1]))
    asked = np.diff(found.pairs_end, prepend=0) > 0
    assert set(rights[asked].tolist()) == {0, 1}

    whole = found.young_labels == -1
    assert found.row[whole].tolist() == list(range(200, 400))
    visible = visible_counts(items)
    for row, labels, seen in zip(
        found.row[whole].tolist(),
        found.labels[whole].tolist(),
        found.payee_labels[whole].tolist(),
        strict=True,
    ):
        assert labels == visible[row]
        payee = items[row].transaction.payee
        of_payee = {i.labels["category"] for i in items[:labels] if i.transaction.payee == payee}
        assert seen == len(of_payee)
    # Books with such habits are mostly filed rightly by whoever goes by the neighbours.
    ends = found.pairs_end[whole & asked]
    starts = ends - np.diff(found.pairs_end, prepend=0)[whole & asked]
    firsts = [start + found.kernel[start:end].argmax() for start, end in zip(starts, ends, strict=True)]
    assert found.is_right[firsts].mean() > 0.6


def test_no_label_of_a_later_day_is_looked_at(tmp_path: Path) -> None:
    items = habits(300)
    # From row 240 on, each payee has a label that it never had before.
    other = [*items[:240], *(replace(i, labels={"category": "planted"}) for i in items[240:])]
    before, after = record(items, tmp_path / "one"), record(other, tmp_path / "two")
    asked = np.flatnonzero((before.young_labels == -1) & (before.row < 240))
    assert len(asked) == 90
    end = before.pairs_end[asked[-1]]
    assert np.array_equal(before.row, after.row)
    assert np.array_equal(before.pairs_end[asked], after.pairs_end[asked])
    assert np.array_equal(before.features[:end], after.features[:end])
    assert np.array_equal(before.is_right[:end], after.is_right[:end])
    assert not np.array_equal(before.features[end:], after.features[end:])


def test_records_are_kept_found_again_and_made_anew_when_the_engine_says_otherwise(tmp_path: Path) -> None:
    books = [book(habits(60), "small"), book(habits(120, seed=2), "large")]
    told: list[tuple[int, int]] = []
    first = recorded(books, tmp_path, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (180, 180)
    paths = {path.name.split("--")[1]: path for path in tmp_path.iterdir()}
    assert sorted(paths) == ["large", "small"]

    # A record that is there is taken, whatever it says …
    edited = replace(first[1], row=first[1].row + 1)
    edited.write(paths["large"])
    assert recorded(books, tmp_path)[1].equals(edited)
    # … but when the engine sees the smallest book otherwise than its record has it, all are made anew.
    replace(first[0], features=first[0].features * 2).write(paths["small"])
    again = recorded(books, tmp_path)
    assert all(one.equals(two) for one, two in zip(first, again, strict=True))


def test_another_seed_or_other_books_are_other_records(tmp_path: Path) -> None:
    items = habits(60)
    record(items, tmp_path)
    recorded([book(items)], tmp_path, seed=1)
    record([*items[:-1], replace(items[-1], labels={"category": "other"})], tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_each_source_is_recorded_by_the_encoder_that_has_not_seen_it(tmp_path: Path) -> None:
    items, folder = habits(60), tmp_path / "records"
    usual = record(items, folder)
    shutil.copytree(shipped_folder(), tmp_path / "alike" / "of-some-kind")
    (same,) = recorded([book(items)], folder, encoders=tmp_path / "alike")
    assert same.equals(usual)
    (tmp_path / "others").mkdir()
    other_model(tmp_path / "others" / "of-some-kind")
    (other,) = recorded([book(items)], folder, encoders=tmp_path / "others")
    assert not np.array_equal(other.features, usual.features)
    assert len(list(folder.iterdir())) == 2
    with pytest.raises(ModelFault):
        recorded([book(items, "beta")], folder, encoders=tmp_path / "none")


def test_a_record_holds_nothing_of_the_books(tmp_path: Path) -> None:
    items = [item(n, n, "Zebra Crossing Ltd", f"secret-{n % 3}", 987_654_321) for n in range(1, 40)]
    record(items, tmp_path)
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for wording in ("zebra", "Zebra", "secret"):
        assert wording.encode() not in content
        assert wording.encode("utf-32-le") not in content


@pytest.mark.parametrize("dated", [True, False])
def test_ages_of_undated_books_are_counted_in_rows(dated: bool, tmp_path: Path) -> None:
    found = record(habits(60, dated=dated), tmp_path)
    whole = found.young_labels == -1
    expected = [row - row % 3 if dated else row for row in range(30, 60)]
    assert found.labels[whole].tolist() == expected
    assert not math.isnan(float(found.features.sum()))
