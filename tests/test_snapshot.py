"""The snapshot beside a store: read in its place, with what came since, and gone with what is forgotten."""

import random
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chart_world import merge
from engine_world import (
    ALL_NEIGHBOURS,
    KEY,
    Books,
    ask,
    bytes_on_disk,
    create_store,
    essence,
    labelled,
    load_ledger,
    open_ledger,
)
from likewise_engine import limits
from likewise_engine.cache_file import SNAPSHOT_NAME
from likewise_engine.errors import StoreFault
from likewise_engine.folder import STORE_NAME
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.store import snapshot_file
from likewise_engine.store.mark import MARK_NAME
from likewise_engine.store.sqlite import SqliteStore

ITEMS = 60


@pytest.fixture(autouse=True)
def _small_snapshots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tenants have snapshots too."""
    monkeypatch.setattr(limits, "SNAPSHOT_LABELS_MIN", 20)
    monkeypatch.setattr(limits, "SNAPSHOT_LABELS_BEHIND_MIN", 10)


@pytest.fixture
def whole_reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The stores that are read whole from now on."""
    reads: list[Path] = []
    read = SqliteStore.snapshot

    def counted(store: SqliteStore) -> Any:
        reads.append(store._path)
        return read(store)

    monkeypatch.setattr(SqliteStore, "snapshot", counted)
    return reads


def teach_some(ledger: Ledger, seed: int = 0) -> None:
    books = Books(seed)
    ledger.import_batch([books.item(f"t{n}") for n in range(ITEMS)])


def knowledge(ledger: Ledger) -> list[object]:
    """All that a ledger answers and tells."""
    books, view = Books(99), ledger.view
    answers = [essence(ledger.classify(books.transaction(), ALL_NEIGHBOURS)) for _ in range(5)]
    calibrations = [(c.outcomes, c.slope, c.intercept) for c in view.calibrations.values()]
    return [answers, calibrations, view.revision, view.live_count, view.chart.categories, view.policy]


