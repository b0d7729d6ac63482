"""Servers as processes of their own, and what they take of the machine."""

import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import psutil

_BENCH: Final = Path(__file__).parents[1]
_READY_LINE: Final = re.compile(r"serves (127\.0\.0\.1:\d+)")
_STOP_S_MAX: Final = 60.0
_SAMPLED_EVERY_S: Final = 0.25


class ServerFailed(Exception):
    """A server did not start, or did not end well."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process had taken at a moment.

    Attributes:
        at_ns: by ``perf_counter_ns``.
        cpu_s: processor time since it began, all threads together.
        memory_bytes: resident.
    """

    at_ns: int
    cpu_s: float
    memory_bytes: int


@dataclass(slots=True)
class Served:
    """A server that is up.

    Attributes:
        address: of it.
        ready_s: from its start until it said so.
        process: that it is.
        usages: several a second, since then.
    """

    address: str
    ready_s: float
    process: psutil.Process
    usages: list[Usage] = field(default_factory=list)

    def usage(self) -> Usage:
        """What it has taken by now, its workers included. Raises psutil.NoSuchProcess."""
        cpu_s, memory_bytes = 0.0, 0
        for process in (self.process, *self.process.children(recursive=True)):
            with process.oneshot():
                cpu, memory = process.cpu_times(), process.memory_info()
            cpu_s += cpu.user + cpu.system
            memory_bytes += memory.rss
        return Usage(time.perf_counter_ns(), cpu_s, memory_bytes)

    def within(self, from_ns: int, to_ns: int) -> list[Usage]:
        """What was noted in a span of time, with the last before it."""
        before = [usage for usage in self.usages if usage.at_ns < from_ns][-1:]
        return before + [usage for usage in self.usages if from_ns <= usage.at_ns <= to_ns]


@contextmanager
def served(
    module: str,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    log: IO[str] | None = None,
) -> Iterator[Served]:
    """Run a server module for as long as the ``with`` lasts; note its usage.

    Args:
        module: that says where it serves.
        arguments: of its command line.
        environment: its variables; those of this process where None.
        log: where its log goes; where that of this process does where None.

    Raises:
        ServerFailed: it did not say that it serves, or its exit status was not 0.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=_BENCH,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    stopped = threading.Event()
    try:
        address = _address_of(process)
        server = Served(address, time.perf_counter() - started, psutil.Process(process.pid))
        sampler = threading.Thread(target=_sample, args=(server, stopped))
        sampler.start()
        try:
            yield server
        finally:
            stopped.set()
            sampler.join()
    finally:
        process.send_signal(signal.SIGTERM)
        exit_code = _exit_code(process)
        assert process.stdout is not None
        process.stdout.close()
    if exit_code:
        raise ServerFailed(f"{module} ended with exit status {exit_code}")


def likewise_served(
    data: Path,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    log: IO[str] | None = None,
) -> AbstractContextManager[Served]:
    """Run ``likewise serve`` over a data folder, quietly and on a free port; as :func:`served`."""
    quiet = ["--listen", "127.0.0.1:0", "--log-level", "warning"]
    return served("likewise_server", ["serve", "--data", str(data), *quiet, *options], environment, log)


def _address_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if match := _READY_LINE.search(line):
            return match.group(1)
    raise ServerFailed(f"the server ended with exit status {process.wait(_STOP_S_MAX)}")


def _exit_code(process: "subprocess.Popen[str]") -> int:
    """Of a process that was asked to end; one that does not is killed."""
    try:
        return process.wait(_STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _sample(server: Served, stopped: threading.Event) -> None:
    while not stopped.wait(_SAMPLED_EVERY_S):
        try:
            server.usages.append(server.usage())
        except psutil.NoSuchProcess:
            return  # its exit status will tell
