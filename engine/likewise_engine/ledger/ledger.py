"""One tenant's ledger: the one place where its memory is taught, and from which it is read.

Concurrency, once and for all:

- One writer at a time, under ``_writer_lock``. It works out the change, commits it to the store (fsynced),
  applies it to memory, and publishes a new view by one assignment. Encoding new texts happens under the lock:
  it keeps a second caller from encoding the same texts, and holds up nobody but writers.
- Readers take ``view`` and need no lock at all; see :mod:`likewise_engine.ledger.view`.
- A graph is built aside from a view's texts, by whoever calls :meth:`build_graph`, without the lock; only its
  swapping in takes it. If memory was rebuilt meanwhile, the graph is for other rows and is dropped. So are
  heads, by :meth:`train_heads`.
- The lock of ``_caches`` orders writing a cache file and deleting it: forgetting holds it until memory is
  rebuilt, so a graph with the forgotten vectors, or a head that learned from them, is either deleted, or
  finds that memory is another and is not written. It is taken after the writer's lock, or alone.
- Outcomes are replayed from a view too, by whoever calls :meth:`calibrate`. What was taught meanwhile is not
  among them, and what is no longer there is left out when they are added, under the lock.

If applying a committed change to memory fails (out of memory), memory lags behind the store: the ledger is
then stale, refuses to be written, and its owner loads it anew.

Forgetting rebuilds memory from the store: slower than masking, and leaves nothing behind by construction.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likewise_engine.answers import Classification, ClassifyOptions
from likewise_engine.chart import Category, Chart, Policy
from likewise_engine.classify import classify
from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import (
    FieldViolation,
    LimitReached,
    RevisionNotReached,
    StoreFault,
    TransactionNotFound,
    UnknownCategory,
)
from likewise_engine.head import Heads
from likewise_engine.index.graph import Graph
from likewise_engine.ledger.caches import Caches
from likewise_engine.ledger.checks import (
    beneath,
    check_batch,
    check_ids,
    check_import,
    check_reshaping,
    check_settings,
)
from likewise_engine.ledger.head_training import train_heads
from likewise_engine.ledger.hindsight import Hindsight
from likewise_engine.ledger.lesson import Lesson
from likewise_engine.ledger.memory import Memory
from likewise_engine.ledger.outcomes import (
    ForgetOutcome,
    ImportOutcome,
    LearnOutcome,
    Rejection,
    ReshapeOutcome,
)
from likewise_engine.ledger.reencode import reencode
from likewise_engine.ledger.requests import digest_of, remembered
from likewise_engine.ledger.reshape import Reshaping
from likewise_engine.ledger.view import View
from likewise_engine.store.base import Change, Entry, OutcomeChange, RequestRecord, Snapshot, TenantStore
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_engine.vote import Vote


class Ledger:
    """One tenant's memory over its store; safe to use from many threads."""

    def __init__(self, store: TenantStore, encoder: Encoder, vote: Vote, cache_folder: Path) -> None:
        """Load a tenant.

        Args:
            store: the truth; the ledger closes it.
            encoder: of texts; a store with another encoder's vectors is encoded anew.
            vote: weighs evidence.
            cache_folder: where graph and heads are cached.

        Raises:
            StoreFault: the store failed or is corrupt.
            ModelFault: encoding anew failed.
        """
        self._store = store
        self._encoder = encoder
        self._vote = vote
        self._caches = Caches(cache_folder, encoder.fingerprint)
        self._writer_lock = threading.Lock()
        self._is_stale = False
        if store.record().encoder_fingerprint != encoder.fingerprint:
            self._caches.discard_graph()
            reencode(store, encoder)
        snapshot = store.snapshot()
        self._hindsight = Hindsight(encoder, vote)
        graph = self._caches.graph(snapshot.texts, encoder.dimensions)
        heads = self._caches.heads(len(snapshot.categories), snapshot.record.revision)
        self._memory = self._memory_of(snapshot, graph, heads or Heads())
        self._view = self._memory.view()

    @property
    def view(self) -> View:
        """What readers see now."""
        return self._view

    @property
    def encoder(self) -> Encoder:
        """The encoder of its texts."""
        return self._encoder

    @property
    def store(self) -> TenantStore:
        """The store, for reading."""
        return self._store

    @property
    def memory_bytes(self) -> int:
        """Bytes of main memory that the tenant takes."""
        return self._memory.nbytes

    @property
    def is_stale(self) -> bool:
        """Whether memory lags behind the store: it must be loaded anew."""
        return self._is_stale

    @property
    def is_graph_due(self) -> bool:
        """Whether :meth:`build_graph` should be called, aside from whoever waits for an answer."""
        return self._view.index.is_graph_due

    @property
    def are_heads_due(self) -> bool:
        """Whether :meth:`train_heads` should be called, aside from whoever waits for an answer."""
        return self._memory.heads.is_due(self._view.live_count)

    @property
    def is_upkeep_due(self) -> bool:
        """Whether any of the three is due."""
        return self.is_graph_due or self.are_heads_due or self.is_calibration_due

    @property
    def is_calibration_due(self) -> bool:
        """Whether :meth:`calibrate` should be called, aside from whoever waits for an answer."""
        return self._memory.unreplayed > 0

    def classify(self, transaction: Transaction, options: ClassifyOptions) -> Classification:
        """Answer for one transaction from the current view.

        Raises:
            InvalidInput: the transaction or an option is out of bounds, or a dimension is unknown.
            RevisionNotReached: ``options.min_revision`` lies ahead.
            ModelFault: the encoder or the vote failed.
        """
        view = self._view
        if options.min_revision > view.revision:
            raise RevisionNotReached(options.min_revision, view.revision)
        return classify(view, self._encoder, self._vote, transaction, options)

    def learn(self, items: Sequence[LabelledTransaction], request_id: str = "") -> LearnOutcome:
        """Learn labelled transactions: all of them, or none.

        Args:
            items: 1 to BATCH_ITEMS_MAX, each with an id of its own.
            request_id: makes repeating the call return the same outcome.

        Raises:
            InvalidInput: an item is wrong; fields as ``transactions[3].transaction.amount``.
            UnknownCategory: a label is not in a closed chart.
            RequestIdReused: the request id stood for other content.
            LimitReached: the chart or the tenant would outgrow its limits.
            StoreFault, ModelFault: nothing was learned.
        """
        check_batch(items, request_id)
        with self._writer_lock:
            digest = digest_of(items) if request_id else b""
            if (known := remembered(self._store, request_id, digest)) is not None:
                return LearnOutcome.from_json(known)
            lesson = self._lesson(items)
            if unknown := beneath(items, lesson.violations):
                raise UnknownCategory(unknown)
            for item in items:
                lesson.take(item)
            request = RequestRecord(request_id, digest, lesson.outcome().to_json()) if request_id else None
            outcomes = self._hindsight.of_lesson(lesson, self._memory, self._view)
            return self._teach(lesson, request, outcomes)

    def import_batch(self, items: Sequence[LabelledTransaction]) -> ImportOutcome:
        """Learn what is right in a batch, and say what is wrong with the rest. :meth:`calibrate` is then due.

        Raises:
            InvalidInput: the batch is too large.
            StoreFault, ModelFault: nothing of the batch was learned.
        """
        check_import(items)
        rejections: list[Rejection] = []
        with self._writer_lock:
            lesson = self._lesson(items)
            for position, item in enumerate(items):
                violations = tuple(item.violations()) or tuple(lesson.violations(item))
                if not violations:
                    try:
                        lesson.take(item)
                    except LimitReached as error:
                        violations = (FieldViolation("", error.message),)
                if violations:
                    rejections.append(Rejection(position, item.transaction.id, violations))
            learned = self._teach(lesson, None, self._hindsight.after_bulk(self._memory))
            return ImportOutcome(learned, tuple(rejections))

    def forget(self, transaction_ids: Sequence[str]) -> ForgetOutcome:
        """Forget transactions: when it returns they are gone from disk, memory and index.

        Raises:
            InvalidInput: there are no ids, too many, or one is not valid.
            StoreFault: nothing was forgotten, or not all is gone from disk yet: try again.
        """
        check_ids(transaction_ids)
        wanted = set(transaction_ids)
        with self._writer_lock:
            self._check_fresh()
            doomed = self._store.entries_by_id(sorted(wanted))
            if doomed:
                self._erase(doomed)
            # Also where an earlier call was cut short and all that is left to do is this.
            self._store.purge()
            return ForgetOutcome(self._memory.revision, len(doomed), len(wanted) - len(doomed))

    def update(
        self,
        *,
        policy: Policy | None = None,
        display_name: str | None = None,
        categories: Sequence[Category] = (),
    ) -> None:
        """Change the policy, the display name, or categories (by dimension and id); what is None stays.

        Raises:
            InvalidInput: a value is out of bounds.
            LimitReached: the chart would outgrow its limits.
            StoreFault: nothing was changed.
        """
        check_settings(policy, display_name, categories)
        with self._writer_lock:
            self._check_fresh()
            chart = self._memory.chart.with_categories(categories)
            changed = chart.changes_since(self._memory.chart)
            revision = self._memory.revision + 1
            self._store.commit(Change(revision, categories=changed, policy=policy, display_name=display_name))
            with self._applying():
                self._memory.revision = revision
                self._memory.follow(policy or self._memory.policy)
                self._memory.extend_chart(chart)

    def reshape(
        self, reshaping: Reshaping, request_id: str = "", *, is_rehearsal: bool = False
    ) -> ReshapeOutcome:
        """Change the chart and, in the same revision, the labels that a merge or a split moves.

        Args:
            reshaping: what is wanted.
            request_id: makes repeating the call return the same outcome.
            is_rehearsal: say what would come of it, and change nothing.

        Raises:
            InvalidInput: a value is out of bounds, or there is no such dimension.
            RequestIdReused: the request id stood for other content.
            NotFound, AlreadyExists, PreconditionFailed: as :mod:`likewise_engine.ledger.reshape` says.
            LimitReached: the chart would outgrow its limits.
            StoreFault: nothing was changed.
        """
        check_reshaping(reshaping, request_id)
        with self._writer_lock:
            self._check_fresh()
            digest = hashlib.sha256(repr(reshaping).encode()).digest()
            if (known := remembered(self._store, request_id, digest)) is not None:
                return ReshapeOutcome.from_json(known)
            memory = self._memory
            plan = reshaping.plan(memory.chart, self._store.select)
            categories = plan.chart.changes_since(memory.chart)
            rows = memory.rows_to_relabel(plan.relabelling)
            outcome = ReshapeOutcome(memory.revision + bool(categories or len(rows)), len(rows))
            request = RequestRecord(request_id, digest, outcome.to_json()) if request_id else None
            if not is_rehearsal and (outcome.revision > memory.revision or request):
                self._reshape(
                    Change(
                        outcome.revision, categories=categories, relabelling=plan.relabelling, request=request
                    ),
                    plan.chart,
                    rows,
                )
            return outcome

    def entry(self, transaction_id: str) -> Entry:
        """One entry. Raises TransactionNotFound, InvalidInput."""
        check_ids([transaction_id])
        entry = self._store.entries_by_id([transaction_id]).get(transaction_id)
        if entry is None:
            raise TransactionNotFound(transaction_id)
        return entry

    def build_graph(self, keep_on: Callable[[], bool] = lambda: True) -> bool:
        """Build the graph that is due, swap it in, and cache it. Call it aside; readers are not held up.

        Args:
            keep_on: asked now and then; the build is given up when it says no.

        Returns:
            Whether a graph was swapped in; there is none of no texts.

        Raises:
            StoreFault: the cache could not be written. The graph serves all the same.
        """
        with self._writer_lock:
            self._check_fresh()
            if not self._memory.all_texts_alive:
                self._rebuild(self._memory.heads)  # so that the graph has no dead texts from the start
            memory, matrix = self._memory, self._view.index.matrix
        graph = Graph.build(matrix, lambda: keep_on() and self._is_current(memory))
        if graph is None:
            return False
        texts = memory.texts[: graph.count]
        with self._writer_lock:
            if not self._is_current(memory):
                return False
            memory.graph = graph
            self._view = memory.view()
        with self._caches.lock:
            if self._is_current(memory):
                self._caches.save_graph(graph, texts)
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
        with self._writer_lock:
            self._check_fresh()
            memory, view = self._memory, self._view

        def is_current() -> bool:
            return self._is_current(memory) and memory.heads is view.heads

        heads = train_heads(view, lambda: keep_on() and is_current())
        with self._writer_lock:
            if heads is None or not is_current():
                return False
            memory.heads = heads
            self._view = memory.view()
        with self._caches.lock:
            if self._is_current(memory) and memory.heads is heads:
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
        with self._writer_lock:
            self._check_fresh()
            memory, view = self._memory, self._view
            judged = {d: memory.track_record.rows(memory.is_of(d)) for d in view.labels}
            unreplayed = memory.unreplayed
        replayed = self._hindsight.replay(view, self._store, judged, keep_on)
        with self._writer_lock:
            if replayed is None or not self._is_current(memory):
                return False
            entries = self._store.entries_by_id([outcome.transaction_id for outcome in replayed])
            still_unreplayed = memory.unreplayed - unreplayed
            change = self._hindsight.of_replay(replayed, entries, memory, view, still_unreplayed)
            self._store.commit(Change(memory.revision, outcomes=change))
            with self._applying():
                rows = memory.rows_of([entries[o.transaction_id].seq for o in change.added])
                memory.change_outcomes(change, rows)
            return True

    def close(self) -> None:
        """Release the store's files, once no writer is at work."""
        with self._writer_lock:
            self._is_stale = True
            self._store.close()

    def _lesson(self, items: Sequence[LabelledTransaction]) -> Lesson:
        self._check_fresh()
        ids = [item.transaction.id for item in items]
        return Lesson(self._memory, self._store.entries_by_id(ids) if len(self._memory) else {})

    def _teach(
        self, lesson: Lesson, request: RequestRecord | None, outcomes: OutcomeChange | None
    ) -> LearnOutcome:
        outcome = lesson.outcome()
        change = lesson.change(self._encoder, request, outcomes)
        if change is not None:
            replaced, replacing = lesson.replaced_rows(), lesson.replacing_positions()
            judged = lesson.positions_of(o.transaction_id for o in (outcomes.added if outcomes else ()))
            self._store.commit(change)
            with self._applying():
                memory, first = self._memory, len(self._memory)
                memory.revision = change.revision
                memory.extend_chart(memory.chart.with_categories([c for _, c in change.categories]))
                memory.extend_texts(change.texts, change.vectors)
                memory.payee_names.extend(change.payees)
                memory.extend_entries(change.entries)
                memory.replace(replaced, first + replacing)
                memory.change_outcomes(change.outcomes, first + judged)
            if memory.is_wasteful:
                self._rebuild(self._memory.heads)
        return outcome

    def _reshape(self, change: Change, chart: Chart, rows: NDArray[np.int64]) -> None:
        memory = self._memory
        with self._caches.lock:
            if change.relabelling:
                # Labels are about to have other categories: what was learned of them is of the past.
                self._caches.discard_heads()
            self._store.commit(change)
            with self._applying():
                memory.revision = change.revision
                memory.extend_chart(chart)
                if change.relabelling:
                    memory.heads = Heads()
                    memory.relabel(rows, change.relabelling)

    def _erase(self, doomed: Mapping[str, Entry]) -> None:
        memory = self._memory
        seqs = sorted(entry.seq for entry in doomed.values())
        orphaned_texts, orphaned_payees = memory.orphaned_ids(memory.rows_of(seqs))
        change = Change(
            revision=memory.revision + 1,
            orphaned_texts=orphaned_texts,
            orphaned_payees=orphaned_payees,
            forgotten_seqs=seqs,
            forgotten_ids=sorted(doomed),
        )
        with self._caches.lock:
            # A text that is dead already may be an earlier wording of what is forgotten.
            if orphaned_texts or not memory.all_texts_alive:
                self._caches.discard_graph()
            self._caches.discard_heads()
            self._store.commit(change)
            self._rebuild(Heads())

    def _rebuild(self, heads: Heads) -> None:
        with self._applying():
            whole = self._memory.all_texts_alive
            snapshot = self._store.snapshot()
            same_texts = whole and len(snapshot.texts) == len(self._memory.texts)
            graph = self._memory.graph if same_texts else None
            self._memory = self._memory_of(snapshot, graph, heads)

    def _memory_of(self, snapshot: Snapshot, graph: Graph | None, heads: Heads) -> Memory:
        return Memory(snapshot, self._encoder, graph, heads, self._vote.pooled, self._hindsight.fingerprint)

    @contextmanager
    def _applying(self) -> Iterator[None]:
        """Publish a new view at the end; where memory could not follow the store, say so for good."""
        try:
            yield
            self._view = self._memory.view()
        except BaseException:
            self._is_stale = True
            raise

    def _is_current(self, memory: Memory) -> bool:
        return self._memory is memory and not self._is_stale

    def _check_fresh(self) -> None:
        if self._is_stale:
            raise StoreFault("the tenant is being loaded anew: try again")
