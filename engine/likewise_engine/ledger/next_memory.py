"""What it takes to serve a tenant by the next encoder: worked out aside.

In the background process, if there is one: so nobody ever waits for it, and the switch itself has little left
to do.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import StoreCorrupt
from likewise_engine.head import Heads
from likewise_engine.index.graph import Graph
from likewise_engine.ledger.caches import identity_of
from likewise_engine.ledger.hindsight import Hindsight, Replay
from likewise_engine.ledger.lesson import as_stored
from likewise_engine.ledger.memory import Memory, are_unit
from likewise_engine.ledger.vectors import aligned
from likewise_engine.store.base import Snapshot, TenantStore, Vectors
from likewise_engine.vote import Vote


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is ready for the switch.

    Attributes:
        ids: int64 ``(k,)``, of the texts whose vectors the store keeps, ascending.
        vectors: float16 ``(k, dimensions)``, theirs.
        graph: over the next vectors, if there are enough; packed, for that is how it is cached.
        graph_identity: names these vectors, as :func:`identity_of` does.
        replay: what the next encoder's answers would have been; None where there is nothing to replay.
    """

    ids: NDArray[np.int64]
    vectors: Vectors
    graph: bytes
    graph_identity: str
    replay: Replay | None


def prepared(
    store: TenantStore,
    encoder: Encoder,
    vote: Vote,
    keep_on: Callable[[], bool] = lambda: True,
    *,
    wants_graph: bool,
) -> Prepared | None:
    """Make ready what the switch takes; None if given up.

    Args:
        store: with the vectors of that encoder, as far as there are any.
        encoder: the next one.
        vote: weighs evidence.
        keep_on: asked now and then; it is given up when it says no.
        wants_graph: whether there are so many texts that a graph is due.

    Raises:
        StoreCorrupt: what the store keeps for the next encoder is none of its vectors.
        StoreFault, ModelFault.
    """
    ids, vectors = store.next_vectors.all()
    if len(ids) and (vectors.shape[1] != encoder.dimensions or not are_unit(vectors)):
        raise StoreCorrupt("a vector of the next encoder is none")
    memory = _memory(store.snapshot(), ids, vectors, encoder, vote)
    graph = Graph.build(memory.view().index.matrix, keep_on) if wants_graph else None
    replay = Hindsight(encoder, vote).replay(memory.view(), store, memory.judged(), keep_on)
    if replay is None or not keep_on():
        return None
    identity = identity_of(memory.texts, encoder.fingerprint)(graph.count) if graph else ""
    packed = graph.packed() if graph else b""
    return Prepared(ids, vectors, packed, identity, replay if len(memory) else None)


def _memory(
    snapshot: Snapshot, ids: NDArray[np.int64], vectors: Vectors, encoder: Encoder, vote: Vote
) -> Memory:
    """The tenant's memory as it would be; what was learned a moment ago is encoded here."""
    matrix, missing = aligned(snapshot.text_ids, ids, vectors, encoder)
    if len(missing):
        matrix[missing] = as_stored(encoder, [snapshot.texts[number] for number in missing])
    models = Hindsight(encoder, vote).fingerprint
    return Memory(replace(snapshot, vectors=matrix), encoder, None, Heads(), vote.pooled, models)
