"""How the client talks to a server: deadlines, what is tried again, tokens, and where they may go."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator

import grpc
import pytest
from google.rpc.status_pb2 import Status

import likewise
from blocking_client import blocking
from likewise.connection import DEADLINE_MS_RESHAPE, NOT_GIVEN, TENANT_KEY, Connection, is_loopback
from memory_server import MemoryServer, serving

UNAVAILABLE = Status(code=grpc.StatusCode.UNAVAILABLE.value[0], message="going down")
OVERLOADED = Status(code=grpc.StatusCode.RESOURCE_EXHAUSTED.value[0], message="busy")
UNRECEIVED = Status(code=grpc.StatusCode.CANCELLED.value[0], message="CANCELLED")
RENT = likewise.labelled(likewise.transaction(id="t1", payee="X"), "rent")
Connect = Callable[..., likewise.Client]


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


@pytest.fixture
def target(server: MemoryServer) -> Iterator[str]:
    with serving(server) as address:
        yield address


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    if request.param == "sync":
        yield likewise.Client
    else:
        with asyncio.Runner() as runner:
            yield lambda target, **settings: blocking(runner.get_loop(), target, **settings)


def test_every_call_has_a_deadline_unless_told(server: MemoryServer, target: str, connect: Connect) -> None:
    with connect(target) as client:
        client.get_tenant("cafe")
        list(client.export_transactions("cafe"))
        client.get_tenant("cafe", deadline_ms=60_000)
        list(client.list_transactions("cafe", deadline_ms=None))
    with connect(target, deadline_ms=120_000, stream_deadline_ms=None) as client:
        client.learn("cafe", [RENT])
        client.import_transactions("cafe", [RENT])
        client.import_transactions("cafe", [RENT], deadline_ms=180_000)
    expected_s = [5, 1_800, 60, None, 120, None, 180]
    for call, allowed_s in zip(server.calls, expected_s, strict=True):
        if allowed_s is None:
            # grpc gives None for no deadline, or a date beyond all reason.
            assert call.seconds_left is None or call.seconds_left > 10**6
        else:
            assert call.seconds_left is not None
            assert allowed_s - 5 < call.seconds_left <= allowed_s * 1.01  # gRPC rounds up


def test_a_deadline_ends_a_call_that_hangs(server: MemoryServer, target: str, connect: Connect) -> None:
    server.hang.clear()
    with connect(target) as client:
        with pytest.raises(likewise.DeadlineExceeded):
            client.get_tenant("cafe", deadline_ms=20)
        with pytest.raises(likewise.DeadlineExceeded):
            next(client.export_transactions("cafe", deadline_ms=20))


@pytest.mark.parametrize("deadline_ms", [0, -1, float("nan")])
def test_a_deadline_is_positive(deadline_ms: float, target: str, connect: Connect) -> None:
    with pytest.raises(ValueError, match="positive"):
        connect(target, deadline_ms=deadline_ms)
    with connect(target) as client, pytest.raises(ValueError, match="positive"):
        client.get_tenant("cafe", deadline_ms=deadline_ms)


COSTS = likewise.Category(id="costs")
SAFE: dict[str, Callable[[likewise.Client], object]] = {
    "Classify": lambda client: client.classify("cafe", RENT.transaction),
    "Learn": lambda client: client.learn("cafe", [RENT]),
    "GetTransaction": lambda client: client.get_transaction("cafe", "t0"),
    "ListTransactions": lambda client: list(client.list_transactions("cafe")),
    "ForgetTransactions": lambda client: client.forget_transactions("cafe", ["t0"]),
    "ExportTransactions": lambda client: list(client.export_transactions("cafe")),
    "GetTenant": lambda client: client.get_tenant("cafe"),
    "ListTenants": lambda client: list(client.list_tenants()),
    "UpdateTenant": lambda client: client.update_tenant(likewise.Tenant(id="cafe")),
    "RenameCategory": lambda client: client.rename_category("cafe", "rent", new_id="4210"),
    "MergeCategories": lambda client: client.merge_categories("cafe", ["rent"], "costs"),
    "SplitCategory": lambda client: client.split_category("cafe", "rent", COSTS, likewise.selection()),
    "DeactivateCategory": lambda client: client.deactivate_category("cafe", "rent"),
    "ActivateCategory": lambda client: client.activate_category("cafe", "rent"),
}
UNSAFE: dict[str, Callable[[likewise.Client], object]] = {
    "ClassifyStream": lambda client: list(client.classify_many("cafe", [RENT.transaction])),
    "ImportTransactions": lambda client: client.import_transactions("cafe", [RENT]),
    "CreateTenant": lambda client: client.create_tenant(likewise.Tenant(id="new")),
    "DeleteTenant": lambda client: client.delete_tenant("cafe"),
}


@pytest.mark.parametrize(
    "failure", [UNAVAILABLE, OVERLOADED, UNRECEIVED], ids=["unavailable", "overloaded", "unreceived"]
)
@pytest.mark.parametrize("method", SAFE)
def test_what_may_be_repeated_is_tried_again(
    server: MemoryServer, target: str, connect: Connect, method: str, failure: Status
) -> None:
    taught = likewise.labelled(likewise.transaction(id="t0", payee="X"), "rent")
    with connect(target) as client:
        client.learn("cafe", [taught])
        server.calls.clear()
        server.failures.append(failure)
        SAFE[method](client)
        assert server.methods_called() == [method, method]


def test_a_repeated_learn_is_the_same_request(server: MemoryServer, target: str, connect: Connect) -> None:
    # Larger than the 256 KiB that gRPC keeps for a retry unless told otherwise.
    long = [likewise.transaction(id=str(n), payee="x" * 500) for n in range(2_000)]
    server.failures.append(UNAVAILABLE)
    with connect(target) as client:
        client.learn("cafe", [likewise.labelled(transaction, "rent") for transaction in long])
    first, second = server.learned
    assert first.ByteSize() > 1_000_000
    assert first == second
    assert first.request_id


@pytest.mark.parametrize("call", UNSAFE.values(), ids=UNSAFE.keys())
def test_what_may_not_be_repeated_is_not(
    server: MemoryServer, target: str, connect: Connect, call: Callable[[likewise.Client], object]
) -> None:
    server.failures.append(UNAVAILABLE)
    with connect(target) as client, pytest.raises(likewise.Unavailable):
        call(client)
    assert len(server.calls) == 1


def test_every_call_says_whose_it_is_before_its_message_is_read(
    server: MemoryServer, target: str, connect: Connect
) -> None:
    with connect(target) as client:
        for call in (SAFE | UNSAFE).values():
            with contextlib.suppress(likewise.Error):
                call(client)
        client.create_tenant(likewise.Tenant(id="Café & Søn/1"))
        with contextlib.suppress(likewise.Error):
            client.get_tenant("x" * 10_000)
    said = {(call.method, call.metadata.get(TENANT_KEY)) for call in server.calls}
    own = {(method, "cafe") for method in SAFE | UNSAFE} - {("ListTenants", "cafe"), ("CreateTenant", "cafe")}
    assert said == own | {
        ("ListTenants", None),
        ("CreateTenant", "new"),
        ("CreateTenant", "Caf%C3%A9%20%26%20S%C3%B8n%2F1"),
        ("GetTenant", None),
    }


def test_a_token_goes_with_every_call(server: MemoryServer, target: str, connect: Connect) -> None:
    with connect(target, token="s3cret-token") as client:
        client.get_tenant("cafe")
        list(client.classify_many("cafe", []))
        client.import_transactions("cafe", [])
        assert "s3cret" not in repr(client)
    assert [call.metadata.get("authorization") for call in server.calls] == ["Bearer s3cret-token"] * 3


def test_a_token_travels_over_a_secure_channel(server: MemoryServer, connect: Connect) -> None:
    credentials = grpc.local_channel_credentials()
    with (
        serving(server, secure=True) as target,
        connect(target, credentials=credentials, token="t") as client,
    ):
        assert client.get_tenant("cafe").id == "cafe"
    assert server.calls[0].metadata["authorization"] == "Bearer t"


def test_a_token_in_plain_text_stays_on_this_machine(connect: Connect) -> None:
    with pytest.raises(ValueError, match="plain text"):
        connect("books.example.com:443", token="t")
    assert Connection(
        target="books.example.com:443", token="t", credentials=grpc.ssl_channel_credentials()
    ).metadata() == (("authorization", "Bearer t"),)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ключ"])
def test_a_token_that_cannot_be_sent_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        Connection(target="localhost:1", token=token)


def test_a_token_is_not_shown() -> None:
    assert "s3cret" not in repr(Connection(target="localhost:1", token="s3cret"))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("localhost:50051", True),
        ("localhost", True),
        ("127.0.0.1:50051", True),
        ("127.8.9.10", True),
        ("[::1]:50051", True),
        ("::1", True),
        ("unix:/run/likewise.sock", True),
        ("unix:///run/likewise.sock", True),
        ("unix-abstract:likewise", True),
        ("dns:localhost:50051", True),
        ("dns:///localhost:50051", True),
        ("dns://8.8.8.8/127.0.0.1:50051", True),
        ("ipv4:127.0.0.1:1,127.0.0.2:1", True),
        ("ipv6:[::1]:1", True),
        ("localhost.example.com:50051", False),
        ("127.0.0.1.example.com:50051", False),
        ("10.0.0.1:50051", False),
        ("[2001:db8::1]:50051", False),
        ("0.0.0.0:50051", False),
        ("ipv4:127.0.0.1:1,10.0.0.1:1", False),
        ("dns://127.0.0.1/example.com:50051", False),
        ("dns:///127.0.0.1@example.com", False),
        ("xds:///localhost", False),
        ("vsock:1:2", False),
        ("", False),
    ],
)
def test_which_targets_are_this_machine(target: str, expected: bool) -> None:
    assert is_loopback(target) is expected


def test_a_merge_is_allowed_two_minutes_unless_somebody_says_otherwise() -> None:
    connection = Connection(target="localhost:1")
    assert connection.reshape_deadline_ms(NOT_GIVEN) == DEADLINE_MS_RESHAPE
    assert connection.reshape_deadline_ms(70) == 70
    assert connection.reshape_deadline_ms(None) is None
    assert Connection(target="localhost:1", deadline_ms=200_000).reshape_deadline_ms(NOT_GIVEN) == 200_000
    assert Connection(target="localhost:1", deadline_ms=None).timeout_s(NOT_GIVEN) is None
    assert Connection(target="localhost:1", deadline_ms=None).reshape_deadline_ms(NOT_GIVEN) is NOT_GIVEN
