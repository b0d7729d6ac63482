"""A server as its callers see it: its methods, and what an answer tells of a deed."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status

from crash_side.deeds import Deed, Fate, Kind
from likewise.v1.classifier_service_pb2 import ClassifyRequest, ClassifyResponse
from likewise.v1.classifier_service_pb2_grpc import ClassifierServiceStub
from likewise.v1.ledger_service_pb2 import ListTransactionsRequest
from likewise.v1.ledger_service_pb2_grpc import LedgerServiceStub
from likewise.v1.tenant_service_pb2 import GetTenantRequest, ListTenantsRequest, Tenant
from likewise.v1.tenant_service_pb2_grpc import TenantServiceStub
from likewise.v1.transaction_pb2 import LedgerEntry

_DEADLINE_S: Final = 30.0
_PAUSE_S: Final = 0.03
_REFUSALS: Final = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}
_OPTIONS: Final = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))


class Gone(Exception):
    """The server is no more, or does not answer: what became of the call is not known."""


class ServerFailed(Exception):
    """The server says that it failed, though nothing was done to it."""


class DataLost(ServerFailed):
    """The server says that its store is damaged: what was acknowledged cannot be had."""


class Calls:
    """Calls to one server, over connections of their own, so that all its workers are asked."""

    def __init__(self, address: str, connections: int = 1) -> None:
        self._channels = [grpc.insecure_channel(address, options=_OPTIONS) for _ in range(connections)]
        self._stubs = [
            (ClassifierServiceStub(channel), LedgerServiceStub(channel), TenantServiceStub(channel))
            for channel in self._channels
        ]
        self._local = threading.local()
        self._next = iter(range(1_000_000))

    def close(self) -> None:
        """End all calls."""
        for channel in self._channels:
            channel.close()

    def do(self, deed: Deed) -> Any:
        """Ask for a deed, and note in it what became of it. Returns the response.

        Raises:
            Gone: not known; the deed stays open.
            Refused: nothing came of it.
            ServerFailed.
        """
        if deed.kind is Kind.PIECE:
            return self.do_import([deed])
        method = self._method(deed.kind)
        deed.response = _patiently([deed], lambda: method(deed.request, timeout=_DEADLINE_S))
        deed.revision = _revision_of(deed)
        is_idle = deed.kind is not Kind.UPDATE and not deed.revision
        deed.fate = Fate.IDLE if is_idle else Fate.ACKNOWLEDGED
        return deed.response

    def do_import(self, pieces: Sequence[Deed]) -> Any:
        """Ask for the pieces of one import. As :meth:`do`."""
        method, requests = self._method(Kind.PIECE), [piece.request for piece in pieces]
        response = _patiently(pieces, lambda: method(iter(requests), timeout=_DEADLINE_S))
        for piece in pieces:
            piece.fate = Fate.ACKNOWLEDGED
        return response

    def classify(self, request: ClassifyRequest) -> ClassifyResponse:
        """Raises Gone, Refused, ServerFailed."""
        answer: ClassifyResponse = self.call("ClassifierService.Classify", request)
        return answer

    def tenants(self) -> list[str]:
        """Ids of all tenants. Raises as :meth:`classify`."""
        listed = self.call("TenantService.ListTenants", ListTenantsRequest(page_size=1_000))
        return [tenant.id for tenant in listed.tenants]

    def tenant(self, name: str) -> Tenant:
        """Raises as :meth:`classify`."""
        tenant: Tenant = self.call("TenantService.GetTenant", GetTenantRequest(tenant=name)).tenant
        return tenant

    def entries(self, tenant: str) -> dict[str, LedgerEntry]:
        """All entries of a tenant, by id. Raises as :meth:`classify`."""
        request = ListTransactionsRequest(tenant=tenant, page_size=1_000)
        found = {}
        while True:
            page = self.call("LedgerService.ListTransactions", request)
            found.update({entry.labelled.transaction.id: entry for entry in page.entries})
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def call(self, service: str, request: Message) -> Any:
        """Any other method, as ``TenantService.CreateTenant``. Raises as :meth:`classify`."""
        method = self._named(service)
        return _patiently((), lambda: method(request, timeout=_DEADLINE_S))

    def _method(self, kind: Kind) -> Callable[..., Any]:
        return self._named(kind.value)

    def _named(self, name: str) -> Callable[..., Any]:
        service, _, method = name.partition(".")
        number = ("ClassifierService", "LedgerService", "TenantService").index(service)
        return getattr(self._stub(number), method)  # type: ignore[no-any-return]

    def _stub(self, number: int) -> Any:
        """The stub of the connection that this thread has."""
        if not hasattr(self._local, "stubs"):
            self._local.stubs = self._stubs[next(self._next) % len(self._stubs)]
        return self._local.stubs[number]


class Refused(Exception):
    """The server refused a call: nothing came of it.

    Attributes:
        reason: why, in one word.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason


def _patiently(deeds: Sequence[Deed], attempt: Callable[[], Any]) -> Any:
    """Call until the server has the time."""
    while True:
        for deed in deeds:
            deed.fate = Fate.OPEN
        try:
            with _judged(deeds):
                return attempt()
        except Refused as error:
            if error.reason != "OVERLOADED":
                raise
        time.sleep(_PAUSE_S)


@contextmanager
def _judged(deeds: Sequence[Deed]) -> Iterator[None]:
    """Make of a failed call what it says about its deeds."""
    try:
        yield
    except grpc.RpcError as error:
        code, details = error.code(), error.details() or ""
        reason = _reason_of(error)
        if not reason:
            raise Gone(details) from error
        if reason == "PURGE_DELAYED":
            for deed in deeds:
                deed.fate = Fate.ACKNOWLEDGED  # It is forgotten; remains of it are purged later.
        elif code not in _REFUSALS:
            kind = DataLost if code is grpc.StatusCode.DATA_LOSS else ServerFailed
            raise kind(f"{code.name}: {details}") from error
        # An import may be refused for what comes later, or for want of room halfway.
        elif len(deeds) == 1 and deeds[0].kind is not Kind.PIECE:
            deeds[0].fate = Fate.REFUSED
        raise Refused(reason, details) from error
    except ValueError as error:  # the channel was closed meanwhile
        raise Gone(str(error)) from error


def _reason_of(error: grpc.RpcError) -> str:
    """Why, in the words of a server of ours; "" where it is gRPC that says so, for want of one."""
    status, info = rpc_status.from_call(error), ErrorInfo()
    is_ours = status is not None and any(detail.Unpack(info) for detail in status.details)
    return info.reason if is_ours else ""


def _revision_of(deed: Deed) -> int:
    """The revision that a deed led to, where its answer says so."""
    response: Any = deed.response
    if deed.kind is Kind.UPDATE:
        return 0  # The tenant is described after it, perhaps with what came next.
    if deed.kind is Kind.LEARN and not response.created + response.updated:
        return 0
    if deed.kind is Kind.FORGET and not response.forgotten:
        return 0
    return int(response.revision)
