"""Vectors of the next encoder, beside those that serve."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine_world import ENCODER, KEY, bytes_on_disk, labelled, open_ledger
from likewise_engine.encoder.hashing import HashingEncoder
from likewise_engine.errors import PreconditionFailed
from likewise_engine.folder import STORE_NAME
from likewise_engine.ledger.lesson import as_stored
from likewise_engine.store.sqlite import SqliteStore

NEXT = HashingEncoder(32)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Of a tenant with five texts."""
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled(f"t{n}", f"Payee {'abcde'[n]}") for n in range(5)])
    store = SqliteStore(tmp_path / STORE_NAME, KEY)
    yield store
    store.close()


def add(store: SqliteStore, missing: "list[tuple[int, str]]") -> bool:
    vectors = as_stored(NEXT, [text for _, text in missing])
    with store.writing():
        return store.next_vectors.add(NEXT.fingerprint, [key for key, _ in missing], vectors)


def begin(store: SqliteStore) -> None:
    with store.writing():
        store.next_vectors.begin(NEXT.fingerprint)


def test_texts_without_one_are_missing_until_they_have_one(store: SqliteStore) -> None:
    begin(store)
    every = list(store.next_vectors.missing(0, 10))
    assert len(every) == 5
    assert store.next_vectors.missing(every[1][0], 2) == every[2:4]
    assert add(store, every[:3])
    assert store.next_vectors.missing(0, 10) == every[3:]
    ids, vectors = store.next_vectors.all()
    assert ids.tolist() == [key for key, _ in every[:3]]
    assert np.array_equal(vectors, as_stored(NEXT, [text for _, text in every[:3]]))
    assert store.next_vectors.count() == 3


def test_writing_them_is_no_change_that_anybody_has_to_follow(store: SqliteStore) -> None:
    before = store.position(), store.snapshot().known, store.record().encoder_fingerprint
    begin(store)
    assert add(store, list(store.next_vectors.missing(0, 10)))
    assert (store.position(), store.snapshot().known, store.record().encoder_fingerprint) == before


def test_they_serve_whole_or_not_at_all(store: SqliteStore) -> None:
    begin(store)
    every = list(store.next_vectors.missing(0, 10))
    add(store, every[:4])
    before, known = store.snapshot(), store.snapshot().known
    with pytest.raises(PreconditionFailed), store.writing():
        store.next_vectors.serve()
    assert np.array_equal(store.snapshot().vectors, before.vectors)
    add(store, every[4:])
    with store.writing():
        store.next_vectors.serve()
    after = store.snapshot()
    assert after.record.encoder_fingerprint == NEXT.fingerprint
    assert np.array_equal(after.vectors, as_stored(NEXT, after.texts))
    assert after.known.position == known.position + 1
    tail = store.tail(known)
    assert tail is not None
    assert tail.encoder == NEXT.fingerprint
    assert store.tail(after.known) is not None


def test_those_of_another_encoder_are_dropped_in_pieces_first(store: SqliteStore) -> None:
    begin(store)
    add(store, list(store.next_vectors.missing(0, 10)))
    with pytest.raises(PreconditionFailed), store.writing():
        store.next_vectors.begin("another")
    pieces = 0
    with store.writing():
        while store.next_vectors.drop(2):
            pieces += 1
    assert (pieces, store.next_vectors.encoder(), store.next_vectors.count()) == (2, "", 0)
    assert not add(store, [(1, "too late")])


def test_what_is_forgotten_has_none_and_gets_none(tmp_path: Path, store: SqliteStore) -> None:
    begin(store)
    every = list(store.next_vectors.missing(0, 10))
    add(store, every[:1])
    doomed = as_stored(NEXT, [every[0][1]]).tobytes()
    late = as_stored(NEXT, [every[1][1]]).tobytes()
    store.close()
    assert doomed in bytes_on_disk(tmp_path)
    with open_ledger(tmp_path, ENCODER) as ledger:
        ledger.forget(["t0", "t1"])
        assert ledger.store.next_vectors.count() == 0
        # What was on its way when it was forgotten.
        with ledger.store.writing():
            ledger.store.next_vectors.add(NEXT.fingerprint, [every[1][0]], as_stored(NEXT, [every[1][1]]))
        assert ledger.store.next_vectors.count() == 0
    found = bytes_on_disk(tmp_path)
    assert doomed not in found
    assert late not in found
