"""What takes seconds is made in a process of its own, at the lowest priority, so that no call waits for it.

Training heads, replaying history and building graphs take the interpreter's lock or a core of the processor:
in a thread beside calls they take what calls need. The process reads a tenant's store, by the code that a
ledger runs, makes what it is asked for, and writes it to its standard output; it changes nothing. Whether
what it made is still of use is for the ledger to say, which takes it over under its own locks: so one at the
lowest priority never holds a lock that somebody waits for.

It is started by the first job, does one at a time, ends by itself when there was none for a while, and is
killed where a job is given up. It dies with the process that started it: its input then ends.
"""

import json
import os
import selectors
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np

from likewise_engine import limits
from likewise_engine.errors import EngineFault
from likewise_engine.head import Heads
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.hindsight import NO_ID, Replay, encoder_of
from likewise_engine.ledger.next_memory import Prepared
from likewise_engine.review import Review, ReviewOptions
from likewise_engine.review.pace import Progress
from likewise_engine.store.base import Known, Outcome, Vectors

GRAPH: Final = "graph"
HEADS: Final = "heads"
REPLAY: Final = "replay"
REVIEW: Final = "review"
PROGRESS: Final = "progress"
"""Of a reply that is not the last: what is done of a job, and how much there is to do."""
SNAPSHOT: Final = "snapshot"
ENCODE: Final = "encode"
PREPARE: Final = "prepare"
_POLL_S: Final = 0.05
"""How soon a job is given up that nobody wants any more."""
_READ_BYTES: Final = 1 << 20


