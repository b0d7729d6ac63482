"""Several worker processes on one port: one service, whichever answers, and whatever becomes of one."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import sleep

import grpc
import psutil
import pytest

import likewise
from conftest import LIKEWISE
from likewise.v1.classifier_service_pb2 import ClassifyRequest, ClassifyResponse
from likewise.v1.classifier_service_pb2_grpc import ClassifierServiceStub
from likewise.v1.ledger_service_pb2 import LearnRequest
from likewise.v1.ledger_service_pb2_grpc import LedgerServiceStub
from likewise.v1.tenant_service_pb2 import CreateTenantRequest, DeleteTenantRequest, Tenant
from likewise.v1.tenant_service_pb2_grpc import TenantServiceStub
from likewise.v1.transaction_pb2 import AUTHORITY_MACHINE
from likewise_engine.encoder import HashingEncoder
from likewise_engine.errors import DataFolderInUse
from likewise_engine.tenants import Tenants

WORKERS = 2
OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]
"""Otherwise all channels of a process to one address share a connection, and so a worker."""


class Service:
    """A server of several workers, in processes of its own."""

    def __init__(self, running: subprocess.Popen[str], address: str, log: Path) -> None:
        self.running = running
        self.address = address
        self.log = log

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes that serve, those that have died left out."""
        children = psutil.Process(self.running.pid).children()
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]

    def connected(self) -> list[grpc.Channel]:
        """A channel to each worker, by connecting until there is."""
        found: dict[int, grpc.Channel] = {}
        while len(found) < WORKERS:
            channel = grpc.insecure_channel(self.address, options=OWN_CONNECTION)
            before = self._connections()
            grpc.channel_ready_future(channel).result(timeout=30)
            connected = {worker for worker, peer in self._connections() - before}
            if len(connected) == 1 and connected.isdisjoint(found):
                found[connected.pop()] = channel
            else:
                channel.close()
        return list(found.values())

    def _connections(self) -> set[tuple[int, int]]:
        """The workers' connections: of each the worker's process id and the caller's port."""
        port = int(self.address.rpartition(":")[2])
        return {
            (worker.pid, connection.raddr.port)
            for worker in self.workers
            for connection in worker.net_connections("tcp")
            if connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port
        }


