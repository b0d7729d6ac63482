"""Servers that start in some 20 ms: forked from a process that has imported everything and has no threads.

:class:`Zygote` is for whoever wants servers. The process itself is ``python -m crash_side.zygote``: it reads
lives to begin from its standard input, a line of JSON each, and says of each where it serves, and when the
last of its processes is gone. A life has a process group of its own. All processes that a life leaves behind
become the zygote's children, so none is missed.
"""

import ctypes
import gc
import json
import os
import queue
import resource
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from crash_side import haste
from crash_side.shim import Shim, attach
from likewise_engine.background import Background
from likewise_engine.encoder import load_encoder
from likewise_engine.vote import load_vote
from likewise_server import lifecycle, logs
from likewise_server.settings import LogFormat, LogLevel, Settings
from likewise_server.supervisor import supervise

_BENCH: Final = Path(__file__).parents[1]
_PR_SET_CHILD_SUBREAPER: Final = 36
_START_S_MAX: Final = 60.0


class NotServing(Exception):
    """A life ended before it served; the message says why, where it did."""


@dataclass(frozen=True, slots=True)
class Life:
    """How a server is to live.

    Attributes:
        data: its data folder.
        control: path of its control block; "" for no faults.
        workers: its processes.
        memory_mib_max: for tenants; 1 evicts them all the time.
        is_hasty: whether it makes graphs, heads and snapshots, soon.
        has_background: whether these are made in a process of the lowest priority, as servers do.
        files_max: files that it may have open; 0 for as many as there may be.
        log: where its log goes; "" for nowhere.
    """

    data: str
    control: str = ""
    workers: int = 1
    memory_mib_max: int = 2_048
    is_hasty: bool = False
    has_background: bool = False
    files_max: int = 0
    log: str = ""


class Zygote:
    """The process that servers are forked from."""

    def __init__(self, shim: Shim | None = None) -> None:
        """Start it; that takes a second.

        Args:
            shim: loaded into all that it forks.
        """
        environment = dict(os.environ if shim is None else shim.environment)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "crash_side.zygote"],
            cwd=_BENCH,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._said: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """End it; it kills what it has forked."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def begin(self, life: Life) -> "Living":
        """Begin a life; it may not serve yet."""
        number = len(self._said)
        self._said[number] = queue.SimpleQueue()
        line = json.dumps({"number": number, **asdict(life)})
        if self._process.stdin is None:
            raise ValueError("a process without pipes")
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return Living(self._said[number])

    def _read(self) -> None:
        if self._process.stdout is None:
            raise ValueError("a process without pipes")
        for line in self._process.stdout:
            said = json.loads(line)
            self._said[said["number"]].put(said)
        for said_of_one in list(self._said.values()):
            said_of_one.put({"is_gone": True})


class Living:
    """A life that has begun.

    Attributes:
        group: its process group.
    """

    def __init__(self, said: "queue.SimpleQueue[dict[str, Any]]") -> None:
        self._said = said
        self._address = ""
        self._is_gone = False
        self.group: int = self._next(_START_S_MAX)["group"]

    @property
    def address(self) -> str:
        """Where it serves, once it does. Raises NotServing."""
        while not self._address:
            if self._is_gone:
                raise NotServing("it ended before it served")
            said = self._next(_START_S_MAX)
            if why := said.get("why"):
                raise NotServing(why)
            self._address = said.get("address", "")
        return self._address

    def is_gone(self, timeout_s: float) -> bool:
        """Whether all its processes are gone, waiting for that so long."""
        deadline_s = time.monotonic() + timeout_s
        while not self._is_gone:
            try:
                self._next(max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                return False
        return True

    def kill(self) -> None:
        """Kill it, and wait until all its processes are gone."""
        if not self._is_gone:
            with suppress(ProcessLookupError):  # It is gone already, and will be said to be.
                os.killpg(self.group, signal.SIGKILL)
            if not self.is_gone(_START_S_MAX):
                raise TimeoutError("a killed process lives on")

    def _next(self, timeout_s: float) -> dict[str, Any]:
        said = self._said.get(timeout=timeout_s)
        self._is_gone |= said.get("is_gone", False)
        return said


# --- In the process itself ---


def main() -> None:
    """Fork lives until the input ends; then kill what still lives."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    models = load_encoder(None), load_vote(None)
    gc.freeze()  # Or each server would look at all that is imported, and copy it: .1 s.
    awake, alarm = os.pipe()
    os.set_blocking(alarm, False)
    signal.set_wakeup_fd(alarm)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    groups: dict[int, int] = {}
    buffered = b""
    with selectors.DefaultSelector() as selector:
        selector.register(0, selectors.EVENT_READ)
        selector.register(awake, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                read = os.read(key.fd, 1 << 16)
                if key.fd == awake:
                    _bury(groups)
                    continue
                if not read:
                    _kill(groups)
                    return
                *lines, buffered = (buffered + read).split(b"\n")
                for line in lines:
                    _fork(json.loads(line), groups, models)


def _fork(order: dict[str, Any], groups: dict[int, int], models: tuple[Any, Any]) -> None:
    number = order.pop("number")
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        try:
            _live(Life(**order), models, lambda address: _say(number=number, address=address))
        except BaseException as error:  # noqa: BLE001 - it is told
            _say(number=number, why=f"{type(error).__name__}: {error}")
        finally:
            os._exit(0)
    os.setpgid(pid, pid)
    groups[pid] = number
    _say(number=number, group=pid)


def _bury(groups: dict[int, int]) -> None:
    """Reap the dead, and say which lives have ended altogether."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == 0:
            break
    for group, number in list(groups.items()):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            del groups[group]
            _say(number=number, is_gone=True)


def _kill(groups: dict[int, int]) -> None:
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _say(**said: Any) -> None:
    os.write(1, json.dumps(said).encode() + b"\n")


def _live(life: Life, models: tuple[Any, Any], ready: Callable[[str], None]) -> None:
    """Serve, until killed, with models that are loaded already."""
    descriptor = os.open(life.log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 2)
    if life.control:
        attach(Path(life.control))
    (haste.hurry if life.is_hasty else haste.rest)()
    encoder, vote = models
    background = Background() if life.has_background else None
    for name, made in (("load_encoder", encoder), ("load_vote", vote), ("Background", background)):
        setattr(lifecycle, name, lambda *_, made=made: made)
    settings = Settings(
        data=Path(life.data),
        listen="127.0.0.1:0",
        workers=life.workers,
        memory_mib_max=life.memory_mib_max,
        log_format=LogFormat.JSON,
        log_level=LogLevel.WARNING,
    )
    logs.configure(settings.log_format, settings.log_level)
    if life.files_max:
        lifecycle.tune_process = lambda: None  # It would raise the limit again.
        resource.setrlimit(resource.RLIMIT_NOFILE, (life.files_max, life.files_max))
    if life.workers == 1:
        lifecycle.serve(settings, ready)
    else:
        supervise(settings, lifecycle.work, ready)


if __name__ == "__main__":
    main()
