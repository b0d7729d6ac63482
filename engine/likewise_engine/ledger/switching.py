"""A tenant's change to another encoder, while the one that it has serves.

Aside, in pieces: the texts are encoded, and the vectors kept in the store (so whoever is killed goes on where
it stopped); then what they are searched and judged by, a graph and a replay of history, is made of them. The
switch is one commit, under the turn: whatever was learned meanwhile is encoded, all vectors take the place of
the former ones in the store and in memory, and one assignment publishes the view. So a question sees the one
encoder or the other, and a lesson waits for some ten milliseconds. Heads stay: they hash texts.

Who is in another process hears of it as of any change, and reads the tenant anew.

The former vectors are gone then: to go back is to change again. Chosen against keeping them: half as much
disk again for as long as nobody says that they may go, and they are made as fast as they were the first time.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from likewise_engine import limits
from likewise_engine.audit import UPKEEP, Action, Note
from likewise_engine.background import Background
from likewise_engine.encoder.base import Encoder
from likewise_engine.index import texts
from likewise_engine.index.graph import Graph
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.aside import Aside
from likewise_engine.ledger.caches import identity_of
from likewise_engine.ledger.category_vectors import CategoryVectors
from likewise_engine.ledger.hindsight import Hindsight, Replay
from likewise_engine.ledger.lesson import as_stored
from likewise_engine.ledger.memory import Memory
from likewise_engine.ledger.next_memory import Prepared, prepared
from likewise_engine.ledger.vectors import aligned
from likewise_engine.store.base import Change, OutcomeChange, Vectors
from likewise_engine.vote import Vote

_TRIES: Final = 3
"""While a tenant is imported in bulk, more is learned during each preparation than a switch may encode."""


class Switching(Aside):
    """The side of a ledger that the change of its encoder sees; for whoever has the right to its upkeep."""

    _vote: Vote

    def change_encoder(
        self,
        encoder: Encoder,
        keep_on: Callable[[], bool] = lambda: True,
        encoded: Callable[[int], None] = lambda _: None,
        background: Background | None = None,
    ) -> bool:
        """Change to another encoder, whose text version is the same. Call it aside; nobody is held up.

        Args:
            encoder: the next one; where the tenant has it already, what is left of the change is done.
            keep_on: asked now and then; the change is given up when it says no. What was encoded is kept.
            encoded: told now and then how many texts more were encoded.
            background: where it is prepared, by nobody else meanwhile; in the caller's thread where None.

        Returns:
            Whether the encoder serves. It does not where it was given up, or so much is being learned that
            it is better tried again later.

        Raises:
            StoreFault, ModelFault: it does not serve yet.
        """
        self._drop_others(encoder.fingerprint)
        for _ in range(_TRIES):
            if self._state.memory.encoder.fingerprint == encoder.fingerprint:
                break
            if not self._encode(encoder, keep_on, encoded, background):
                return False
            ready = self._prepared(encoder, keep_on, background)
            if ready is None:
                return False
            self._switch(encoder, ready)
        if self._state.memory.encoder.fingerprint != encoder.fingerprint:
            return False
        self.drop_next_vectors()
        return True

    def drop_next_vectors(self) -> None:
        """Let go of vectors that are to serve no more, or do already. Raises StoreFault."""
        while self._store.next_vectors.encoder():
            with self._state.writing():
                self._store.next_vectors.drop(limits.NEXT_VECTORS_PIECE)

    def _drop_others(self, encoder: str) -> None:
        """Let go of what was encoded for another change."""
        if self._store.next_vectors.encoder() != encoder:
            self.drop_next_vectors()
        if self._state.memory.encoder.fingerprint != encoder:
            with self._state.writing():
                self._store.next_vectors.begin(encoder)

    def _encode(
        self,
        encoder: Encoder,
        keep_on: Callable[[], bool],
        encoded: Callable[[int], None],
        background: Background | None,
    ) -> bool:
        """Encode what has no vector, a piece at a time; whether all is done."""
        last = 0
        made: tuple[Sequence[int], Vectors]
        while keep_on():
            if background is None:
                missing = self._store.next_vectors.missing(last, limits.NEXT_VECTORS_PIECE)
                made = [key for key, _ in missing], as_stored(encoder, [text for _, text in missing])
            else:
                received = background.encode(*self._asked_for(encoder), last, keep_on)
                if received is None:
                    return False
                made = received
            ids, vectors = made
            if not ids:
                return True
            with self._state.writing():
                if not self._store.next_vectors.add(encoder.fingerprint, ids, vectors):
                    return False
            last = ids[-1]
            encoded(len(ids))
        return False

    def _prepared(
        self, encoder: Encoder, keep_on: Callable[[], bool], background: Background | None
    ) -> Prepared | None:
        wants_graph = len(self._state.memory.texts) > texts.EXACT_TEXTS_MAX
        if background is None:
            return prepared(self._store, encoder, self._vote, keep_on, wants_graph=wants_graph)
        return background.prepare(*self._asked_for(encoder), keep_on, wants_graph=wants_graph)

    def _asked_for(self, encoder: Encoder) -> tuple[Path, TenantKey, str]:
        return self._caches.folder, self._caches.key, Hindsight(encoder, self._vote).fingerprint

    def _switch(self, encoder: Encoder, ready: Prepared) -> bool:
        """Let the next vectors serve, unless too much was learned meanwhile; whether they do."""
        chart = self._state.memory.chart
        category_vectors = CategoryVectors.of(chart, encoder)
        graph = Graph.unpacked(ready.graph, encoder.dimensions) if ready.graph else None
        with ExitStack() as until_committed, self._state.writing():
            memory = self._state.memory
            store_ids = memory.text_names.store_ids.prefix(len(memory.texts))
            vectors, missing = aligned(store_ids, ready.ids, ready.vectors, encoder)
            if len(missing) > limits.SWITCH_TEXTS_MAX:
                if not memory.all_texts_alive:
                    self._state.rebuild(memory.heads)  # so that none of them is dead
                return False
            if len(missing):
                vectors[missing] = as_stored(encoder, [memory.texts[number] for number in missing])
            until_committed.enter_context(self._caches.lock())
            self._caches.discard_graph()
            self._state.discard_snapshot()

            def write() -> None:
                ids = store_ids[missing].tolist()
                self._store.next_vectors.add(encoder.fingerprint, ids, vectors[missing])
                self._store.next_vectors.serve()

            if graph is not None:
                named = identity_of(memory.texts, encoder.fingerprint)(graph.count)
                graph = graph if named == ready.graph_identity else None
            with self._state.following(write):
                named_by = category_vectors.following(memory.chart, chart, encoder)
                memory.switch(encoder, vectors, named_by, graph)
            self._judge(memory, ready.replay)
        if graph is not None:
            self._cache_graph(memory, graph, ready.graph)
        return True

    def _judge(self, memory: Memory, replay: Replay | None) -> None:
        """Take over what the next encoder's answers would have been: the tenant is calibrated by them."""
        hindsight = self._state.hindsight
        outcomes, rows = OutcomeChange(hindsight.fingerprint, memory.unreplayed), memory.rows_of([])
        if replay is not None:
            entries = self._store.entries_by_id([outcome.transaction_id for outcome in replay.outcomes])
            outcomes = hindsight.of_replay(replay, entries, memory)
            rows = memory.rows_of([entries[o.transaction_id].seq for o in outcomes.added])
        note = Note(UPKEEP, Action.CHANGE_ENCODER)
        with self._state.changing(Change(memory.revision, outcomes=outcomes, note=note)):
            memory.change_outcomes(outcomes, rows)

    def _cache_graph(self, memory: Memory, graph: Graph, packed: bytes) -> None:
        with self._caches.lock():
            if self._state.is_only_taught_since(memory):
                self._caches.save_graph(graph, memory.texts[: graph.count], memory.encoder, packed)
