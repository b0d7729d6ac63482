"""What is made of a tenant aside from whoever waits for an answer: graph, heads, calibration, snapshot.

Each is made without a lock and taken over under one, if it is still of what the tenant is by then; who may do
what when is said in ``ledger.py``.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likewise_engine.answers import ClassifyOptions
from likewise_engine.audit import Action, Counts, Note, Receipt
from likewise_engine.background import Background
from likewise_engine.errors import PreconditionFailed
from likewise_engine.explain import Explanation
from likewise_engine.feedback.prediction import Prediction
from likewise_engine.folder import PurgeMark
from likewise_engine.head import Heads
from likewise_engine.index.graph import Graph
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.caches import Caches, identity_of
from likewise_engine.ledger.head_training import train_heads
from likewise_engine.ledger.memory import Memory
from likewise_engine.ledger.state import State
from likewise_engine.ledger.view import View
from likewise_engine.review import Review, ReviewOptions
from likewise_engine.review.pace import Progress
from likewise_engine.store.base import Change, TenantStore
from likewise_engine.store.snapshot_file import written_snapshot
from likewise_engine.testimony import Testimony
from likewise_engine.transaction import Transaction


class Aside:
    """The side of a ledger that upkeep sees."""

    def __init__(
        self,
        store: TenantStore,
        state: State,
        caches: Caches,
        background: Background | None,
        mark: PurgeMark | None,
    ) -> None:
        """Take over the parts of a ledger.

        Args:
            store: the truth.
            state: what is known.
            caches: of what is made.
            background: where what takes long is made; in the caller's thread where None.
            mark: tells whoever opens the data folder next that a purge is due; None for none.
        """
        self._store = store
        self._state = state
        self._caches = caches
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
            encoder = memory.encoder
        # Another process may have made one. If it is not enough, it is still due.
        graph = cached = self._caches.newer_graph(memory.graph, memory.texts, memory.encoder)
        packed = None
        if graph is None:
            graph, packed = self._built(memory, matrix, lambda: keep_on() and self._state.is_current(memory))
        if graph is None:
            return False
        texts = memory.texts[: graph.count]
        with self._state.swapping():
            if not self._state.is_current(memory) or memory.encoder is not encoder:
                return False
            memory.graph = graph
        with self._caches.lock():
            if cached is None and self._state.is_only_taught_since(memory):
                self._caches.save_graph(graph, texts, memory.encoder, packed)
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
            judged, hindsight = memory.judged(), self._state.hindsight
        if self._background is None:
            replayed = hindsight.replay(view, self._store, judged, keep_on)
        else:
            replayed = self._background.replay(*self._asked_of, keep_on)
        if replayed is None:
            return False
        with self._state.writing():
            if not self._state.is_current(memory) or memory.encoder is not view.encoder:
                return False
            entries = self._store.entries_by_id([outcome.transaction_id for outcome in replayed.outcomes])
            outcomes = hindsight.of_replay(replayed, entries, memory)
            with self._state.changing(Change(memory.revision, outcomes=outcomes)):
                rows = memory.rows_of([entries[o.transaction_id].seq for o in outcomes.added])
                memory.change_outcomes(outcomes, rows)
            return True

    def testify(self, testimony: Testimony) -> bool:
        """Keep what a language model said of a text, as somebody asks about it.

        Args:
            testimony: of the tenant's own chart.

        Returns:
            Whether it is kept. It is not where something was forgotten since it was asked for.

        Raises:
            StoreFault: it is not kept.
        """
        with self._state.writing():
            with self._state.changing(Change(self._state.memory.revision, testimony=testimony)):
                pass  # Memory is told by the store.
            kept = self._state.memory.testimonies.by_question.get((testimony.text, testimony.dimension))
            return kept is not None and kept.revision == testimony.revision

    def _outdate_questions(self, actor: str, predictions: int) -> Receipt | None:
        """Have no testimony kept that was asked for until now; within the turn.

        For one that is being asked about, here or in another process, may be forgotten before anything is
        known of it. Nothing else tells the two apart, so what is asked for from now until the next revision
        is not kept either.

        Args:
            actor: who forgets.
            predictions: recorded answers that were erased.

        Returns:
            A receipt of these; None where there were none.
        """
        note = Note(actor, Action.FORGET, Counts(predictions=predictions)) if predictions else None
        with self._state.changing(Change(self._state.memory.revision, outdates_questions=True, note=note)):
            pass  # Memory is told by the store.
        return Receipt.of(self._store.audit_records(count_max=1)[0]) if note else None

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
            written = self._background.snapshot(*self._asked_of, keep_on)
            if written is None:
                return False
            known, content = written
        return self._state.keep_snapshot(known, content)

    def explain(
        self, transaction: Transaction, options: ClassifyOptions, give_way: Callable[[], None]
    ) -> Explanation:
        """Why an answer is what it is; see :func:`likewise_engine.explain.explain`."""
        return self._state.hindsight.explain(self._state.view, transaction, options, give_way)

    def explain_recorded(self, prediction: Prediction) -> Explanation:
        """Why a recorded answer was what it was. Raises PreconditionFailed: another vote serves now."""
        return self._state.hindsight.explain_recorded(prediction)

    def differences(self, prediction: Prediction) -> tuple[str, ...]:
        """What differs if a recorded answer is decided again: see :mod:`likewise_engine.explain`."""
        return self._state.hindsight.differences(prediction)

    def review(
        self, options: ReviewOptions, progress: Progress, background: Background | None = None
    ) -> Review | None:
        """Look through the history for what may be wrong; see :func:`likewise_engine.review.review`.

        Args:
            options: how much to look at.
            progress: called now and then, and what it says no to is given up.
            background: where it is done: one of its own, since it takes minutes; in the caller's thread
                where None.

        Returns:
            What was found; None where it was given up.

        Raises:
            InvalidInput, UnknownDimension: of the options.
            PreconditionFailed: something was erased meanwhile, which it may tell of.
            EngineFault, StoreFault, ModelFault.
        """
        options.check()
        memory, view = self._state.memory, self._state.view
        for position, dimension in enumerate(options.dimensions):
            view.chart.require_dimension(dimension, f"dimensions[{position}]")
        if background is None:
            found = self._state.hindsight.review(view, self._store.entries_by_id, options, progress)
        else:
            found = background.review(*self._asked_of, options, progress)
        with self._caches.lock():
            if not self._state.is_only_taught_since(memory):
                raise PreconditionFailed("the tenant was changed while it was looked through: ask again")
        return found

    @property
    def _asked_of(self) -> tuple[Path, TenantKey, str]:
        """Of what something is made in the background: the folder, its key, and the models that serve."""
        return self._caches.folder, self._caches.key, self._state.hindsight.fingerprint

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
        graph = Graph.unpacked(packed, memory.encoder.dimensions)
        self._state.catch_up()  # It may be over texts that another process was taught meanwhile.
        is_of_these = identity == identity_of(memory.texts, memory.encoder.fingerprint)(graph.count)
        return (graph, packed) if is_of_these else (None, None)

    def _trained(self, view: View, keep_on: Callable[[], bool]) -> Heads | None:
        """Heads of what a view shows, or of what was learned since too."""
        if self._background is None:
            return train_heads(view, keep_on)
        heads = self._background.heads(*self._asked_of, keep_on)
        self._state.catch_up()  # They may know categories that another process has made meanwhile.
        return heads