class Background:
    """The process, as those see it who have jobs for it: one thread at a time."""

    def __init__(
        self,
        model: Path | None = None,
        vote: Path | None = None,
        folder_of: Callable[[str], Path | None] = lambda _: None,
    ) -> None:
        """Make ready; nothing is started yet.

        Args:
            model: folder of the encoder, as :func:`likewise_engine.encoder.load_encoder` has it.
            vote: folder of the vote, likewise.
            folder_of: says where the model of another encoder is, by its fingerprint.
        """
        self._model = model
        self._folder_of = folder_of
        command = [sys.executable, "-m", "likewise_engine.background_process"]
        self._command = [*command, "" if vote is None else str(vote)]
        self._process: subprocess.Popen[bytes] | None = None

    def graph(
        self, folder: Path, key: TenantKey, models: str, keep_on: Callable[[], bool]
    ) -> tuple[bytes, str] | None:
        """A graph over the texts of a tenant by now, packed, and their identity, as Caches has it.

        Args:
            folder: of its store.
            key: the tenant's.
            models: fingerprint of those that serve, as Hindsight has it.
            keep_on: asked now and then; the job is given up when it says no.

        Returns:
            Both; None when it said no, and of no texts.

        Raises:
            EngineFault: it could not be built.
        """
        made = self._made(self._job(GRAPH, folder, key, models), keep_on)
        if made is None or not made[1]:
            return None
        return made[1], made[0]["identity"]

    def heads(self, folder: Path, key: TenantKey, models: str, keep_on: Callable[[], bool]) -> Heads | None:
        """Heads of a tenant, as it is by now. The rest is as in :meth:`graph`."""
        made = self._made(self._job(HEADS, folder, key, models), keep_on)
        return None if made is None else Heads.read(BytesIO(made[1]), made[0], limits.CATEGORIES_MAX)

    def replay(self, folder: Path, key: TenantKey, models: str, keep_on: Callable[[], bool]) -> Replay | None:
        """What comes of a replay of a tenant, as it is by now. The rest is as in :meth:`graph`."""
        made = self._made(self._job(REPLAY, folder, key, models), keep_on)
        if made is None:
            return None
        return _replay(made[0])

    def snapshot(
        self, folder: Path, key: TenantKey, models: str, keep_on: Callable[[], bool]
    ) -> tuple[Known, bytes] | None:
        """A tenant's snapshot as it is written, and how much it is. The rest is as in :meth:`graph`."""
        made = self._made(self._job(SNAPSHOT, folder, key, models), keep_on)
        return None if made is None else (Known(**made[0]), made[1])

    def encode(
        self, folder: Path, key: TenantKey, models: str, after: int, keep_on: Callable[[], bool]
    ) -> tuple[Sequence[int], Vectors] | None:
        """Vectors for texts beyond an id that have none of the next encoder: ids, ascending, and vectors.

        Args and all else are as in :meth:`graph`, with the next encoder among the models.
        """
        made = self._made(self._job(ENCODE, folder, key, models) | {"after": str(after)}, keep_on)
        return None if made is None else (made[0]["ids"], _matrix(made[1], made[0]["dimensions"]))

    def prepare(
        self, folder: Path, key: TenantKey, models: str, keep_on: Callable[[], bool], *, wants_graph: bool
    ) -> Prepared | None:
        """What a tenant's switch to the next encoder takes, with a graph or without.

        All else is as in :meth:`encode`.
        """
        wanted = {"graph": "yes" if wants_graph else ""}
        made = self._made(self._job(PREPARE, folder, key, models) | wanted, keep_on)
        if made is None:
            return None
        stated, content = made
        ids_end = stated["count"] * np.dtype("<i8").itemsize
        graph_start = ids_end + stated["count"] * stated["dimensions"] * np.dtype("<f2").itemsize
        return Prepared(
            ids=np.frombuffer(content[:ids_end], dtype="<i8"),
            vectors=_matrix(content[ids_end:graph_start], stated["dimensions"]),
            graph=content[graph_start:],
            graph_identity=stated["graph_identity"],
            replay=None if stated["replay"] is None else _replay(stated["replay"]),
        )

    def review(
        self, folder: Path, key: TenantKey, models: str, options: ReviewOptions, progress: Progress
    ) -> Review | None:
        """What a review finds of a tenant, as it is by now; the rest is as in :meth:`graph`.

        Args:
            folder: of its store.
            key: the tenant's.
            models: fingerprint of those that serve, as Hindsight has it.
            options: how much to look at.
            progress: called now and then; the review is given up when it says no.
        """
        job = {**self._job(REVIEW, folder, key, models), "options": json.dumps(options.to_json())}
        so_far = [0, 0]

        def note(done: int, goal: int) -> None:
            so_far[:] = done, goal

        made = self._made(job, lambda: progress(*so_far), note)
        return None if made is None else Review.from_json(json.loads(made[1]))

    def close(self) -> None:
        """End the process, whatever it does. A later job starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _job(self, what: str, folder: Path, key: TenantKey, models: str) -> dict[str, str]:
        """A job as it is sent, through a pipe that nobody else reads: that is how the key gets there."""
        model = self._folder_of(encoder_of(models)) or self._model
        return {
            "what": what,
            "folder": str(folder),
            "tenant": key.tenant,
            "key": key.secret.hex(),
            "models": models,
            "model": "" if model is None else str(model),
        }

    def _made(
        self,
        job: Mapping[str, str],
        keep_on: Callable[[], bool],
        note: Callable[[int, int], None] = lambda _done, _goal: None,
    ) -> tuple[dict[str, Any], bytes] | None:
        """What comes of a job: what is stated of it, and its content. ``note`` is told how far it is."""
        try:
            reply = self._reply(job, keep_on, note)
        except BaseException:
            self.close()  # whatever it does by now is not what the next job expects
            raise
        if reply is None:
            self.close()
            return None
        stated, content = reply
        if "error" in stated:
            raise EngineFault(stated["error"])
        return stated, content

    def _reply(
        self, job: Mapping[str, str], keep_on: Callable[[], bool], note: Callable[[int, int], None]
    ) -> tuple[dict[str, Any], bytes] | None:
        line = json.dumps(job).encode() + b"\n"
        try:
            return self._exchanged(line, keep_on, note)
        except (BrokenPipeError, EOFError):
            # It had just ended, having had nothing to do for long.
            self.close()
            return self._exchanged(line, keep_on, note)

    def _exchanged(
        self, line: bytes, keep_on: Callable[[], bool], note: Callable[[int, int], None]
    ) -> tuple[dict[str, Any], bytes] | None:
        """Send a job, and receive its reply; None if given up. Raises BrokenPipeError, EOFError."""
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        process = self._process
        if process.stdin is None or process.stdout is None:
            raise ValueError("a process without pipes")
        process.stdin.write(line)
        received, expected = bytearray(), -1
        # Not by select(), which knows 1,024 files: a server with a thousand warm tenants has more.
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while True:
                if expected < 0 and b"\n" in received:
                    # The first line says how long the rest is.
                    length, _, received = received.partition(b"\n")
                    expected = int(length)
                if 0 <= expected <= len(received):
                    stated, content = _parted(bytes(received[:expected]))
                    if PROGRESS not in stated:
                        return stated, content
                    note(*stated[PROGRESS])
                    received, expected = received[expected:], -1
                    continue
                if not keep_on():
                    return None
                if not selector.select(_POLL_S):
                    continue
                piece = os.read(process.stdout.fileno(), _READ_BYTES)
                if not piece:
                    raise EOFError("the background process died")
                received += piece


def _parted(reply: bytes) -> tuple[dict[str, Any], bytes]:
    """What a reply states, and its content."""
    head, _, content = reply.partition(b"\n")
    return json.loads(head), content


def _replay(stated: Mapping[str, Any]) -> Replay:
    outcomes = [
        Outcome(NO_ID, transaction_id, predicted, probability, is_filed=False)
        for transaction_id, predicted, probability in stated["outcomes"]
    ]
    return Replay(stated["revision"], outcomes, stated["right"])


def _matrix(content: bytes, dimensions: int) -> Vectors:
    return np.frombuffer(content, dtype="<f2").reshape(-1, dimensions)
