"""Several processes that serve one data folder on one port, and the parent that watches them.

The parent opens the data folder, and so holds its lock; keeps the port, by sockets that do not listen; and
forks the workers, each of which listens on that port too (SO_REUSEPORT): the kernel deals out connections.
The parent itself imports none of what serves, so it is small and has no threads, and may fork again whenever
a worker has died. Workers hear of each other's writes by :mod:`likewise_engine.news`; all else that they
share are files.

A worker whose parent has died stops. One that died is started anew, at once after a long life, and after ever
longer pauses where it dies young; meanwhile the kernel gives its connections to the others.
"""

import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Final

import structlog

from likewise_engine.errors import LikewiseError, PreconditionFailed
from likewise_engine.folder import DataFolder
from likewise_engine.news import Desk, News
from likewise_server import logs
from likewise_server.settings import Settings
from likewise_server.signals import SEEN_EVERY_S, stop_signals

_READY: Final = b""
_LONG_LIFE_S: Final = 60.0
_PAUSE_S_MIN: Final = 1.0
_PAUSE_S_MAX: Final = 30.0
_STOP_MARGIN_S: Final = 10.0
"""Beyond the grace period: for what had begun to be finished, and files to be closed."""

_log = structlog.stdlib.get_logger()
_fork = multiprocessing.get_context("fork")


@dataclass(frozen=True, slots=True)
class Post:
    """What a worker is given.

    Attributes:
        settings: how to serve, with the address that was chosen.
        folder: open.
        desk: where it hears of the others.
        is_wanted: whether it should go on.
        ready: to be called with its address, once it answers.
    """

    settings: Settings
    folder: DataFolder
    desk: Desk
    is_wanted: Callable[[], bool]
    ready: Callable[[str], None]


Work = Callable[[Post], None]


def supervise(settings: Settings, work: Work, ready: Callable[[str], None]) -> None:
    """Serve by several processes until SIGTERM or SIGINT; for a main thread without others beside it.

    Args:
        settings: how to serve.
        work: what a worker does, in its own process.
        ready: called with the address once all of them answer.

    Raises:
        DataFolderInUse, StoreFault: the data folder cannot be had.
        PreconditionFailed: the address is taken, or a worker could not start; the message says why.
    """
    with stop_signals() as stopped, ExitStack() as stack:
        logs.note_start(settings)
        folder = stack.enter_context(
            closing(DataFolder(settings.data, master_key_file=settings.master_key_file))
        )
        listen = stack.enter_context(_reserved(settings.listen))
        crew = _Crew(settings.model_copy(update={"listen": listen}), folder, work, stopped)
        try:
            crew.start()
            if not stopped.is_set():
                ready(listen)
            while not stopped.is_set():
                crew.keep_up()
        finally:
            crew.stop()


