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
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from threadpoolctl import threadpool_limits

from likewise.v1 import (
    card_service_pb2,
    classifier_service_pb2,
    encoder_service_pb2,
    feedback_service_pb2,
    insight_service_pb2,
    ledger_service_pb2,
    model_service_pb2,
    rule_service_pb2,
    suggestion_service_pb2,
    tenant_service_pb2,
)
from likewise.v1.card_service_pb2_grpc import add_CardServiceServicer_to_server
from likewise.v1.classifier_service_pb2_grpc import add_ClassifierServiceServicer_to_server
from likewise.v1.encoder_service_pb2_grpc import add_EncoderServiceServicer_to_server
from likewise.v1.feedback_service_pb2_grpc import add_FeedbackServiceServicer_to_server
from likewise.v1.insight_service_pb2_grpc import add_InsightServiceServicer_to_server
from likewise.v1.ledger_service_pb2_grpc import add_LedgerServiceServicer_to_server
from likewise.v1.model_service_pb2_grpc import add_ModelServiceServicer_to_server
from likewise.v1.rule_service_pb2_grpc import add_RuleServiceServicer_to_server
from likewise.v1.suggestion_service_pb2_grpc import add_SuggestionServiceServicer_to_server
from likewise.v1.tenant_service_pb2_grpc import add_TenantServiceServicer_to_server
from likewise_engine import limits
from likewise_engine.background import Background
from likewise_engine.changer import Changer
from likewise_engine.encoder.at_hand import Encoders
from likewise_engine.encoder_change import ChangeFile, encoders_at
from likewise_engine.errors import PreconditionFailed
from likewise_engine.feedback.recorder import Recorder
from likewise_engine.folder import ASIDE_NAME, DataFolder
from likewise_engine.news import Desk
from likewise_engine.store.predictions import Keeping
from likewise_engine.tenants import Tenants
from likewise_engine.vote import load_vote
from likewise_server import logs
from likewise_server.access.entrance import Entrance
from likewise_server.access.gate import Gate
from likewise_server.lane import LaneCounts
from likewise_server.language_model.making import adviser_of
from likewise_server.service.border import Border
from likewise_server.service.cards import CardService
from likewise_server.service.classifier import ClassifierService
from likewise_server.service.encoders import EncoderService
from likewise_server.service.feedback import FeedbackService, watch_of
from likewise_server.service.health import HealthService
from likewise_server.service.insight import InsightService
from likewise_server.service.ledger import LedgerService
from likewise_server.service.models import ModelService, Serving
from likewise_server.service.portable import PortableTenants
from likewise_server.service.rules import RuleService
from likewise_server.service.suggestions import SuggestionService
from likewise_server.service.tenants import TenantService
from likewise_server.settings import Settings, TenantSource
from likewise_server.signals import SEEN_EVERY_S, stop_signals
from likewise_server.supervisor import Post
from likewise_server.workers import LaneName, Workers

