"""Streams that wait for their caller in vain: they end, and keep neither a place nor a tenant."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

import likewise
from access_world import bearing, made, until
from conftest import Serve
from likewise.connection import TENANT_KEY
from likewise.v1.ledger_service_pb2 import ExportTransactionsRequest
from likewise.v1.ledger_service_pb2_grpc import LedgerServiceStub
from likewise_engine import limits
from likewise_server.access.token_file import TokenFile

CANCELLED = grpc.StatusCode.CANCELLED
LONG = "x" * 1_800
Silence = Callable[[], Iterator[bytes]]


@pytest.fixture
def silence() -> Iterator[Silence]:
    """Requests that never come."""
    over = threading.Event()

    def nothing() -> Iterator[bytes]:
        over.wait(60)
        yield from ()

    yield nothing
    over.set()


def importing(channel: grpc.Channel, requests: Iterator[bytes], *secrets: str, said: str = "t") -> Any:
    method: grpc.StreamUnaryMultiCallable[bytes, bytes] = channel.stream_unary(
        "/likewise.v1.LedgerService/ImportTransactions"
    )
    return method.future(requests, metadata=(*bearing(*secrets), (TENANT_KEY, said)), timeout=60)


def test_a_stream_that_does_not_move_is_ended(
    serve: Serve, silence: Silence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "STREAM_IDLE_S_MAX", 0.1)
    with grpc.insecure_channel(serve().address) as channel:
        assert importing(channel, silence()).code() is CANCELLED


def test_a_stream_of_a_revoked_token_is_ended_though_nothing_comes(
    data_folder: Path, serve: Serve, silence: Silence
) -> None:
    token, secret = made(data_folder)
    with grpc.insecure_channel(serve().address) as channel:
        stream = importing(channel, silence(), secret)
        with pytest.raises(grpc.FutureTimeoutError):
            stream.result(timeout=1.5)
        TokenFile(data_folder).revoke(lambda kept: kept.id == token.id)
        assert stream.code() is CANCELLED


def test_an_export_that_nobody_reads_keeps_no_tenant(serve: Serve) -> None:
    address = serve().address
    with likewise.Client(address) as client, grpc.insecure_channel(address) as channel:
        client.create_tenant(likewise.Tenant(id="t"))
        for batch in range(3):
            numbers = (f"{batch}-{number}" for number in range(1_000))
            client.learn(
                "t",
                [
                    likewise.labelled(likewise.transaction(id=number, payee="p", description=LONG), "k")
                    for number in numbers
                ],
            )
        export = LedgerServiceStub(channel).ExportTransactions(ExportTransactionsRequest(tenant="t"))
        next(export)
        client.delete_tenant("t")
        assert list(client.list_tenants()) == []
        with pytest.raises(grpc.RpcError):
            list(export)
        assert export.code() is CANCELLED


def test_a_tenant_has_its_share_of_places_however_it_is_spelled(serve: Serve, silence: Silence) -> None:
    with grpc.insecure_channel(serve(streams_max=6).address) as channel:
        streams = [
            importing(channel, silence(), said=said) for said in ("cafe", "%63afe", "c%61fe", "caf%65")
        ]
        until(lambda: any(stream.done() for stream in streams))
        (refused,) = (stream for stream in streams if stream.done())
        assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        for stream in streams:
            stream.cancel()
