"""What a tenant keeps on disk besides its store, to start sooner: graph, heads, a snapshot of the store."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from likewise_engine import cache_file
from likewise_engine.cache_file import GRAPH_NAME, HEADS_NAME, SNAPSHOT_NAME
from likewise_engine.encoder.base import Encoder
from likewise_engine.folder_lock import locked
from likewise_engine.head import Heads
from likewise_engine.index.graph import Graph
from likewise_engine.keys import TenantKey
from likewise_engine.store import snapshot_file
from likewise_engine.store.base import Known, Snapshot
from likewise_engine.text import TEXT_VERSION

HEADS_IDENTITY: Final = f"text{TEXT_VERSION}"
"""Of what heads hash: texts, and nothing of the encoder. So they outlive a change of it."""


class Caches:
    """The cache files of one tenant.

    Attributes:
        folder: where they are, and the store too.
        key: the tenant's.
    """

    def __init__(self, folder: Path, key: TenantKey) -> None:
        self.folder = folder
        self.key = key
        self._graph_path = folder / GRAPH_NAME
        self._heads_path = folder / HEADS_NAME
        self._snapshot_path = folder / SNAPSHOT_NAME

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other threads and processes from writing or discarding a file: hold it for either.

        Raises:
            StoreFault: the folder is gone.
        """
        with locked(self.folder):
            yield

    def graph(self, texts: Sequence[str], encoder: Encoder) -> Graph | None:
        """The graph over the first of these texts, if one that is beyond doubt is at hand."""
        identity = identity_of(texts, encoder.fingerprint)
        return Graph.load(self._graph_path, self.key, identity, encoder.dimensions)

    def heads(self, categories: int, revision: int) -> Heads | None:
        """The heads of a tenant with so many categories, at hand and beyond doubt at its revision."""
        return Heads.load(self._heads_path, self.key, HEADS_IDENTITY, categories, revision)

    def newer_graph(self, than: Graph | None, texts: Sequence[str], encoder: Encoder) -> Graph | None:
        """The graph at hand, if it is over more texts than another one."""
        count = cache_file.stated(self._graph_path, "count")
        return self.graph(texts, encoder) if count > (than.count if than else 0) else None

    def newer_heads(self, than: Heads, categories: int, revision: int) -> Heads | None:
        """The heads at hand, if they are of a later revision than others."""
        is_newer = cache_file.stated(self._heads_path, "revision") > than.revision
        return self.heads(categories, revision) if is_newer else None

    def save_graph(self, graph: Graph, texts: Sequence[str], encoder: Encoder, packed: bytes | None) -> None:
        """Cache a graph over these texts, packed if it is at hand so. Raises StoreFault."""
        identity = identity_of(texts, encoder.fingerprint)(graph.count)
        graph.save(self._graph_path, self.key, identity, packed)

    def save_heads(self, heads: Heads) -> None:
        """Cache heads. Raises StoreFault."""
        heads.save(self._heads_path, self.key, HEADS_IDENTITY)

    def snapshot(self, has_seen: Callable[[Known], bool]) -> Snapshot | None:
        """The snapshot at hand, if it is beyond doubt and of the store that says so. It may be behind."""

        def is_wanted(stated: Mapping[str, Any]) -> bool:
            is_known = stated["format"] == snapshot_file.FORMAT
            return is_known and has_seen(Known(**stated["known"]))

        def read(content: bytearray, stated: Mapping[str, Any]) -> Snapshot:
            snapshot = snapshot_file.read(content)
            if snapshot.known != Known(**stated["known"]):
                raise ValueError("it is of another position than was stated")
            return snapshot

        return cache_file.load(self._snapshot_path, self.key, is_wanted, read)

    def save_snapshot(self, known: Known, content: bytes) -> None:
        """Cache a snapshot that was written. Raises StoreFault."""
        stated = {"format": snapshot_file.FORMAT, "known": asdict(known)}
        cache_file.save(self._snapshot_path, self.key, stated, lambda: content)

    def discard_snapshot(self) -> None:
        """Delete the cached snapshot, if there is one. Raises StoreFault."""
        cache_file.discard(self._snapshot_path)

    def discard_graph(self) -> None:
        """Delete the cached graph, if there is one. Raises StoreFault."""
        cache_file.discard(self._graph_path)

    def discard_heads(self) -> None:
        """Delete the cached heads, if there are any. Raises StoreFault."""
        cache_file.discard(self._heads_path)


def identity_of(texts: Sequence[str], encoder: str) -> Callable[[int], str]:
    """What names an encoder's vectors of the first n texts: a graph is for these alone, in this order."""

    def identity(count: int) -> str:
        if count > len(texts):
            return "more texts than there are"
        return hashlib.sha256("\n".join((encoder, *texts[:count])).encode()).hexdigest()

    return identity
