"""The process that :mod:`likewise_engine.background` starts: ``python -m`` this module, with a vote's folder.

Each line of its input is a job, and each gets a reply: a line with the length of the rest, a line of JSON,
and the content, if there is any.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from io import BytesIO, FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from threadpoolctl import threadpool_limits

from likewise_engine import limits
from likewise_engine.background import (
    ENCODE,
    GRAPH,
    HEADS,
    PREPARE,
    PROGRESS,
    REPLAY,
    REVIEW,
    SNAPSHOT,
)
from likewise_engine.encoder import Encoder, load_encoder
from likewise_engine.errors import LikewiseError, ModelFault
from likewise_engine.folder import STORE_NAME
from likewise_engine.head import Heads
from likewise_engine.index.graph import Graph
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.caches import HEADS_IDENTITY, identity_of
from likewise_engine.ledger.head_training import train_heads
from likewise_engine.ledger.hindsight import Hindsight, Replay
from likewise_engine.ledger.lesson import as_stored
from likewise_engine.ledger.memory import Memory
from likewise_engine.ledger.next_memory import prepared
from likewise_engine.review import ReviewOptions, review
from likewise_engine.store.snapshot_file import written_snapshot
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.tracebacks import traceback_of
from likewise_engine.vote import Vote, load_vote

_NICE: Final = 19
_ENCODERS_KEPT: Final = 2
_TELL_EVERY_S: Final = 0.25
_IDLE_S: Final = 60.0
"""Without a job for so long, it ends: it has 100 MB that others may need."""


class Jobs:
    """Does jobs, with the models that serve."""

    def __init__(self, vote: Vote) -> None:
        self._vote = vote
        self._encoders: dict[str, Encoder] = {}

    def done(
        self, job: Mapping[str, str], tell: Callable[[int, int], None]
    ) -> tuple[Mapping[str, Any], bytes]:
        """What comes of a job: what is stated of it, and its content.

        Args:
            job: as it was sent.
            tell: how much is done of it, and how much there is to do.

        Raises:
            LikewiseError: it could not be done.
        """
        encoder = self._encoder(job["model"])
        models = Hindsight(encoder, self._vote).fingerprint
        if job["models"] != models:
            raise ModelFault("the models are others than those that serve: they were changed on disk")
        key = TenantKey(job["tenant"], bytes.fromhex(job["key"]))
        with closing(SqliteStore(Path(job["folder"]) / STORE_NAME, key)) as store:
            if job["what"] == SNAPSHOT:
                known, content = written_snapshot(store)
                return asdict(known), content
            if job["what"] == ENCODE:
                return _encode(store, encoder, int(job["after"]))
            if job["what"] == PREPARE:
                return _prepare(store, encoder, self._vote, wants_graph=bool(job["graph"]))
            memory = Memory(store.snapshot(), encoder, None, Heads(), self._vote.pooled, models)
            if job["what"] == REVIEW:
                return self._review(memory, store, ReviewOptions.from_json(json.loads(job["options"])), tell)
            return {GRAPH: self._graph, HEADS: self._heads, REPLAY: self._replay}[job["what"]](memory, store)

    def _encoder(self, folder: str) -> Encoder:
        """That of a folder. During a change there are two, and no more are kept."""
        if folder not in self._encoders:
            while len(self._encoders) >= _ENCODERS_KEPT:
                del self._encoders[next(iter(self._encoders))]
            self._encoders[folder] = load_encoder(Path(folder) if folder else None)
        return self._encoders[folder]

    def _graph(self, memory: Memory, _store: SqliteStore) -> tuple[Mapping[str, Any], bytes]:
        graph = Graph.build(memory.view().index.matrix)
        if graph is None:
            return {}, b""
        identity = identity_of(memory.texts, memory.encoder.fingerprint)(graph.count)
        return {"identity": identity}, graph.packed()

    def _review(
        self, memory: Memory, store: SqliteStore, options: ReviewOptions, tell: Callable[[int, int], None]
    ) -> tuple[Mapping[str, Any], bytes]:
        def progress(done: int, goal: int) -> bool:
            tell(done, goal)
            return True

        found = review(memory.view(), memory.encoder, self._vote, store.entries_by_id, options, progress)
        if found is None:
            raise ValueError("a review that nobody gave up was given up")
        return {}, json.dumps(found.to_json()).encode()

    def _heads(self, memory: Memory, _store: SqliteStore) -> tuple[Mapping[str, Any], bytes]:
        heads = train_heads(memory.view(), lambda: True) or Heads()
        content = BytesIO()
        heads.write(content)
        return heads.stated(HEADS_IDENTITY), content.getvalue()

    def _replay(self, memory: Memory, store: SqliteStore) -> tuple[Mapping[str, Any], bytes]:
        hindsight = Hindsight(memory.encoder, self._vote)
        replay = hindsight.replay(memory.view(), store, memory.judged(), lambda: True)
        if replay is None:
            raise ValueError("a replay that nobody gave up was given up")
        return _stated(replay), b""


def _stated(replay: Replay) -> dict[str, Any]:
    outcomes = [(o.transaction_id, o.predicted, o.probability) for o in replay.outcomes]
    return {"revision": replay.revision, "outcomes": outcomes, "right": list(replay.right)}


def _encode(store: SqliteStore, encoder: Encoder, after: int) -> tuple[Mapping[str, Any], bytes]:
    missing = store.next_vectors.missing(after, limits.NEXT_VECTORS_PIECE)
    vectors = as_stored(encoder, [text for _, text in missing]).astype("<f2")
    return {"ids": [key for key, _ in missing], "dimensions": encoder.dimensions}, vectors.tobytes()


def _prepare(
    store: SqliteStore, encoder: Encoder, vote: Vote, *, wants_graph: bool
) -> tuple[Mapping[str, Any], bytes]:
    ready = prepared(store, encoder, vote, wants_graph=wants_graph)
    if ready is None:
        raise ValueError("what nobody gave up was given up")
    stated = {
        "count": len(ready.ids),
        "dimensions": encoder.dimensions,
        "graph_identity": ready.graph_identity,
        "replay": None if ready.replay is None else _stated(ready.replay),
    }
    content = (ready.ids.astype("<i8").tobytes(), ready.vectors.astype("<f2").tobytes(), ready.graph)
    return stated, b"".join(content)


def main() -> None:
    """Do jobs until the input ends, or there is none for long."""
    sys.excepthook = _note_end
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # From a terminal all processes get it.
    os.nice(_NICE)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    threadpool_limits(limits=1, user_api="blas")
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # Unbuffered: whoever reads holds the lock of a buffer, for want of which Python would abort at its end.
    standard_input = FileIO(sys.stdin.fileno(), closefd=False)
    threading.Thread(target=_read, args=(standard_input, lines), daemon=True).start()
    vote = Path(sys.argv[1]) if sys.argv[1] else None
    jobs: Jobs | None = None
    while True:
        try:
            line = lines.get(timeout=_IDLE_S)
        except queue.Empty:
            return
        try:
            jobs = jobs or Jobs(load_vote(vote))
            stated, content = jobs.done(json.loads(line), _Told())
        except LikewiseError as error:
            stated, content = {"error": error.message}, b""
        _send(stated, content)


class _Told:
    """Tells how far a job is, now and then."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def __call__(self, done: int, goal: int) -> None:
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _TELL_EVERY_S
            _send({PROGRESS: [done, goal]}, b"")


def _send(stated: Mapping[str, Any], content: bytes) -> None:
    head = json.dumps(stated).encode() + b"\n"
    sys.stdout.buffer.write(b"%d\n%b%b" % (len(head) + len(content), head, content))
    sys.stdout.buffer.flush()


def _note_end(_kind: type[BaseException], error: BaseException, _traceback: TracebackType | None) -> None:
    """Tell standard error, which is the server's log, what ended the process; nothing of the books."""
    sys.stderr.write(f"{traceback_of(error)}\n")


def _read(file: FileIO, lines: "queue.SimpleQueue[bytes]") -> None:
    """Pass lines on; where they end, nobody waits for anything any more."""
    for line in file:
        lines.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
