"""Under load: deadlines drop work, queues are bounded, and who is refused is told when to come again."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

import likewise
from conftest import Serve
from engine_world import labelled
from likewise.connection import TENANT_KEY
from likewise.v1.classifier_service_pb2 import ClassifyRequest
from likewise.v1.classifier_service_pb2_grpc import ClassifierServiceStub
from likewise_engine import limits
from likewise_engine.encoder import HashingEncoder
from likewise_engine.tenants import Tenants
from likewise_server.lane import Lane
from likewise_server.lifecycle import Server
from likewise_server.workers import LaneName
from slow_encoder import SlowEncoder

SLOW = likewise.transaction(payee="slow")
KNOWN = likewise.transaction(payee="known")
PATIENT_MS = 20_000


@pytest.fixture
def encoder() -> Iterator[SlowEncoder]:
    slow = SlowEncoder()
    yield slow
    slow.let_go()


@pytest.fixture
def server(serve: Serve, encoder: SlowEncoder) -> Server:
    """One call of each kind at once, and room for a few to wait, for as long as a test likes."""
    server = serve(encoder=encoder, threads=1, disk_threads=1, streams_max=1, queue_max=4, wait_ms_max=10_000)
    with likewise.Client(server.address) as client:
        for tenant in ("t", "u"):
            client.create_tenant(likewise.Tenant(id=tenant))
            client.learn(tenant, [lesson("1", "known")])
    return server


@pytest.fixture
def callers(encoder: SlowEncoder) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(16) as threads:
        yield threads
        encoder.let_go()


def lesson(transaction_id: str, payee: str) -> likewise.LabelledTransaction:
    return likewise.labelled(likewise.transaction(id=transaction_id, payee=payee), "k")


def occupy(client: likewise.Client, encoder: SlowEncoder, callers: ThreadPoolExecutor) -> Future[Any]:
    """Keep the only thread that classifies at work."""
    held = callers.submit(client.classify, "t", SLOW, deadline_ms=PATIENT_MS)
    encoder.wait_until_held()
    return held


def wait_until(server: Server, lane: LaneName, **counts: int) -> None:
    """Return when a lane counts so much."""
    for _ in range(10_000):
        if all(getattr(server.counts()[lane], name) == count for name, count in counts.items()):
            return
        time.sleep(0.001)
    pytest.fail(f"there is {server.counts()[lane]}, not {counts}")


def refusal(channel: grpc.Channel, tenant: str = "t", *, says_tenant: bool = False) -> grpc.RpcError:
    """The refusal of a call that nobody tries again."""
    metadata = ((TENANT_KEY, tenant),) if says_tenant else ()
    with pytest.raises(grpc.RpcError) as failure:
        ClassifierServiceStub(channel).Classify(
            ClassifyRequest(tenant=tenant, transaction=KNOWN), timeout=20, metadata=metadata
        )
    return failure.value


def done(calls: Sequence[Any], count: int) -> list[Any]:
    """The calls that are done, as soon as there are so many."""
    for _ in range(10_000):
        if len(finished := [call for call in calls if call.done()]) >= count:
            return finished
        time.sleep(0.001)
    pytest.fail(f"only {len(finished)} calls are done")


# --- Deadlines ---


def test_a_call_has_its_deadline(client: likewise.Client, encoder: SlowEncoder) -> None:
    with pytest.raises(likewise.DeadlineExceeded):
        client.classify("t", SLOW, deadline_ms=50)
    encoder.let_go()
    assert client.classify("t", SLOW).revision == 1


def test_a_call_without_a_deadline_has_all_the_time(client: likewise.Client) -> None:
    assert client.classify("t", KNOWN, deadline_ms=None).revision == 1


def test_a_call_whose_deadline_passed_in_the_queue_is_dropped(
    server: Server, client: likewise.Client, encoder: SlowEncoder, callers: ThreadPoolExecutor
) -> None:
    held = occupy(client, encoder, callers)
    with pytest.raises(likewise.DeadlineExceeded):
        client.classify("t", likewise.transaction(payee="late"), deadline_ms=50)
    encoder.let_go()
    assert held.result().revision == 1
    wait_until(server, LaneName.ASK, at_work=0, waiting=0)
    assert "late" not in encoder.encoded


def test_a_lesson_whose_deadline_passed_in_the_queue_is_never_begun(
    server: Server, serve: Serve, client: likewise.Client, encoder: SlowEncoder, callers: ThreadPoolExecutor
) -> None:
    held = callers.submit(client.learn, "t", [lesson("2", "slow")], deadline_ms=PATIENT_MS)
    encoder.wait_until_held()
    with pytest.raises(likewise.DeadlineExceeded):
        client.learn("t", [lesson("3", "late")], deadline_ms=100)
    encoder.let_go()
    assert held.result().revision == 2
    server.stop()
    with likewise.Client(serve().address) as again:
        assert [entry.labelled.transaction.id for entry in again.export_transactions("t")] == ["1", "2"]


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


def test_a_stream_whose_caller_has_gone_is_dropped(
    server: Server, client: likewise.Client, encoder: SlowEncoder
) -> None:
    stream = client.classify_many("t", (KNOWN for _ in range(10**9)))
    assert next(stream).classification
    stream.close()  # type: ignore[attr-defined]
    wait_until(server, LaneName.STREAM, at_work=0)
    assert len(list(client.classify_many("t", [KNOWN]))) == 1


# --- Too much ---


def test_one_call_too_many_is_refused_with_the_time_to_wait(
    server: Server,
    client: likewise.Client,
    channel: grpc.Channel,
    encoder: SlowEncoder,
    callers: ThreadPoolExecutor,
) -> None:
    held = occupy(client, encoder, callers)
    queued = [callers.submit(client.classify, "t", KNOWN, deadline_ms=PATIENT_MS) for _ in range(4)]
    wait_until(server, LaneName.ASK, waiting=4)
    error = refusal(channel)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    (retry,) = [
        RetryInfo.FromString(detail.value)
        for detail in rpc_status.from_call(error).details
        if detail.Is(RetryInfo.DESCRIPTOR)
    ]
    delay_ms = retry.retry_delay.ToMilliseconds()
    assert limits.RETRY_AFTER_MS_MIN <= delay_ms <= limits.RETRY_AFTER_MS_MAX
    # gRPC's own retries go by another name for the same.
    assert ("grpc-retry-pushback-ms", str(delay_ms)) in [
        (pair.key, str(pair.value)) for pair in error.trailing_metadata()
    ]
    encoder.let_go()
    assert {call.result().revision for call in (held, *queued)} == {1}


def test_a_flood_fills_no_queue_and_what_was_let_in_is_answered(
    server: Server,
    client: likewise.Client,
    channel: grpc.Channel,
    encoder: SlowEncoder,
    callers: ThreadPoolExecutor,
) -> None:
    occupy(client, encoder, callers)
    # As many as are surely received: gRPC's core would end some beyond CALLS_UNRECEIVED_MAX by itself.
    calls = limits.CALLS_UNRECEIVED_MAX - 10
    grpc.channel_ready_future(channel).result(20)
    stub = ClassifierServiceStub(channel)
    flood = [
        stub.Classify.future(ClassifyRequest(tenant="t", transaction=KNOWN), timeout=20) for _ in range(calls)
    ]
    wait_until(server, LaneName.ASK, accepted=5, refused=calls - 4, waiting=4, at_work=1)
    encoder.let_go()
    assert Counter(call.code() for call in flood) == {
        grpc.StatusCode.OK: 4,
        grpc.StatusCode.RESOURCE_EXHAUSTED: calls - 4,
    }
    assert client.classify("t", KNOWN).revision == 1
    assert server.counts()[LaneName.ASK].refused == calls - 4


def test_what_comes_faster_than_it_can_be_received_is_refused_unreceived(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce, may_go_on = server._workers.announce, threading.Event()

    def late(*arguments: Any) -> int | None:
        assert may_go_on.wait(20)
        return announce(*arguments)

    monkeypatch.setattr(server._workers, "announce", late)
    with ExitStack() as connected:
        channels = [
            connected.enter_context(grpc.insecure_channel(server.address, [("number", number)]))
            for number in range(5)
        ]
        flood = [
            ClassifierServiceStub(channel).Classify.future(
                ClassifyRequest(tenant="t", transaction=KNOWN), timeout=20
            )
            for channel in channels
            for _ in range(limits.CONNECTION_CALLS_MAX)
        ]
        refused = done(flood, len(flood) - 2 * limits.CALLS_UNRECEIVED_MAX - 1)
        may_go_on.set()
        assert {call.code() for call in refused} == {grpc.StatusCode.CANCELLED}
        assert any(call.code() is grpc.StatusCode.OK for call in flood)


def test_a_client_that_was_refused_comes_again_by_itself(
    server: Server, client: likewise.Client, encoder: SlowEncoder, callers: ThreadPoolExecutor
) -> None:
    occupy(client, encoder, callers)
    for _ in range(4):
        callers.submit(client.classify, "t", KNOWN, deadline_ms=PATIENT_MS)
    wait_until(server, LaneName.ASK, waiting=4)
    again = callers.submit(client.classify, "u", KNOWN, deadline_ms=PATIENT_MS)
    wait_until(server, LaneName.ASK, refused=1)
    encoder.let_go()
    assert again.result().revision == 1


def test_what_is_refused_for_good_is_not_tried_again(server: Server, client: likewise.Client) -> None:
    many = [likewise.Category(id=f"c{n}") for n in range(limits.CATEGORIES_MAX)]
    before = server.counts()[LaneName.DISK].accepted
    with pytest.raises(likewise.LimitReached):
        client.update_tenant(likewise.Tenant(id="t", chart=many), update_mask=["chart"])
    assert server.counts()[LaneName.DISK].accepted == before + 1


def test_a_full_server_is_not_taken_for_a_dead_one(
    server: Server,
    client: likewise.Client,
    channel: grpc.Channel,
    encoder: SlowEncoder,
    callers: ThreadPoolExecutor,
) -> None:
    occupy(client, encoder, callers)
    for _ in range(4):
        callers.submit(client.classify, "t", KNOWN, deadline_ms=PATIENT_MS)
    wait_until(server, LaneName.ASK, waiting=4)
    health = health_pb2_grpc.HealthStub(channel)
    status = health.Check(health_pb2.HealthCheckRequest(), timeout=5).status
    assert status == health_pb2.HealthCheckResponse.SERVING


def test_the_time_in_the_queue_is_told(
    server: Server, client: likewise.Client, encoder: SlowEncoder, callers: ThreadPoolExecutor
) -> None:
    occupy(client, encoder, callers)
    queued = callers.submit(client.classify, "t", KNOWN, deadline_ms=PATIENT_MS)
    wait_until(server, LaneName.ASK, waiting=1)
    time.sleep(0.02)
    encoder.let_go()
    assert queued.result().time_spent.wait.ToNanoseconds() >= 20_000_000


def test_streams_have_their_own_number_and_leave_room_for_calls(
    server: Server, client: likewise.Client
) -> None:
    first = client.classify_many("t", (KNOWN for _ in range(10**9)))
    assert next(first).classification
    with pytest.raises(likewise.Overloaded) as failure:
        list(client.classify_many("t", [KNOWN]))
    assert failure.value.retry_after_ms
    with pytest.raises(likewise.Overloaded):
        client.import_transactions("t", [])
    refused = server.counts()[LaneName.STREAM].refused
    with pytest.raises(likewise.Overloaded):
        list(client.export_transactions("t", deadline_ms=20_000))
    assert server.counts()[LaneName.STREAM].refused > refused + 1, (
        "an export that has not begun is tried again"
    )
    assert client.classify("t", KNOWN).revision == 1
    first.close()  # type: ignore[attr-defined]


# --- Fairness ---


def test_a_flood_of_one_tenant_delays_another_by_one_call(
    server: Server, client: likewise.Client, encoder: SlowEncoder, callers: ThreadPoolExecutor
) -> None:
    held = occupy(client, encoder, callers)
    queued = []
    for waiting, (tenant, payee) in enumerate([("t", "one"), ("t", "two"), ("t", "three"), ("u", "other")]):
        wait_until(server, LaneName.ASK, waiting=waiting)
        asked = likewise.transaction(payee=payee)
        queued.append(callers.submit(client.classify, tenant, asked, deadline_ms=PATIENT_MS))
    wait_until(server, LaneName.ASK, waiting=4)
    encoder.let_go()
    assert {call.result().revision for call in (held, *queued)} == {1}
    assert encoder.encoded[-5:] == ["slow", "one", "other", "two", "three"]


def test_learning_and_asking_do_not_wait_for_each_other(
    client: likewise.Client, encoder: SlowEncoder, callers: ThreadPoolExecutor
) -> None:
    held = callers.submit(client.learn, "t", [lesson("2", "slow")], deadline_ms=PATIENT_MS)
    encoder.wait_until_held()
    assert client.classify("t", KNOWN).revision == 1
    asking = occupy(client, encoder, callers)
    encoder.let_go()
    assert held.result().revision == 2
    assert asking.result().revision in (1, 2)


def test_calls_are_answered_between_the_pieces_of_one_imported_batch(
    client: likewise.Client,
    encoder: SlowEncoder,
    callers: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "IMPORT_PIECE_ITEMS", 2)
    items = [lesson(str(n), payee) for n, payee in enumerate(("one", "two", "three", "slow", "five"), 2)]
    importing = callers.submit(client.import_transactions, "t", items, deadline_ms=PATIENT_MS)
    encoder.wait_until_held()
    assert client.classify("u", KNOWN).revision == 1
    assert client.classify("t", likewise.transaction(payee="two")).revision == 2
    encoder.let_go()
    assert (importing.result().created, importing.result().revision) == (5, 4)


def test_an_import_looks_at_every_item_whether_calls_wait(
    client: likewise.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[float]()
    monkeypatch.setattr(limits, "BULK_SLICE_MS", 0)
    monkeypatch.setattr(Lane, "wait_until_quiet", lambda _, timeout_s: looks.append(timeout_s))
    assert client.import_transactions("t", [lesson(str(n), "known") for n in range(2, 52)]).created == 50
    assert len(looks) > 2 * 50, "once as it is read and once as it is learned"


def test_callers_that_are_slow_to_send_hold_up_nobody(
    server: Server, client: likewise.Client, channel: grpc.Channel
) -> None:
    let_go = threading.Event()

    def late() -> Iterator[bytes]:
        let_go.wait(20)
        yield ClassifyRequest(tenant="t", transaction=KNOWN).SerializeToString()

    classify: Any = channel.stream_unary("/likewise.v1.ClassifierService/Classify")
    slow = [classify.future(late(), timeout=20) for _ in range(3)]
    wait_until(server, LaneName.ASK, at_work=3)
    assert client.classify("t", KNOWN).revision == 1
    let_go.set()
    assert all(call.result() for call in slow)


def test_a_tenant_that_is_being_loaded_holds_up_no_other(
    serve: Serve, data_folder: Path, encoder: SlowEncoder, callers: ThreadPoolExecutor
) -> None:
    # Under another encoder's fingerprint, so that the load encodes the texts anew, and can be held.
    with Tenants.open_folder(data_folder, HashingEncoder(dimensions=64)) as tenants:
        for tenant, payee in (("cold", "slow"), ("t", "known")):
            tenants.create(tenant)
            with tenants.use(tenant) as ledger:
                ledger.learn([labelled("1", payee, "k")])
    server = serve(encoder=encoder, threads=1, wait_ms_max=10_000)
    with likewise.Client(server.address) as client:
        loading = callers.submit(client.classify, "cold", KNOWN, deadline_ms=PATIENT_MS)
        encoder.wait_until_held()
        wait_until(server, LaneName.ASK, aside=1, at_work=0)
        assert client.classify("t", KNOWN).revision == 1
        encoder.let_go()
        assert loading.result().revision == 1


def test_what_a_call_says_of_its_tenant_has_to_be_true(
    client: likewise.Client, channel: grpc.Channel, server: Server
) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        ClassifierServiceStub(channel).Classify(
            ClassifyRequest(tenant="t", transaction=KNOWN), timeout=20, metadata=((TENANT_KEY, "u"),)
        )
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    with likewise.Client(server.address) as strange:
        strange.create_tenant(likewise.Tenant(id="Café & Søn/100%"))
        assert strange.get_tenant("Café & Søn/100%").id == "Café & Søn/100%"
