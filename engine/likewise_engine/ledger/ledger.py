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
  heads, by :meth:`train_heads`; see :mod:`likewise_engine.ledger.aside`.
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
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from likewise_engine.answers import Classification, ClassifyOptions
from likewise_engine.audit import Action, Counts, Note, Receipt
from likewise_engine.background import Background
from likewise_engine.chart import Category, Chart, Policy
from likewise_engine.classify import classify
from likewise_engine.encoder.at_hand import Encoders
from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import (
    FieldViolation,
    LimitReached,
    RevisionNotReached,
    TransactionNotFound,
    UnknownCategory,
)
from likewise_engine.folder import PurgeMark
from likewise_engine.head import Heads
from likewise_engine.ledger.caches import Caches
from likewise_engine.ledger.checks import (
    beneath,
    check_batch,
    check_change,
    check_ids,
    check_import,
    check_settings,
)
from likewise_engine.ledger.group import Group, Wish
from likewise_engine.ledger.lesson import Lesson
from likewise_engine.ledger.outcomes import (
    ForgetOutcome,
    ImportOutcome,
    LearnOutcome,
    PurgeOutcome,
    Rejection,
    ReshapeOutcome,
)
from likewise_engine.ledger.purge import CategoryPurge, erasure_of
from likewise_engine.ledger.reencode import reencode
from likewise_engine.ledger.requests import NO_CONTENT, digest_of, remembered
from likewise_engine.ledger.reshape import Reshaping
from likewise_engine.ledger.rulekeeper import RuleKeeper
from likewise_engine.ledger.state import State
from likewise_engine.ledger.switching import Switching
from likewise_engine.ledger.view import View
from likewise_engine.store.base import Change, Entry, OutcomeChange, RequestRecord, TenantStore
from likewise_engine.store.predictions import PredictionFile
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_engine.vote import Vote


