"""The load generator: sends each call at the moment at which it is due, whatever became of those before.

It is a process of its own, with raw stubs and messages that were serialised before: what it does between two
calls is sleep, read the clock and hand bytes to gRPC. A call's latency counts from the moment at which it was
*due*, so what the generator itself is late counts too, and is measured apart: where it was late for more than
:data:`LAG_MS_P99_MAX`, the figures are its own and not the server's.

It uses gRPC's futures with callbacks. asyncio sleeps in whole milliseconds: at 300 calls a second grpc.aio
sent half of them .64 ms late or later, futures .11 ms, for the same processor time (.6 ms).
"""

import gc
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from typing import Any, Final, Self
from urllib.parse import quote

import grpc
import numpy as np
from numpy.typing import NDArray

from latency_load.schedule import KINDS, Schedule
from latency_load.workload import Kind
from likewise.connection import TENANT_KEY

LAG_MS_P99_MAX: Final = 2.0
"""A fifth of the latency budget. A generator that is later than that has no share of the processor left."""
METHODS: Final = {
    Kind.CLASSIFY: "/likewise.v1.ClassifierService/Classify",
    Kind.COLD: "/likewise.v1.ClassifierService/Classify",
    Kind.LEARN: "/likewise.v1.LedgerService/Learn",
    Kind.IMPORT: "/likewise.v1.LedgerService/ImportTransactions",
    Kind.ECHO: "/bench.Echo/Echo",
}
_DEADLINE_S: Final = 10.0
"""Longer than any answer should take: a slow server is to show as slow, not as failing."""
_FIRST_TOUCH_DEADLINE_S: Final = 120.0
_FIRST_TOUCHES_AT_ONCE: Final = 4
_BUSY_S: Final = 0.05
"""How long a server that is busy loading is left alone."""
_LEAD_NS: Final = 50_000_000
"""From the last preparation to the start."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What became of the calls of a schedule, in its order.

    Attributes:
        schedule: that they were sent by.
        started_ns: by ``perf_counter_ns``, which all processes of a machine share on Linux.
        sent_ns: int64 ``(n,)``, when each was handed to gRPC, in nanoseconds from the start.
        done_ns: int64 ``(n,)``, when its answer was there.
        codes: int16 ``(n,)``, gRPC's status codes.
        cpu_s: processor time of the generator meanwhile.
    """

    schedule: Schedule
    started_ns: int
    sent_ns: NDArray[np.int64]
    done_ns: NDArray[np.int64]
    codes: NDArray[np.int16]
    cpu_s: float

    @classmethod
    def taken(
        cls,
        schedule: Schedule,
        started_ns: int,
        sent_ns: Sequence[int],
        done_ns: Sequence[int],
        codes: Sequence[int],
        cpu_before_s: float,
    ) -> Self:
        """The samples of this process, up to now: all times by its clocks, and not from the start."""
        return cls(
            schedule=schedule,
            started_ns=started_ns,
            sent_ns=np.array(sent_ns) - started_ns,
            done_ns=np.array(done_ns) - started_ns,
            codes=np.array(codes, dtype=np.int16),
            cpu_s=time.process_time() - cpu_before_s,
        )

    @property
    def latency_ns(self) -> NDArray[np.int64]:
        """Int64 ``(n,)``: from the moment at which a call was due, sent or not, to its answer."""
        return self.done_ns - self.schedule.due_ns

    @property
    def lag_ns(self) -> NDArray[np.int64]:
        """Int64 ``(n,)``: how late each call was sent."""
        return self.sent_ns - self.schedule.due_ns

    @property
    def is_ok(self) -> NDArray[np.bool_]:
        """Bool ``(n,)``: whether the answer was one."""
        ok: NDArray[np.bool_] = self.codes == grpc.StatusCode.OK.value[0]
        return ok


Metadata = tuple[tuple[str, str], ...]
Send = Callable[[bytes, Metadata], Any]
"""Sends a message; returns at once, with a future of the answer."""


