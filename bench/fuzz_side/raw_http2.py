"""An HTTP/2 caller that follows no rule of gRPC unless told to: the hostile end of a connection."""

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

_READ_BYTES: Final = 64 * 1024
_TIMEOUT_S: Final = 20.0
IS_COMPRESSED: Final = 1
"""Flag of a message in gRPC's framing."""

Headers = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Answer:
    """What came back on one stream.

    Attributes:
        headers: of response and trailers.
        reset: code of an RST_STREAM; None where there was none.
        is_cut: the connection ended before the stream did.
    """

    headers: dict[str, str] = field(default_factory=dict)
    reset: int | None = None
    is_cut: bool = False

    @property
    def code(self) -> int | None:
        """Number of the gRPC status; None where there is none."""
        status = self.headers.get("grpc-status")
        return None if status is None else int(status)

    @property
    def message(self) -> str:
        """What the status says."""
        return self.headers.get("grpc-message", "")


class RawHttp2:
    """One connection, whose settings the server has acknowledged.

    Raises:
        OSError: the server cut it off.
    """

    def __init__(self, address: str, timeout_s: float = _TIMEOUT_S) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=timeout_s)
        # Nothing is checked on the way out: breaking the rules is what it is for.
        self.h2 = H2Connection(
            H2Configuration(
                client_side=True,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                header_encoding="utf-8",
            )
        )
        self.h2.initiate_connection()
        try:
            self.flush()
            self.until(RemoteSettingsChanged)
        except BaseException:
            self.close()
            raise

    def open(self, path: str, extra: Headers = (), *, end: bool = False) -> int:
        """Begin a call; return its stream."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [*call_headers(path), *extra], end_stream=end)
        return stream

    def call(self, path: str, message: bytes, extra: Headers = (), *, flags: int = 0) -> Answer:
        """Send one message, framed as gRPC does, and wait for what becomes of the call."""
        stream = self.open(path, extra)
        self.send(stream, framed(message, flags))
        return self.answer(stream)

    def send(self, stream: int, content: bytes, *, end: bool = True) -> None:
        """Send bytes on a stream, as fast as flow control lets them; stop where the stream is reset."""
        sent = 0
        while sent < len(content):
            room = min(
                self.h2.local_flow_control_window(stream),
                self.h2.max_outbound_frame_size,
                len(content) - sent,
            )
            if room:
                self.h2.send_data(stream, content[sent : sent + room])
                sent += room
                self.flush()
            elif any(isinstance(event, StreamReset | StreamEnded) for event in self.events()):
                return
        if end:
            self.h2.end_stream(stream)
        self.flush()

    def answer(self, stream: int) -> Answer:
        """Read until the stream ends, one way or the other."""
        answer = Answer()
        while True:
            events = self.events()
            if not events:
                answer.is_cut = True
                return answer
            for event in events:
                if isinstance(event, ConnectionTerminated):
                    answer.is_cut = True
                    return answer
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, ResponseReceived | TrailersReceived):
                    answer.headers |= {str(name): str(value) for name, value in event.headers}
                if isinstance(event, StreamReset):
                    answer.reset = int(event.error_code)
                if isinstance(event, StreamEnded | StreamReset):
                    return answer

    def until(self, kind: type[Event]) -> None:
        """Read until an event of a kind. Raises ConnectionError: the server cut the connection."""
        while True:
            events = self.events()
            if not events:
                raise ConnectionError("the server ended the connection")
            if any(isinstance(event, kind) for event in events):
                return

    def events(self) -> list[Event]:
        """What the server sends next; empty where it has ended the connection."""
        found: list[Event] = []
        while not found:
            try:
                received = self.socket.recv(_READ_BYTES)
            except ConnectionError:
                return []
            if not received:
                return []
            found = self.h2.receive_data(received)
            with suppress(OSError):
                self.flush()
        return found

    def flush(self) -> None:
        """Send what is due."""
        self.socket.sendall(self.h2.data_to_send())

    def close(self) -> None:
        """End the connection without a word."""
        self.socket.close()


@contextmanager
def connected(address: str) -> Iterator[RawHttp2]:
    """A connection for as long as the ``with`` lasts."""
    connection = RawHttp2(address)
    try:
        yield connection
    finally:
        connection.close()


def call_headers(path: str) -> list[tuple[str, str]]:
    """The headers that gRPC asks for."""
    return [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]


def framed(message: bytes, flags: int = 0, length: int | None = None) -> bytes:
    """A message as gRPC frames it: flags, length, content. The length may be a lie."""
    return struct.pack(">BI", flags, len(message) if length is None else length) + message
