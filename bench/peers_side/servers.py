"""Peers that are servers of their own: started, awaited, and stopped whatever happens."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from latency_load.processes import ServerFailed

_START_S_MAX: Final = 60.0
_STOP_S_MAX: Final = 60.0
_TRIED_EVERY_S: Final = 0.01
"""More often would take processor time from what is starting."""

Connection = TypeVar("Connection")


def free_port() -> int:
    """A port of the loopback interface that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str],
    connect: Callable[[], Connection | None],
    *,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
    stopped_by: signal.Signals = signal.SIGTERM,
) -> Iterator[Connection]:
    """Run a server for as long as the ``with`` lasts.

    Args:
        command: of the server.
        connect: connects to it; None while it does not answer yet.
        environment: in place of ours.
        user: to run as, in place of us.
        stopped_by: what it understands as a wish that it end.

    Raises:
        ServerFailed: it ended, or did not answer in time.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment, user=user)
    try:
        yield _connected(process, connect)
    finally:
        process.send_signal(stopped_by)
        try:
            process.wait(_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _connected(process: "subprocess.Popen[bytes]", connect: Callable[[], Connection | None]) -> Connection:
    give_up_s = time.monotonic() + _START_S_MAX
    while time.monotonic() < give_up_s:
        if (connection := connect()) is not None:
            return connection
        if process.poll() is not None:
            raise ServerFailed(f"{process.args!r} ended with exit status {process.returncode}")
        time.sleep(_TRIED_EVERY_S)
    raise ServerFailed(f"{process.args!r} did not answer within {_START_S_MAX:g} s")
