"""The threads that answer calls, by lanes, and what refuses a call that would wait for too long.

gRPC hands over every call in the moment in which it arrives, by the one thread that receives for all: first
its method and metadata to the interceptor, which :meth:`Workers.announce`\\ s it, then the call itself to
:meth:`Workers.submit`. A call that is refused is refused there and then, by that very thread, before its
message is read: it takes no thread, and a third of the time of an echo. (gRPC's own bound,
``maximum_concurrent_rpcs``, costs as much, and cannot say when to come again.) What comes faster than that
thread can receive it waits in gRPC's core, which ends it as CANCELLED beyond a bound of its own
(``CALLS_UNRECEIVED_MAX``).

The lanes:

- *ask*: Classify. Short, and computes; two places.
- *disk*: teaching, changing, reading back. Waits for the disk most of the time; many places, of which no
  tenant has more than half.
- *stream*: imports, exports, ClassifyStream. Lasts long; nothing waits for a place, and no tenant has more
  than half of them. Each piece of its work goes through a :class:`Turnstile`.
- *health* and *reflection*: a busy server is not to be taken for a dead one.

Chosen against (bench/stacks.py measures it): grpc.aio, which takes as long for one caller and a tenth to a
quarter longer for sixteen, and whose refusals cost twice as much; and one pool of eight threads for all.
"""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from time import perf_counter_ns
from typing import Any, Final, TypeVar

from likewise_engine import limits
from likewise_server.access.gate import Visit
from likewise_server.fair_queue import NOBODY
from likewise_server.lane import Call, Lane, LaneBounds, LaneCounts
from likewise_server.settings import Settings
from likewise_server.turnstile import Turnstile

T = TypeVar("T")

_HEALTH_PLACES: Final = 1
"""A check takes no time, and a watch no thread. One whose message does not come holds a spare thread."""
_REFLECTION_THREADS: Final = 2
"""A reflection is a stream for as long as its caller likes; people use it, programs do not."""


class LaneName(StrEnum):
    """Kinds of calls that do not wait for each other."""

    ASK = "ask"
    DISK = "disk"
    STREAM = "stream"
    HEALTH = "health"
    REFLECTION = "reflection"


@dataclass(frozen=True, slots=True)
class _Announced:
    lane: Lane
    tenant: str
    visit: Visit | None
    at_ns: int
    is_refused: bool


class Workers(ThreadPoolExecutor):
    """The pool of threads that gRPC is given. It is one by type alone: its threads are those of the lanes."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(1)
        self._lanes: Final = {name: Lane(name, bounds) for name, bounds in _bounds(settings).items()}
        self._announced: _Announced | None = None
        self._current = threading.local()
        self.items: Final = Turnstile(self._lanes[LaneName.ASK])
        """For the items of ClassifyStreams."""
        self.batches: Final = Turnstile(self._lanes[LaneName.ASK])
        """For the batches of imports. A piece of one lasts ten times as long as an item, which does not wait
        for it."""

    # --- For the thread that receives calls -----------------------------------------------------

    def announce(self, lane: LaneName, tenant: str, visit: Visit | None = None) -> int | None:
        """Say what the next call is that is submitted.

        Args:
            lane: of what kind it is.
            tenant: whose it is, as far as that is known.
            visit: whoever calls, where that is known by now.

        Returns:
            None where it may come in. Else it is refused, the milliseconds after which to come again: submit
            something that says so and does not wait.
        """
        at_ns = perf_counter_ns()
        retry_after_ms = self._lanes[lane].refusal(tenant, at_ns)
        is_refused = retry_after_ms is not None
        self._announced = _Announced(self._lanes[lane], tenant, visit, at_ns, is_refused)
        return retry_after_ms

    def announce_refusal(self, lane: LaneName) -> None:
        """Say that the next call that is submitted is refused, whatever the load."""
        self._announced = _Announced(self._lanes[lane], NOBODY, None, perf_counter_ns(), is_refused=True)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Do the call that was announced: one that is refused here and now, another in its lane."""
        announced, self._announced = self._announced, None
        if announced is None:
            raise RuntimeError("a call was submitted that was not announced")
        future: Future[T] = Future()

        def run() -> None:
            self._current.announced = announced
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - whoever holds the future is told
                future.set_exception(error)

        if announced.is_refused:
            run()
        else:
            announced.lane.take(Call(announced.tenant, run))
        return future

    # --- For the threads that answer ------------------------------------------------------------

    @property
    def arrived_ns(self) -> int:
        """When the call came that this thread answers, by ``perf_counter_ns``."""
        announced: _Announced = self._current.announced
        return announced.at_ns

    @property
    def visit(self) -> Visit | None:
        """By whom the call is that this thread answers; None where that was not known when it came."""
        announced: _Announced = self._current.announced
        return announced.visit

    @property
    def lane(self) -> Lane:
        """The lane that this thread is of."""
        announced: _Announced = self._current.announced
        return announced.lane

    # --- For everybody --------------------------------------------------------------------------

    def counts(self) -> Mapping[LaneName, LaneCounts]:
        """What became of the calls, by lane."""
        return {name: lane.counts() for name, lane in self._lanes.items()}

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Finish what was let in, and end the threads. Always waits, and cancels nothing."""
        super().shutdown(wait, cancel_futures=cancel_futures)
        for lane in self._lanes.values():
            lane.shutdown()


def _bounds(settings: Settings) -> Mapping[LaneName, LaneBounds]:
    ask = LaneBounds(
        places=settings.threads,
        queue_max=settings.queue_max,
        wait_ms_max=settings.wait_ms_max,
        burst_wait_ms_max=limits.BURST_WAIT_MS_MAX,
        at_work_max=settings.threads + limits.CALLS_ASIDE_MAX // 2,
        spare_threads=limits.SPARE_THREADS,
    )
    disk = replace(
        ask,
        places=settings.disk_threads,
        wait_ms_max=limits.DISK_WAIT_MS_MAX,
        at_work_max=_half(settings.disk_threads),
    )
    stream = replace(
        disk,
        places=settings.streams_max,
        queue_max=0,
        at_work_max=_half(settings.streams_max),
        spare_threads=0,
    )
    return {
        LaneName.ASK: ask,
        LaneName.DISK: disk,
        LaneName.STREAM: stream,
        LaneName.HEALTH: replace(disk, places=_HEALTH_PLACES),
        LaneName.REFLECTION: replace(stream, places=_REFLECTION_THREADS),
    }


def _half(places: int) -> int:
    return max(1, places // 2)
