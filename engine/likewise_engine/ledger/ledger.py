"""One tenant's ledger: the one place where its memory is taught, and from which it is read.

Concurrency, once and for all:

- One writer at a time: among the threads of this process by the turn of :mod:`likewise_engine.ledger.state`,
  among processes by the lock that the store holds in :meth:`TenantStore.writing`. It brings memory to what
  others have committed, works out the change, writes it, applies it to memory, commits (fsynced), and
  publishes a new view by one assignment. Encoding new texts happens under both locks: it keeps a second
  caller from encoding the same texts, and holds up nobody but writers. Several callers' lessons may be
  committed together; see :mod:`likewise_engine.ledger.group`.
- What another process committed is taken over by :meth:`catch_up`, which whoever hears of it calls; see
  :mod:`likewise_engine.news`.
- Readers take ``view`` and need no lock at all; see :mod:`likewise_engine.ledger.view`.
- A graph is built aside from a view's texts, by whoever calls :meth:`build_graph`, without the lock; only its
  swapping in takes it. If memory was rebuilt meanwhile, the graph is for other rows and is dropped. So are
  heads, by :meth:`train_heads`.
- The lock of ``_caches`` orders writing a cache file and deleting it, among processes too: forgetting holds
  it until that is committed. So a graph with the forgotten vectors, or a head that learned from them, is
  either deleted, or its writer finds that there was more than lessons since. It is taken after the turn, or
  alone.
- Outcomes are replayed from a view too, by whoever calls :meth:`calibrate`. What was taught meanwhile is not
  among them, and what is no longer there is left out when they are added, under the lock.

If memory cannot follow the store (there is none left, say), or what it followed cannot be committed, the
change is rolled back, readers keep the view that they have, and the next writer reads memory anew.

Forgetting rebuilds memory from the store: slower than masking, and leaves nothing behind by construction.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likewise_engine.answers import Classification, ClassifyOptions
from likewise_engine.background import Background
from likewise_engine.chart import Category, Chart, Policy
from likewise_engine.classify import classify
from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import (
    FieldViolation,
    LimitReached,
    RevisionNotReached,
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
from likewise_engine.ledger.group import Group, Wish
from likewise_engine.ledger.head_training import train_heads
from likewise_engine.ledger.hindsight import Hindsight
from likewise_engine.ledger.lesson import Lesson
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
from likewise_engine.ledger.state import State
from likewise_engine.ledger.view import View
from likewise_engine.store.base import Change, Entry, OutcomeChange, RequestRecord, TenantStore
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_engine.vote import Vote


class Ledger:
    """One tenant's memory over its store; safe to use from many threads."""

    def __init__(
        self,
        store: TenantStore,
        encoder: Encoder,
        vote: Vote,
        cache_folder: Path,
        announce: Callable[[], None] = lambda: None,
        background: Background | None = None,
    ) -> None:
        """Load a tenant.

        Args:
            store: the truth; the ledger closes it.
            encoder: of texts; a store with another encoder's vectors is encoded anew.
            vote: weighs evidence.
            cache_folder: where graph and heads are cached.
            announce: called when something was committed, before anybody is told so.
            background: where heads are trained and history is replayed; in the caller's thread where None.

        Raises:
            StoreFault: the store failed or is corrupt.
            ModelFault: encoding anew failed.
        """
        self._store = store
        self._encoder = encoder
        self._vote = vote
        self._folder = cache_folder
        self._background = background
        self._caches = Caches(cache_folder, encoder.fingerprint)
        self._hindsight = Hindsight(encoder, vote)
        self._group = Group(self._teach_together)
        if store.record().encoder_fingerprint != encoder.fingerprint:
            self._caches.discard_graph()
            reencode(store, encoder)
        self._state = State(store, self._caches, encoder, vote, self._hindsight.fingerprint, announce)

    @property
    def view(self) -> View:
        """What readers see now."""
        return self._state.view

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
        return self._state.memory.nbytes

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
        """Whether any of the three is due."""
        return self.is_graph_due or self.are_heads_due or self.is_calibration_due

    @property
    def is_calibration_due(self) -> bool:
        """Whether :meth:`calibrate` should be called, aside from whoever waits for an answer."""
        return self._state.memory.unreplayed > 0

    def classify(self, transaction: Transaction, options: ClassifyOptions) -> Classification:
        """Answer for one transaction from the current view.

        Raises:
            InvalidInput: the transaction or an option is out of bounds, or a dimension is unknown.
            RevisionNotReached: ``options.min_revision`` lies ahead of the store.
            ModelFault: the encoder or the vote failed.
        """
        if options.min_revision > self._state.view.revision:
            self.catch_up()
        view = self._state.view
        if options.min_revision > view.revision:
            raise RevisionNotReached(options.min_revision, view.revision)
        return classify(view, self._encoder, self._vote, transaction, options)

    def learn(self, items: Sequence[LabelledTransaction], request_id: str = "") -> LearnOutcome:
        """Learn labelled transactions: all of them, or none. Those who do so at once share a commit.

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
        return self._group.learn(Wish(items, request_id, digest_of(items) if request_id else b""))

    def import_batch(self, items: Sequence[LabelledTransaction]) -> ImportOutcome:
        """Learn what is right in a batch, and say what is wrong with the rest. :meth:`calibrate` is then due.

        Raises:
            InvalidInput: the batch is too large.
            StoreFault, ModelFault: nothing of the batch was learned.
        """
        check_import(items)
        rejections: list[Rejection] = []
        with self._state.writing():
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
            learned = self._teach(lesson, None, self._hindsight.after_bulk(self._state.memory))
            return ImportOutcome(learned, tuple(rejections))

    def forget(self, transaction_ids: Sequence[str]) -> ForgetOutcome:
        """Forget transactions: when it returns they are gone from disk, memory and index.

        Raises:
            InvalidInput: there are no ids, too many, or one is not valid.
            StoreFault: nothing was forgotten, or not all is gone from disk yet: try again.
        """
        check_ids(transaction_ids)
        wanted = set(transaction_ids)
        with ExitStack() as until_committed, self._state.writing():
            doomed = self._store.entries_by_id(sorted(wanted))
            if doomed:
                until_committed.enter_context(self._caches.lock())
                self._erase(doomed)
            revision = self._state.memory.revision
        outcome = ForgetOutcome(revision, len(doomed), len(wanted) - len(doomed))
        # Also where an earlier call was cut short and all that is left to do is this.
        self._store.purge()
        return outcome

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
        with self._state.writing():
            memory = self._state.memory
            chart = memory.chart.with_categories(categories)
            changed = chart.changes_since(memory.chart)
            revision = memory.revision + 1
            change = Change(revision, categories=changed, policy=policy, display_name=display_name)
            with self._state.changing(change):
                memory.revision = revision
                memory.follow(policy or memory.policy)
                memory.extend_chart(chart)

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
        with ExitStack() as until_committed, self._state.writing():
            digest = hashlib.sha256(repr(reshaping).encode()).digest()
            if (known := remembered(self._store, request_id, digest)) is not None:
                return ReshapeOutcome.from_json(known)
            memory = self._state.memory
            plan = reshaping.plan(memory.chart, self._store.select)
            categories = plan.chart.changes_since(memory.chart)
            rows = memory.rows_to_relabel(plan.relabelling)
            outcome = ReshapeOutcome(memory.revision + bool(categories or len(rows)), len(rows))
            request = RequestRecord(request_id, digest, outcome.to_json()) if request_id else None
            if not is_rehearsal and (outcome.revision > memory.revision or request):
                until_committed.enter_context(self._caches.lock())
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
        with self._state.writing():
            if not self._state.memory.all_texts_alive:
                self._state.rebuild(self._state.memory.heads)  # so that it has no dead texts from the start
            memory, matrix = self._state.memory, self._state.draft.index.matrix
        # Another process may have made one. If it is not enough, it is still due.
        graph = cached = self._caches.newer_graph(memory.graph, memory.texts, self._encoder.dimensions)
        if graph is None:
            graph = Graph.build(matrix, lambda: keep_on() and self._state.is_current(memory))
        if graph is None:
            return False
        texts = memory.texts[: graph.count]
        with self._state.swapping():
            if not self._state.is_current(memory):
                return False
            memory.graph = graph
        with self._caches.lock():
            if cached is None and self._state.is_only_taught_since(memory):
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
            replayed = self._background.replay(self._folder, self._hindsight.fingerprint, keep_on)
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

    def catch_up(self) -> None:
        """Take over what other processes have committed.

        Raises:
            StoreFault, ModelFault: it could not be read.
        """
        self._state.catch_up()

    def close(self) -> None:
        """Release the store's files, once no writer is at work."""
        self._state.close()

    def _trained(self, view: View, keep_on: Callable[[], bool]) -> Heads | None:
        """Heads of what a view shows, or of what was learned since too."""
        if self._background is None:
            return train_heads(view, keep_on)
        heads = self._background.heads(self._folder, self._hindsight.fingerprint, keep_on)
        self.catch_up()  # They may know categories that another process has made meanwhile.
        return heads

    def _lesson(self, items: Sequence[LabelledTransaction]) -> Lesson:
        memory = self._state.memory
        ids = [item.transaction.id for item in items]
        return Lesson(memory, self._store.entries_by_id(ids) if len(memory) else {})

    def _teach_together(self, wishes: Sequence[Wish]) -> list[LearnOutcome | Exception]:
        results: list[LearnOutcome | Exception] = []
        with self._state.writing():
            for wish in wishes:
                try:
                    results.append(self._learn(wish))
                except Exception as error:
                    if self._state.is_damaged:
                        raise
                    results.append(error)
        return results

    def _learn(self, wish: Wish) -> LearnOutcome:
        if (known := remembered(self._store, wish.request_id, wish.digest)) is not None:
            return LearnOutcome.from_json(known)
        lesson = self._lesson(wish.items)
        if unknown := beneath(wish.items, lesson.violations):
            raise UnknownCategory(unknown)
        for item in wish.items:
            lesson.take(item)
        request = None
        if wish.request_id:
            request = RequestRecord(wish.request_id, wish.digest, lesson.outcome().to_json())
        outcomes = self._hindsight.of_lesson(lesson, self._state.memory, self._state.draft)
        return self._teach(lesson, request, outcomes)

    def _teach(
        self, lesson: Lesson, request: RequestRecord | None, outcomes: OutcomeChange | None
    ) -> LearnOutcome:
        outcome = lesson.outcome()
        change = lesson.change(self._encoder, request, outcomes)
        if change is not None:
            judged = [lesson.seq_of(o.transaction_id) for o in outcomes.added] if outcomes else []
            with self._state.changing(change):
                self._state.memory.learn(change, judged)
            if self._state.memory.is_wasteful:
                self._state.rebuild(self._state.memory.heads)
        return outcome

    def _reshape(self, change: Change, chart: Chart, rows: NDArray[np.int64]) -> None:
        memory = self._state.memory
        if change.relabelling:
            # Labels are about to have other categories: what was learned of them is of the past.
            self._caches.discard_heads()
        with self._state.changing(change):
            memory.revision = change.revision
            memory.extend_chart(chart)
            if change.relabelling:
                memory.heads = Heads()
                memory.relabel(rows, change.relabelling)

    def _erase(self, doomed: Mapping[str, Entry]) -> None:
        memory = self._state.memory
        seqs = sorted(entry.seq for entry in doomed.values())
        orphaned_texts, orphaned_payees = memory.orphaned_ids(memory.rows_of(seqs))
        change = Change(
            revision=memory.revision + 1,
            orphaned_texts=orphaned_texts,
            orphaned_payees=orphaned_payees,
            forgotten_seqs=seqs,
            forgotten_ids=sorted(doomed),
        )
        # A text that is dead already may be an earlier wording of what is forgotten.
        if orphaned_texts or not memory.all_texts_alive:
            self._caches.discard_graph()
        self._caches.discard_heads()
        with self._state.changing(change):
            self._state.rebuild(Heads())
