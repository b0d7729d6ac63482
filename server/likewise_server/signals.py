"""What SIGTERM and SIGINT do in a process that serves: they ask it to stop."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

SEEN_EVERY_S: Final = 0.2
"""Only the main thread runs handlers, and a signal that the kernel gives to another one does not wake it: a
wait without end slept through one SIGTERM in forty. So it waits by the piece."""


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, in place of what they do otherwise."""
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
