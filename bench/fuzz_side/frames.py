"""Bytes at the port: no HTTP/2 at all, nearly HTTP/2, and HTTP/2 that breaks its own rules or gRPC's."""

import socket
import ssl
from collections.abc import Sequence
from typing import Final

import hpack

from fuzz_side.chance import Chance, weighted
from fuzz_side.raw_http2 import call_headers, framed
from fuzz_side.target import Input, UntypedOutcome

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _PRIORITY, _RST_STREAM, _SETTINGS, _PUSH, _PING, _GOAWAY, _WINDOW_UPDATE, _CONTINUATION = (
    range(10)
)
_END_STREAM, _END_HEADERS = 1, 4
_PATHS: Final = (
    "/likewise.v1.ClassifierService/Classify",
    "/likewise.v1.ClassifierService/ClassifyStream",
    "/likewise.v1.LedgerService/Learn",
    "/likewise.v1.LedgerService/ImportTransactions",
    "/likewise.v1.TenantService/CreateTenant",
    "/grpc.health.v1.Health/Check",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/likewise.v1.ClassifierService/None",
    "*",
    "//",
)
_KINDS: Final = (
    (4, "garbage"),
    (2, "http1"),
    (2, "tls"),
    (10, "frames"),
    (14, "call"),
    (6, "cut call"),
    (8, "mutated call"),
    (5, "flood"),
)
_READ_S: Final = 30.0
_READ_BYTES: Final = 64 * 1024
_QUIET_S: Final = 0.004
_FLOOD_FRAMES: Final = 200
_INTERNAL, _UNKNOWN = b"13", b"2"
_OURS: Final = (b"incident", b"Exception")
"""In what the service says, or gRPC's Python, of a failure within. gRPC's core itself says INTERNAL to what
breaks its framing, as its specification has it."""


class Frames:
    """Whatever comes, the connection is answered or ended, and the next one is taken."""

    name = "frames"

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._at = (host, int(port))

    def make(self, chance: Chance) -> Input:
        """What is sent on one connection."""
        kind = weighted(chance, _KINDS)
        match kind:
            case "garbage":
                content = chance.randbytes(chance.choice((1, 9, 24, 200)))
            case "http1":
                content = (
                    chance.choice((b"GET", b"POST", b"OPTIONS", b"X" * 50)) + b" / HTTP/1.1\r\nHost: x\r\n"
                )
                content += f"X: {chance.valid_text()}\r\n".encode() * chance.choice((0, 1, 40)) + b"\r\n"
            case "tls":
                content = chance.mutated(_CLIENT_HELLO) if chance.one_in(2) else _CLIENT_HELLO
            case "frames":
                content = _opening(chance) + b"".join(
                    _any_frame(chance) for _ in range(chance.randint(1, 12))
                )
            case "flood":
                content = _opening(chance) + _flood(chance)
            case _:
                content = _call(chance)
                if kind == "cut call":
                    content = content[: chance.randrange(len(content))]
                if kind == "mutated call":
                    content = content[:24] + chance.mutated(content[24:])
        return Input(kind, content)

    def feed(self, made: Input) -> str:
        """Raise UntypedOutcome where the service failed, or it hangs; OSError: nobody is there."""
        received = bytearray()
        with socket.create_connection(self._at, timeout=_READ_S) as connection:
            try:
                connection.sendall(made.content)
                connection.settimeout(_QUIET_S)  # for what is answered before the end is seen
                while block := connection.recv(_READ_BYTES):
                    received += block
            except TimeoutError:
                pass
            except ConnectionError:
                return "cut off"
            connection.settimeout(_READ_S)
            try:
                connection.shutdown(socket.SHUT_WR)
                while block := connection.recv(_READ_BYTES):
                    received += block
            except ConnectionError:
                return "cut off"
            except OSError as error:
                if isinstance(error, TimeoutError):
                    raise UntypedOutcome("the connection stayed open") from error
                return "cut off"
        return _outcome(bytes(received))

    def close(self) -> None:
        """Every connection has been closed."""


