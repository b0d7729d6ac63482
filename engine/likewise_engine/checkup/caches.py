"""The caches of a tenant, held against its store: each is what its voucher says, and of this very store."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from likewise_engine import cache_file
from likewise_engine.cache_file import CACHE_NAMES, GRAPH_NAME, HEADS_NAME, SNAPSHOT_NAME
from likewise_engine.checkup.finding import REPAIR, Severity
from likewise_engine.encoder.base import Encoder
from likewise_engine.ledger.caches import Caches
from likewise_engine.store.base import Snapshot
from likewise_engine.store.sqlite import SqliteStore

_NOTHING = "nothing: it is made anew when the tenant is next used"


def doubts(folder: Path) -> Iterator[tuple[Severity, str, str, str]]:
    """What is damaged about the cache files of a folder: how bad, which file, what, what to do."""
    for name in CACHE_NAMES:
        if message := cache_file.doubt(folder / name):
            yield Severity.DERIVED, name, message, REPAIR


def misfits(
    folder: Path, aside: Path, store: SqliteStore, snapshot: Snapshot, encoder: Encoder
) -> Iterator[tuple[Severity, str, str, str]]:
    """Which whole caches are not of the store as it is.

    That may be in order: what was forgotten takes its graph along when the tenant is next used.

    Args:
        folder: of the tenant.
        aside: where links to the caches may be made, since reading one that is in doubt deletes it.
        store: the store.
        snapshot: of it, as it is now.
        encoder: of texts.
    """
    with _linked(folder, aside) as links:
        caches = Caches(links, store.key)
        there = {name for name in CACHE_NAMES if (links / name).exists()}
        cached = caches.snapshot(store.has_seen)
        loaded = {
            GRAPH_NAME: caches.graph(snapshot.texts, encoder),
            HEADS_NAME: caches.heads(len(snapshot.categories), snapshot.record.revision),
            SNAPSHOT_NAME: cached,
        }
        for name in sorted(there):
            if loaded[name] is None:
                yield Severity.NOTE, name, "is of another state of the store", _NOTHING
        if cached is not None and (message := _difference(cached, snapshot)):
            yield Severity.DERIVED, SNAPSHOT_NAME, message, REPAIR


@contextmanager
def _linked(folder: Path, aside: Path) -> Iterator[Path]:
    """A folder with links to the caches that are whole."""
    links = aside / uuid.uuid4().hex
    links.mkdir(mode=0o700)
    try:
        for name in CACHE_NAMES:
            if (folder / name).exists() and not cache_file.doubt(folder / name):
                for path in (folder / name, cache_file.voucher_path(folder / name)):
                    _link(path, links / path.name)
        yield links
    finally:
        for path in links.iterdir():
            path.unlink()
        links.rmdir()


def _link(path: Path, link: Path) -> None:
    try:
        os.link(path, link)
    except OSError:  # Not every file system has links.
        shutil.copyfile(path, link)


def _difference(cached: Snapshot, store: Snapshot) -> str:
    """What a cached snapshot says otherwise than the store of what both have; empty where nothing is."""
    texts = dict(zip(store.text_ids.tolist(), zip(store.texts, store.vectors, strict=True), strict=True))
    for text_id, text, vector in zip(cached.text_ids.tolist(), cached.texts, cached.vectors, strict=True):
        if text_id in texts and (texts[text_id][0] != text or not np.array_equal(texts[text_id][1], vector)):
            return f"has another text or vector of number {text_id}"
    ours, theirs = (
        np.intersect1d(a.entries.seq, b.entries.seq, return_indices=True)[1]
        for a, b in ((cached, store), (store, cached))
    )
    for name in ("text", "payee", "day", "order_day", "amount", "direction", "currencies", "transaction_ids"):
        column, expected = (
            np.asarray(getattr(snapshot.entries, name))[rows]
            for snapshot, rows in ((cached, ours), (store, theirs))
        )
        if not np.array_equal(column, expected, equal_nan=name == "amount"):
            return f"has other entries ({name}) than the store"
    if _labels(cached) - _labels(store) and cached.known.position == store.known.position:
        return "has other labels than the store"
    return ""


def _labels(snapshot: Snapshot) -> set[tuple[int, int]]:
    entries = snapshot.entries
    return set(zip(entries.seq[entries.label_rows].tolist(), entries.label_categories.tolist(), strict=True))
