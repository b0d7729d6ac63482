"""The server from start to stop.

Stopping is graceful: health says NOT_SERVING, new calls are refused, what was accepted gets the grace
period to finish and is cancelled after it. Only when no thread is inside a call any more are the ledgers
closed, so a write is never cut off halfway.
"""

import gc
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from threadpoolctl import threadpool_limits

from likewise.v1 import classifier_service_pb2, ledger_service_pb2, tenant_service_pb2
from likewise.v1.classifier_service_pb2_grpc import add_ClassifierServiceServicer_to_server
from likewise.v1.ledger_service_pb2_grpc import add_LedgerServiceServicer_to_server
from likewise.v1.tenant_service_pb2_grpc import add_TenantServiceServicer_to_server
from likewise_engine import limits
from likewise_engine.background import Background
from likewise_engine.encoder import load_encoder
from likewise_engine.errors import PreconditionFailed
from likewise_engine.folder import ASIDE_NAME
from likewise_engine.tenants import Tenants
from likewise_engine.vote import load_vote
from likewise_server import logs
from likewise_server.access.entrance import Entrance
from likewise_server.access.gate import Gate
from likewise_server.lane import LaneCounts
from likewise_server.service.border import Border
from likewise_server.service.classifier import ClassifierService
from likewise_server.service.health import HealthService
from likewise_server.service.ledger import LedgerService
from likewise_server.service.portable import PortableTenants
from likewise_server.service.tenants import TenantService
from likewise_server.settings import Settings, TenantSource
from likewise_server.signals import SEEN_EVERY_S, stop_signals
from likewise_server.supervisor import Post
from likewise_server.workers import LaneName, Workers

SERVICES: Final = (
    classifier_service_pb2.DESCRIPTOR.services_by_name["ClassifierService"].full_name,
    ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"].full_name,
    tenant_service_pb2.DESCRIPTOR.services_by_name["TenantService"].full_name,
)

_GC_THRESHOLDS: Final = (10_000, 10, 1_000)
_SWITCH_INTERVAL_S: Final = 50e-6
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", limits.MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", limits.MESSAGE_BYTES_MAX),
    ("grpc.max_concurrent_streams", limits.CONNECTION_CALLS_MAX),
    ("grpc.server.max_pending_requests", limits.CALLS_UNRECEIVED_MAX),
    ("grpc.server.max_pending_requests_hard_limit", 2 * limits.CALLS_UNRECEIVED_MAX),
    # Compressed messages are refused as UNIMPLEMENTED, before any of them is inflated: a megabyte may hold a
    # gigabyte. A transaction is too short to gain by it.
    ("grpc.compression_enabled_algorithms_bitset", 1 << grpc.Compression.NoCompression),
    # The hard bound is the soft one: between the two gRPC refuses some calls and not others, by chance.
    ("grpc.max_metadata_size", limits.METADATA_BYTES_MAX),
    ("grpc.absolute_max_metadata_size", limits.METADATA_BYTES_MAX),
    ("grpc.max_allowed_incoming_connections", limits.CONNECTIONS_MAX),
    ("grpc.server_handshake_timeout_ms", limits.HANDSHAKE_MS_MAX),
    # A client that vanished is noticed, and what it holds is freed.
    ("grpc.keepalive_time_ms", 120_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # The client pings once a minute during a call; by default a server takes less than five for an attack.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 20_000),
)

# Whatever the environment says of the server that others call.
_IN_PLAIN_TEXT: Final[Mapping[str, Any]] = {
    "tls_certificate": None,
    "tls_key": None,
    "tls_client_ca": None,
    "tenant_from_certificate": TenantSource.NONE,
}

_log = structlog.stdlib.get_logger()


