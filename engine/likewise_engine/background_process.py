"""The process that :mod:`likewise_engine.background` starts: ``python -m`` this module, with two folders.

Each line of its input is a job, and each gets a reply: a line with the length of the rest, a line of JSON,
and the content, if there is any.
"""

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from io import BytesIO, FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from threadpoolctl import threadpool_limits

from likewise_engine.background import GRAPH, HEADS, REPLAY, SNAPSHOT
from likewise_engine.encoder import Encoder, load_encoder
from likewise_engine.errors import LikewiseError, ModelFault
from likewise_engine.folder import STORE_NAME
from likewise_engine.head import Heads
from likewise_engine.index.graph import Graph
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.caches import Caches
from likewise_engine.ledger.head_training import train_heads
from likewise_engine.ledger.hindsight import Hindsight
from likewise_engine.ledger.memory import Memory
from likewise_engine.store.snapshot_file import written_snapshot
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.tracebacks import traceback_of
from likewise_engine.vote import Vote, load_vote

_NICE: Final = 19
_IDLE_S: Final = 60.0
"""Without a job for so long, it ends: it has 100 MB that others may need."""


class Jobs:
    """Does jobs, with the models that serve."""

    def __init__(self, encoder: Encoder, vote: Vote) -> None:
        self._encoder = encoder
        self._vote = vote
        self._hindsight = Hindsight(encoder, vote)

    def done(self, job: Mapping[str, str]) -> tuple[Mapping[str, Any], bytes]:
        """What comes of a job: what is stated of it, and its content. Raises LikewiseError."""
        if job["models"] != self._hindsight.fingerprint:
            raise ModelFault("the models are others than those that serve: they were changed on disk")
        key = TenantKey(job["tenant"], bytes.fromhex(job["key"]))
        with closing(SqliteStore(Path(job["folder"]) / STORE_NAME, key)) as store:
            if job["what"] == SNAPSHOT:
                known, content = written_snapshot(store)
                return asdict(known), content
            pooled, fingerprint = self._vote.pooled, self._hindsight.fingerprint
            memory = Memory(store.snapshot(), self._encoder, None, Heads(), pooled, fingerprint)
            if job["what"] == GRAPH:
                return self._graph(memory, Caches(Path(job["folder"]), key, self._encoder.fingerprint))
            return {HEADS: self._heads, REPLAY: self._replay}[job["what"]](memory, store)

    def _graph(self, memory: Memory, caches: Caches) -> tuple[Mapping[str, Any], bytes]:
        graph = Graph.build(memory.view().index.matrix)
        if graph is None:
            return {}, b""
        return {"identity": caches.identity_of(memory.texts)(graph.count)}, graph.packed()

    def _heads(self, memory: Memory, _store: SqliteStore) -> tuple[Mapping[str, Any], bytes]:
        heads = train_heads(memory.view(), lambda: True) or Heads()
        content = BytesIO()
        heads.write(content)
        return heads.stated(self._encoder.fingerprint), content.getvalue()

    def _replay(self, memory: Memory, store: SqliteStore) -> tuple[Mapping[str, Any], bytes]:
        replay = self._hindsight.replay(memory.view(), store, memory.judged(), lambda: True)
        if replay is None:
            raise ValueError("a replay that nobody gave up was given up")
        outcomes = [(o.transaction_id, o.predicted, o.probability) for o in replay.outcomes]
        return {"revision": replay.revision, "outcomes": outcomes, "right": replay.right}, b""


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
    model, vote = (Path(folder) if folder else None for folder in sys.argv[1:3])
    jobs: Jobs | None = None
    while True:
        try:
            line = lines.get(timeout=_IDLE_S)
        except queue.Empty:
            return
        try:
            jobs = jobs or Jobs(load_encoder(model), load_vote(vote))
            stated, content = jobs.done(json.loads(line))
        except LikewiseError as error:
            stated, content = {"error": error.message}, b""
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
