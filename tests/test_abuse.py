"""Callers that mean harm, below the level of messages: each is refused, and the others are served on."""

import gzip
import json
import socket
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import hpack
import psutil
import pytest

import likewise
from conftest import LIKEWISE, Serve
from fuzz_side.frames import frame_of
from fuzz_side.raw_http2 import IS_COMPRESSED, RawHttp2, call_headers, connected, framed
from likewise.v1.tenant_service_pb2 import CreateTenantRequest
from likewise_engine import limits
from likewise_server import lifecycle
from likewise_server.lifecycle import Server

MIB = 1024 * 1024
CLASSIFY = "/likewise.v1.ClassifierService/Classify"
LEARN = "/likewise.v1.LedgerService/Learn"
OK, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 0, 3, 8, 12
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
EMPTY_SETTINGS = b"\0\0\0\4\0\0\0\0\0"


@pytest.fixture
def raw(server: Server) -> Iterator[RawHttp2]:
    with connected(server.address) as connection:
        yield connection


def grown_bytes(act: Callable[[], object]) -> int:
    """By how much this process grew at most, while it did something."""
    process, done, peak = psutil.Process(), threading.Event(), [0]

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], process.memory_info().rss)

    before = process.memory_info().rss
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        act()
    finally:
        done.set()
        watcher.join()
    return peak[0] - before


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_bomb_is_not_inflated(
    raw: RawHttp2, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    bomb = pack(bytes(128 * MIB))
    codes: list[int | None] = []

    def send() -> None:
        codes.append(raw.call(LEARN, bomb, [("grpc-encoding", encoding)], flags=IS_COMPRESSED).code)

    assert grown_bytes(send) < 64 * MIB
    assert codes == [UNIMPLEMENTED]


def test_a_small_compressed_message_is_refused_too(raw: RawHttp2) -> None:
    answer = raw.call(
        CLASSIFY, gzip.compress(b"\x0a\x04cafe"), [("grpc-encoding", "gzip")], flags=IS_COMPRESSED
    )
    assert answer.code == UNIMPLEMENTED


def test_a_message_that_says_it_is_huge_is_refused_before_it_comes(raw: RawHttp2) -> None:
    stream = raw.open(LEARN)
    raw.send(stream, framed(b"", length=2**32 - 1), end=False)
    assert raw.answer(stream).code == RESOURCE_EXHAUSTED


@pytest.mark.parametrize("headers", [90, 300, 3_000])
def test_a_flood_of_metadata_is_refused(raw: RawHttp2, headers: int) -> None:
    extra = [(f"x-{number}", f"{number:060}") for number in range(headers)]
    answer = raw.call(CLASSIFY, b"", extra)
    assert answer.code == RESOURCE_EXHAUSTED or answer.is_cut or answer.reset is not None


def test_metadata_of_an_ordinary_size_is_taken(raw: RawHttp2) -> None:
    extra = [(f"x-{number}", f"{number:060}") for number in range(20)]
    assert raw.call(CLASSIFY, b"", extra).code == INVALID_ARGUMENT


def test_messages_nested_beyond_protobufs_depth_are_refused(raw: RawHttp2) -> None:
    nested = b""
    for _ in range(100_000 // 8):
        size = bytes([len(nested) & 0x7F | 0x80, len(nested) >> 7 & 0x7F | 0x80, len(nested) >> 14])
        nested = b"\x12" + size + nested
    assert raw.call(CLASSIFY, nested).code == INVALID_ARGUMENT


def test_streams_that_are_reset_at_once_do_not_keep_others_out(
    server: Server, client: likewise.Client, cafe: str
) -> None:
    """CVE-2023-44487: opening and resetting costs the caller nothing, and the server nothing that stays."""

    def flood() -> None:
        with connected(server.address) as raw:
            for number in range(2_000):
                raw.h2.reset_stream(raw.open(CLASSIFY))
                if number % 100 == 99:
                    raw.flush()

    floods = [threading.Thread(target=flood) for _ in range(2)]
    answered = 0
    for thread in floods:
        thread.start()
    while answered < 5 or any(thread.is_alive() for thread in floods):
        classification = client.classify(cafe, likewise.transaction(payee="TESCO STORES"), deadline_ms=30_000)
        assert classification.answers
        answered += 1
    while any(lane.waiting or lane.at_work for lane in server.counts().values()):
        time.sleep(0.01)  # what was taken in before its reset is dropped at its turn


def test_connections_beyond_the_bound_are_closed(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {**dict(lifecycle._OPTIONS), "grpc.max_allowed_incoming_connections": 8}
    monkeypatch.setattr(lifecycle, "_OPTIONS", tuple(few.items()))
    address = serve().address
    host, _, port = address.rpartition(":")
    connections = [socket.create_connection((host, int(port)), timeout=20) for _ in range(24)]
    alive = 0
    for connection in connections:
        try:
            connection.sendall(PREFACE + EMPTY_SETTINGS)
            alive += bool(connection.recv(1))
        except ConnectionError:
            continue
    for connection in connections:
        connection.close()
    assert 0 < alive <= 8
    for _ in range(100):  # what was closed makes room again
        try:
            with connected(address) as raw:
                assert raw.call(CLASSIFY, b"").code == INVALID_ARGUMENT
            return
        except ConnectionError:
            time.sleep(0.05)
    pytest.fail("no connection is taken any more")


def test_who_sends_slowly_holds_up_nobody(server: Server, client: likewise.Client, cafe: str) -> None:
    with connected(server.address) as raw:
        for _ in range(limits.CONNECTION_CALLS_MAX):
            raw.send(raw.open(CLASSIFY), framed(b"", length=1_000)[:4], end=False)
        for _ in range(20):
            assert client.classify(cafe, likewise.transaction(payee="TESCO"), deadline_ms=30_000).answers


def test_who_connects_and_says_nothing_is_cut_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    hasty = {**dict(lifecycle._OPTIONS), "grpc.server_handshake_timeout_ms": 200}
    monkeypatch.setattr(lifecycle, "_OPTIONS", tuple(hasty.items()))
    host, _, port = serve().address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as silent:
        received = b"?"
        while received:  # what the server has to say first, and then the end
            received = silent.recv(4_096)


def test_damaged_calls_leave_no_lines_in_the_log(data_folder: Path) -> None:
    """gRPC's core has one for each: enough of them fill a disk."""
    command = [*LIKEWISE, "serve", "--data", str(data_folder), "--listen", "127.0.0.1:0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        address = server.stdout.readline().split()[-1]
        with connected(address) as raw:
            for encoding in ("gzip", "no such thing"):
                raw.call(CLASSIFY, b"x", [("grpc-encoding", encoding)], flags=IS_COMPRESSED)
            raw.call("/grpc.health.v1.Health/Check", b"\xff")
            # Metadata that is no text: it may hold a token, and is not to be logged.
            content = call_headers(CLASSIFY)
            block = hpack.Encoder().encode([*content, (b"authorization", b"Bearer secret\xff")])
            stream = raw.h2.get_next_available_stream_id()
            raw.socket.sendall(frame_of(1, 5, stream, block))
    finally:
        server.terminate()
        _, log = server.communicate(timeout=60)
    events = {json.loads(line)["event"] for line in log.splitlines()}
    assert events - {"call refused", "recorded"} == {"starting", "serving", "stopping", "stopped"}
    assert "secret" not in log


@pytest.mark.parametrize(
    "method",
    [
        "/grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Watch",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_health_and_reflection_take_garbage_for_the_callers_mistake(raw: RawHttp2, method: str) -> None:
    assert raw.call(method, b"\xff" * 9).code == INVALID_ARGUMENT
    assert raw.call("/grpc.health.v1.Health/Check", b"").code == OK


@pytest.mark.parametrize("method", ["CreateTenant", "UpdateTenant"])
def test_a_chart_of_too_many_categories_is_refused_before_they_are_read(
    raw: RawHttp2, cafe: str, method: str
) -> None:
    """Two million empty ones, 3 MiB, took 20 s and 600 MB to be told one by one that they lack an id."""
    too_many = [likewise.Category()] * (limits.CATEGORIES_MAX + 1)
    tenant_id = cafe if method == "UpdateTenant" else "new"
    message = CreateTenantRequest(tenant=likewise.Tenant(id=tenant_id, chart=too_many))  # alike upon the wire
    answer = raw.call(f"/likewise.v1.TenantService/{method}", message.SerializeToString())
    assert (answer.code, "categories" in answer.message) == (RESOURCE_EXHAUSTED, True)
