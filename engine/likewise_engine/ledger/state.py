"""One tenant's memory, kept in step with its store. Who may do what when is said in ``ledger.py``."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from likewise_engine import limits
from likewise_engine.encoder.at_hand import Encoders
from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import ModelFault, StoreCorrupt
from likewise_engine.head import Heads
from likewise_engine.index.graph import Graph
from likewise_engine.ledger.caches import Caches
from likewise_engine.ledger.category_vectors import CategoryVectors
from likewise_engine.ledger.hindsight import Hindsight
from likewise_engine.ledger.memory import Memory
from likewise_engine.ledger.vectors import aligned
from likewise_engine.ledger.view import View
from likewise_engine.store.base import Change, Known, Snapshot, TenantStore
from likewise_engine.vote import Vote

_SNAPSHOT_BEHIND_SHARE: Final = 16
"""By so many parts of all labels a snapshot may be behind."""


class State:
    """What a ledger knows, and the turn of whoever changes it.

    Attributes:
        turn: held by the one thread of this process that may change anything.
        memory: the columns. For whoever has the turn.
        view: what readers see, as of the last commit that memory followed.
        is_damaged: whether memory is not what the store says. Whoever next gets the turn reads it anew; what
            readers see is as it was committed.
    """

    def __init__(
        self,
        store: TenantStore,
        caches: Caches,
        encoders: Encoders,
        vote: Vote,
        announce: Callable[[], None],
    ) -> None:
        """Read the store.

        Args:
            store: the truth.
            caches: of graph and heads.
            encoders: that are at hand, the one of the store's vectors among them.
            vote: weighs evidence.
            announce: called when something was committed, before anybody is told so.

        Raises:
            StoreFault, ModelFault.
        """
        self._store = store
        self._caches = caches
        self._encoders = encoders
        self._vote = vote
        self._announce = announce
        self.turn = threading.Lock()
        self.is_damaged = False
        self._snapshot: Known | None = None
        self._is_closed = False
        self.memory = self._read()
        self.view: View = self.memory.view()
        self._draft: View | None = self.view
        self._measured: tuple[View, int] | None = None

    @property
    def draft(self) -> View:
        """The view of memory as it is now: what readers will see, once it is committed."""
        if self._draft is None:
            self._draft = self.memory.view()
        return self._draft

    @property
    def nbytes(self) -> int:
        """Bytes of main memory. It is asked after every call, and adds up thirty arrays: once a view."""
        view, measured = self.view, self._measured
        if measured is None or measured[0] is not view:
            measured = self._measured = view, self.memory.nbytes
        return measured[1]

    @property
    def hindsight(self) -> Hindsight:
        """Of the models that serve; for whoever has the turn, or is content with what serves by now."""
        return Hindsight(self.memory.encoder, self._vote)

    def is_current(self, memory: Memory) -> bool:
        """Whether this is the memory still: another one has other rows."""
        return self.memory is memory and not self.is_damaged and not self._is_closed

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The turn, among threads and among processes, with memory as the store is.

        What is written within is committed at the end, all or nothing, and then seen by readers.

        Raises:
            StoreFault, ModelFault: nothing was changed.
        """
        with self._turn():
            before = self.memory.position
            try:
                with self._store.writing() as position:
                    self._follow(position)
                    before = position
                    yield
            except BaseException:
                # Memory may have followed what is not committed now.
                self.is_damaged |= self.memory.position != before
                raise
            if self.memory.position != before:
                self._announce()
            self.view = self.draft

    @contextmanager
    def changing(self, change: Change) -> Iterator[None]:
        """Write a change, and have memory follow within; within :meth:`writing`."""
        with self.following(lambda: self._store.write(change)):
            yield
            if change.testimony is not None or self.memory.testimonies.changed_at:
                self._heed()

    @contextmanager
    def following(self, write: Callable[[], None]) -> Iterator[None]:
        """Write what counts as one change, and have memory follow within; within :meth:`writing`."""
        position = self.memory.position
        write()
        with self._applying():
            yield
            self.memory.position = position + 1

    @contextmanager
    def swapping(self) -> Iterator[None]:
        """The turn among threads alone, to put into memory what no store knows. Raises StoreFault."""
        with self._turn():
            with self._applying():
                yield
            self.view = self.draft

    @property
    def is_snapshot_due(self) -> bool:
        """Whether the store is worth a snapshot, and there is none or one that is far behind."""
        labels, cached = self.memory.live_count, self._snapshot
        if labels < limits.SNAPSHOT_LABELS_MIN:
            return False
        behind_max = max(limits.SNAPSHOT_LABELS_BEHIND_MIN, labels // _SNAPSHOT_BEHIND_SHARE)
        return (
            cached is None
            or self.memory.next_seq - 1 - cached.seq > behind_max
            or self.memory.position - cached.position > limits.SNAPSHOT_CHANGES_BEHIND_MAX
        )

    def keep_snapshot(self, known: Known, content: bytes) -> bool:
        """Cache a snapshot, unless more than lessons came since; whether it is cached. Raises StoreFault."""
        with self._caches.lock():
            if not self._store.has_seen(known) or not self._is_only_taught(known):
                return False
            self._caches.save_snapshot(known, content)
            self._snapshot = known
            return True

    def discard_snapshot(self) -> None:
        """Delete the cached snapshot, as more than a lesson comes; for whoever has the lock of the caches."""
        self._snapshot = None
        self._caches.discard_snapshot()

    def is_only_taught_since(self, memory: Memory) -> bool:
        """Whether nobody, here or in another process, did more than teach the tenant since this memory.

        So whether what was made of it may be cached; for whoever holds the lock of the caches.
        """
        return self.is_current(memory) and self._is_only_taught(memory.known)

    def catch_up(self) -> None:
        """Take over what other processes have committed. Raises StoreFault, ModelFault."""
        with self._turn():
            self._follow(self._store.position())
            self.view = self.draft

    def close(self) -> None:
        """Release the store's files, once nobody has the turn."""
        with self.turn:
            self._is_closed = True
            self._store.close()

    def rebuild(self, heads: Heads) -> None:
        """Make memory anew from the store, with these heads, and with the graph if it has no dead text."""
        with self._applying():
            whole = self.memory.all_texts_alive
            snapshot = self._store.snapshot()
            same_texts = whole and len(snapshot.texts) == len(self.memory.texts)
            self.memory = self._memory_of(snapshot, self.memory.graph if same_texts else None, heads)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self.turn:
            if self.is_damaged:
                self.memory, self._draft = self._read(), None
                self.is_damaged = False
            yield

    def _follow(self, position: int) -> None:
        """Bring memory to the store's position, where others have committed."""
        if position == self.memory.position:
            return
        tail = self._store.tail(self.memory.known)
        with self._applying():
            if tail is None:
                self.memory = self._read()
            else:
                if tail.encoder is not None:
                    self._switch(tail.encoder)
                self.memory.learn(tail.change, tail.outcome_seqs)
                self.memory.know(tail.known)
                self.memory.rules = tail.rules
                self._heed()

    def _switch(self, fingerprint: str) -> None:
        """Follow another process that has changed the encoder: what memory has but for vectors stays."""
        encoder, memory = self._encoder_named(fingerprint), self.memory
        ids, vectors = self._store.vectors()
        if len(ids) and vectors.shape[1] != encoder.dimensions:
            raise StoreCorrupt("the store's vectors are not its encoder's")
        store_ids = memory.text_names.store_ids.prefix(len(memory.texts))
        matrix, _ = aligned(store_ids, ids, vectors, encoder)  # zeros for texts that are gone
        memory.switch(encoder, matrix, CategoryVectors.of(memory.chart, encoder), None)

    def _is_only_taught(self, known: Known) -> bool:
        tail = self._store.tail(known)
        return tail is not None and tail.encoder is None

    def _heed(self) -> None:
        """Have memory know the testimonies that the store has."""
        self.memory.testimonies = self._store.testimonies(self.memory.testimonies)

    def _read(self) -> Memory:
        """Memory as the store has it: by the cached snapshot and what came since, where that can be told."""
        cached = self._caches.snapshot(self._store.has_seen)
        if cached is not None:
            try:
                if (memory := self._followed(cached)) is not None:
                    self._snapshot = cached.known
                    return memory
            except StoreCorrupt:
                # It was written whole, and does not fit together all the same. The store may.
                self._caches.discard_snapshot()
        self._snapshot = None
        return self._memory_at(self._store.snapshot())

    def _followed(self, cached: Snapshot) -> Memory | None:
        """Memory from a cached snapshot and what came since; None where there is no telling."""
        tail = self._store.tail(cached.known)
        if tail is None or tail.encoder is not None:
            return None
        memory = self._memory_at(cached)
        memory.rules = tail.rules  # No snapshot caches them.
        if tail.known.position > cached.known.position:
            memory.learn(tail.change, tail.outcome_seqs)
            memory.know(tail.known)
        return memory

    def _memory_at(self, snapshot: Snapshot) -> Memory:
        """Memory with the graph and the heads that are cached."""
        graph = self._caches.graph(snapshot.texts, self._encoder_of(snapshot))
        heads = self._caches.heads(len(snapshot.categories), snapshot.record.revision)
        return self._memory_of(snapshot, graph, heads or Heads())

    def _memory_of(self, snapshot: Snapshot, graph: Graph | None, heads: Heads) -> Memory:
        encoder = self._encoder_of(snapshot)
        models = Hindsight(encoder, self._vote).fingerprint
        memory = Memory(snapshot, encoder, graph, heads, self._vote.pooled, models)
        memory.testimonies = self._store.testimonies(memory.testimonies)
        return memory

    def _encoder_of(self, snapshot: Snapshot) -> Encoder:
        return self._encoder_named(snapshot.record.encoder_fingerprint)

    def _encoder_named(self, fingerprint: str) -> Encoder:
        encoder = self._encoders.of(fingerprint)
        if encoder is None:
            raise ModelFault(f"the encoder {fingerprint}, whose vectors the tenant has, is not at hand")
        return encoder

    @contextmanager
    def _applying(self) -> Iterator[None]:
        """Where memory cannot follow the store (there is none left, say), it is damaged."""
        self._draft = None
        try:
            yield
        except BaseException:
            self.is_damaged = True
            raise
