"""What each method takes: every RPC against every scope, and who is bound to a tenant against all others."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health

import likewise
from access_world import KNOWN, Ended, Metadata, bearing, ended, secret_of, until
from conftest import Serve
from likewise.connection import TENANT_KEY
from likewise.v1.classifier_service_pb2 import ClassifyStreamRequest
from likewise.v1.ledger_service_pb2 import ImportTransactionsRequest
from likewise_engine.errors import PermissionDenied
from likewise_engine.folder import DataFolder
from likewise_server.access.caller import ALL_SCOPES, Scope, current_caller
from likewise_server.access.gate import Gate
from likewise_server.access.known_tokens import KnownTokens
from likewise_server.access.permissions import FOR_EACH_CALLER, OPEN, SCOPES
from likewise_server.lifecycle import SERVICES
from likewise_server.settings import Settings

DENIED = grpc.StatusCode.PERMISSION_DENIED
OURS = sorted(method for method in SCOPES if method.startswith("/likewise."))
LIST = "/likewise.v1.TenantService/ListTenants"
LET_IN = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION}
"""How calls end that say nothing, once their caller is let in."""


@pytest.fixture
def address(data_folder: Path, serve: Serve) -> str:
    """A server with two tenants, which lets in only whoever has a token."""
    secret = secret_of(data_folder)
    server = serve()
    with likewise.Client(server.address, token=secret) as client:
        for tenant in ("cafe", "bank"):
            client.create_tenant(likewise.Tenant(id=tenant))
            client.learn(tenant, [likewise.labelled(likewise.transaction(id="1", payee="known"), tenant)])
    return server.address


@pytest.fixture
def guarded(address: str) -> Iterator[grpc.Channel]:
    """A channel to it."""
    with grpc.insecure_channel(address) as channel:
        yield channel


def known(data: Path, channel: grpc.Channel, *scopes: Scope, tenant: str | None = None) -> str:
    """The secret of a new token, which the server knows by now."""
    secret = secret_of(data, *scopes, tenant=tenant)
    until(lambda: ended(channel, LIST, metadata=bearing(secret)).code is grpc.StatusCode.OK)
    return secret


def methods_of(service: str) -> set[str]:
    found = descriptor_pool.Default().FindServiceByName(service)
    return {f"/{service}/{method.name}" for method in found.methods}


def info_of(end: Ended) -> ErrorInfo:
    status, info = Status(), ErrorInfo()
    status.ParseFromString(dict(end.trailers)["grpc-status-details-bin"])
    status.details[0].Unpack(info)
    return info


def request_of(method: str, tenant: str) -> Message:
    """A request that names a tenant and nothing else; nothing at all where it is of the whole server."""
    service, _, name = method.removeprefix("/").partition("/")
    asked = descriptor_pool.Default().FindServiceByName(service).FindMethodByName(name).input_type
    if "tenant" not in asked.fields_by_name:
        return message_factory.GetMessageClass(asked)()
    is_id = asked.fields_by_name["tenant"].message_type is None
    return message_factory.GetMessageClass(asked)(tenant=tenant if is_id else likewise.Tenant(id=tenant))


def test_the_table_has_every_method_of_every_service_and_no_other() -> None:
    assert set().union(*map(methods_of, SERVICES)) == set(OURS)
    assert methods_of(health.SERVICE_NAME) == OPEN
    assert set(OURS) >= FOR_EACH_CALLER
    assert all(scopes and scopes <= ALL_SCOPES for scopes in SCOPES.values())


def test_a_method_that_is_not_in_the_table_lets_nobody_in() -> None:
    gate = Gate(KnownTokens(), Settings())
    assert gate.admit(OURS[0], [], "") is not None
    with pytest.raises(PermissionDenied):
        gate.admit("/likewise.v1.LedgerService/ReadAll", [], "")


def test_each_method_takes_a_scope_of_the_table_and_tells_which(
    data_folder: Path, guarded: grpc.Channel
) -> None:
    for scope in Scope:
        metadata = bearing(known(data_folder, guarded, scope))
        for method in OURS:
            end = ended(guarded, method, metadata=metadata)
            if scope in SCOPES[method]:
                assert end.code in LET_IN, (method, scope)
            else:
                assert end.code is DENIED, (method, scope)
                needed = info_of(end).metadata["scope"]
                assert {needed} == SCOPES[method]
                assert needed in end.details


def test_whoever_is_bound_to_a_tenant_hears_the_same_of_every_other(
    data_folder: Path, guarded: grpc.Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = bearing(known(data_folder, guarded, tenant="cafe"))
    looked_for: list[str] = []
    path = DataFolder._path

    def noted(self: DataFolder, tenant: str) -> Path:
        if current_caller().tenant is not None:  # upkeep looks for its tenants too
            looked_for.append(tenant)
        return path(self, tenant)

    monkeypatch.setattr(DataFolder, "_path", noted)
    others = ["bank", "nobody", "", "CAFE", "cafe ", "c\u0430fe", "../cafe", "x" * 300, "caf\u00e9\n"]
    for method in sorted(set(OURS) - FOR_EACH_CALLER):
        ends = {ended(guarded, method, request_of(method, other), metadata=metadata) for other in others}
        said: Metadata = ((TENANT_KEY, "bank"),)
        ends.add(ended(guarded, method, request_of(method, "cafe"), metadata=metadata + said))
        assert len(ends) == 1, method
        assert {end.code for end in ends} == {DENIED}
    assert looked_for == []


def test_a_stream_cannot_go_on_to_another_tenant(data_folder: Path, guarded: grpc.Channel) -> None:
    metadata = bearing(known(data_folder, guarded, tenant="cafe"))
    for method, kind in (
        ("/likewise.v1.ClassifierService/ClassifyStream", ClassifyStreamRequest),
        ("/likewise.v1.LedgerService/ImportTransactions", ImportTransactionsRequest),
    ):
        messages = [kind(tenant="cafe"), kind(tenant="bank")]
        assert ended(guarded, method, *messages, metadata=metadata).code is DENIED


def test_whoever_is_bound_to_a_tenant_does_there_what_it_may_and_sees_no_other(
    data_folder: Path, address: str, guarded: grpc.Channel
) -> None:
    secret = known(data_folder, guarded, tenant="cafe")
    with likewise.Client(address, token=secret) as client:
        assert [tenant.id for tenant in client.list_tenants(page_size=1)] == ["cafe"]
        assert client.classify("cafe", KNOWN).answers[0].candidates[0].category == "cafe"
        assert [outcome.error for outcome in client.classify_many("cafe", [KNOWN])] == [None]
        client.delete_tenant("cafe")
        assert list(client.list_tenants()) == []
        client.create_tenant(likewise.Tenant(id="cafe"))
        with pytest.raises(likewise.PermissionDenied):
            client.create_tenant(likewise.Tenant(id="cafe2"))


def test_who_may_for_any_tenant_sees_all(data_folder: Path, address: str, guarded: grpc.Channel) -> None:
    secret = known(data_folder, guarded, Scope.CLASSIFY)
    with likewise.Client(address, token=secret) as client:
        assert [tenant.id for tenant in client.list_tenants(page_size=1)] == ["bank", "cafe"]
        assert client.classify("bank", KNOWN).answers[0].candidates[0].category == "bank"
