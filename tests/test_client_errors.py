"""The client's errors: every status code of a real server, with all that its details say."""

import asyncio
import pickle
from collections.abc import Callable, Iterator

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, Help, RetryInfo
from google.rpc.status_pb2 import Status

import likewise
from blocking_client import blocking
from likewise.errors import error_of_status
from memory_server import MemoryServer, serving

ERRORS = [
    (grpc.StatusCode.CANCELLED, likewise.Cancelled),
    (grpc.StatusCode.UNKNOWN, likewise.ServerFault),
    (grpc.StatusCode.INVALID_ARGUMENT, likewise.InvalidRequest),
    (grpc.StatusCode.DEADLINE_EXCEEDED, likewise.DeadlineExceeded),
    (grpc.StatusCode.NOT_FOUND, likewise.NotFound),
    (grpc.StatusCode.ALREADY_EXISTS, likewise.AlreadyExists),
    (grpc.StatusCode.PERMISSION_DENIED, likewise.PermissionDenied),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, likewise.LimitReached),
    (grpc.StatusCode.FAILED_PRECONDITION, likewise.PreconditionFailed),
    (grpc.StatusCode.ABORTED, likewise.Aborted),
    (grpc.StatusCode.OUT_OF_RANGE, likewise.InvalidRequest),
    (grpc.StatusCode.UNIMPLEMENTED, likewise.Unimplemented),
    (grpc.StatusCode.INTERNAL, likewise.ServerFault),
    (grpc.StatusCode.UNAVAILABLE, likewise.Unavailable),
    (grpc.StatusCode.DATA_LOSS, likewise.ServerFault),
    (grpc.StatusCode.UNAUTHENTICATED, likewise.Unauthenticated),
]

RENT = likewise.labelled(likewise.transaction(id="t1", payee="X"), "rent")

TRIED_AGAIN = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
)

# One call of each of gRPC's four kinds. Of them an export alone is tried again.
CALLS: dict[str, Callable[[likewise.Client], object]] = {
    "unary": lambda client: client.delete_tenant("cafe"),
    "stream up": lambda client: client.import_transactions("cafe", [RENT]),
    "stream down": lambda client: list(client.export_transactions("cafe")),
    "stream both": lambda client: list(client.classify_many("cafe", [RENT.transaction])),
}


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest, server: MemoryServer) -> Iterator[likewise.Client]:
    with serving(server) as target:
        if request.param == "sync":
            with likewise.Client(target) as client:
                yield client
        else:
            with asyncio.Runner() as runner, blocking(runner.get_loop(), target) as client:
                yield client


def status(code: grpc.StatusCode, message: str, *details: Message) -> Status:
    packed = []
    for detail in details:
        packed.append(AnyMessage())
        packed[-1].Pack(detail)
    return Status(code=code.value[0], message=message, details=packed)


def test_every_code_has_its_error() -> None:
    assert {code for code, _ in ERRORS} == set(grpc.StatusCode) - {grpc.StatusCode.OK}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
def test_no_error_of_grpc_slips_by(
    client: likewise.Client, server: MemoryServer, call: Callable[[likewise.Client], object]
) -> None:
    for code, kind in ERRORS:
        tries = 4 if code in TRIED_AGAIN else 1
        server.failures.extend([status(code, "no luck")] * tries)
        with pytest.raises(likewise.Error) as caught:
            call(client)
        server.failures.clear()
        assert type(caught.value) is kind
        assert (caught.value.code, caught.value.message) == (code, "no luck")
        assert isinstance(caught.value.__cause__, grpc.RpcError)


def test_a_stream_that_is_refused_at_once_says_why(client: likewise.Client, server: MemoryServer) -> None:
    # grpc.aio loses the status of a third of these (grpc/grpc#36066).
    for _ in range(30):
        server.failures.append(status(grpc.StatusCode.NOT_FOUND, "no such tenant"))
        with pytest.raises(likewise.NotFound, match="no such tenant"):
            list(client.classify_many("nobody", [RENT.transaction] * 100))


