"""What is made of a tenant aside from whoever waits for an answer: graph, heads, calibration, snapshot.

Each is made without a lock and taken over under one, if it is still of what the tenant is by then; who may do
what when is said in ``ledger.py``.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likewise_engine.background import Background
from likewise_engine.encoder.base import Encoder
from likewise_engine.folder import PurgeMark
from likewise_engine.head import Heads
from likewise_engine.index.graph import Graph
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.caches import Caches
from likewise_engine.ledger.head_training import train_heads
from likewise_engine.ledger.hindsight import Hindsight
from likewise_engine.ledger.memory import Memory
from likewise_engine.ledger.state import State
from likewise_engine.ledger.view import View
from likewise_engine.store.base import Change, TenantStore
from likewise_engine.store.snapshot_file import written_snapshot


class Aside:
    """The side of a ledger that upkeep sees."""

    def __init__(
        self,
        store: TenantStore,
        encoder: Encoder,
        state: State,
        caches: Caches,
        hindsight: Hindsight,
        background: Background | None,
        mark: PurgeMark | None,
    ) -> None:
        """Take over the parts of a ledger.

        Args:
            store: the truth.
            encoder: of texts.
            state: what is known.
            caches: of what is made.
            hindsight: replays history.
            background: where what takes long is made; in the caller's thread where None.
            mark: tells whoever opens the data folder next that a purge is due; None for none.
        """
        self._store = store
        self._encoder = encoder
        self._state = state
        self._caches = caches
        self._hindsight = hindsight
        self._background = background
        self._mark = mark
        self._is_purge_due = store.is_purge_due

    @property
    def is_purge_due(self) -> bool:
        """Whether :meth:`purge` should be called: something was erased, and remains may be on disk."""
        return self._is_purge_due

    @property
    def is_graph_due(self) -> bool:
        """Whether :meth:`build_graph` should be called, aside from whoever waits for an answer."""
        return self._state.view.index.is_graph_due

    @property
    def are_heads_due(self) -> bool:
        """Whether :meth:`train_heads` should be called, aside from whoever waits for an answer."""
        return self._state.memory.heads.is_due(self._state.view.live_count)

    @property
    def is_upkeep_due(self) -> bool:
        """Whether any of these is due, or :meth:`save_snapshot`."""
        return (
            self.is_purge_due
            or self.is_graph_due
            or self.are_heads_due
            or self.is_calibration_due
            or self.is_snapshot_due
        )

    @property
    def is_snapshot_due(self) -> bool:
        """Whether :meth:`save_snapshot` should be called, aside from whoever waits for an answer."""
        return self._state.is_snapshot_due

    @property
    def is_calibration_due(self) -> bool:
        """Whether :meth:`calibrate` should be called, aside from whoever waits for an answer."""
        return self._state.memory.unreplayed > 0

    def purge(self) -> None:
        """Leave nothing on disk of what was ever erased; quick where that is done already.

        Raises:
            PurgeDelayed: it is still due.
        """
        self._store.purge()
        with self._caches.lock():  # Nobody erases meanwhile, here or in another process.
            self._is_purge_due = self._store.is_purge_due
            if self._mark is not None and not self._is_purge_due:
                self._mark.clear()

    def build_graph(self, keep_on: Callable[[], bool] = lambda: True) -> bool:
        """Build the graph that is due, swap it in, and cache it. Call it aside; readers are not held up.

        Args:
            keep_on: asked now and then; the build is given up when it says no.

        Returns:
            Whether a graph was swapped in; there is none of no texts.

        Raises:
            StoreFault: the cache could not be written. The graph serves all the same.
        """
        with self._state.writing():
            if not self._state.memory.all_texts_alive:
                self._state.rebuild(self._state.memory.heads)  # so that it has no dead texts from the start
            memory, matrix = self._state.memory, self._state.draft.index.matrix
        # Another process may have made one. If it is not enough, it is still due.
        graph = cached = self._caches.newer_graph(memory.graph, memory.texts, self._encoder.dimensions)
        packed = None
        if graph is None:
            graph, packed = self._built(memory, matrix, lambda: keep_on() and self._state.is_current(memory))
        if graph is None:
            return False
        texts = memory.texts[: graph.count]
        with self._state.swapping():
            if not self._state.is_current(memory):
                return False
            memory.graph = graph
        with self._caches.lock():
            if cached is None and self._state.is_only_taught_since(memory):
                self._caches.save_graph(graph, texts, packed)
        return True

    def train_heads(self, keep_on: Callable[[], bool] = lambda: True) -> bool:
        """Train the heads that are due, swap them in, and cache them. Call it aside; nobody is held up.

        Args:
            keep_on: asked now and then; the training is given up when it says no.

        Returns:
            Whether they were swapped in.

        Raises:
            StoreFault: the cache could not be written. The heads serve all the same.
        """
        with self._state.swapping():
            memory, view = self._state.memory, self._state.draft

        def is_current() -> bool:
            return self._state.is_current(memory) and memory.heads is view.heads

        # Another process may have trained some. If they are not enough, they are still due.
        heads = cached = self._caches.newer_heads(view.heads, len(view.chart.categories), view.revision)
        if heads is None:
            heads = self._trained(view, lambda: keep_on() and is_current())
        with self._state.swapping():
            if heads is None or not is_current():
                return False
            memory.heads = heads
        with self._caches.lock():
            if cached is None and memory.heads is heads and self._state.is_only_taught_since(memory):
                self._caches.save_heads(heads)
        return True

    def calibrate(self, keep_on: Callable[[], bool] = lambda: True) -> bool:
        """Replay the latest labels that have no outcome, and calibrate with what comes of it.

        Call it aside, after teaching in bulk; neither readers nor writers are held up.

        Args:
            keep_on: asked now and then; the replay is given up when it says no.

        Returns:
            Whether it was done; if not, it stays due.

        Raises:
            StoreFault, ModelFault: nothing was changed; it stays due.
        """
        with self._state.swapping():
            memory, view = self._state.memory, self._state.draft
            judged = memory.judged()
        if self._background is None:
            replayed = self._hindsight.replay(view, self._store, judged, keep_on)
        else:
            replayed = self._background.replay(
                self._caches.folder, self._caches.key, self._hindsight.fingerprint, keep_on
            )
        if replayed is None:
            return False
        with self._state.writing():
            if not self._state.is_current(memory):
                return False
            entries = self._store.entries_by_id([outcome.transaction_id for outcome in replayed.outcomes])
            outcomes = self._hindsight.of_replay(replayed, entries, memory)
            with self._state.changing(Change(memory.revision, outcomes=outcomes)):
                rows = memory.rows_of([entries[o.transaction_id].seq for o in outcomes.added])
                memory.change_outcomes(outcomes, rows)
            return True

    def save_snapshot(self, keep_on: Callable[[], bool] = lambda: True) -> bool:
        """Cache what the store holds in a file that is soon read. Call it aside; nobody is held up.

        Args:
            keep_on: asked now and then; it is given up when it says no.

        Returns:
            Whether it was cached.

        Raises:
            StoreFault: it could not be written.
        """
        if self._background is None:
            known, content = written_snapshot(self._store)
        else:
            written = self._background.snapshot(
                self._caches.folder, self._caches.key, self._hindsight.fingerprint, keep_on
            )
            if written is None:
                return False
            known, content = written
        return self._state.keep_snapshot(known, content)

    @property
    def _asked_of(self) -> tuple[Path, TenantKey, str]:
        """Of what something is made in the background: the folder, its key, and the models that serve."""
        return self._caches.folder, self._caches.key, self._hindsight.fingerprint

    def _built(
        self, memory: Memory, matrix: NDArray[np.float16], keep_on: Callable[[], bool]
    ) -> tuple[Graph | None, bytes | None]:
        """A graph over these vectors, or over those that were learned since too; packed, if it came so."""
        if self._background is None:
            return Graph.build(matrix, keep_on), None
        built = self._background.graph(*self._asked_of, keep_on)
        if built is None:
            return None, None
        packed, identity = built
        graph = Graph.unpacked(packed, self._encoder.dimensions)
        self._state.catch_up()  # It may be over texts that another process was taught meanwhile.
        is_of_these = identity == self._caches.identity_of(memory.texts)(graph.count)
        return (graph, packed) if is_of_these else (None, None)

    def _trained(self, view: View, keep_on: Callable[[], bool]) -> Heads | None:
        """Heads of what a view shows, or of what was learned since too."""
        if self._background is None:
            return train_heads(view, keep_on)
        heads = self._background.heads(
            self._caches.folder, self._caches.key, self._hindsight.fingerprint, keep_on
        )
        self._state.catch_up()  # They may know categories that another process has made meanwhile.
        return heads
