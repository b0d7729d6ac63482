"""The index over a tenant's distinct texts: a frozen graph over the first, an exact scan of the rest.

Immutable. The writer makes a new one for each published view, from arrays that only ever grow, so searching
needs no lock. A text that no live entry has is masked out until the next graph is built without it.

Small tenants have no graph: below EXACT_TEXTS_MAX a scan is as fast, and exact. Whatever the road, the
similarities of what is returned are computed from the vectors by one formula, so that a text has the same
similarity by either.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.index.graph import Graph
from likewise_engine.index.halves import products, rows_of
from likewise_engine.index.ranking import best_of, ranked

EXACT_TEXTS_MAX: Final = 16_384
"""Texts scanned exactly before there is a graph, and behind a small one: .23 ms with 128 dimensions, which is
what a graph takes at the recall that is wanted."""
_TAIL_SHARE: Final = 4
"""The exact tail may grow to this share of the graph before a new graph is due."""
_DEAD_SHARE: Final = 16
"""A graph with a larger share of dead texts is due to be built anew."""
_OVERSAMPLING: Final = 1.5
"""The graph is asked for this many times what is wanted: recall of the last ranks is its weak side."""
_ROUNDING: Final = 1e-5
"""A matrix product sums in an order of its own: similarities that it has nearer than this may be equal."""


@dataclass(frozen=True, slots=True)
class TextIndex:
    """The texts that a reader may find.

    Attributes:
        matrix: float16 ``(t, dimensions)``, unit rows, as the store has them.
        alive: bool ``(t,)``, whether a live entry has the text.
        graph: over the first ``graph.count`` rows, or None.
    """

    matrix: NDArray[np.float16]
    alive: NDArray[np.bool_]
    graph: Graph | None

    @property
    def is_graph_due(self) -> bool:
        """Whether a new graph should be built in the background."""
        if self.graph is None:
            return len(self.matrix) > EXACT_TEXTS_MAX
        tail = len(self.matrix) - self.graph.count
        if tail > max(EXACT_TEXTS_MAX, self.graph.count // _TAIL_SHARE):
            return True
        return self._dead_in(self.graph) > self.graph.count // _DEAD_SHARE

    def search(
        self, vector: NDArray[np.float32], count_max: int, known: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The live texts nearest to a vector.

        Args:
            vector: float32 ``(dimensions,)``, of unit length.
            count_max: how many; fewer come only when fewer are alive.
            known: the live text whose vector it is, if there is one. It is returned, and comes first: a graph
                may miss it, and so may a scan where many texts have one vector.

        Returns:
            texts: int64 ``(k,)``, the nearest first, equals by text.
            similarities: float32 ``(k,)``, cosines.
        """
        if self.graph is None:
            return self.exact(vector, count_max, known)
        # The dead in the graph are asked for and dropped; a rebuild is due before they become many.
        dead = self._dead_in(self.graph)
        near = self.graph.nearest(vector, int(count_max * _OVERSAMPLING) + min(dead, count_max))
        near = near[self.alive[near]]
        if len(near) < min(count_max, self.graph.count - dead):
            return self.exact(vector, count_max, known)
        tail = self._scan(vector, self.graph.count, count_max)
        return self._ranked(vector, np.concatenate((near, tail)), count_max, known)

    def exact(
        self, vector: NDArray[np.float32], count_max: int, known: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """As :meth:`search`, by scanning every text: the judge of the graph."""
        return self._ranked(vector, self._scan(vector, 0, count_max), count_max, known)

    def vectors_of(self, texts: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of some texts, float32 ``(len(texts), dimensions)``."""
        return rows_of(self.matrix, texts)

    def _dead_in(self, graph: Graph) -> int:
        return graph.count - int(np.count_nonzero(self.alive[: graph.count]))

    def _scan(self, vector: NDArray[np.float32], start: int, count_max: int) -> NDArray[np.int64]:
        """The live texts from ``start`` on that are nearest to a vector, in no order; more where some tie."""
        return (
            best_of(products(self.matrix[start:], vector), self.alive[start:], count_max, _ROUNDING) + start
        )

    def _ranked(
        self, vector: NDArray[np.float32], texts: NDArray[np.int64], count_max: int, known: int | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return ranked(self.matrix, vector, texts, count_max, -1 if known is None else known)
