"""The threads that answer calls, and the bounded queue before them.

gRPC hands every call to :meth:`Workers.submit` in the moment in which it arrives. That is the place to note
the time, so that an answer can say how long it waited, and to count. gRPC's own bound
(``maximum_concurrent_rpcs``) refuses without saying when to come again; so calls beyond our bound go to two
spare threads instead, marked as refused, and the border answers them with the time to wait. Health checks
that meet a full queue are not the border's and are answered there, at once: a busy server is not taken for a
dead one.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, Final, TypeVar

T = TypeVar("T")

_SPARE_THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class Arrival:
    """How the call that the current thread answers came in.

    Attributes:
        at_ns: when, by ``perf_counter_ns``.
        is_refused: it came when all threads and all places in the queue were taken.
    """

    at_ns: int
    is_refused: bool


class Workers(ThreadPoolExecutor):
    """A thread pool that notes arrivals and refuses what is too much."""

    def __init__(self, threads: int, queue_max: int) -> None:
        super().__init__(threads, thread_name_prefix="likewise-call")
        self._spare = ThreadPoolExecutor(_SPARE_THREADS, thread_name_prefix="likewise-refuse")
        self._accepted_max = threads + queue_max
        self._accepted = 0
        self._lock = threading.Lock()
        self._local = threading.local()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a call as soon as a thread is free; one too many at once, as refused."""
        with self._lock:
            is_refused = self._accepted >= self._accepted_max
            if not is_refused:
                self._accepted += 1
        arrival = Arrival(perf_counter_ns(), is_refused)
        if is_refused:
            return self._spare.submit(self._run, arrival, fn, args, kwargs)
        future = super().submit(self._run, arrival, fn, args, kwargs)
        future.add_done_callback(self._leave)
        return future

    def arrival(self) -> Arrival:
        """How the call of this thread came in."""
        arrival: Arrival = self._local.arrival
        return arrival

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait until nobody is at work any more."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        self._spare.shutdown(wait, cancel_futures=cancel_futures)

    def _run(
        self, arrival: Arrival, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> T:
        self._local.arrival = arrival
        return fn(*args, **kwargs)

    def _leave(self, _future: Future[Any]) -> None:
        with self._lock:
            self._accepted -= 1