def _outcome(received: bytes) -> str:
    """What came back, by the status of its calls."""
    decoder = hpack.Decoder()
    status = "ended"
    for kind, payload in _frames(received):
        if kind != _HEADERS:
            continue
        try:
            headers = {bytes(name): bytes(value) for name, value in decoder.decode(payload, raw=True)}
        except hpack.HPACKError:
            return status
        code = headers.get(b"grpc-status")
        if code in (_INTERNAL, _UNKNOWN) and any(word in headers.get(b"grpc-message", b"") for word in _OURS):
            raise UntypedOutcome(f"a call ended with {headers!r}")
        if code is not None:
            status = f"grpc-status {code.decode()}"
        elif headers.get(b":status", b"200") != b"200":
            status = f"HTTP {headers[b':status'].decode()}"
    return status


def _frames(received: bytes) -> Sequence[tuple[int, bytes]]:
    frames, place = [], 0
    while place + 9 <= len(received):
        size = int.from_bytes(received[place : place + 3], "big")
        frames.append((received[place + 3], received[place + 9 : place + 9 + size]))
        place += 9 + size
    return frames


# --- What is sent ------------------------------------------------------------------------------


def frame_of(kind: int, flags: int, stream: int, payload: bytes, size: int | None = None) -> bytes:
    """A frame of HTTP/2. Its size may be a lie."""
    length = len(payload) if size is None else size
    return length.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _opening(chance: Chance) -> bytes:
    settings = b""
    for _ in range(chance.choice((0, 1, 6))):
        settings += chance.randint(0, 9).to_bytes(2, "big") + (chance.number() & 2**32 - 1).to_bytes(4, "big")
    return _PREFACE + frame_of(_SETTINGS, 0, 0, settings)


def _any_frame(chance: Chance) -> bytes:
    payload = chance.randbytes(chance.choice((0, 4, 5, 8, 64)))
    size = None if not chance.one_in(8) else chance.randrange(2**24)
    flags = chance.choice((0, 1, 4, 5, 8, 32, 255))
    return frame_of(
        chance.randrange(12), flags, chance.choice((0, 1, 2, 3, 2**31 - 1, 2**32 - 1)), payload, size
    )


def _headers_of(chance: Chance) -> bytes:
    headers = call_headers(chance.choice(_PATHS))
    if chance.one_in(3):
        del headers[chance.randrange(len(headers))]
    for _ in range(chance.choice((0, 0, 1, 3))):
        name = chance.choice(
            ("grpc-timeout", "grpc-encoding", "likewise-tenant", "authorization", "x", "content-length")
        )
        headers.append((name, chance.valid_text()))
    return hpack.Encoder().encode(headers)


def _call(chance: Chance) -> bytes:
    content, stream = _opening(chance), 1
    for _ in range(chance.randint(1, 3)):
        message = (
            chance.randbytes(chance.choice((0, 1, 20)))
            if chance.one_in(2)
            else b"\x0a\x04cafe\x12\x04\x22\x02ab"
        )
        length = None if not chance.one_in(5) else chance.choice((0, 1, 2**31, 2**32 - 1))
        data = framed(message, chance.choice((0, 0, 0, 1, 2, 255)), length)
        content += frame_of(_HEADERS, _END_HEADERS, stream, _headers_of(chance))
        content += frame_of(_DATA, chance.choice((0, _END_STREAM, _END_STREAM)), stream, data)
        if chance.one_in(4):
            content += frame_of(_RST_STREAM, 0, stream, chance.randbytes(4))
        stream += 2
    return content


def _flood(chance: Chance) -> bytes:
    match chance.randrange(6):
        case 0:
            return frame_of(_PING, 0, 0, bytes(8)) * _FLOOD_FRAMES
        case 1:
            return frame_of(_SETTINGS, 0, 0, b"\0\4\0\1\0\0") * _FLOOD_FRAMES
        case 2:
            return (
                frame_of(_HEADERS, 0, 1, b"\x82") + frame_of(_CONTINUATION, 0, 1, bytes(64)) * _FLOOD_FRAMES
            )
        case 3:
            block = _headers_of(chance)
            return b"".join(
                frame_of(_HEADERS, _END_HEADERS, stream, block) + frame_of(_RST_STREAM, 0, stream, bytes(4))
                for stream in range(1, _FLOOD_FRAMES, 2)
            )
        case 4:
            return frame_of(_WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 3
        case _:
            return frame_of(_DATA, 0, 1, b"") * _FLOOD_FRAMES


def _client_hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise RuntimeError("a handshake that nobody answers was completed")


_CLIENT_HELLO: Final = _client_hello()
