"""An import in several processes, each of which imports its share of the tenants.

Python computes in one thread of a process at a time. Every process reads the files itself, passes over the
rows that are not its own, and goes the way of any import from there: nothing is handed from one to another
but what is told of it. They are started anew rather than forked, for polars has threads by then, which a fork
would leave behind.

All hold the folder's lock, which they inherit. They die with the one that started them. Ctrl-C reaches that
one alone, which has the others stop between two batches.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Final, Self

from likewise_engine.errors import EngineFault, LikewiseError
from likewise_engine.folder import DataFolder
from likewise_indexer.bulk.dialogue import Command, Done, InVain, Job, Read, Rejected, Said
from likewise_indexer.bulk.job import AllRejected, Progress
from likewise_indexer.bulk.shares import Share
from likewise_indexer.bulk.source import Source, SourceOptions
from likewise_indexer.bulk.tally import Tally
from likewise_indexer.interrupts import without_interrupts
from likewise_indexer.readers import RejectedRow

_LOOK_EVERY_S: Final = 0.2
"""Whether the import is still wanted."""
_LEAVE_S: Final = 30.0
"""Until a process that was told to stop has closed its tenants; then it is killed."""


class ImportFailed(LikewiseError):
    """A process of the import met an error, which the message states. What was committed stays."""

    reason = "IMPORT_FAILED"


class ImporterLost(EngineFault):
    """A process of the import ended before its work was done. What was committed stays."""

    reason = "IMPORTER_LOST"


@dataclass(frozen=True, slots=True)
class ImportFolder:
    """Where to, and with what.

    Attributes:
        path: of the data folder.
        model: folder of the encoder; None for the shipped one.
        vote: folder of the vote; None for the shipped one.
        memory_bytes_max: for the tenants that all processes have loaded.
        creates: whether tenants that do not exist are created.
        master_key_file: of the keys that wrap the tenants' keys; None where these lie in the clear.
    """

    path: Path
    model: Path | None
    vote: Path | None
    memory_bytes_max: int
    creates: bool
    master_key_file: Path | None = None


class _Importer:
    """One of the processes, as the first one sees it."""

    def __init__(self, lock: int, threads: int) -> None:
        ours, theirs = Pipe()
        self.connection: Connection[Command | Job, Said] = ours
        with theirs, without_interrupts():
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                [sys.executable, "-m", "likewise_indexer.bulk.process", str(theirs.fileno())],
                pass_fds=(theirs.fileno(), lock),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**os.environ, "POLARS_MAX_THREADS": str(threads)},
            )
        self.read = Read(0, 0, is_any_taken=False)
        self.has_taken = False
        """Whether any of its rows was right."""
        self.in_vain: str | None = None
        """What it would say, waiting for the answer to it, where all of its rows so far were rejected."""

    def tell(self, what: Command | Job) -> None:
        """Send something; one that has died is found out by whoever waits for its answer."""
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(what)

    def heard(self) -> Said:
        """What it says. Raises ImporterLost where it has died."""
        try:
            return self.connection.recv()
        except (EOFError, ConnectionResetError) as error:
            raise ImporterLost(
                f"a process of this import {self._ending()}: run the same command again; what is in already"
                " stays. If memory was short, try fewer --jobs"
            ) from error

    def close(self, *, at_once: bool) -> None:
        """See it end."""
        if not at_once:
            self.tell(Command.STOP)
            try:
                self._process.wait(_LEAVE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self.connection.close()
        self._process.wait()

    def _ending(self) -> str:
        status = self._process.wait()
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"failed (status {status})"


class ImportProcesses:
    """The processes of one import; a context manager, at whose end none is left.

    Args:
        folder: where to.
        shares: one for each process.
        options: what the user said about the files.

    Raises:
        DataFolderInUse, StoreFault: the folder cannot be opened.
    """

    def __init__(self, folder: ImportFolder, shares: Sequence[Share], options: SourceOptions) -> None:
        self._folder = folder
        self._shares = shares
        self._options = options
        self._data = DataFolder(folder.path, master_key_file=folder.master_key_file)
        threads = max(1, (os.cpu_count() or 1) // len(shares))
        self.importers: list[_Importer] = []
        try:
            for _ in shares:
                self.importers.append(_Importer(self._data.lock, threads))
        except BaseException:
            self._close(at_once=True)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._close(at_once=kind is not None)

    def start(self, sources: Sequence[Source]) -> None:
        """Have them import."""
        files = [(source.reader.path, source.plan, source.conventions) for source in sources]
        folder = self._folder
        for importer, share in zip(self.importers, self._shares, strict=True):
            importer.tell(
                Job(
                    folder.path,
                    self._data.lock,
                    folder.model,
                    folder.vote,
                    folder.memory_bytes_max // len(self._shares),
                    folder.creates,
                    self._options,
                    files,
                    share,
                    folder.master_key_file,
                )
            )

    def tell(self, command: Command) -> None:
        """Tell all of them."""
        for importer in self.importers:
            importer.tell(command)

    def finish(self) -> None:
        """Wait until graphs are built, heads trained, and the history replayed that calibrates.

        Raises:
            ImporterLost: one of them died.
        """
        self.tell(Command.FINISH)
        for importer in self.importers:
            importer.heard()

    def _close(self, *, at_once: bool) -> None:
        for importer in self.importers:
            importer.close(at_once=at_once)
        self._data.close()


class SharedImport:
    """One import by several processes; run it once. It does as :class:`BulkImport`, and is told of it alike.

    Rejected rows come in no order, and all of them before the end.

    Args:
        processes: which do it.
        on_rejected: called with each rejected row.
        on_progress: called now and then.
        keep_on: asked now and then; the import ends when it says no.
    """

    def __init__(
        self,
        processes: ImportProcesses,
        *,
        on_rejected: Callable[[Source, RejectedRow], None] = lambda _source, _rejected: None,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
        keep_on: Callable[[], bool] = lambda: True,
    ) -> None:
        self.tally = Tally()
        """What it has come to, once it is at its end, or at an error."""
        self._processes = processes
        self._on_rejected = on_rejected
        self._on_progress = on_progress
        self._keep_on = keep_on
        self._working = list(processes.importers)
        self._error: LikewiseError | None = None
        self._is_stopping = False

    def run(self, sources: Sequence[Source]) -> Tally:
        """Import the files.

        Returns:
            The tally; not complete where it was told to end.

        Raises:
            AllRejected: every one of the first rows of each process was rejected.
            ImportFailed: a process met an error.
            ImporterLost: a process died; what it had committed is missing in the tally.
        """
        bytes_total = sum(source.reader.bytes_total for source in sources)
        self._processes.start(sources)
        is_complete = True
        while self._working:
            if not self._keep_on():
                self._stop()
            ready = wait([importer.connection for importer in self._working], _LOOK_EVERY_S)
            for importer in [one for one in self._working if one.connection in ready]:
                try:
                    said = importer.heard()
                except ImporterLost as error:
                    self._lose(importer, error)
                    continue
                if isinstance(said, Rejected):
                    self._on_rejected(sources[said.file], said.row)
                elif isinstance(said, Read):
                    importer.read = said
                    importer.has_taken |= said.is_any_taken
                    self._on_progress(self._progress(bytes_total))
                elif isinstance(said, InVain):
                    importer.in_vain = said.message
                elif isinstance(said, Done):
                    self._working.remove(importer)
                    self.tally.include(said.tally)
                    total = said.tally.total
                    importer.has_taken |= bool(total.committed or total.skipped)
                    is_complete &= said.tally.is_complete
                    if said.error is not None:
                        self._fail(ImportFailed(said.error))
            self._answer_in_vain()
        if self._error is not None:
            raise self._error
        self.tally.is_complete = is_complete
        return self.tally

    def _progress(self, bytes_total: int) -> Progress:
        importers = self._processes.importers
        bytes_read = sum(importer.read.bytes_read for importer in importers) // len(importers)
        return Progress(bytes_read, bytes_total, sum(importer.read.rows for importer in importers))

    def _answer_in_vain(self) -> None:
        """Have processes go on that took no row so far, if any other has taken one; end if none can."""
        waiting = [importer for importer in self._working if importer.in_vain is not None]
        if not waiting or self._is_stopping:
            return
        if any(importer.has_taken for importer in self._processes.importers):
            for importer in waiting:
                importer.in_vain = None
                importer.tell(Command.GO_ON)
        elif len(waiting) == len(self._working):
            self._fail(AllRejected(waiting[0].in_vain or ""))

    def _lose(self, importer: _Importer, error: ImporterLost) -> None:
        self._working.remove(importer)
        self._fail(error)

    def _fail(self, error: LikewiseError) -> None:
        """End with the first error; the others stop where they are."""
        self._error = self._error or error
        self._stop()

    def _stop(self) -> None:
        if not self._is_stopping:
            self._is_stopping = True
            self._processes.tell(Command.STOP)