class _Crew:
    """The workers, as their parent sees them."""

    def __init__(self, settings: Settings, folder: DataFolder, work: Work, stopped: threading.Event) -> None:
        self._settings = settings
        self._folder = folder
        self._work = work
        self._stopped = stopped
        self._news = News(settings.workers)
        self._processes: dict[int, ForkProcess] = {}
        self._started_s: dict[int, float] = {}
        self._pauses_s = dict.fromkeys(range(settings.workers), _PAUSE_S_MIN)
        self._due_s: dict[int, float] = {}

    def start(self) -> None:
        """Start all workers, and wait until each answers. Raises PreconditionFailed where one cannot."""
        unready = [self._fork(number) for number in range(self._settings.workers)]
        while unready and not self._stopped.is_set():
            for receiver in wait(unready, timeout=SEEN_EVERY_S):
                if isinstance(receiver, Connection):
                    unready.remove(receiver)
                    _check_ready(receiver)

    def keep_up(self) -> None:
        """See for a moment whether a worker has died, and start those anew that are due."""
        wait([process.sentinel for process in self._processes.values()], timeout=SEEN_EVERY_S)
        for number, process in list(self._processes.items()):
            if not process.is_alive() and not self._stopped.is_set():
                self._bury(number, process)
        for number, due_s in list(self._due_s.items()):
            if time.monotonic() >= due_s:
                del self._due_s[number]
                self._fork(number).close()

    def stop(self) -> None:
        """Have all workers finish what they have accepted, and wait for them."""
        for process in self._processes.values():
            process.terminate()
        deadline_s = time.monotonic() + self._settings.grace_s + _STOP_MARGIN_S
        for number, process in self._processes.items():
            process.join(max(0.0, deadline_s - time.monotonic()))
            if process.is_alive():
                _log.error("worker killed, since it did not stop", worker=number)
                process.kill()
                process.join()

    def _fork(self, number: int) -> Connection:
        """Start a worker. Returns where it says that it answers, or why it does not."""
        receiver, sender = _fork.Pipe(duplex=False)
        process = _fork.Process(target=self._run, args=(number, sender, os.getpid()), name=f"worker-{number}")
        process.start()
        sender.close()
        self._processes[number], self._started_s[number] = process, time.monotonic()
        _log.info("worker started", worker=number, pid=process.pid)
        return receiver

    def _run(self, number: int, sender: Connection, parent: int) -> None:
        """What happens in the worker's process. Signals set the event that it has from its parent."""

        def is_wanted() -> bool:
            return not self._stopped.is_set() and os.getppid() == parent

        def ready(_address: str) -> None:
            _tell(sender, _READY)

        try:
            self._work(Post(self._settings, self._folder, self._news.desk(number), is_wanted, ready))
        except LikewiseError as error:
            _log.error("worker failed", worker=number, error=error.message)
            _tell(sender, error.message.encode())
            raise SystemExit(1) from error

    def _bury(self, number: int, process: ForkProcess) -> None:
        """Note that a worker has died, and when it is to be started anew."""
        lived_s = time.monotonic() - self._started_s[number]
        if lived_s >= _LONG_LIFE_S:
            self._pauses_s[number] = _PAUSE_S_MIN
        pause_s = self._pauses_s[number]
        self._pauses_s[number] = min(2 * pause_s, _PAUSE_S_MAX)
        self._due_s[number] = time.monotonic() + pause_s
        self._news.presume(number)
        _log.error("worker died", worker=number, exit_code=process.exitcode, starts_again_in_s=pause_s)
        del self._processes[number]


def _tell(sender: Connection, message: bytes) -> None:
    try:
        sender.send_bytes(message)
    except BrokenPipeError:
        return  # the parent asks only at the start
    sender.close()


def _check_ready(receiver: Connection) -> None:
    with closing(receiver):
        try:
            message = receiver.recv_bytes()
        except EOFError:
            raise PreconditionFailed("a worker died before it answered: see the log") from None
    if message != _READY:
        raise PreconditionFailed(message.decode())


@contextmanager
def _reserved(listen: str) -> Iterator[str]:
    """Keep an address for processes that listen on it together; gives it with the port that was chosen.

    Raises:
        PreconditionFailed: it is taken, or is none of this machine.
    """
    host, _, port_text = listen.rpartition(":")
    port = int(port_text)
    with ExitStack() as stack:
        try:
            for family, kind, protocol, _, address in socket.getaddrinfo(
                host.strip("[]") or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            ):
                with closing(socket.socket(family, kind, protocol)) as alone:
                    # Without SO_REUSEPORT it is had only if nobody listens there, who might share it unasked.
                    alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    alone.bind((address[0], port, *address[2:]))
                    port = port or alone.getsockname()[1]
                kept = stack.enter_context(closing(socket.socket(family, kind, protocol)))
                kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                kept.bind((address[0], port, *address[2:]))
        except OSError as error:
            raise PreconditionFailed(
                f"cannot listen on {listen}: is another server there? Choose another with --listen HOST:PORT"
            ) from error
        yield f"{host}:{port}"