SERVICES: Final = (
    classifier_service_pb2.DESCRIPTOR.services_by_name["ClassifierService"].full_name,
    feedback_service_pb2.DESCRIPTOR.services_by_name["FeedbackService"].full_name,
    insight_service_pb2.DESCRIPTOR.services_by_name["InsightService"].full_name,
    ledger_service_pb2.DESCRIPTOR.services_by_name["LedgerService"].full_name,
    tenant_service_pb2.DESCRIPTOR.services_by_name["TenantService"].full_name,
    encoder_service_pb2.DESCRIPTOR.services_by_name["EncoderService"].full_name,
    card_service_pb2.DESCRIPTOR.services_by_name["CardService"].full_name,
    model_service_pb2.DESCRIPTOR.services_by_name["ModelService"].full_name,
    rule_service_pb2.DESCRIPTOR.services_by_name["RuleService"].full_name,
    suggestion_service_pb2.DESCRIPTOR.services_by_name["SuggestionService"].full_name,
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
_FOR_OTHERS_ALONE: Final[Mapping[str, Any]] = {
    "tls_certificate": None,
    "tls_key": None,
    "tls_client_ca": None,
    "tenant_from_certificate": TenantSource.NONE,
    "llm_url": None,
    "llm_model": None,
}

_log = structlog.stdlib.get_logger()


class Server:
    """A gRPC server over the tenants of a data folder, to be started once."""

    def __init__(
        self,
        tenants: Tenants,
        settings: Settings,
        *,
        asks_who_calls: bool = True,
        changes_encoders: bool = False,
        audits_aside: bool = False,
    ) -> None:
        """Make ready to serve.

        Args:
            tenants: closed by :meth:`stop`.
            settings: how to serve.
            asks_who_calls: False where only this very process reaches the address.
            changes_encoders: whether tenants are changed, aside, to the encoder that is wanted.
            audits_aside: whether tenants are audited in a process of its own; heads, which are trained in
                another one, would wait for it.
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
        self.recorder = Recorder(
            tenants.predictions,
            tenants.ids,
            Keeping(settings.predictions_kept_max, settings.prediction_days_max),
            settings.predictions_sampled,
            look=watch_of(tenants),
        )
        """Keeps what is answered."""
        self._adviser = adviser_of(settings, tenants)
        classifier = ClassifierService(tenants, self._workers, self.recorder, self._adviser)
        add_ClassifierServiceServicer_to_server(classifier, self._grpc)
        add_LedgerServiceServicer_to_server(LedgerService(tenants, self._workers, self.recorder), self._grpc)
        add_FeedbackServiceServicer_to_server(FeedbackService(tenants), self._grpc)
        portable = PortableTenants(tenants, self._workers, settings.data / ASIDE_NAME)
        tenant_service = TenantService(tenants, portable, self.recorder, self._entrance.gate.open_streams)
        add_TenantServiceServicer_to_server(tenant_service, self._grpc)
        add_CardServiceServicer_to_server(CardService(tenants, settings), self._grpc)
        vote = Serving("vote", tenants.vote.fingerprint, settings.vote)
        models = ModelService(partial(_serving, tenants.encoders), vote)
        add_ModelServiceServicer_to_server(models, self._grpc)
        self._audits = _background(settings, tenants.encoders) if audits_aside else None
        insight = InsightService(tenants, self._workers, self._audits)
        add_InsightServiceServicer_to_server(insight, self._grpc)
        add_RuleServiceServicer_to_server(RuleService(tenants, self._workers), self._grpc)
        add_SuggestionServiceServicer_to_server(SuggestionService(tenants, self._adviser), self._grpc)
        add_EncoderServiceServicer_to_server(EncoderService(tenants, ChangeFile(settings.data)), self._grpc)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._grpc)
        reflection.enable_server_reflection(
            (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME), self._grpc
        )
        self._changer: Changer | None = None
        self._changes_encoders = changes_encoders
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
        if self._changes_encoders:
            encoders = self._tenants.encoders
            background = _background(self._settings, encoders)
            self._changer = Changer(self._tenants, encoders, ChangeFile(self._settings.data), background)
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
        if self._adviser is not None:
            self._adviser.begin_closing()
        if self._changer is not None:
            self._changer.stop()
        self._grpc.stop(grace_s).wait()
        # Calls that were cancelled may still be at work: a commit is not torn off.
        self._workers.shutdown()
        if self._adviser is not None:
            self._adviser.close()
        self._entrance.close()
        self.recorder.close()
        _log.info("recorded", **asdict(self.recorder.counts()))
        self._tenants.close()
        if self._audits is not None:
            self._audits.close()
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
        tenants = open_tenants(settings, serves=True)
        with Server(tenants, settings, changes_encoders=True, audits_aside=True) as server:
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
    tenants = _tenants_of(post.folder, settings, serves=True, desk=post.desk)
    with Server(tenants, settings, changes_encoders=True, audits_aside=True) as server:
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
            **_FOR_OTHERS_ALONE,
        )
        with Server(open_tenants(settings), settings, asks_who_calls=False) as server:
            yield server.address


def open_tenants(settings: Settings, *, serves: bool = False) -> Tenants:
    """The tenants of the data folder, with the encoders and the vote that the settings name.

    Args:
        settings: where they are, and how to serve them.
        serves: whether it is a server that starts. It has a process for what takes long.

    Raises:
        DataFolderInUse, StoreFault, ModelFault.
        PreconditionFailed: the encoder that tenants are to have is not at hand.
    """
    folder = DataFolder(settings.data, master_key_file=settings.master_key_file)
    try:
        return _tenants_of(folder, settings, serves=serves)
    except BaseException:
        folder.close()
        raise


def _tenants_of(folder: DataFolder, settings: Settings, *, serves: bool, desk: Desk | None = None) -> Tenants:
    encoders = encoders_at(settings.data, settings.model, settings.encoders, serves=serves)
    return Tenants(
        folder,
        encoders,
        load_vote(settings.vote),
        memory_bytes_max=settings.memory_mib_max * 1024 * 1024 // settings.workers,
        desk=desk,
        background=_background(settings, encoders) if serves else None,
    )


def _serving(encoders: Encoders) -> Serving:
    """The encoder that tenants are to have."""
    fingerprint = encoders.wanted.fingerprint
    return Serving("encoder", fingerprint, encoders.folder_of(fingerprint))


def _background(settings: Settings, encoders: Encoders) -> Background:
    return Background(settings.model, settings.vote, encoders.folder_of)
