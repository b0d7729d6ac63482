"""How often a caller may call: a token bucket each, refused as overload is, and streams that wait for it."""

from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

import likewise
from access_world import KNOWN, Ended, bearing, ended, made, secret_of
from conftest import Serve
from likewise_engine import limits
from likewise_server.access.rates import Rates
from likewise_server.access.tokens import Rate

LIST = "/likewise.v1.TenantService/ListTenants"
OK, EXHAUSTED = grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED
S = 1_000_000_000


@given(
    st.integers(1, 50),
    st.integers(1, 20),
    st.lists(st.integers(0, 2 * S), min_size=1, max_size=60),
)
def test_a_rate_lets_in_what_a_bucket_of_tokens_would(
    calls_per_s: int, burst: int, pauses_ns: list[int]
) -> None:
    rates, rate, interval_ns = Rates(), Rate(calls_per_s, burst), S // calls_per_s
    now_ns, tokens, filled_ns = 0, burst * interval_ns, 0  # in nanoseconds' worth
    for pause_ns in pauses_ns:
        now_ns += pause_ns
        tokens, filled_ns = min(burst * interval_ns, tokens + now_ns - filled_ns), now_ns
        wait_ns = rates.wait_ns("a", rate, now_ns)
        assert wait_ns == max(0, interval_ns - tokens)
        if not wait_ns:
            tokens -= interval_ns


def test_callers_have_a_bucket_each_and_the_oldest_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RATES_KEPT_MAX", 2)
    rates, rate = Rates(), Rate(1, 1)
    assert [rates.wait_ns(name, rate, 0) for name in "aab"] == [0, S, 0]
    assert [rates.wait_ns(name, rate, 0) for name in "cba"] == [0, S, 0]


def told_ms(end: Ended) -> tuple[int, int]:
    """When to come again: for programs, and for gRPC's own retries."""
    trailers = dict(end.trailers)
    status, retry = Status(), RetryInfo()
    status.ParseFromString(trailers["grpc-status-details-bin"])
    assert any(detail.Unpack(retry) for detail in status.details)
    return retry.retry_delay.ToMilliseconds(), int(trailers["grpc-retry-pushback-ms"])


def test_who_calls_too_often_is_refused_and_told_when_to_come_again(data_folder: Path, serve: Serve) -> None:
    first, second = (bearing(secret_of(data_folder)) for _ in range(2))
    (own,) = (bearing(made(data_folder, rate=Rate(0.001, 4))[1]),)
    with grpc.insecure_channel(serve(caller_calls_per_s=0.25, caller_burst=2).address) as channel:
        ends = [ended(channel, LIST, metadata=first) for _ in range(3)]
        assert [end.code for end in ends] == [OK, OK, EXHAUSTED]
        for_programs, for_retries = told_ms(ends[-1])
        assert 0 < for_programs == for_retries <= 4_001
        assert ended(channel, LIST, metadata=second).code is OK
        ends = [ended(channel, LIST, metadata=own) for _ in range(5)]
        assert [end.code for end in ends] == [OK] * 4 + [EXHAUSTED]
        for_programs, for_retries = told_ms(ends[-1])
        assert for_programs > 900_000
        assert for_retries == -1  # nobody waits for so long within one call


def test_without_a_rate_and_for_whoever_needs_no_token_there_is_no_bound(serve: Serve) -> None:
    with grpc.insecure_channel(serve(caller_calls_per_s=0.01, caller_burst=1).address) as channel:
        assert {ended(channel, LIST).code for _ in range(9)} == {OK}


def test_messages_of_a_stream_wait_for_the_rate(data_folder: Path, serve: Serve) -> None:
    often, seldom = made(data_folder, rate=Rate(100, 2))[1], made(data_folder, rate=Rate(0.01, 2))[1]
    address = serve().address
    with likewise.Client(address, token=often) as client:
        client.create_tenant(likewise.Tenant(id="t"))
        assert [outcome.error for outcome in client.classify_many("t", [KNOWN] * 12)] == [None] * 12
    with likewise.Client(address, token=seldom) as client, pytest.raises(likewise.DeadlineExceeded):
        list(client.classify_many("t", [KNOWN] * 3, deadline_ms=1_000))


def test_a_caller_may_have_so_many_streams_at_once(data_folder: Path, serve: Serve) -> None:
    secret, other = secret_of(data_folder), secret_of(data_folder)
    server = serve(caller_streams_max=2)
    with (
        likewise.Client(server.address, token=secret) as client,
        likewise.Client(server.address, token=other) as beside,
    ):
        client.create_tenant(likewise.Tenant(id="t"))

        def begun(caller: likewise.Client) -> Any:
            stream = caller.classify_many("t", (KNOWN for _ in range(10**9)))
            assert next(stream).error is None
            return stream

        streams = [begun(client), begun(client)]
        with pytest.raises(likewise.Overloaded) as refused:
            begun(client)
        assert refused.value.retry_after_ms == 1_000
        assert client.classify("t", KNOWN).revision == 0
        streams.append(begun(beside))
        streams.pop(0).close()
        while len(streams) < 3:
            try:
                streams.append(begun(client))
            except likewise.Overloaded:
                continue
        for stream in streams:
            stream.close()
