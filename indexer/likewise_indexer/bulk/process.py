"""A process that imports its share: ``python -m`` this module, with the descriptor of a connection.

It does one :class:`Job` and ends when it is told to, or at once when the connection ends: then whoever
started it has died, and what is committed by then stays.
"""

import os
import sys
import threading
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from threadpoolctl import threadpool_limits

from likewise_engine.encoder_change import encoders_at
from likewise_engine.errors import LikewiseError
from likewise_engine.folder import DataFolder
from likewise_engine.tenants import Tenants
from likewise_engine.vote import load_vote
from likewise_indexer.bulk.dialogue import Command, Done, Finished, InVain, Job, Read, Rejected, Said
from likewise_indexer.bulk.engine_sink import EngineSink
from likewise_indexer.bulk.garbage import rare_collections
from likewise_indexer.bulk.job import AllRejected, BulkImport, Progress
from likewise_indexer.bulk.source import Source, reopened
from likewise_indexer.bulk.tally import Tally
from likewise_indexer.readers import RejectedRow


class Importer:
    """Does a job, and what it is told meanwhile."""

    def __init__(self, job: Job, connection: "Connection[Said, Command]") -> None:
        self._job = job
        self._connection = connection
        self._commands: SimpleQueue[Command] = SimpleQueue()
        self._is_stopped = threading.Event()
        self._sources: list[Source] = []
        threading.Thread(target=self._listen, name="commands", daemon=True).start()

    def run(self) -> None:
        """Import, and do what comes after."""
        try:
            self._sources = [reopened(*file, self._job.options) for file in self._job.files]
            tenants = self._tenants()
        except (LikewiseError, OSError) as error:
            self._connection.send(Done(Tally(), str(error)))
            self._commands.get()
            return
        with tenants, EngineSink(tenants, creates=self._job.creates) as sink:
            self._connection.send(self._imported(sink))
            if self._commands.get() is Command.FINISH:
                sink.finish()
                self._connection.send(Finished())
                self._commands.get()

    def _tenants(self) -> Tenants:
        return Tenants(
            DataFolder(self._job.folder, self._job.lock, master_key_file=self._job.master_key_file),
            encoders_at(self._job.folder, self._job.model),
            load_vote(self._job.vote),
            memory_bytes_max=self._job.memory_bytes_max,
        )

    def _imported(self, sink: EngineSink) -> Done:
        work = BulkImport(
            sink,
            share=self._job.share,
            on_rejected=self._tell_of_rejected,
            on_progress=lambda progress: self._tell_of_progress(progress, work),
            keep_on=lambda: not self._is_stopped.is_set(),
            goes_on_in_vain=self._goes_on_in_vain,
        )
        try:
            with rare_collections():
                work.run(self._sources)
        except (LikewiseError, OSError) as error:
            return Done(work.tally, str(error))
        return Done(work.tally, None)

    def _tell_of_rejected(self, source: Source, row: RejectedRow) -> None:
        self._connection.send(Rejected(self._sources.index(source), row))

    def _tell_of_progress(self, progress: Progress, work: BulkImport) -> None:
        self._connection.send(Read(progress.bytes_read, progress.rows, work.is_any_taken))

    def _goes_on_in_vain(self, error: AllRejected) -> bool:
        self._connection.send(InVain(error.message))
        # Told to stop, it goes on until the next look at whether it is to.
        return self._commands.get() in (Command.GO_ON, Command.STOP)

    def _listen(self) -> None:
        try:
            while True:
                command = self._connection.recv()
                if command is Command.STOP:
                    self._is_stopped.set()
                self._commands.put(command)
        except (EOFError, OSError):
            os._exit(1)


def main() -> None:
    """Do a job."""
    threadpool_limits(limits=1, user_api="blas")
    connection: Connection[Said, Any] = Connection(int(sys.argv[1]))
    Importer(connection.recv(), connection).run()


if __name__ == "__main__":
    main()
