"""Who is not let in: callers hear the same whatever is wrong with their token, and the log says what."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from structlog.testing import capture_logs

import likewise
from access_world import KNOWN, bearing, ended, made, secret_of, until
from conftest import Serve
from likewise_engine import limits
from likewise_server.access.caller import LOCAL, Caller, Scope, current_caller
from likewise_server.access.token_file import TokenFile
from likewise_server.lifecycle import Server, private_server
from likewise_server.service.tenants import TenantService

LIST = "/likewise.v1.TenantService/ListTenants"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
OK = grpc.StatusCode.OK


def revoked(data: Path) -> str:
    token, secret = made(data)
    TokenFile(data).revoke(lambda kept: kept.id == token.id)
    return secret


def tampered(secret: str) -> str:
    return secret[:-1] + ("a" if secret[-1] != "a" else "b")


def test_whatever_is_wrong_with_a_token_sounds_alike(data_folder: Path, serve: Serve) -> None:
    valid, expired, ended_for_good = (
        secret_of(data_folder),
        made(data_folder, expires=LONG_AGO)[1],
        revoked(data_folder),
    )
    unknown = secret_of(data_folder.with_name("other"))
    shown = {
        "missing": (),
        "malformed": bearing("hunter2"),
        "unknown": bearing(unknown),
        "wrong secret": bearing(tampered(valid)),
        "expired": bearing(expired),
        "revoked": bearing(ended_for_good),
    }
    more = [bearing(valid, valid), (("authorization", valid),), (("authorization", f"Basic {valid}"),)]
    with grpc.insecure_channel(serve().address) as channel, capture_logs() as log:
        ends = {ended(channel, LIST, metadata=metadata) for metadata in (*shown.values(), *more)}
        assert ended(channel, LIST, metadata=bearing(valid)).code is OK
        assert ended(channel, LIST, metadata=(("authorization", f"bearer  {valid}"),)).code is OK
    (end,) = ends
    assert end.code is grpc.StatusCode.UNAUTHENTICATED
    status, info = Status(), ErrorInfo()
    status.ParseFromString(dict(end.trailers)["grpc-status-details-bin"])
    status.details[0].Unpack(info)
    assert (info.reason, info.domain, dict(info.metadata)) == ("UNAUTHENTICATED", "likewise", {})
    refusals = [line for line in log if line["event"] == "call refused"]
    assert {line["why"] for line in refusals} <= {*shown, "malformed"}
    assert len(refusals) >= limits.FAILURES_LOGGED_PER_S
    for secret in (valid, expired, ended_for_good, unknown):
        assert secret[15:] not in str(log)


def test_the_log_names_the_token_and_counts_what_it_leaves_out(
    data_folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, secret = made(data_folder)
    monkeypatch.setattr("likewise_server.access.refusals.monotonic", lambda: 7.5)
    with grpc.insecure_channel(serve().address) as channel, capture_logs() as log:
        for _ in range(limits.FAILURES_LOGGED_PER_S + 3):
            ended(channel, LIST, metadata=bearing(tampered(secret)))
        monkeypatch.setattr("likewise_server.access.refusals.monotonic", lambda: 8.5)
        ended(channel, LIST, metadata=bearing(tampered(secret)))
    refusals = [line for line in log if line["event"] == "call refused"]
    assert [line["unlogged"] for line in refusals] == [0] * limits.FAILURES_LOGGED_PER_S + [3]
    assert {(line["why"], line["token"], line["method"]) for line in refusals} == {
        ("wrong secret", token.id, LIST)
    }


def test_without_tokens_whoever_is_on_this_machine_is_let_in_but_not_with_a_wrong_one(
    server: Server, data_folder: Path
) -> None:
    with grpc.insecure_channel(server.address) as channel:
        assert ended(channel, LIST).code is OK
        assert ended(channel, LIST, metadata=bearing("hunter2")).code is grpc.StatusCode.UNAUTHENTICATED
        secret = secret_of(data_folder)
        until(lambda: ended(channel, LIST).code is grpc.StatusCode.UNAUTHENTICATED)
        assert ended(channel, LIST, metadata=bearing(secret)).code is OK


def test_tokens_can_be_required_before_any_is_made(data_folder: Path, serve: Serve) -> None:
    with grpc.insecure_channel(serve(require_tokens=True).address) as channel:
        assert ended(channel, LIST).code is grpc.StatusCode.UNAUTHENTICATED
        secret = secret_of(data_folder)
        until(lambda: ended(channel, LIST, metadata=bearing(secret)).code is OK)
        assert ended(channel, LIST).code is grpc.StatusCode.UNAUTHENTICATED


def test_health_is_told_to_all_and_methods_to_callers_alone(data_folder: Path, serve: Serve) -> None:
    secret = secret_of(data_folder, Scope.CLASSIFY)
    with grpc.insecure_channel(serve().address) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        answer = check(health_pb2.HealthCheckRequest(), timeout=10)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as refused:
            ProtoReflectionDescriptorDatabase(channel).get_services()
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
        reflect = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        assert ended(channel, reflect, metadata=bearing(secret)).code is OK


def test_a_token_that_is_revoked_ends_its_streams_too(data_folder: Path, serve: Serve) -> None:
    token, secret = made(data_folder)
    address = serve().address
    with likewise.Client(address, token=secret) as client, grpc.insecure_channel(address) as channel:
        client.create_tenant(likewise.Tenant(id="t"))
        asked = client.classify_many("t", (KNOWN for _ in range(10**9)), deadline_ms=30_000)
        assert next(asked).error is None
        TokenFile(data_folder).revoke(lambda kept: kept.id == token.id)
        until(lambda: ended(channel, LIST, metadata=bearing(secret)).code is grpc.StatusCode.UNAUTHENTICATED)
        with pytest.raises(likewise.Unauthenticated):
            for _ in asked:
                pass


def test_a_stream_without_a_token_ends_when_tokens_are_made(
    data_folder: Path, client: likewise.Client
) -> None:
    client.create_tenant(likewise.Tenant(id="t"))
    asked = client.classify_many("t", (KNOWN for _ in range(10**9)), deadline_ms=30_000)
    assert next(asked).error is None
    secret_of(data_folder)
    with pytest.raises(likewise.Unauthenticated):
        for _ in asked:
            pass


def test_while_the_tokens_are_damaged_nobody_is_let_in(data_folder: Path, serve: Serve) -> None:
    secret = secret_of(data_folder)
    path = TokenFile(data_folder).path
    whole = path.read_bytes()
    with grpc.insecure_channel(serve().address) as channel:
        path.write_bytes(whole[:-20])
        until(lambda: ended(channel, LIST, metadata=bearing(secret)).code is grpc.StatusCode.UNAVAILABLE)
        assert ended(channel, LIST).code is grpc.StatusCode.UNAVAILABLE
        path.write_bytes(whole)
        until(lambda: ended(channel, LIST, metadata=bearing(secret)).code is OK)


def test_a_server_that_starts_upon_damaged_tokens_lets_nobody_in(data_folder: Path, serve: Serve) -> None:
    secret = secret_of(data_folder)
    TokenFile(data_folder).path.write_text(json.dumps({"format": 1, "tokens": [], "sha256": ""}))
    with grpc.insecure_channel(serve().address) as channel:
        assert ended(channel, LIST, metadata=bearing(secret)).code is grpc.StatusCode.UNAVAILABLE
        assert ended(channel, LIST).code is grpc.StatusCode.UNAVAILABLE


def test_methods_know_who_calls(data_folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    callers: list[Caller] = []
    answer: Callable[..., object] = TenantService.ListTenants

    def noting(*arguments: object) -> object:
        callers.append(current_caller())
        return answer(*arguments)

    monkeypatch.setattr(TenantService, "ListTenants", noting)
    server = serve()
    with grpc.insecure_channel(server.address) as channel:
        ended(channel, LIST)
        token, secret = made(data_folder, tenant="cafe", scopes={Scope.LEARN})
        until(lambda: ended(channel, LIST, metadata=bearing(secret)).code is OK)
    assert callers == [LOCAL, Caller(f"token:{token.id} of a test", "cafe", frozenset({Scope.LEARN}))]
    assert current_caller() == LOCAL


def test_who_works_on_the_data_folder_itself_needs_no_token(
    data_folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_of(data_folder)
    serve().stop()
    monkeypatch.setenv("LIKEWISE_TLS_CERTIFICATE", "/nowhere")
    monkeypatch.setenv("LIKEWISE_TLS_KEY", "/nowhere")
    with private_server(data_folder) as address, likewise.Client(address) as client:
        assert list(client.list_tenants()) == []