@contextmanager
def served(folder: Path, *flags: str) -> Iterator[Service]:
    """A service; all its processes are killed at the end, if they still run."""
    command = [*LIKEWISE, "serve", "--data", str(folder), "--workers", str(WORKERS), *flags]
    log = folder.with_suffix(".log")
    with log.open("w") as errors, ExitStack() as stack:
        running = stack.enter_context(
            subprocess.Popen(
                [*command, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=errors, text=True
            )
        )
        stack.callback(running.kill)
        assert running.stdout
        line = running.stdout.readline()
        assert line.startswith("Likewise serves "), log.read_text()
        service = Service(running, line.split()[-1], log)
        for worker in service.workers:
            stack.callback(_kill, worker)
        yield service


def _kill(worker: psutil.Process) -> None:
    if worker.is_running():
        worker.kill()


def wait_until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        sleep(0.02)


def create(channel: grpc.Channel, tenant: str) -> None:
    TenantServiceStub(channel).CreateTenant(CreateTenantRequest(tenant=Tenant(id=tenant)), timeout=30)


def learn(channel: grpc.Channel, transaction_id: str, category: str = "food", request_id: str = "") -> int:
    """Teach, and return the revision."""
    transaction = likewise.transaction(id=transaction_id, payee="Corner Bakery")
    items = [likewise.labelled(transaction, category)]
    request = LearnRequest(tenant="acme", transactions=items, request_id=request_id)
    return LedgerServiceStub(channel).Learn(request, timeout=30).revision


def ask(channel: grpc.Channel) -> ClassifyResponse:
    request = ClassifyRequest(tenant="acme", transaction=likewise.transaction(payee="Corner Bakery"))
    request.options.max_neighbours = 64
    return ClassifierServiceStub(channel).Classify(request, timeout=30)


def taught(channel: grpc.Channel) -> set[str]:
    return {neighbour.transaction_id for neighbour in ask(channel).classification.neighbours}


def test_whichever_worker_is_asked_knows_what_any_was_taught(data_folder: Path) -> None:
    with served(data_folder) as service:
        channels = service.connected()
        create(channels[0], "acme")
        for n in range(30):
            revision = learn(channels[n % WORKERS], f"t{n}")
            assert revision == n + 1
            for channel in channels:
                answer = ask(channel).classification
                assert (answer.revision, len(answer.neighbours)) == (n + 1, n + 1)
        # The same request by another worker, and a machine's label over a person's.
        assert learn(channels[0], "t1", "fuel", "once") == learn(channels[1], "t1", "fuel", "once") == 31
        item = likewise.labelled(likewise.transaction(id="t1", payee="Corner Bakery"), "car")
        item.authority = AUTHORITY_MACHINE
        request = LearnRequest(tenant="acme", transactions=[item])
        assert LedgerServiceStub(channels[0]).Learn(request, timeout=30).kept == 1


def test_a_worker_that_dies_is_replaced_and_nothing_is_lost_with_it(data_folder: Path) -> None:
    with served(data_folder) as service:
        channels = service.connected()
        create(channels[0], "acme")
        for n in range(10):
            learn(channels[n % WORKERS], f"t{n}")
        for channel in channels:
            channel.close()
        doomed = service.workers[0]
        doomed.kill()
        wait_until(lambda: len(service.workers) == WORKERS and doomed not in service.workers)
        for channel in service.connected():
            assert taught(channel) == {f"t{n}" for n in range(10)}
        assert '"event": "worker died"' in service.log.read_text()


def test_a_tenant_deleted_by_one_worker_is_open_in_none(data_folder: Path) -> None:
    with served(data_folder) as service:
        channels = service.connected()
        create(channels[0], "acme")
        learn(channels[0], "t0")
        assert taught(channels[1]) == {"t0"}
        TenantServiceStub(channels[0]).DeleteTenant(DeleteTenantRequest(tenant="acme"), timeout=30)
        files = [file.path for worker in service.workers for file in worker.open_files()]
        assert [path for path in files if "ledger.sqlite3" in path] == []
        with pytest.raises(grpc.RpcError) as failure:
            ask(channels[1])
        assert failure.value.code() == grpc.StatusCode.NOT_FOUND


def test_the_data_folder_is_theirs_together_and_nobody_elses(data_folder: Path) -> None:
    with served(data_folder), pytest.raises(DataFolderInUse):
        Tenants.open_folder(data_folder, HashingEncoder())


def test_a_port_that_a_server_shares_among_its_workers_is_not_shared_with_another(data_folder: Path) -> None:
    with served(data_folder) as service:
        flags = ["--data", str(data_folder) + "2", "--workers", "2", "--listen", service.address]
        other = subprocess.run([*LIKEWISE, "serve", *flags], capture_output=True, text=True, check=False)
        assert (other.returncode, "is another server there?" in other.stderr) == (1, True)


def test_why_workers_cannot_start_is_told_once_and_all_end(data_folder: Path, tmp_path: Path) -> None:
    flags = ["--data", str(data_folder), "--workers", "2", "--listen", "127.0.0.1:0"]
    command = [*LIKEWISE, "serve", *flags, "--model", str(tmp_path / "nowhere")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.count("Error:") == 1
    Tenants.open_folder(data_folder, HashingEncoder()).close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_parent_drains_all_workers(data_folder: Path, number: signal.Signals) -> None:
    with served(data_folder) as service:
        workers = service.workers
        service.running.send_signal(number)
        assert service.running.wait(timeout=30) == 0
        assert [worker.is_running() for worker in workers] == [False] * WORKERS
        assert service.log.read_text().count('"event": "stopped"') == WORKERS
    Tenants.open_folder(data_folder, HashingEncoder()).close()


def test_workers_do_not_outlive_their_parent(data_folder: Path) -> None:
    with served(data_folder) as service:
        workers: Sequence[psutil.Process] = service.workers
        os.kill(service.running.pid, signal.SIGKILL)
        psutil.wait_procs(workers, timeout=30)
        assert [worker.is_running() for worker in workers] == [False] * WORKERS
    Tenants.open_folder(data_folder, HashingEncoder()).close()