@contextmanager
def own_process() -> Iterator[ProcessPoolExecutor]:
    """A process for this module's functions. Spawned: gRPC does not outlive a fork."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


def first_touches(address: str, payloads: Sequence[bytes], connections: int = 1) -> None:
    """Have tenants loaded, some at once, the first ones first; a busy server is asked again.

    Raises:
        ConnectionError: one could not be loaded. (A grpc.RpcError would not come through between processes.)

    Args:
        address: of the server.
        payloads: serialised, a Classify for each tenant.
        connections: by each of which all are asked: so that each worker process has some.
    """
    with _channels(address, connections) as channels, ThreadPoolExecutor(_FIRST_TOUCHES_AT_ONCE) as callers:
        for channel in channels:
            classify: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHODS[Kind.CLASSIFY])

            def touch(payload: bytes, classify: Any = classify) -> None:
                until_s = time.monotonic() + _FIRST_TOUCH_DEADLINE_S
                while True:
                    try:
                        classify(payload, timeout=_FIRST_TOUCH_DEADLINE_S, metadata=metadata_of(payload))
                    except grpc.RpcError as error:
                        is_busy = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
                        if not is_busy or time.monotonic() > until_s:
                            raise ConnectionError(f"a tenant could not be loaded: {error}") from None
                        time.sleep(_BUSY_S)
                    else:
                        return

            for _ in callers.map(touch, payloads):
                pass


def send(address: str, schedule: Schedule, payloads: Sequence[bytes], connections: int = 1) -> Samples:
    """Send the calls of a schedule, each when it is due; wait for all answers.

    Args:
        address: of the server.
        schedule: when each is due.
        payloads: serialised, in the schedule's order.
        connections: that take turns. A connection is one worker process's.
    """
    with _channels(address, connections) as channels:
        sends = [[_sender(channel, kind) for kind in KINDS] for channel in channels]
        of_call = [sends[number % connections][kind] for number, kind in enumerate(schedule.kinds)]
        # The echo is nobody's: its server does not know what a tenant is.
        metadata = [
            () if KINDS[kind] is Kind.ECHO else metadata_of(payload)
            for kind, payload in zip(schedule.kinds, payloads, strict=True)
        ]
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection halts the generator for longer than most answers take
        try:
            return _run(schedule, of_call, list(zip(payloads, metadata, strict=True)))
        finally:
            gc.enable()


@contextmanager
def _channels(address: str, count: int) -> Iterator[list[grpc.Channel]]:
    """Channels with a connection each, which are there already."""
    with ExitStack() as stack:
        own = [("grpc.use_local_subchannel_pool", 1)]
        channels = [stack.enter_context(grpc.insecure_channel(address, own)) for _ in range(count)]
        for channel in channels:
            grpc.channel_ready_future(channel).result(_DEADLINE_S)
        yield channels


def metadata_of(payload: bytes) -> Metadata:
    """What likewise.Client says of a call before its message: whose it is.

    All our requests begin with their tenant: a tag, its length, its id.
    """
    return ((TENANT_KEY, quote(payload[2 : 2 + payload[1]], safe="")),)


def _sender(channel: grpc.Channel, kind: Kind) -> Send:
    if kind is Kind.IMPORT:
        stream: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(METHODS[kind])
        return lambda payload, metadata: stream.future(
            iter([payload]), timeout=_DEADLINE_S, metadata=metadata
        )
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHODS[kind])
    return lambda payload, metadata: call.future(payload, timeout=_DEADLINE_S, metadata=metadata)


def _run(schedule: Schedule, sends: Sequence[Send], messages: Sequence[tuple[bytes, Metadata]]) -> Samples:
    calls = len(schedule)
    # Lists, for setting an element of an array takes longer.
    sent_ns, done_ns, codes = [0] * calls, [0] * calls, [0] * calls
    answered, all_answered = count(1), threading.Event()

    def note(number: int) -> Callable[[Any], None]:
        def done(future: Any) -> None:
            done_ns[number] = time.perf_counter_ns()
            codes[number] = future.code().value[0]
            if next(answered) == calls:
                all_answered.set()

        return done

    cpu_before_s = time.process_time()
    started_ns = time.perf_counter_ns() + _LEAD_NS
    for number, due_ns in enumerate((schedule.due_ns + started_ns).tolist()):
        wait_ns = due_ns - time.perf_counter_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        sent_ns[number] = time.perf_counter_ns()
        sends[number](*messages[number]).add_done_callback(note(number))
    if calls:
        all_answered.wait()
    return Samples.taken(schedule, started_ns, sent_ns, done_ns, codes, cpu_before_s)