def test_details_are_read(client: likewise.Client, server: MemoryServer) -> None:
    violation = BadRequest.FieldViolation(field="transactions[3].amount", description="is absurd")
    server.failures.append(
        status(
            grpc.StatusCode.INVALID_ARGUMENT,
            "one thing is wrong",
            Help(links=[Help.Link(description="not for us")]),
            BadRequest(field_violations=[violation]),
            ErrorInfo(reason="INVALID_INPUT", domain="likewise", metadata={"tenant": "cafe"}),
        )
    )
    with pytest.raises(likewise.InvalidRequest) as caught:
        client.learn("cafe", [RENT])
    error = caught.value
    assert error.violations == (likewise.FieldViolation("transactions[3].amount", "is absurd"),)
    assert (error.reason, error.domain, error.metadata) == ("INVALID_INPUT", "likewise", {"tenant": "cafe"})
    assert error.retry_after_ms is None
    assert str(error) == "INVALID_INPUT: one thing is wrong"
    assert repr(error) == "InvalidRequest('INVALID_INPUT: one thing is wrong')"


def test_exhausted_with_a_time_to_come_again_is_overload(
    client: likewise.Client, server: MemoryServer
) -> None:
    retry = RetryInfo(retry_delay=Duration(nanos=250_000_000))
    server.failures.append(status(grpc.StatusCode.RESOURCE_EXHAUSTED, "full", retry))
    with pytest.raises(likewise.TryAgain) as caught:
        client.delete_tenant("cafe")
    assert type(caught.value) is likewise.Overloaded
    assert caught.value.retry_after_ms == 250
    assert str(caught.value) == "RESOURCE_EXHAUSTED: full"


@pytest.mark.parametrize("trailer", [b"\xff\xff garbage", b"", b"\x08\x03"])
def test_damaged_details_leave_code_and_message(
    client: likewise.Client, server: MemoryServer, trailer: bytes
) -> None:
    server.failures.append(trailer)
    with pytest.raises(likewise.InvalidRequest) as caught:
        client.get_tenant("cafe")
    assert caught.value.code is grpc.StatusCode.OUT_OF_RANGE
    assert caught.value.message == "damaged details"
    assert (caught.value.violations, caught.value.reason, caught.value.retry_after_ms) == ((), "", None)


def test_a_damaged_detail_leaves_the_others() -> None:
    whole = status(grpc.StatusCode.NOT_FOUND, "gone", ErrorInfo(reason="TENANT_NOT_FOUND"))
    whole.details.add(type_url="type.googleapis.com/google.rpc.RetryInfo", value=b"\xff")
    error = error_of_status(whole)
    assert isinstance(error, likewise.NotFound)
    assert (error.reason, error.retry_after_ms) == ("TENANT_NOT_FOUND", None)


@pytest.mark.parametrize("code", [0, 17, -1])
def test_an_item_without_answer_is_an_error_whatever_its_code(code: int) -> None:
    assert type(error_of_status(Status(code=code, message="odd"))) is likewise.ServerFault


def test_an_absent_server_is_unavailable() -> None:
    with likewise.Client("127.0.0.1:1") as client, pytest.raises(likewise.Unavailable):
        client.get_tenant("cafe")


def test_a_message_beyond_the_limit_is_a_limit_reached(client: likewise.Client) -> None:
    huge = likewise.transaction(payee="x" * (33 * 1024 * 1024))
    with pytest.raises(likewise.LimitReached):
        client.classify("cafe", huge)


def test_errors_survive_pickling() -> None:
    error = error_of_status(status(grpc.StatusCode.NOT_FOUND, "gone", ErrorInfo(reason="TENANT_NOT_FOUND")))
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (type(copy), str(copy), copy.code) == (likewise.NotFound, str(error), grpc.StatusCode.NOT_FOUND)
