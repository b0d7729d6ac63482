"""One at a time, in the order of coming, and only when those who wait for an answer leave room.

The work of streams comes in pieces (the items of a ClassifyStream, parts of an import's batches), and whoever
sends thousands waits for the last of them; whoever sends one waits for that one. So before each piece, and
within one that takes long, a stream gives way to the calls of a lane, though not for ever: where those never
end it goes on at its least pace. And all streams together compute like one thread: Python's lock goes to
whoever gets hold of it, so eight of them would leave an interactive call a ninth of the processor.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter_ns

from likewise_engine import limits
from likewise_server.lane import Lane


class Turnstile:
    """Lets pieces of bulk work through.

    Args:
        lane: whose calls come first.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._lock = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def passage(self) -> Iterator[Callable[[], None]]:
        """The time of one piece.

        Yields:
            What gives way within it where that is due. To be called at every item: else it costs nothing.
        """
        self._enter()
        try:
            yield self._giving_way()
        finally:
            self._leave()

    def _giving_way(self) -> Callable[[], None]:
        """Give way to the lane's calls now, and whenever the returned is called after a slice of work."""
        due_ns = 0

        def give_way() -> None:
            nonlocal due_ns
            if perf_counter_ns() >= due_ns:
                self._lane.wait_until_quiet(limits.BULK_GIVES_WAY_MS_MAX / 1_000)
                due_ns = perf_counter_ns() + limits.BULK_SLICE_MS * 1_000_000

        give_way()
        return give_way

    def _enter(self) -> None:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()

    def _leave(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False
