"""What a tenant keeps on disk besides its store, to start sooner: the graph and the heads."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from likewise_engine import cache_file
from likewise_engine.folder import GRAPH_NAME, HEADS_NAME
from likewise_engine.head import Heads
from likewise_engine.index.graph import Graph


class Caches:
    """The cache files of one tenant.

    Attributes:
        lock: orders writing a file and discarding it: hold it for either.
    """

    def __init__(self, folder: Path, encoder_fingerprint: str) -> None:
        self.lock = threading.Lock()
        self._fingerprint = encoder_fingerprint
        self._graph_path = folder / GRAPH_NAME
        self._heads_path = folder / HEADS_NAME

    def graph(self, texts: Sequence[str], dimensions: int) -> Graph | None:
        """The graph over the first of these texts, if one that is beyond doubt is at hand."""
        return Graph.load(self._graph_path, self._identity_of(texts), dimensions)

    def heads(self, categories: int, revision: int) -> Heads | None:
        """The heads of a tenant with so many categories, at hand and beyond doubt at its revision."""
        return Heads.load(self._heads_path, self._fingerprint, categories, revision)

    def save_graph(self, graph: Graph, texts: Sequence[str]) -> None:
        """Cache a graph over these texts. Raises StoreFault."""
        graph.save(self._graph_path, self._identity_of(texts)(graph.count))

    def save_heads(self, heads: Heads) -> None:
        """Cache heads. Raises StoreFault."""
        heads.save(self._heads_path, self._fingerprint)

    def discard_graph(self) -> None:
        """Delete the cached graph, if there is one. Raises StoreFault."""
        cache_file.discard(self._graph_path)

    def discard_heads(self) -> None:
        """Delete the cached heads, if there are any. Raises StoreFault."""
        cache_file.discard(self._heads_path)

    def _identity_of(self, texts: Sequence[str]) -> Callable[[int], str]:
        """What names the vectors of the first n texts: a graph's cache is for these alone, in this order."""

        def identity(count: int) -> str:
            if count > len(texts):
                return "more texts than there are"
            return hashlib.sha256("\n".join((self._fingerprint, *texts[:count])).encode()).hexdigest()

        return identity
