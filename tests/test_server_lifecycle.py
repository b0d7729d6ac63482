"""From start to stop: health, reflection, a graceful end, and starts that fail with a reason."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

import likewise
from conftest import LIKEWISE, Serve
from likewise_engine.encoder import HashingEncoder
from likewise_engine.errors import DataFolderInUse, PreconditionFailed
from likewise_engine.tenants import Tenants
from likewise_server.lifecycle import SERVICES, Server, private_server

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
KNOWN = likewise.transaction(payee="known")


@contextmanager
def process(folder: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address; killed at the end if it still runs."""
    command = [*LIKEWISE, "serve", "--data", str(folder), "--listen", "127.0.0.1:0", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout
            line = running.stdout.readline()
            assert line.startswith("Likewise serves "), line + (
                running.stderr.read() if running.stderr else ""
            )
            yield running, line.split()[-1]
        finally:
            running.kill()


def wait_until_refused(address: str) -> None:
    """Return when a server takes no new calls any more.

    gRPC's core answers CANCELLED to a call that meets the very moment in which it shuts down.
    """
    while True:
        with likewise.Client(address) as late:
            try:
                late.classify("t", KNOWN)
            except likewise.Cancelled:
                continue
            except likewise.Unavailable:
                return


def end(running: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and log of a process that ends."""
    _, log = running.communicate(timeout=30)
    return running.returncode, log


def test_health_is_told_for_each_service(channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ("", *SERVICES):
        assert stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5).status == SERVING
    with pytest.raises(grpc.RpcError) as failure:
        stub.Check(health_pb2.HealthCheckRequest(service="likewise.v1.Nothing"), timeout=5)
    assert failure.value.code() == grpc.StatusCode.NOT_FOUND


def test_health_says_when_the_server_goes(server: Server, channel: grpc.Channel) -> None:
    watches = [
        health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=service), timeout=10)
        for service in ("", *SERVICES)
    ]
    assert [next(watch).status for watch in watches] == [SERVING] * len(watches)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    assert [next(watch).status for watch in watches] == [NOT_SERVING] * len(watches)
    for watch in watches:
        watch.cancel()
    stopping.join()


def test_a_check_that_never_comes_keeps_nobody_waiting(server: Server, channel: grpc.Channel) -> None:
    ended = threading.Event()

    def nothing() -> Iterator[bytes]:
        ended.wait(60)
        yield from ()

    stub = health_pb2_grpc.HealthStub(channel)
    check: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary("/grpc.health.v1.Health/Check")
    calls = [check.future(nothing()) for _ in range(40)]
    try:
        for _ in range(3):
            assert stub.Check(health_pb2.HealthCheckRequest(), timeout=10).status == SERVING
        with pytest.raises(grpc.RpcError) as failure:
            stub.Check(health_pb2.HealthCheckRequest(service="x" * 1_100), timeout=10)
        assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    finally:
        ended.set()
        for call in calls:
            call.cancel()


def test_watches_of_ever_new_names_leave_nothing_behind(server: Server, channel: grpc.Channel) -> None:
    stub = health_pb2_grpc.HealthStub(channel)
    for number in range(20):
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=f"new-{number}"), timeout=10)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
        watch.cancel()
    assert len(server._health._send_response_callbacks) == 1


def test_reflection_tells_of_all_methods(channel: grpc.Channel) -> None:
    database = ProtoReflectionDescriptorDatabase(channel)
    assert set(SERVICES) < set(database.get_services())
    service = DescriptorPool(database).FindServiceByName("likewise.v1.LedgerService")
    assert {method.name for method in service.methods} == {
        "Learn",
        "ImportTransactions",
        "GetTransaction",
        "ListTransactions",
        "ForgetTransactions",
        "ExportTransactions",
    }


def test_a_stop_ends_streams_that_outlast_the_grace_period(server: Server, client: likewise.Client) -> None:
    client.create_tenant(likewise.Tenant(id="t"))
    stream = client.classify_many("t", (KNOWN for _ in range(10**9)))
    assert next(stream).classification
    server.stop(grace_s=0.05)
    with pytest.raises(likewise.Error):
        for _ in stream:
            pass
    with pytest.raises(likewise.Unavailable):
        client.classify("t", KNOWN)


def test_a_port_is_served_by_one(server: Server, tmp_path: Path) -> None:
    tenants = Tenants.open_folder(tmp_path / "other", HashingEncoder())
    settings = server._settings.model_copy(update={"listen": server.address})
    with pytest.raises(PreconditionFailed, match="another"), Server(tenants, settings):
        pass


def test_a_data_folder_is_served_by_one(server: Server, serve: Serve) -> None:
    with pytest.raises(DataFolderInUse):
        serve()


def test_a_folder_can_be_worked_on_without_a_server(serve: Serve, data_folder: Path) -> None:
    first = serve()
    with likewise.Client(first.address) as client:
        client.create_tenant(likewise.Tenant(id="t"))
    first.stop()
    with private_server(data_folder) as address, likewise.Client(address) as client:
        assert [tenant.id for tenant in client.list_tenants()] == ["t"]
        assert not Path(address.removeprefix("unix:")).parent.stat().st_mode & 0o077
    with pytest.raises(FileNotFoundError), private_server(data_folder / "nothing"):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_when_what_was_accepted_is_done(
    data_folder: Path, number: signal.Signals
) -> None:
    go_on = threading.Event()

    def questions() -> Iterator[likewise.Transaction]:
        yield KNOWN
        go_on.wait(20)
        for _ in range(50):
            yield KNOWN

    with process(data_folder) as (running, address), likewise.Client(address) as client:
        client.create_tenant(likewise.Tenant(id="t"))
        client.learn("t", [likewise.labelled(likewise.transaction(id="1", payee="known"), "k")])
        outcomes = client.classify_many("t", questions())
        assert next(outcomes).classification
        running.send_signal(number)
        wait_until_refused(address)
        go_on.set()
        assert [outcome.error for outcome in outcomes] == [None] * 50
        status, log = end(running)
    assert status == 0
    assert '"event": "stopped"' in log
    with Tenants.open_folder(data_folder, HashingEncoder()) as tenants:
        assert tenants.describe("t").statistics.labels == 1


def test_settings_are_logged_at_start(data_folder: Path) -> None:
    with process(data_folder, "--threads", "3") as (running, _):
        running.terminate()
        status, log = end(running)
    assert status == 0
    assert '"threads": 3' in log
    assert '"event": "starting"' in log


def test_what_was_acknowledged_outlives_a_kill(data_folder: Path) -> None:
    with process(data_folder) as (running, address), likewise.Client(address) as client:
        client.create_tenant(likewise.Tenant(id="t"))
        for number in range(5):
            item = likewise.labelled(likewise.transaction(id=str(number), payee="x"), "k")
            revision = client.learn("t", [item]).revision
        running.kill()
    with process(data_folder) as (_, address), likewise.Client(address) as client:
        statistics = client.get_tenant("t").statistics
        assert (statistics.labels, statistics.revision) == (5, revision)


def test_a_server_has_nothing_in_memory_that_only_commands_need() -> None:
    heavy = "matplotlib", "jinja2", "polars", "sklearn", "scipy", "torch"
    code = f"import likewise_server.lifecycle, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
