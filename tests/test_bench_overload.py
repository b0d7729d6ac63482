"""bench/overload.py: its generator speaks HTTP/2 as gRPC does, and its figures are what they say."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Container, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import numpy as np
import psutil
import pytest

from latency_load.figures import errors_of
from latency_load.generator import Samples
from latency_load.processes import Served
from latency_load.schedule import KINDS, Schedule
from latency_load.workload import Kind
from likewise.connection import TENANT_KEY
from likewise.v1.classifier_service_pb2 import ClassifyRequest
from overload_load.flood import FloodFailed, flood
from overload_load.overload import measure, recovery_s, schedule_of, within
from overload_load.place import Place

MS = 1_000_000
Answer = Callable[[bytes, grpc.ServicerContext], bytes]


@contextmanager
def server(answer: Answer, *options: tuple[str, int]) -> Iterator[str]:
    """A server with this Classify; its address."""
    pool = ThreadPoolExecutor(8)
    started = grpc.server(pool, options=options)
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(answer)
    started.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("likewise.v1.ClassifierService", {"Classify": handler}),)
    )
    port = started.add_insecure_port("127.0.0.1:0")
    started.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        started.stop(0).wait()
        pool.shutdown()


def due_ms(*milliseconds: float) -> Schedule:
    due = np.array(milliseconds) * MS
    return Schedule(due.astype(np.int64), np.full(len(due), KINDS.index(Kind.CLASSIFY), dtype=np.uint8), 0)


def message(tenant: str) -> bytes:
    return ClassifyRequest(tenant=tenant).SerializeToString()


# --- The generator ---


def test_messages_and_whose_they_are_arrive() -> None:
    seen: Counter[tuple[bytes, str]] = Counter()
    lock = threading.Lock()

    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        with lock:
            seen[request, str(dict(context.invocation_metadata())[TENANT_KEY])] += 1
        return request * 100

    # An id that is longer than HPACK's seven bits, and than one byte after them, among them.
    tenants = ["a", "Müller & Söhne", "b" * 120, "ü" * 40]
    with server(answer) as address:
        samples = flood(address, due_ms(*range(40)), [message(tenant) for tenant in tenants])
    assert samples.is_ok.all()
    assert sum(seen.values()) == 40
    assert {ClassifyRequest.FromString(request).tenant for request, _ in seen} == set(tenants)
    assert {said for _, said in seen} == {"a", "M%C3%BCller%20%26%20S%C3%B6hne", "b" * 120, "%C3%BC" * 40}


def test_statuses_are_those_that_the_server_gave() -> None:
    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        if ClassifyRequest.FromString(request).tenant == "no":
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        if ClassifyRequest.FromString(request).tenant == "who":
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "who?")
        return b""

    with server(answer) as address:
        samples = flood(address, due_ms(*range(30)), [message("yes"), message("no"), message("who")])
    assert errors_of(samples) == {"RESOURCE_EXHAUSTED": 10, "UNAUTHENTICATED": 10}
    assert samples.is_ok.tolist() == [True, False, False] * 10


def test_more_calls_than_a_server_takes_at_once_wait_and_are_answered() -> None:
    def answer(request: bytes, _context: grpc.ServicerContext) -> bytes:
        time.sleep(0.002)
        return request

    with server(answer, ("grpc.max_concurrent_streams", 2)) as address:
        samples = flood(address, due_ms(*[0] * 500), [message("t")])
    assert samples.is_ok.all()
    # Latency counts from the moment at which all were due: the last ones waited for those before them.
    assert samples.latency_ns.max() > 500 / 8 * 2 * MS


def test_more_bytes_than_a_window_holds_wait_and_arrive() -> None:
    large = ClassifyRequest(tenant="t")
    large.transaction.description = "x" * 20_000
    with server(lambda request, _context: request[:1]) as address:
        samples = flood(address, due_ms(*[0] * 300), [large.SerializeToString()])
    assert samples.is_ok.all()


def test_a_server_that_goes_is_no_answer() -> None:
    going = grpc.server(ThreadPoolExecutor(1))
    port = going.add_insecure_port("127.0.0.1:0")
    going.start()

    def go(_request: bytes, _context: grpc.ServicerContext) -> bytes:
        going.stop(0)
        return b""

    with server(go) as trigger, ThreadPoolExecutor(1) as callers:
        done = callers.submit(flood, f"127.0.0.1:{port}", due_ms(0, 5_000), [message("t")])
        flood(trigger, due_ms(0), [message("t")])
        with pytest.raises((FloodFailed, ConnectionError)):
            done.result()


# --- The figures ---


def test_an_overload_stands_between_two_calms() -> None:
    due = schedule_of(capacity_hz=200, times=5, seconds=4, seed=1)
    assert np.all(np.diff(due.due_ns) >= 0)
    counts = np.histogram(due.due_ns / 1e9, bins=(0, 5, 9, 14))[0]
    assert counts == pytest.approx((500, 4_000, 500), rel=0.2)


def samples_of(due: Schedule, took_ms: float, failed: Container[int] = ()) -> Samples:
    codes = np.array([8 if number in failed else 0 for number in range(len(due))], dtype=np.int16)
    return Samples(due, 0, due.due_ns, due.due_ns + round(took_ms * MS), codes, cpu_s=0.1)


def test_recovery_ends_with_the_last_bad_answer_that_a_p99_does_not_allow() -> None:
    due = due_ms(*range(0, 4_000, 10))
    ends_ns = 1_000 * MS
    assert recovery_s(samples_of(due, took_ms=5), ends_ns) == 0.0
    assert recovery_s(samples_of(due, took_ms=50), ends_ns) > 2.9
    # The 300 calls after the end may have three bad ones at any time.
    assert recovery_s(samples_of(due, 5, {120, 150, 399}), ends_ns) == 0.0
    assert recovery_s(samples_of(due, 5, {120, 150, 390, 399}), ends_ns) == pytest.approx(0.2)
    assert recovery_s(samples_of(due, 5, {50, 99}), ends_ns) == 0.0  # before the end


def test_calls_within_a_span_are_those_that_were_due_in_it() -> None:
    samples = within(samples_of(due_ms(0, 10, 20, 30), took_ms=15, failed={2}), 10 * MS, 30 * MS)
    assert samples.schedule.due_ns.tolist() == [10 * MS, 20 * MS]
    assert samples.is_ok.tolist() == [True, False]


def test_what_was_let_in_is_measured_apart_from_what_was_not() -> None:
    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        if ClassifyRequest.FromString(request).tenant == "no":
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        return b""

    with server(answer) as address, ThreadPoolExecutor(1) as pool:
        served = Served(address, 0.0, psutil.Process())
        there = Place(served, pool, [message("yes"), message("no")], seed=1, doubts=[])
        part = measure(there, capacity_hz=20.0, times=5.0, seconds=1.0)
    refused = part["errors_by_code"]["RESOURCE_EXHAUSTED"]
    assert part["accepted"]["calls"] + refused == part["due_hz"]
    assert part["goodput_hz"] == part["accepted"]["calls"] == pytest.approx(refused, abs=2)
    assert part["goodput_share"] == part["goodput_hz"] / 20.0
    assert part["recovery_s"] > 4  # half of the calls are refused ever after
