"""Threads for one kind of call, the bounded queue before them, and who may compute when.

A call is taken by a thread, which reads its message, and then has its *turn*: it computes. Python computes in
one thread at a time, so more threads that want to only slow each other down: with two places, calls of .3 ms
had 20 % more throughput and half the p99 than with eight (bench/stacks.py). What waits for something other
than the processor must hold none of the few places:

- A caller that is slow to send its message. After some milliseconds of reading, its place is another's; and
  where no thread is left, the one that has been slow for longest is cut off. Otherwise a few dozen calls
  whose messages never come would keep everybody out.
- A call whose tenant is not loaded yet steps :meth:`Lane.aside`, and another takes its place meanwhile.

Who comes back from there waits for a turn behind those that do so already, and before any call that has not
been begun. Idle threads are woken in the order last in, first out, so that few are in use, and
their stacks in the cache. A finished thread goes on with what waits next without sleeping in between.

All state is guarded by one lock, which is held for some microseconds.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter_ns
from typing import Final

from likewise_engine import limits
from likewise_engine.errors import Overloaded
from likewise_server.admission import Admission
from likewise_server.fair_queue import FairQueue


@dataclass(frozen=True, slots=True)
class Call:
    """A call that was let in.

    Attributes:
        tenant: as it says itself.
        run: does it; raises nothing.
    """

    tenant: str
    run: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneBounds:
    """Bounds of a lane.

    Attributes:
        places: calls that compute at once.
        queue_max: calls that may wait for a thread.
        wait_ms_max: how long one may have to wait, by estimate, while there is too much work.
        burst_wait_ms_max: how long otherwise.
        at_work_max: calls of one tenant at once, those aside among them.
        spare_threads: for calls that are aside, or whose callers are slow to send.
    """

    places: int
    queue_max: int
    wait_ms_max: float
    burst_wait_ms_max: float
    at_work_max: int
    spare_threads: int


@dataclass(slots=True)
class LaneCounts:
    """What became of a lane's calls since the start, and what it holds now.

    Attributes:
        accepted: let in.
        refused: as too much.
        dropped: let in, but nobody waited for them any more.
        waiting: let in, and not begun.
        at_work: begun and not done, those that are aside left out.
        aside: waiting for something other than the processor.
        service_ms: what one call takes, of late.
    """

    accepted: int = 0
    refused: int = 0
    dropped: int = 0
    waiting: int = 0
    at_work: int = 0
    aside: int = 0
    service_ms: float = 0.0


class _Worker:
    """A thread of a lane. It sleeps on ``wake``, which is held but for the moment in which it may go on."""

    __slots__ = ("away_ns", "call", "cut_off", "has_turn", "is_dropped", "wake")

    def __init__(self) -> None:
        self.wake: Final = threading.Lock()
        self.wake.acquire()
        self.call: Call | None = None
        self.cut_off: Callable[[], object] | None = None
        self.has_turn = False
        self.is_dropped = False
        self.away_ns = 0


class Lane:
    """A thread pool with a fair queue."""

    def __init__(self, name: str, bounds: LaneBounds) -> None:
        self.name: Final = name
        self._bounds = bounds
        self._admission = Admission(bounds.places, bounds.wait_ms_max, bounds.burst_wait_ms_max)
        self._admission_aside = Admission(limits.CALLS_ASIDE_MAX, 0.0, 0.0)
        self._queue = FairQueue[Call](bounds.at_work_max)
        self._counts = LaneCounts()
        self._lock = threading.Lock()
        self._current = threading.local()
        self._threads: list[threading.Thread] = []
        self._idle: list[_Worker] = []
        self._ready: deque[_Worker] = deque()
        """They sleep until they have a turn."""
        self._turns = 0
        """Workers that have one."""
        self._reading: OrderedDict[_Worker, int] = OrderedDict()
        """When those began that have not read their message yet, but still have a place."""
        self._slow: OrderedDict[_Worker, None] = OrderedDict()
        """Those that have lost it since, the slowest first."""
        self._taken = 0
        """Places of those that have a turn, are ready, or are reading."""
        self._moved_ns = 0
        self._alarm: threading.Timer | None = None
        self._quiet = threading.Condition(self._lock)
        self._is_stopping = False

    # --- For the thread that receives calls -----------------------------------------------------

    def refusal(self, tenant: str, now_ns: int) -> int | None:
        """Milliseconds after which a call of this tenant may come again; None where it may come in."""
        with self._lock:
            # Who is slow is cut off for it, see _begin_waiting.
            has_thread = self._has_place() and (self._has_thread() or bool(self._slow))
            if has_thread and self._queue.is_allowed(tenant):
                return None
            wait_ns = self._admission.wait_ns(self._queue.ahead_of(tenant), now_ns - self._moved_ns)
            is_full = len(self._queue) >= self._bounds.queue_max
            if not is_full and not self._admission.is_too_long(wait_ns, now_ns):
                return None
            self._counts.refused += 1
            return self._admission.refuse(wait_ns, now_ns)

    def take(self, call: Call) -> None:
        """Do a call as soon as there is a place; return at once. It is one that was not refused."""
        with self._lock:
            self._counts.accepted += 1
            self._queue.add(call.tenant, call)
            self._begin_waiting()

    # --- For the threads of the lane ------------------------------------------------------------

    def begin_reading(self, cut_off: Callable[[], object]) -> None:
        """The call's message is read until :meth:`begin_turn`.

        Args:
            cut_off: ends the call meanwhile; called from another thread, and does not wait.
        """
        worker: _Worker = self._current.worker
        worker.cut_off = cut_off

    def begin_turn(self) -> None:
        """The call's message is read: return when it may compute, until it is done."""
        with self._lock:
            worker: _Worker = self._current.worker
            worker.cut_off = None
            has_place = self._reading.pop(worker, None) is not None
            self._slow.pop(worker, None)
            is_now = self._give_turn(worker, has_place=has_place)
        if not is_now:
            worker.wake.acquire()

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Hold no place for as long as the ``with`` lasts, for the call that the current thread does.

        Raises:
            Overloaded: as many calls as may be are aside.
        """
        worker: _Worker = self._current.worker
        left_ns = perf_counter_ns()
        with self._lock:
            if self._counts.aside >= limits.CALLS_ASIDE_MAX:
                wait_ns = self._admission_aside.wait_ns(0, 0)
                raise Overloaded(
                    "as many tenants as may be are being loaded",
                    retry_after_ms=self._admission_aside.refuse(wait_ns, left_ns),
                )
            self._counts.aside += 1
            self._counts.at_work -= 1
            self._leave_place(worker)
            self._begin_waiting()
        try:
            yield
        finally:
            away_ns = perf_counter_ns() - left_ns
            worker.away_ns += away_ns
            with self._lock:
                self._admission_aside.served(away_ns)
                self._counts.aside -= 1
                self._counts.at_work += 1
                is_now = self._give_turn(worker, has_place=False)
            if not is_now:
                worker.wake.acquire()

    def note_dropped(self) -> None:
        """Nobody waits any more for the call that the current thread does."""
        worker: _Worker = self._current.worker
        worker.is_dropped = True
        with self._lock:
            self._counts.dropped += 1

    # --- For everybody --------------------------------------------------------------------------

    def counts(self) -> LaneCounts:
        """What there was and is."""
        with self._lock:
            waiting, service_ms = len(self._queue), self._admission.service_ms
            return replace(self._counts, waiting=waiting, service_ms=service_ms)

    def wait_until_quiet(self, timeout_s: float) -> None:
        """Return when no call is at work or waits, or the time is up."""
        with self._lock:
            self._quiet.wait_for(self._is_quiet, timeout_s)

    def shutdown(self) -> None:
        """Finish what was taken, and end the threads. Nothing more is taken."""
        with self._lock:
            self._is_stopping = True
            if self._alarm is not None:
                self._alarm.cancel()
            for worker in self._idle:
                worker.wake.release()
            self._idle.clear()
        for thread in self._threads:
            thread.join()

    # --- The threads ----------------------------------------------------------------------------

    def _work(self, worker: _Worker) -> None:
        self._current.worker = worker
        while True:
            worker.wake.acquire()
            if worker.call is None:
                return  # the lane is shut down
            has_more = True
            while has_more:
                call, started_ns = worker.call, perf_counter_ns()
                worker.away_ns, worker.is_dropped = 0, False
                call.run()
                has_more = self._finish(worker, call, perf_counter_ns() - started_ns - worker.away_ns)

    def _finish(self, worker: _Worker, call: Call, service_ns: int) -> bool:
        """Leave the place of a call that is done.

        Returns:
            Whether the worker has been given what waited next. If not, it has to sleep, even where it has
            been given something in the meantime: its ``wake`` says so.
        """
        with self._lock:
            if worker.has_turn and not worker.is_dropped:  # what was not done says nothing of the next
                self._admission.served(service_ns)
            self._queue.done(call.tenant)
            worker.call = worker.cut_off = None
            self._counts.at_work -= 1
            self._leave_place(worker)
            if self._begin_waiting(worker):
                return True
            if self._is_stopping:
                worker.wake.release()
            else:
                self._idle.append(worker)
            if self._is_quiet():
                self._quiet.notify_all()
            return False

    # With the lock held.

    def _has_place(self) -> bool:
        slow_ns = perf_counter_ns() - limits.SLOW_CALLER_MS * 1_000_000
        while self._reading and next(iter(self._reading.values())) < slow_ns:
            worker, _ = self._reading.popitem(last=False)
            self._slow[worker] = None
            self._taken -= 1
        return self._taken < self._bounds.places

    def _has_thread(self) -> bool:
        return bool(self._idle) or len(self._threads) < self._bounds.places + self._bounds.spare_threads

    def _is_quiet(self) -> bool:
        return not self._counts.at_work and not self._queue

    def _give_turn(self, worker: _Worker, *, has_place: bool) -> bool:
        """Whether it has its turn at once; else it is woken when it has."""
        self._taken += not has_place
        worker.has_turn = self._turns < self._bounds.places
        if worker.has_turn:
            self._turns += 1
        else:
            self._ready.append(worker)
        return worker.has_turn

    def _leave_place(self, worker: _Worker) -> None:
        if not worker.has_turn:
            self._taken -= self._reading.pop(worker, None) is not None
            self._slow.pop(worker, None)
            return
        self._taken -= 1
        worker.has_turn = False
        if self._ready:
            following = self._ready.popleft()
            following.has_turn = True
            following.wake.release()
        else:
            self._turns -= 1

    def _begin_waiting(self, free: _Worker | None = None) -> bool:
        """Begin what waits and has a place, the first of it with ``free``; whether there was any for that."""
        spared = free
        while self._has_place() and (free or self._has_thread()) and (following := self._queue.next()):
            worker, free = free or self._sleeping(), None
            worker.call = following
            self._moved_ns = self._reading[worker] = perf_counter_ns()
            self._taken += 1
            self._counts.at_work += 1
            if worker is not spared:
                worker.wake.release()
        if self._queue and self._has_place() and not self._has_thread():
            self._cut_off_slowest()
        if self._queue and not self._turns:
            self._set_alarm()
        return spared is not None and free is None

    def _cut_off_slowest(self) -> None:
        """End the call whose message has been awaited for longest. Its thread goes on with what waits."""
        slowest = next((worker for worker in self._slow if worker.cut_off is not None), None)
        if slowest is not None and slowest.cut_off is not None:
            del self._slow[slowest]
            slowest.cut_off()

    def _sleeping(self) -> _Worker:
        if self._idle:
            return self._idle.pop()
        worker = _Worker()
        name = f"likewise-{self.name}-{len(self._threads)}"
        thread = threading.Thread(target=self._work, args=(worker,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
        return worker

    def _set_alarm(self) -> None:
        """All places are taken by calls that are read. If their callers are slow, nothing else would tell."""
        if self._alarm is None:
            self._alarm = threading.Timer(2 * limits.SLOW_CALLER_MS / 1_000, self._ring)
            self._alarm.daemon = True
            self._alarm.start()

    def _ring(self) -> None:
        with self._lock:
            self._alarm = None
            if self._is_stopping:
                return
            self._begin_waiting()
