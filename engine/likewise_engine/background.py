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
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from likewise_engine import limits
from likewise_engine.errors import EngineFault
from likewise_engine.head import Heads
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.hindsight import NO_ID, Replay
from likewise_engine.store.base import Known, Outcome

GRAPH: Final = "graph"
HEADS: Final = "heads"
REPLAY: Final = "replay"
SNAPSHOT: Final = "snapshot"
_POLL_S: Final = 0.05
"""How soon a job is given up that nobody wants any more."""
_READ_BYTES: Final = 1 << 20


class Background:
    """The process, as those see it who have jobs for it: one thread at a time."""

    def __init__(self, model: Path | None = None, vote: Path | None = None) -> None:
        """Make ready; nothing is started yet.

        Args:
            model: folder of the encoder, as :func:`likewise_engine.encoder.load_encoder` has it.
            vote: folder of the vote, likewise.
        """
        folders = [str(folder) if folder else "" for folder in (model, vote)]
        self._command = [sys.executable, "-m", "likewise_engine.background_process", *folders]
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
        made = self._made(_job(GRAPH, folder, key, models), keep_on)
        if made is None or not made[1]:
            return None
        return made[1], made[0]["identity"]

    def heads(self, folder: Path, key: TenantKey, models: str, keep_on: Callable[[], bool]) -> Heads | None:
        """Heads of a tenant, as it is by now. The rest is as in :meth:`graph`."""
        made = self._made(_job(HEADS, folder, key, models), keep_on)
        return None if made is None else Heads.read(BytesIO(made[1]), made[0], limits.CATEGORIES_MAX)

    def replay(self, folder: Path, key: TenantKey, models: str, keep_on: Callable[[], bool]) -> Replay | None:
        """What comes of a replay of a tenant, as it is by now. The rest is as in :meth:`graph`."""
        made = self._made(_job(REPLAY, folder, key, models), keep_on)
        if made is None:
            return None
        stated = made[0]
        outcomes = [
            Outcome(NO_ID, transaction_id, predicted, probability, is_filed=False)
            for transaction_id, predicted, probability in stated["outcomes"]
        ]
        return Replay(stated["revision"], outcomes, stated["right"])

    def snapshot(
        self, folder: Path, key: TenantKey, models: str, keep_on: Callable[[], bool]
    ) -> tuple[Known, bytes] | None:
        """A tenant's snapshot as it is written, and how much it is. The rest is as in :meth:`graph`."""
        made = self._made(_job(SNAPSHOT, folder, key, models), keep_on)
        return None if made is None else (Known(**made[0]), made[1])

    def close(self) -> None:
        """End the process, whatever it does. A later job starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _made(
        self, job: Mapping[str, str], keep_on: Callable[[], bool]
    ) -> tuple[dict[str, Any], bytes] | None:
        """What comes of a job: what is stated of it, and its content."""
        try:
            reply = self._reply(job, keep_on)
        except BaseException:
            self.close()  # whatever it does by now is not what the next job expects
            raise
        if reply is None:
            self.close()
            return None
        stated = json.loads(reply[0])
        if "error" in stated:
            raise EngineFault(stated["error"])
        return stated, reply[1]

    def _reply(self, job: Mapping[str, str], keep_on: Callable[[], bool]) -> tuple[bytes, bytes] | None:
        line = json.dumps(job).encode() + b"\n"
        try:
            received = self._exchanged(line, keep_on)
        except (BrokenPipeError, EOFError):
            # It had just ended, having had nothing to do for long.
            self.close()
            received = self._exchanged(line, keep_on)
        if received is None:
            return None
        head, _, content = received.partition(b"\n")
        return head, content

    def _exchanged(self, line: bytes, keep_on: Callable[[], bool]) -> bytes | None:
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
            while expected < 0 or len(received) < expected:
                if not keep_on():
                    return None
                if not selector.select(_POLL_S):
                    continue
                piece = os.read(process.stdout.fileno(), _READ_BYTES)
                if not piece:
                    raise EOFError("the background process died")
                received += piece
                if expected < 0 and b"\n" in received:
                    # The first line says how long the rest is.
                    length, _, received = received.partition(b"\n")
                    expected = int(length)
        return bytes(received)


def _job(what: str, folder: Path, key: TenantKey, models: str) -> dict[str, str]:
    """A job as it is sent, through a pipe that nobody else reads: that is how the key gets there."""
    return {
        "what": what,
        "folder": str(folder),
        "tenant": key.tenant,
        "key": key.secret.hex(),
        "models": models,
    }
