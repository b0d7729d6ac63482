"""What the server's processes take of the machine, every few seconds, from beside them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from soak_side.population import Population

_BACKGROUND: Final = "likewise_engine.background_process"


@dataclass(frozen=True, slots=True)
class Sample:
    """What was taken at a moment.

    Attributes:
        at_s: seconds since the start.
        server_bytes: resident memory of the server's processes.
        background_bytes: likewise of the processes that make what is due; 0 while there is none.
        open_files: descriptors of the server's processes.
        threads: of the server's processes.
        disk_bytes: of all files of the data folder.
        tenants: that there were.
    """

    at_s: float
    server_bytes: int
    background_bytes: int
    open_files: int
    threads: int
    disk_bytes: int
    tenants: int


@contextmanager
def sampled(
    server: psutil.Process, data: Path, population: Population, started_s: float, every_s: float
) -> Iterator[list[Sample]]:
    """Sample for as long as the ``with`` lasts."""
    samples: list[Sample] = []
    stopped = threading.Event()

    def keep_sampling() -> None:
        while not stopped.wait(every_s):
            at_s = time.perf_counter() - started_s
            samples.append(Sample(at_s, *_taken(server), _disk_bytes(data), len(population)))

    thread = threading.Thread(target=keep_sampling)
    thread.start()
    try:
        yield samples
    finally:
        stopped.set()
        thread.join()


def columns_of(samples: list[Sample]) -> dict[str, list[float]]:
    """The samples as columns, by name."""
    rows = [asdict(sample) for sample in samples]
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _taken(server: psutil.Process) -> tuple[int, int, int, int]:
    """Memory of the server's processes and of those in the background, descriptors, threads."""
    server_bytes = background_bytes = open_files = threads = 0
    for process in (server, *server.children(recursive=True)):
        try:
            with process.oneshot():
                memory_bytes = process.memory_info().rss
                if _BACKGROUND in process.cmdline():
                    background_bytes += memory_bytes
                    continue
                server_bytes += memory_bytes
                open_files += process.num_fds()
                threads += process.num_threads()
        except psutil.NoSuchProcess:
            continue  # it ended since it was listed
    return server_bytes, background_bytes, open_files, threads


def _disk_bytes(folder: Path) -> int:
    total_bytes = 0
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # a tenant went
        total_bytes += status.st_blocks * 512
    return total_bytes