class Ledger(Switching):
    """One tenant's memory over its store; safe to use from many threads."""

    def __init__(
        self,
        store: TenantStore,
        encoders: Encoder | Encoders,
        vote: Vote,
        cache_folder: Path,
        announce: Callable[[], None] = lambda: None,
        background: Background | None = None,
        mark: PurgeMark | None = None,
    ) -> None:
        """Load a tenant.

        Args:
            store: the truth; the ledger closes it.
            encoders: of texts. A store of one that is not at hand is encoded anew by the one that is wanted.
            vote: weighs evidence.
            cache_folder: where graph and heads are cached.
            announce: called when something was committed, before anybody is told so.
            background: where heads are trained and history is replayed; in the caller's thread where None.
            mark: set while remains of what was erased are to be purged; None for none.

        Raises:
            StoreFault: the store failed or is corrupt.
            ModelFault: encoding anew failed.
        """
        caches = Caches(cache_folder, store.key)
        encoders = encoders if isinstance(encoders, Encoders) else Encoders(encoders)
        if is_anew := encoders.of(store.record().encoder_fingerprint) is None:
            with caches.lock():
                caches.discard_graph()
                caches.discard_snapshot()
            reencode(store, encoders.wanted)
        state = State(store, caches, encoders, vote, announce)
        super().__init__(store, state, caches, background, mark)
        self._vote = vote
        self._group = Group()
        self.rules = RuleKeeper(store, state)
        if is_anew:
            self.rules.renew()
        self.predictions = PredictionFile(cache_folder, store.key)
        """What was answered; the ledger erases from it, and no more."""

    @property
    def view(self) -> View:
        """What readers see now."""
        return self._state.view

    @property
    def encoder(self) -> Encoder:
        """The encoder that its vectors are of."""
        return self.view.encoder

    @property
    def store(self) -> TenantStore:
        """The store, for reading."""
        return self._store

    @property
    def memory_bytes(self) -> int:
        """Bytes of main memory that the tenant takes."""
        return self._state.nbytes + self._store.memory_bytes

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
        return classify(view, view.encoder, self._vote, transaction, options)

    def learn(
        self, items: Sequence[LabelledTransaction], request_id: str = "", *, actor: str = ""
    ) -> LearnOutcome:
        """Learn labelled transactions: all of them, or none. Those who do so at once share a commit.

        Args:
            items: 1 to BATCH_ITEMS_MAX, each with an id of its own.
            request_id: makes repeating the call return the same outcome.
            actor: who teaches, for the audit trail; as in all that follow.

        Raises:
            InvalidInput: an item is wrong; fields as ``transactions[3].transaction.amount``.
            UnknownCategory: a label is not in a closed chart.
            RequestIdReused: the request id stood for other content.
            LimitReached: the chart or the tenant would outgrow its limits.
            StoreFault, ModelFault: nothing was learned.
        """
        check_batch(items, request_id)
        wish = Wish(items, request_id, digest_of(items) if request_id else b"", actor)
        return self._group.learn(wish, self._teach_together)

    def import_batch(
        self,
        items: Sequence[LabelledTransaction],
        give_way: Callable[[], None] = lambda: None,
        *,
        actor: str = "",
    ) -> ImportOutcome:
        """Learn what is right in a batch, and say what is wrong with the rest. :meth:`calibrate` is then due.

        Args:
            items: at most BATCH_ITEMS_MAX.
            give_way: called at every item and between the steps: a batch takes long. Who reads is not held up
                meanwhile; who writes waits for it, so it must wait for nobody without bound.

        Raises:
            InvalidInput: the batch is too large.
            StoreFault, ModelFault: nothing of the batch was learned.
        """
        check_import(items)
        rejections: list[Rejection] = []
        with self._state.writing():
            lesson = self._lesson(items)
            for position, item in enumerate(items):
                give_way()
                violations = tuple(item.violations()) or tuple(lesson.violations(item))
                if not violations:
                    try:
                        lesson.take(item)
                    except LimitReached as error:
                        violations = (FieldViolation("", error.message),)
                if violations:
                    rejections.append(Rejection(position, item.transaction.id, violations))
            after = self._state.hindsight.after_bulk(self._state.memory)
            learned = self._teach(lesson, None, after, actor, Action.IMPORT, give_way)
            return ImportOutcome(learned, tuple(rejections))

    def forget(self, transaction_ids: Sequence[str], *, actor: str = "") -> ForgetOutcome:
        """Forget transactions: when it returns they are gone from disk, memory and index.

        Raises:
            InvalidInput: there are no ids, too many, or one is not valid.
            StoreFault: nothing was forgotten.
            PurgeDelayed: they are forgotten, but not all is gone from disk yet: upkeep tries again.
        """
        check_ids(transaction_ids)
        wanted = set(transaction_ids)
        with ExitStack() as until_committed, self._state.writing():
            found = self._store.entries_by_id(sorted(wanted))
            doomed = {entry.seq: key for key, entry in found.items()}
            change = replace(erasure_of(self._state.memory, doomed), forgotten_ids=sorted(wanted))
            # Also of one that was asked about and never taught: predictions, and a testimony.
            is_known = bool(self._store.erased_by(change))
            revision = self._state.memory.revision + is_known
            answers = self.predictions.erase(change.forgotten_ids, revision=revision)
            receipt = (
                self._erase(change, Action.FORGET, actor, answers, until_committed)
                if is_known
                else self._outdate_questions(actor, answers)
            )
            missing = len(wanted) - len(found)
            outcome = ForgetOutcome(self._state.memory.revision, len(found), missing, receipt)
        # Also where an earlier call was cut short and all that is left to do is this.
        self.purge()
        return outcome

    def purge_category(
        self, wanted: CategoryPurge, request_id: str = "", *, is_rehearsal: bool = False, actor: str = ""
    ) -> PurgeOutcome:
        """Forget all that is labelled with a category, and the category: gone when it returns.

        Args:
            wanted: what is to be purged.
            request_id: makes repeating the call return the same outcome. What it stood for is not remembered.
            is_rehearsal: say what would come of it, and change nothing.
            actor: who wants it.

        Raises:
            InvalidInput: a value is out of bounds, or there is no such dimension.
            CategoryNotFound: there is no such category, or no more.
            RequestIdReused: the request id stood for another kind of request.
            StoreFault, PurgeDelayed: as :meth:`forget`.
        """
        check_change(wanted, request_id)
        with ExitStack() as until_committed, self._state.writing():
            outcome = remembered(self._store, request_id, NO_CONTENT, PurgeOutcome.from_json)
            if outcome is None:
                memory = self._state.memory
                numbers = wanted.numbers(memory.chart)
                doomed = self._store.labelled(numbers)
                change = erasure_of(memory, doomed, () if wanted.entries_only else numbers)
                revision = change.revision if change.erases else memory.revision
                outcome = PurgeOutcome(revision, self._store.erased_by(change))
                if is_rehearsal:
                    gone = numbers if change.erases else ()
                    answers = self.predictions.mentioning(change.forgotten_ids, gone)
                    return replace(outcome, erased=replace(outcome.erased, predictions=answers))
                if change.erases:
                    answers = self.predictions.erase(change.forgotten_ids, numbers, revision=revision)
                    receipt = self._erase(change, Action.PURGE, actor, answers, until_committed)
                    outcome = PurgeOutcome(revision, receipt.erased, receipt)
                if request_id:
                    request = RequestRecord(request_id, NO_CONTENT, outcome.to_json())
                    with self._state.changing(Change(revision, request=request)):
                        pass  # Memory knows of no requests.
        self.purge()
        return outcome

    def update(
        self,
        *,
        target_precision: float | None = None,
        closed_chart: bool | None = None,
        display_name: str | None = None,
        categories: Sequence[Category] = (),
        actor: str = "",
    ) -> None:
        """Change a part of the policy, the display name, or categories (by dimension and id); None stays.

        Raises:
            InvalidInput: a value is out of bounds.
            LimitReached: the chart would outgrow its limits.
            StoreFault: nothing was changed.
        """

        def updated(policy: Policy) -> Policy:
            """Whoever changes the other half meanwhile, here or in another process, is not undone."""
            return Policy(
                policy.target_precision if target_precision is None else target_precision,
                policy.closed_chart if closed_chart is None else closed_chart,
            )

        check_settings(updated(self.view.policy), display_name, categories)
        with ExitStack() as until_committed, self._state.writing():
            until_committed.enter_context(self._caches.lock())
            self._state.discard_snapshot()
            memory = self._state.memory
            policy = updated(memory.policy)
            before = memory.chart
            chart = before.with_categories(categories)
            changed = chart.changes_since(before)
            revision = memory.revision + 1
            change = Change(
                revision,
                categories=changed,
                policy=None if policy == memory.policy else policy,
                display_name=display_name,
                note=Note(actor, Action.UPDATE, categories=[number for number, _ in changed]),
            )
            with self._state.changing(change):
                memory.revision = revision
                memory.follow(policy)
                memory.extend_chart(chart)
            self.rules.follow_chart(before)

    def reshape(
        self, reshaping: Reshaping, request_id: str = "", *, is_rehearsal: bool = False, actor: str = ""
    ) -> ReshapeOutcome:
        """Change the chart and, in the same revision, the labels that a merge or a split moves.

        Args:
            reshaping: what is wanted.
            request_id: makes repeating the call return the same outcome.
            is_rehearsal: say what would come of it, and change nothing.
            actor: who wants it.

        Raises:
            InvalidInput: a value is out of bounds, or there is no such dimension.
            RequestIdReused: the request id stood for other content.
            NotFound, AlreadyExists, PreconditionFailed: as :mod:`likewise_engine.ledger.reshape` says.
            LimitReached: the chart would outgrow its limits.
            StoreFault: nothing was changed.
        """
        check_change(reshaping, request_id)
        with ExitStack() as until_committed, self._state.writing():
            digest = hashlib.sha256(repr(reshaping).encode()).digest()
            known = remembered(self._store, request_id, digest, ReshapeOutcome.from_json)
            if known is not None:
                return known
            memory = self._state.memory
            plan = reshaping.plan(memory.chart, self._store.select)
            categories = plan.chart.changes_since(memory.chart)
            rows = memory.rows_to_relabel(plan.relabelling)
            outcome = ReshapeOutcome(memory.revision + bool(categories or len(rows)), len(rows))
            request = RequestRecord(request_id, digest, outcome.to_json()) if request_id else None
            if not is_rehearsal and (outcome.revision > memory.revision or request):
                until_committed.enter_context(self._caches.lock())
                is_change = outcome.revision > memory.revision
                changed = [number for number, _ in categories]
                note = Note(actor, reshaping.action, Counts(moved=len(rows)), changed)
                change = Change(
                    outcome.revision,
                    categories=categories,
                    relabelling=plan.relabelling,
                    request=request,
                    note=note if is_change else None,
                )
                self._reshape(change, plan.chart, rows)
            return outcome

    def entry(self, transaction_id: str) -> Entry:
        """One entry. Raises TransactionNotFound, InvalidInput."""
        check_ids([transaction_id])
        entry = self._store.entries_by_id([transaction_id]).get(transaction_id)
        if entry is None:
            raise TransactionNotFound(transaction_id)
        return entry

    def catch_up(self) -> None:
        """Take over what other processes have committed.

        Raises:
            StoreFault, ModelFault: it could not be read.
        """
        self._state.catch_up()

    def close(self) -> None:
        """Release the store's files, once no writer is at work."""
        self._state.close()

    def _lesson(self, items: Sequence[LabelledTransaction]) -> Lesson:
        memory = self._state.memory
        ids = [item.transaction.id for item in items]
        return Lesson(memory, self._store.entries_by_id(ids) if len(memory) else {})

    def _teach_together(self, wishes: Sequence[Wish]) -> None:
        with self._state.writing():
            for wish in wishes:
                try:
                    wish.outcome = self._learn(wish)
                except Exception as error:
                    if self._state.is_damaged:
                        raise
                    wish.error = error

    def _learn(self, wish: Wish) -> LearnOutcome:
        known = remembered(self._store, wish.request_id, wish.digest, LearnOutcome.from_json)
        if known is not None:
            return known
        lesson = self._lesson(wish.items)
        if unknown := beneath(wish.items, lesson.violations):
            raise UnknownCategory(unknown)
        for item in wish.items:
            lesson.take(item)
        request = None
        if wish.request_id:
            request = RequestRecord(wish.request_id, wish.digest, lesson.outcome().to_json())
        outcomes = self._state.hindsight.of_lesson(lesson, self._state.memory, self._state.draft)
        return self._teach(lesson, request, outcomes, wish.actor, Action.LEARN)

    def _teach(
        self,
        lesson: Lesson,
        request: RequestRecord | None,
        outcomes: OutcomeChange | None,
        actor: str,
        action: Action,
        give_way: Callable[[], None] = lambda: None,
    ) -> LearnOutcome:
        outcome = lesson.outcome()
        note = Note(actor, action, Counts(created=outcome.created, updated=outcome.updated))
        change = lesson.change(self._state.memory.encoder, request, outcomes, note)
        give_way()
        if change is not None:
            judged = [lesson.seq_of(o.transaction_id) for o in outcomes.added] if outcomes else []
            with self._state.changing(change):
                give_way()
                self._state.memory.learn(change, judged)
            if self._state.memory.is_wasteful:
                self._state.rebuild(self._state.memory.heads)
        return outcome

    def _reshape(self, change: Change, chart: Chart, rows: NDArray[np.int64]) -> None:
        memory = self._state.memory
        before = memory.chart
        if change.relabelling:
            # Labels are about to have other categories: what was learned of them is of the past.
            self._caches.discard_heads()
        self._state.discard_snapshot()
        with self._state.changing(change):
            memory.revision = change.revision
            memory.extend_chart(chart)
            if change.relabelling:
                memory.heads = Heads()
                memory.relabel(rows, change.relabelling)
        self.rules.follow_chart(before, has_moved=bool(change.relabelling))

    def _erase(
        self, change: Change, action: Action, actor: str, answers: int, until_committed: ExitStack
    ) -> Receipt:
        """Erase from store, caches and memory; :meth:`purge` is due once that is committed."""
        until_committed.enter_context(self._caches.lock())
        if self._mark is not None:
            self._mark.set()
        self._is_purge_due = True
        # A text that is dead already may be an earlier wording of what is forgotten.
        if change.orphaned_texts or not self._state.memory.all_texts_alive:
            self._caches.discard_graph()
        self._caches.discard_heads()
        self._state.discard_snapshot()
        rules = None if change.purged_categories else self.rules.without(change.forgotten_ids)
        erased = replace(self._store.erased_by(change), predictions=answers)
        with self._state.changing(replace(change, rules=rules, note=Note(actor, action, erased))):
            self._state.rebuild(Heads())
        if change.purged_categories:
            self.rules.recount()
        return Receipt.of(self._store.audit_records(count_max=1)[0])