class Server:
    """A gRPC server over the tenants of a data folder, to be started once."""

    def __init__(self, tenants: Tenants, settings: Settings, *, asks_who_calls: bool = True) -> None:
        """Make ready to serve.

        Args:
            tenants: closed by :meth:`stop`.
            settings: how to serve.
            asks_who_calls: False where only this very process reaches the address.
        """
        self._tenants = tenants
        self._settings = settings
        self._workers = Workers(settings)
        self._health = HealthService(("", *SERVICES))
        self._entrance = Entrance(settings, asks_who_calls=asks_who_calls)
        self._grpc = grpc_server(
            self._workers,
            self._entrance.gate,
            shares_port=settings.workers > 1,
            options=self._entrance.options,
        )
        add_ClassifierServiceServicer_to_server(ClassifierService(tenants, self._workers), self._grpc)
        add_LedgerServiceServicer_to_server(LedgerService(tenants, self._workers), self._grpc)
        portable = PortableTenants(tenants, self._workers, settings.data / ASIDE_NAME)
        tenant_service = TenantService(tenants, portable, self._entrance.gate.open_streams)
        add_TenantServiceServicer_to_server(tenant_service, self._grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        reflection.enable_server_reflection(
            (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._grpc
        )
        self._is_stopped = False
        self.address = ""
        """Where it serves, once started; with the port that was chosen where 0 was asked for."""

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve.

        Raises:
            PreconditionFailed: the address is taken, or is not one of this machine; the certificates are
                broken; or other machines can reach the address, and nobody would be asked who calls.
        """
        listen = self._settings.listen
        try:
            port = self._entrance.open(self._grpc)
        except RuntimeError as error:
            raise PreconditionFailed(
                f"cannot listen on {listen}: is another server there? Choose another with --listen HOST:PORT"
            ) from error
        is_socket = listen.startswith("unix")
        self.address = listen if is_socket else f"{listen.rpartition(':')[0]}:{port}"
        self._grpc.start()
        for service in ("", *SERVICES):
            self._health.set(service, health_pb2.HealthCheckResponse.SERVING)
        _log.info("serving", address=self.address)

    def counts(self) -> Mapping[LaneName, LaneCounts]:
        """What became of the calls so far, by lane."""
        return self._workers.counts()

    def stop(self, grace_s: float | None = None) -> None:
        """Stop serving, let accepted calls finish, close the tenants. A second time does nothing.

        Args:
            grace_s: how long calls may take to finish; as set where None.
        """
        if self._is_stopped:
            return
        self._is_stopped = True
        grace_s = self._settings.grace_s if grace_s is None else grace_s
        _log.info("stopping", grace_s=grace_s)
        self._health.enter_graceful_shutdown()
        self._grpc.stop(grace_s).wait()
        # Calls that were cancelled may still be at work: a commit is not torn off.
        self._workers.shutdown()
        self._entrance.close()
        self._tenants.close()
        _log.info("stopped")


def grpc_server(
    workers: Workers, gate: Gate, *, shares_port: bool = False, options: Sequence[tuple[str, int]] = ()
) -> grpc.Server:
    """A gRPC server on these threads, without any service yet.

    Args:
        workers: the threads.
        gate: who may call.
        shares_port: whether other processes listen on its port too. Otherwise two servers could have one by
            mistake, each with half of the calls.
        options: more of them, in gRPC's terms.
    """
    options = (*_OPTIONS, *options, ("grpc.so_reuseport", int(shares_port)))
    return grpc.server(workers, interceptors=[Border(workers, gate)], options=options)


def tune_process() -> None:
    """Set up this process for answering calls; for one that does nothing else."""
    # A search multiplies one small matrix. BLAS's own threads would gain nothing there and take the
    # cores from other calls: it spins between multiplications.
    threadpool_limits(limits=1, user_api="blas")
    # A thread that wants Python's lock waits for so long before whoever holds it has to let it go: some ten
    # times in a call, if anything computes in the background. With the default of 5 ms a call of .3 ms beside
    # one busy thread took 19 ms (p50), with this 1.2; with nothing in the background it makes no difference.
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    # Loaded tenants have files open; by default a process may have a thousand, by custom a million.
    _, files_max = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files_max, files_max))
    # A full collection stops every thread while it looks at all containers: some 100,000 of imported modules
    # alone, in which there is no garbage, took 30 ms. They are not looked at again. What is loaded later has
    # none either, but full collections came by the second while rows were imported, and took 60 ms with a
    # thousand tenants: one call in a hundred waited for them. Whatever dies young is still collected young.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def serve(settings: Settings, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; for the main thread of a process that does nothing else.

    Args:
        settings: how to serve.
        ready: called with the address once calls are answered.

    Raises:
        DataFolderInUse, PreconditionFailed, StoreFault, ModelFault: it could not start.
    """
    with stop_signals() as stopped:
        logs.note_start(settings)
        tune_process()
        background = Background(settings.model, settings.vote)
        with Server(open_tenants(settings, background), settings) as server:
            ready(server.address)
            while not stopped.wait(SEEN_EVERY_S):
                pass


def work(post: Post) -> None:
    """Serve as one of several processes, for as long as it is wanted.

    Raises:
        PreconditionFailed, StoreFault, ModelFault: it could not start.
    """
    tune_process()
    settings = post.settings
    tenants = Tenants(
        post.folder,
        load_encoder(settings.model),
        load_vote(settings.vote),
        memory_bytes_max=settings.memory_mib_max * 1024 * 1024 // settings.workers,
        desk=post.desk,
        background=Background(settings.model, settings.vote),
    )
    with Server(tenants, settings) as server:
        post.ready(server.address)
        while post.is_wanted():
            time.sleep(SEEN_EVERY_S)


@contextmanager
def private_server(data: Path, master_key_file: Path | None = None) -> Iterator[str]:
    """Serve a data folder to this process alone; give the address, for as long as the ``with`` lasts.

    So a command that works on a folder does as it would with a server. The address is a socket in a folder
    that only this user may enter.

    Args:
        data: the folder.
        master_key_file: of what wraps its tenants' keys; None where nothing does.

    Raises:
        DataFolderInUse, StoreFault, ModelFault: it could not start.
        FileNotFoundError: there is no such folder.
    """
    if not data.is_dir():
        raise FileNotFoundError(f"there is no data folder {data}")
    with TemporaryDirectory(prefix="likewise-") as folder:
        settings = Settings(
            data=data,
            listen=f"unix:{folder}/socket",
            master_key_file=master_key_file,
            **_IN_PLAIN_TEXT,
        )
        with Server(open_tenants(settings), settings, asks_who_calls=False) as server:
            yield server.address


def open_tenants(settings: Settings, background: Background | None = None) -> Tenants:
    """The tenants of the data folder, with the encoder and the vote that the settings name.

    Args:
        settings: where they are, and how to serve them.
        background: where what takes long is made; in this process where None.

    Raises:
        DataFolderInUse, StoreFault, ModelFault.
    """
    return Tenants.open_folder(
        settings.data,
        load_encoder(settings.model),
        vote=load_vote(settings.vote),
        memory_bytes_max=settings.memory_mib_max * 1024 * 1024,
        background=background,
        master_key_file=settings.master_key_file,
    )
