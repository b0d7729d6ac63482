"""Feeds inputs to one target in a process of its own: what kills that process is found too."""

import faulthandler
import multiprocessing
import os
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

import psutil

from fuzz_side.calls import Calls
from fuzz_side.chance import chance_of
from fuzz_side.files import Files
from fuzz_side.frames import Frames
from fuzz_side.memory import Memory, memory_of
from fuzz_side.models import Models
from fuzz_side.target import Target, smallest
from fuzz_side.texts import Texts

LOCAL: Final[Mapping[str, Callable[[], Target]]] = {"texts": Texts, "models": Models, "files": Files}
SERVED: Final[Mapping[str, Callable[[str], Target]]] = {"calls": Calls, "frames": Frames}
HANG_S: Final = 120.0
"""An input that takes longer hangs, however busy the machine is: it ends the process."""
_THREADS: Final = 4
"""Of a target that is on the other side of a connection."""
_LOOK_EVERY_S: Final = 0.25
_FAILURES_KEPT: Final = 20
_SHOWN_BYTES: Final = 400
_spawned: Final = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Task:
    """Some inputs of one target.

    Attributes:
        target: its name.
        first: number of the first input.
        count: how many.
        seed: of their chance.
        address: of the server that is fuzzed.
        log: where the process writes what libraries have to say, and where it was when it hung.
    """

    target: str
    first: int
    count: int
    seed: int
    address: str
    log: Path


@dataclass(slots=True)
class Found:
    """What came of a task.

    Attributes:
        inputs: that were fed and came to an outcome, one that is meant or not.
        seconds: that it took.
        slowest_ms: of one input.
        outcomes: how many came to which, by kind of input and outcome.
        failures: what came to none that is meant, each as a person can repeat it.
        memory: of the process.
    """

    inputs: int = 0
    seconds: float = 0.0
    slowest_ms: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    memory: Memory | None = None


class Running:
    """A task that is under way."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._receiver, sender = _spawned.Pipe(duplex=False)
        self._process = _spawned.Process(target=_work, args=(task, sender), name=f"fuzz-{task.target}")
        self._process.start()
        sender.close()

    def result(self) -> Found:
        """Wait for what comes of it; a process that dies is a failure among others."""
        try:
            found: Found = self._receiver.recv()
        except EOFError:
            self._process.join()
            tail = self.task.log.read_text(errors="replace")[-2_000:]
            failure = f"{self.task.target}: the process ended with {self._process.exitcode}: {tail}"
            return Found(failures=[failure])
        self._process.join()
        return found


def fed(task: Task) -> Found:
    """Feed all inputs of a task."""
    found, numbers, started = Found(), range(task.first, task.first + task.count), time.perf_counter()
    threads = _THREADS if task.target in SERVED else 1
    resident: list[int] = []
    with ThreadPoolExecutor(threads) as pool:
        shares = [numbers[start::threads] for start in range(threads)]
        parts = [
            pool.submit(_feed, task, share, resident if start == 0 else [])
            for start, share in enumerate(shares)
        ]
        for part in parts:
            _add(found, part.result())
    found.seconds = time.perf_counter() - started
    found.memory = memory_of(resident)
    return found


def target_of(task: Task) -> Target:
    """The target of a task."""
    if task.target in SERVED:
        return SERVED[task.target](task.address)
    return LOCAL[task.target]()


def _work(task: Task, sender: Connection) -> None:
    log = os.open(task.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)  # libraries in C and Rust have much to say of damaged files
    faulthandler.enable()
    sender.send(fed(task))
    sender.close()


def _feed(task: Task, numbers: Sequence[int], resident: list[int]) -> Found:
    found, target = Found(), target_of(task)
    try:
        for number in _watched(numbers, resident):
            made = target.make(chance_of(task.seed, target.name, number))
            began = time.perf_counter()
            try:
                outcome = target.feed(made)
            except Exception:  # noqa: BLE001 - it is what is looked for
                outcome = "FAILED"
                if len(found.failures) < _FAILURES_KEPT:
                    found.failures.append(_told(task, number, target))
            found.inputs += 1
            found.outcomes[f"{made.kind.rpartition('/')[2]}: {outcome}"] += 1
            found.slowest_ms = max(found.slowest_ms, (time.perf_counter() - began) * 1_000)
    finally:
        target.close()
    return found


def _watched(numbers: Sequence[int], resident: list[int]) -> Iterator[int]:
    """The numbers; meanwhile memory is looked at, and an input that hangs ends the process."""
    process, looked_at = psutil.Process(), 0.0
    for number in numbers:
        now = time.monotonic()
        if now - looked_at >= _LOOK_EVERY_S:
            looked_at = now
            resident.append(process.memory_info().rss)
            faulthandler.dump_traceback_later(HANG_S, exit=True)
        yield number
    faulthandler.cancel_dump_traceback_later()


def _told(task: Task, number: int, target: Target) -> str:
    why = traceback.format_exc(limit=-3)
    made = target.make(chance_of(task.seed, target.name, number))
    shown = smallest(target, made).content[:_SHOWN_BYTES]
    return (
        f"--seed {task.seed} --only {target.name} --first {number} --inputs 1 ({made.kind}, {shown!r}): {why}"
    )


def _add(found: Found, part: Found) -> None:
    found.inputs += part.inputs
    found.slowest_ms = max(found.slowest_ms, part.slowest_ms)
    found.outcomes += part.outcomes
    found.failures += part.failures