def test_a_snapshot_is_read_back_as_it_was(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach_some(ledger)
        ledger.learn([labelled("no date, no amount", "株式会社 🍞", "c1"), labelled("b", currency="CHF")])
        ledger.reshape(merge("c2", into="c1"))
        ledger.calibrate()
        snapshot = ledger.store.snapshot()
    content = BytesIO()
    snapshot_file.write(snapshot, content)
    again = snapshot_file.read(bytearray(content.getvalue()))
    for name in ("record", "known", "categories", "texts", "payees"):
        assert getattr(again, name) == getattr(snapshot, name)
    for name in ("text_ids", "vectors", "payee_ids"):
        np.testing.assert_array_equal(getattr(again, name), getattr(snapshot, name))
    for part in ("entries", "outcomes"):
        expected = asdict(getattr(snapshot, part))
        for name, column in asdict(getattr(again, part)).items():
            np.testing.assert_array_equal(column, expected[name])
            assert getattr(column, "dtype", None) == getattr(expected[name], "dtype", None)


def test_an_empty_store_has_a_snapshot_too(tmp_path: Path) -> None:
    create_store(tmp_path)
    with closing(SqliteStore(tmp_path / STORE_NAME, KEY)) as store:
        _, content = snapshot_file.written_snapshot(store)
        assert snapshot_file.read(bytearray(content)).texts == []


def test_what_is_read_from_a_snapshot_and_what_came_since_is_what_the_store_says(
    tmp_path: Path, whole_reads: list[Path]
) -> None:
    rng, books = random.Random(1), Books(1)
    with open_ledger(tmp_path) as ledger:
        teach_some(ledger)
        ledger.calibrate()
        assert ledger.save_snapshot()
    for step in range(8):
        whole_reads.clear()
        with open_ledger(tmp_path) as ledger:
            assert whole_reads == []
            found = knowledge(ledger)
        shutil.move(tmp_path / SNAPSHOT_NAME, tmp_path / "kept")
        with open_ledger(tmp_path) as ledger:
            assert knowledge(ledger) == found
            ledger.learn([books.item(f"t{rng.randrange(ITEMS + 20)}") for _ in range(1)])
            if step == 4:
                ledger.calibrate()
        shutil.move(tmp_path / "kept", tmp_path / SNAPSHOT_NAME)


def test_a_snapshot_that_is_far_behind_is_due_again(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach_some(ledger)
        ledger.save_snapshot()
        ledger.learn([labelled(f"n{n}") for n in range(10)])
        due = [ledger.is_snapshot_due]
        ledger.learn([labelled("n10")])
        due.append(ledger.is_snapshot_due)
    assert due == [False, True]
    with open_ledger(tmp_path) as ledger:
        assert ledger.is_snapshot_due
        ledger.save_snapshot()
    with open_ledger(tmp_path) as ledger:
        assert not ledger.is_snapshot_due


@pytest.mark.parametrize(
    "change",
    [
        lambda ledger: ledger.forget(["t3"]),
        lambda ledger: ledger.reshape(merge("c2", into="c1")),
        lambda ledger: ledger.update(target_precision=0.7),
    ],
)
def test_more_than_a_lesson_takes_the_snapshot_away_at_once(
    change: Callable[[Ledger], object], tmp_path: Path, whole_reads: list[Path]
) -> None:
    with open_ledger(tmp_path) as ledger:
        teach_some(ledger)
        ledger.save_snapshot()
        change(ledger)
        assert not (tmp_path / SNAPSHOT_NAME).exists()
        assert ledger.is_snapshot_due
        found = knowledge(ledger)
        whole_reads.clear()
    with open_ledger(tmp_path) as ledger:
        assert len(whole_reads) == 1
        assert knowledge(ledger) == found


def test_what_is_forgotten_is_in_no_snapshot_whoever_was_about_to_write_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(tmp_path) as ledger:
        teach_some(ledger)
        ledger.learn([labelled("secret-id", payee="Very Private Clinic")])
        ledger.save_snapshot()
        assert (tmp_path / SNAPSHOT_NAME).exists()
        assert b"secret-id" in bytes_on_disk(tmp_path)
        known, content = snapshot_file.written_snapshot(ledger.store)
        ledger.forget(["secret-id"])
        assert not ledger._state.keep_snapshot(known, content)
        for wanted in (b"secret-id", b"very private clinic", b"Very Private Clinic"):
            assert wanted not in bytes_on_disk(tmp_path)


def test_a_copy_of_the_store_that_was_put_in_its_place_has_none_of_its_snapshots(
    tmp_path: Path, whole_reads: list[Path]
) -> None:
    with open_ledger(tmp_path) as ledger:
        teach_some(ledger)
    shutil.copy(tmp_path / STORE_NAME, tmp_path / "backup")
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", payee="Harbour Garage")])
        ledger.save_snapshot()
    shutil.move(tmp_path / "backup", tmp_path / STORE_NAME)
    (tmp_path / MARK_NAME).unlink()
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a", payee="Silver Studio")])
    whole_reads.clear()
    with open_ledger(tmp_path) as ledger:
        assert len(whole_reads) == 1
        assert ask(ledger, "Silver Studio").neighbours[0].transaction_id == "a"
        assert "harbour garage" not in ledger.view.text_numbers
    assert not (tmp_path / SNAPSHOT_NAME).exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:900] + bytes([content[900] ^ 1]) + content[901:],
        lambda content: content[:0],
    ],
)
def test_a_damaged_snapshot_is_thrown_away_and_the_store_is_read(
    damage: Callable[[bytes], bytes], tmp_path: Path, whole_reads: list[Path]
) -> None:
    with open_ledger(tmp_path) as ledger:
        teach_some(ledger)
        ledger.save_snapshot()
        found = knowledge(ledger)
        whole_reads.clear()
    path = tmp_path / SNAPSHOT_NAME
    path.write_bytes(damage(path.read_bytes()))
    with open_ledger(tmp_path) as ledger:
        assert len(whole_reads) == 1
        assert knowledge(ledger) == found
    assert not path.exists()


def test_a_snapshot_that_does_not_fit_together_is_not_held_against_the_store(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach_some(ledger)
        known, _ = snapshot_file.written_snapshot(ledger.store)
        snapshot, content = ledger.store.snapshot(), BytesIO()
        entries = replace(snapshot.entries, text=snapshot.entries.text + 1_000)
        snapshot_file.write(replace(snapshot, entries=entries), content)
        ledger._state.keep_snapshot(known, content.getvalue())
        found = knowledge(ledger)
    with open_ledger(tmp_path) as ledger:
        assert knowledge(ledger) == found
    assert not (tmp_path / SNAPSHOT_NAME).exists()


def test_what_cannot_be_written_so_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_ledger(tmp_path) as ledger:
        teach_some(ledger)
        snapshot = ledger.store.snapshot()
        with pytest.raises(ValueError, match="line feed"):
            snapshot_file.write(replace(snapshot, texts=["a\nb", *snapshot.texts[1:]]), BytesIO())
        monkeypatch.setattr(limits, "SNAPSHOT_BYTES_MAX", 100)
        with pytest.raises(StoreFault, match="bytes"):
            ledger.save_snapshot()


def test_two_who_load_one_snapshot_share_nothing(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        teach_some(ledger)
        ledger.save_snapshot()
    with open_ledger(tmp_path) as first, closing(load_ledger(tmp_path)) as second:
        before = knowledge(second)
        first.learn([Books(5).item(f"t{n}") for n in range(9)])
        assert knowledge(second) == before
