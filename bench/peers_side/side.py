"""A system in a process of its own, together with whoever asks it: one side of the comparison.

So the memory of engines that run within a process can be told apart, no system's threads are in another's way
by Python's lock, and what is timed is timed by the asker, without the pipe to the benchmark. A side ends with
its pipe: whatever becomes of the benchmark, no server outlives it.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

import psutil

from peers_side.books import Batch, Question
from peers_side.catalogue import CATALOGUE

_IDLE_SHARE: Final = 0.02
"""Of one core. Servers look at their clocks even when they have nothing to do."""
_IDLE_S_MAX: Final = 1_800.0
_VISIBLE_S_MAX: Final = 10.0
_LET_END_S: Final = 5.0
_STOP_S_MAX: Final = 90.0

P = ParamSpec("P")
R = TypeVar("R")


class SideFailed(Exception):
    """A side ended before it answered; its traceback is on standard error."""


class Asked(NamedTuple):
    """What came of a question.

    Attributes:
        elapsed_ms: as its caller saw it, the embedding included where there was no vector.
        ids: of the neighbours, the nearest first.
    """

    elapsed_ms: float
    ids: list[str]


class Worker:
    """What a side does, within its process.

    Args:
        name: of the system.
        folder: for its data; made.
    """

    def __init__(self, name: str, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._system = CATALOGUE[name].make()
        self._system.open(folder)

    def close(self) -> None:
        """Stop the system."""
        self._system.close()

    def settings(self) -> Mapping[str, str]:
        """Versions, and what was set."""
        return dict(self._system.settings())

    def load(self, batch: Batch) -> float:
        """Load a tenant; seconds until it was taken and searchable."""
        started = time.perf_counter()
        self._system.load(batch)
        return time.perf_counter() - started

    def settle(self, idle_s: float) -> float:
        """Do what is advised after loading; seconds until the system was at rest."""
        started = time.perf_counter()
        self._system.settle()
        settled = time.perf_counter()
        return self._last_busy(settled, idle_s) - started

    def ask(self, questions: Sequence[Question], count: int) -> list[Asked]:
        """Ask one after another."""
        return [self._ask(question, count) for question in questions]

    def _ask(self, question: Question, count: int) -> Asked:
        started = time.perf_counter()
        answer = self._system.ask(question, count)
        elapsed_ms = (time.perf_counter() - started) * 1e3
        return Asked(elapsed_ms, [neighbour.id for neighbour in answer.neighbours])

    def correct(self, question: Question, count: int) -> float | None:
        """Correct a label; milliseconds until an answer shows it, None where none did in time."""
        started = time.perf_counter()
        self._system.correct(question)
        while (elapsed_s := time.perf_counter() - started) < _VISIBLE_S_MAX:
            neighbours = self._system.ask(question, count).neighbours
            if (question.row.id, question.row.category) in neighbours:
                return (time.perf_counter() - started) * 1e3
        print(f"not visible after {elapsed_s:.0f} s: {question.row}", file=sys.stderr)
        return None

    def restart(self, question: Question, count: int) -> float:
        """Stop the system; seconds from starting it again until the question was answered."""
        self._system.close()
        started = time.perf_counter()
        self._system.open(self._folder)
        self._system.ask(question, count)
        return time.perf_counter() - started

    def memory_bytes(self) -> int:
        """Of the system's processes, or of this one where it runs within; shared pages count once."""
        return sum(int(process.memory_full_info().pss) for process in self._processes())

    def cpu_s(self) -> float:
        """Processor time so far, of the system and of who asks it."""
        own = psutil.Process()
        return _cpu_s([own, *own.children(recursive=True)])

    def _processes(self) -> list[psutil.Process]:
        own = psutil.Process()
        return [own] if self._system.is_in_process else own.children(recursive=True)

    def _last_busy(self, since_s: float, idle_s: float) -> float:
        """When it was last seen at work, by ``perf_counter``; waits until it has been at rest for so long."""
        give_up_s = since_s + _IDLE_S_MAX
        last_busy_s, cpu_s = since_s, _cpu_s(self._processes())
        while idle_s and time.perf_counter() < give_up_s:
            time.sleep(idle_s)
            before_s, cpu_s = cpu_s, _cpu_s(self._processes())
            if cpu_s - before_s < _IDLE_SHARE * idle_s:
                return last_busy_s
            last_busy_s = time.perf_counter()
        return last_busy_s


class Side:
    """A worker in a process of its own, as the benchmark sees it."""

    def __init__(self, name: str, folder: Path) -> None:
        """Args: as Worker's. Raises SideFailed where the system does not start."""
        self._name = name
        context = get_context("spawn")  # gRPC does not outlive a fork
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, name, folder), name=name)
        self._process.start()
        theirs.close()

    def call(self, method: Callable[Concatenate[Worker, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Have the worker do something, and wait for it."""
        try:
            self._pipe.send((method, args, kwargs))
            result: R = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise SideFailed(f"{self._name} failed, see above") from error
        return result

    def close(self) -> None:
        """Stop the system, even where it is at work."""
        self._pipe.close()
        self._process.join(_LET_END_S)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(_STOP_S_MAX)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _cpu_s(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)  # user and system


def _work(pipe: "Connection[Any, Any]", name: str, folder: Path) -> None:
    # Away from the terminal: Ctrl-C is for the benchmark, which then closes its sides one by one.
    os.setsid()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with closing(Worker(name, folder)) as worker:
        while True:
            try:
                method, args, kwargs = pipe.recv()
            except EOFError:
                return
            pipe.send(method(worker, *args, **kwargs))
