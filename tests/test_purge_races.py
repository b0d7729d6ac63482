"""Several who forget, encode anew or copy at once: none undoes, or vouches for, what another did."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engine_world import bytes_on_disk, create_store, key_of, labelled, load_ledger
from likewise_engine.encoder.hashing import HashingEncoder
from likewise_engine.errors import StoreCorrupt
from likewise_engine.folder import STORE_NAME
from likewise_engine.ledger import reencode as module
from likewise_engine.ledger.purge import erasure_of
from likewise_engine.store.copying import copy_store, facts_of
from likewise_engine.store.mark import MarkFile, mark_path, read_mark
from likewise_engine.store.sqlite import SqliteStore


class Interrupted:
    """A connection that lets somebody in after its log was emptied."""

    def __init__(self, connection: Any, let_in: Any) -> None:
        self._connection, self._let_in = connection, let_in

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, *bindings: Any) -> Any:
        rows = self._connection.execute(statement, *bindings)
        if "wal_checkpoint" in statement:
            self._let_in()
        return rows


def _is_due(store: SqliteStore) -> bool:
    """Asked anew each time: a property is taken to stay as it was."""
    return store.is_purge_due


def test_a_purge_does_not_take_a_later_erasure_for_purged(tmp_path: Path) -> None:
    create_store(tmp_path)
    with closing(load_ledger(tmp_path)) as first, closing(load_ledger(tmp_path)) as second:
        first.learn([labelled(f"t{n}", f"Zanzibar Clinic {n}") for n in range(50)])
        second.catch_up()
        store = first.store
        assert isinstance(store, SqliteStore)
        reader = store._reader

        def erase_meanwhile() -> None:
            store._reader = reader
            doomed = {e.seq: e.transaction.id for e in second.store.entries_after(1, 100)}
            change = erasure_of(second._state.memory, doomed)
            second.store.commit(change)

        store._reader = Interrupted(reader, erase_meanwhile)  # type: ignore[assignment]
        first.forget(["t0"])
        assert _is_due(store), "of what was erased after the file was written anew"
        assert b"Zanzibar Clinic 49" in bytes_on_disk(tmp_path)
        store.purge()
        assert not _is_due(store)
        assert b"Zanzibar Clinic 49" not in bytes_on_disk(tmp_path)


def test_texts_are_encoded_anew_of_the_entries_that_there_are_by_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = HashingEncoder(dimensions=96)
    create_store(tmp_path)
    with closing(load_ledger(tmp_path)) as ledger:
        ledger.learn([labelled("kept", "Corner Bakery"), labelled("secret", "Zanzibar Clinic")])
    slow = SqliteStore(tmp_path / STORE_NAME, key_of(tmp_path / STORE_NAME))
    make = module._replacement

    def make_slowly(*given: Any) -> Any:
        replacement = make(*given)
        monkeypatch.setattr(module, "_replacement", make)
        with closing(load_ledger(tmp_path, other)) as quicker:  # another process, which goes on at once
            quicker.learn([labelled("new", "Dock Crane Rental")])
            quicker.forget(["secret"])
        return replacement

    monkeypatch.setattr(module, "_replacement", make_slowly)
    with closing(slow):
        module.reencode(slow, other)
    with closing(load_ledger(tmp_path, other)) as ledger:
        assert [ledger.entry(known).transaction.payee for known in ("kept", "new")] == [
            "Corner Bakery",
            "Dock Crane Rental",
        ]
    assert b"zanzibar" not in bytes_on_disk(tmp_path)


def test_a_copy_of_a_store_that_lost_commits_is_refused(tmp_path: Path) -> None:
    create_store(tmp_path)
    with closing(load_ledger(tmp_path)) as ledger:
        ledger.learn([labelled("a"), labelled("b")])
    store = tmp_path / STORE_NAME
    mark = read_mark(mark_path(store))
    assert mark is not None
    assert copy_store(store, tmp_path / "whole", key_of(store)).position == mark
    with closing(MarkFile(mark_path(store))) as ahead:
        ahead.write(mark + 5)
    with pytest.raises(StoreCorrupt, match="acknowledged"):
        copy_store(store, tmp_path / "less", key_of(store))
    with pytest.raises(StoreCorrupt, match="acknowledged"):
        facts_of(store, key_of(store))
