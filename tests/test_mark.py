"""The mark beside a store: commits that a damaged write-ahead log lost are missed, and nothing else is."""

import shutil
from pathlib import Path

import pytest

from engine_world import KEY, create_store, labelled, load_ledger, open_ledger
from likewise_engine.errors import StoreCorrupt
from likewise_engine.folder import STORE_NAME
from likewise_engine.store.mark import MARK_NAME, read_mark
from likewise_engine.store.sqlite import SqliteStore

WAL_NAME = f"{STORE_NAME}-wal"
WAL_HEADER_BYTES = 32


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """A tenant's folder as a server leaves it that is killed after two lessons."""
    served, left = tmp_path / "served", tmp_path / "left"
    served.mkdir()
    create_store(served)
    ledger = load_ledger(served)
    for transaction_id in ("a", "b"):
        ledger.learn([labelled(transaction_id)])
    shutil.copytree(served, left)
    ledger.close()
    return left


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(content)


def test_what_was_committed_is_there_after_a_kill(killed: Path) -> None:
    mark = read_mark(killed / MARK_NAME)
    store = SqliteStore(killed / STORE_NAME, KEY)
    assert set(store.entries_by_id(["a", "b"])) == {"a", "b"}
    assert store.position() == mark
    store.close()


@pytest.mark.parametrize("position", [0, 20, WAL_HEADER_BYTES + 5, WAL_HEADER_BYTES + 100, -1, -2_000])
def test_a_damaged_log_loses_nothing_in_silence(killed: Path, position: int) -> None:
    flip(killed / WAL_NAME, position)
    with pytest.raises(StoreCorrupt, match="were acknowledged"):
        SqliteStore(killed / STORE_NAME, KEY)


def test_a_log_that_is_missing_is_missed(killed: Path) -> None:
    (killed / WAL_NAME).unlink()
    with pytest.raises(StoreCorrupt):
        SqliteStore(killed / STORE_NAME, KEY)


@pytest.mark.parametrize("position", range(16))
def test_a_damaged_mark_says_nothing_and_is_written_anew(killed: Path, position: int) -> None:
    flip(killed / MARK_NAME, position)
    assert read_mark(killed / MARK_NAME) is None
    with open_ledger(killed) as ledger:
        assert ledger.learn([labelled("c")]).created == 1
        assert read_mark(killed / MARK_NAME) == ledger.store.position()


def test_what_is_rolled_back_is_not_marked(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a")])
        before = read_mark(tmp_path / MARK_NAME)
        with pytest.raises(RuntimeError), ledger.store.writing():
            raise RuntimeError
        assert read_mark(tmp_path / MARK_NAME) == before == ledger.store.position()
