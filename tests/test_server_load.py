"""Under load: deadlines drop work, queues are bounded, and who is refused is told when to come again."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import likewise
from conftest import Serve
from likewise_server.lifecycle import Server
from slow_encoder import SlowEncoder

SLOW = likewise.transaction(payee="slow")


@pytest.fixture
def encoder() -> Iterator[SlowEncoder]:
    slow = SlowEncoder()
    yield slow
    slow.let_go()


@pytest.fixture
def server(serve: Serve, encoder: SlowEncoder) -> Server:
    """Two threads, one of them meant for streams, and room for one call to wait."""
    server = serve(encoder=encoder, threads=1, streams_max=1, queue_max=1)
    with likewise.Client(server.address) as client:
        client.create_tenant(likewise.Tenant(id="t"))
        client.learn("t", [lesson("1", "known")])
    return server


@pytest.fixture
def callers(encoder: SlowEncoder) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads
        encoder.let_go()


def lesson(transaction_id: str, payee: str) -> likewise.LabelledTransaction:
    return likewise.labelled(likewise.transaction(id=transaction_id, payee=payee), "k")


def occupy(client: likewise.Client, encoder: SlowEncoder, callers: ThreadPoolExecutor) -> list[Future[Any]]:
    """Keep both threads at work."""
    held = [callers.submit(client.classify, "t", SLOW, deadline_ms=20_000) for _ in range(2)]
    encoder.wait_until_held(2)
    return held


def wait_for_queue(server: Server, accepted: int) -> None:
    while server._workers._accepted < accepted:
        time.sleep(0.001)


def test_a_call_has_its_deadline(client: likewise.Client, encoder: SlowEncoder) -> None:
    with pytest.raises(likewise.DeadlineExceeded):
        client.classify("t", SLOW, deadline_ms=50)
    encoder.let_go()
    assert client.classify("t", SLOW).revision == 1


def test_a_lesson_whose_deadline_passed_in_the_queue_is_never_begun(
    server: Server, serve: Serve, client: likewise.Client, encoder: SlowEncoder, callers: ThreadPoolExecutor
) -> None:
    held = occupy(client, encoder, callers)
    with pytest.raises(likewise.DeadlineExceeded):
        client.learn("t", [lesson("2", "late")], deadline_ms=100)
    encoder.let_go()
    assert [call.result().revision for call in held] == [1, 1]
    server.stop()
    with likewise.Client(serve().address) as again:
        assert [entry.labelled.transaction.id for entry in again.export_transactions("t")] == ["1"]


def test_a_lesson_that_had_begun_is_finished_whole_and_repeating_it_tells(
    client: likewise.Client, encoder: SlowEncoder
) -> None:
    items = [lesson("2", "slow one"), lesson("3", "slow two")]
    with pytest.raises(likewise.DeadlineExceeded):
        client.learn("t", items, request_id="r", deadline_ms=100)
    encoder.let_go()
    answer = client.learn("t", items, request_id="r")
    assert (answer.revision, answer.created) == (2, 2)
    assert client.get_tenant("t").statistics.labels == 3


def test_a_stream_whose_caller_has_gone_is_dropped(client: likewise.Client, encoder: SlowEncoder) -> None:
    known = likewise.transaction(payee="known")
    stream = client.classify_many("t", (transaction for _ in range(10**9) for transaction in (known,)))
    assert next(stream).classification
    stream.close()  # type: ignore[attr-defined]
    encoder.let_go()
    # The one place for streams is free again, or this would be refused for good.
    for _ in range(1_000):
        try:
            assert len(list(client.classify_many("t", [known]))) == 1
            break
        except likewise.Overloaded:
            time.sleep(0.005)
    else:
        pytest.fail("the stream of a caller that has gone goes on")


def test_one_call_too_many_is_refused_with_the_time_to_wait(
    server: Server, client: likewise.Client, encoder: SlowEncoder, callers: ThreadPoolExecutor
) -> None:
    held = occupy(client, encoder, callers)
    queued = callers.submit(client.classify, "t", SLOW, deadline_ms=20_000)
    wait_for_queue(server, 3)
    with pytest.raises(likewise.Overloaded) as failure:
        client.classify("t", SLOW)
    assert failure.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert failure.value.retry_after_ms
    encoder.let_go()
    assert {call.result().revision for call in (*held, queued)} == {1}
    assert client.classify("t", SLOW).revision == 1


def test_a_full_server_is_not_taken_for_a_dead_one(
    server: Server,
    client: likewise.Client,
    channel: grpc.Channel,
    encoder: SlowEncoder,
    callers: ThreadPoolExecutor,
) -> None:
    occupy(client, encoder, callers)
    callers.submit(client.classify, "t", SLOW, deadline_ms=20_000)
    wait_for_queue(server, 3)
    health = health_pb2_grpc.HealthStub(channel)
    status = health.Check(health_pb2.HealthCheckRequest(), timeout=5).status
    assert status == health_pb2.HealthCheckResponse.SERVING


def test_the_time_in_the_queue_is_told(
    server: Server, client: likewise.Client, encoder: SlowEncoder, callers: ThreadPoolExecutor
) -> None:
    occupy(client, encoder, callers)
    queued = callers.submit(client.classify, "t", likewise.transaction(payee="known"), deadline_ms=20_000)
    wait_for_queue(server, 3)
    time.sleep(0.02)
    encoder.let_go()
    assert queued.result().time_spent.wait.ToNanoseconds() >= 20_000_000


def test_streams_have_their_own_number_and_leave_room_for_calls(client: likewise.Client) -> None:
    known = likewise.transaction(payee="known")
    first = client.classify_many("t", (known for _ in range(10**9)))
    assert next(first).classification
    with pytest.raises(likewise.Overloaded) as failure:
        list(client.classify_many("t", [known]))
    assert failure.value.retry_after_ms
    with pytest.raises(likewise.Overloaded):
        list(client.export_transactions("t"))
    with pytest.raises(likewise.Overloaded):
        client.import_transactions("t", [])
    assert client.classify("t", known).revision == 1
    first.close()  # type: ignore[attr-defined]


def test_a_call_without_a_deadline_has_all_the_time(client: likewise.Client) -> None:
    assert client.classify("t", likewise.transaction(payee="known"), deadline_ms=None).revision == 1
