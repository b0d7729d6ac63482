"""A load generator that can send several times what a server answers, on the same two cores.

A call by gRPC's own client takes .6 ms of processor time in Python: it cannot flood a server that answers
one in a millisecond. This one writes HTTP/2 itself and takes a tenth of that: the frames of a call are made
before the first is sent, and of the answers only the statuses are read. It does what RFC 9113 asks of a
client and no more: unary calls over some connections, within the server's limits of streams and of flow.

Headers are sent and asked for without compression by a dynamic table (RFC 7541): no frame depends on another.
gRPC writes their strings plainly, without Huffman's code, and so the status can be found by its name.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import cycle
from typing import Final, NamedTuple

import grpc

from latency_load.generator import METHODS, Samples, metadata_of
from latency_load.schedule import Schedule
from latency_load.workload import Kind

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_END_STREAM, _END_HEADERS, _ACK = 0x1, 0x4, 0x1
_HEADER_TABLE_SIZE, _MAX_CONCURRENT_STREAMS, _INITIAL_WINDOW_SIZE = 1, 3, 4
_REFUSED_STREAM: Final = 7
_WINDOW_MAX: Final = 2**31 - 1
_WINDOW_INITIAL: Final = 65_535
_FRAME_HEAD_BYTES: Final = 9
_READ_BYTES: Final = 1 << 18
_STATUS_NAME: Final = b"grpc-status"
_LEAD_NS: Final = 50_000_000
"""From the last preparation to the start."""
_GIVE_UP_NS: Final = 20_000_000_000
"""Longer than any call may take, after the last was due."""
_TIMEOUT: Final = "10S"
_SEVEN_BITS: Final = 0x7F
_CONNECTIONS: Final = 16
"""A server takes some hundred calls at a time from each."""


class FloodFailed(Exception):
    """The server ended a connection, or did not answer."""


def flood(address: str, schedule: Schedule, messages: Sequence[bytes]) -> Samples:
    """Send Classify calls, each when it is due, and wait for all answers.

    Args:
        address: of the server, HOST:PORT.
        schedule: when each is due; whatever their kinds.
        messages: serialised; they come round as often as needed.

    Raises:
        FloodFailed: a connection was ended.
    """
    calls = [_Call.of(address, message) for message in messages]
    host, _, port = address.rpartition(":")
    connections = [_Connection(host, int(port)) for _ in range(_CONNECTIONS)]
    try:
        return _run(schedule, connections, cycle(calls))
    finally:
        for connection in connections:
            connection.close()


def _run(schedule: Schedule, connections: Sequence["_Connection"], messages: Iterator["_Call"]) -> Samples:
    calls = len(schedule)
    sent_ns, done_ns, codes = [0] * calls, [0] * calls, [grpc.StatusCode.UNKNOWN.value[0]] * calls
    by_socket = {connection.socket: connection for connection in connections}
    turns = cycle(connections)
    cpu_before_s = time.process_time()
    started_ns = time.perf_counter_ns() + _LEAD_NS
    due_ns = (schedule.due_ns + started_ns).tolist()
    number = answered = 0
    while answered < calls:
        now_ns = time.perf_counter_ns()
        while number < calls and due_ns[number] <= now_ns:
            next(turns).send(number, next(messages))
            sent_ns[number] = now_ns
            number += 1
        next_ns = due_ns[number] if number < calls else due_ns[-1] + _GIVE_UP_NS
        if number == calls and now_ns > next_ns:
            raise FloodFailed(f"{calls - answered} calls were not answered")
        wanting = [connection.socket for connection in connections if connection.has_unsent]
        readable, writable, _ = select.select(
            list(by_socket), wanting, [], max(0, next_ns - time.perf_counter_ns()) / 1e9
        )
        for ready in writable:
            by_socket[ready].flush()
        for ready in readable:
            for answer, code in by_socket[ready].read():
                done_ns[answer], codes[answer] = time.perf_counter_ns(), code
                answered += 1
    return Samples.taken(schedule, started_ns, sent_ns, done_ns, codes, cpu_before_s)


class _Connection:
    """One HTTP/2 connection, from its preface on."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        settings = _setting(_HEADER_TABLE_SIZE, 0) + _setting(_INITIAL_WINDOW_SIZE, _WINDOW_MAX)
        window = (_WINDOW_MAX - _WINDOW_INITIAL).to_bytes(4)
        opening = _frame(_SETTINGS, 0, 0, settings) + _frame(_WINDOW_UPDATE, 0, 0, window)
        self.socket.sendall(_PREFACE + opening)
        self.socket.setblocking(False)
        self._unsent = bytearray()
        self._unread = b""
        self._waiting: deque[tuple[int, _Call]] = deque()
        self._calls: dict[int, tuple[int, _Call]] = {}
        self._next_stream = 1
        self._streams_max = 0  # until the server has said it
        self._window = _WINDOW_INITIAL

    @property
    def has_unsent(self) -> bool:
        """Whether there is something to :meth:`flush`."""
        return bool(self._unsent)

    def close(self) -> None:
        """End it; the server sees to the rest."""
        self.socket.close()

    def send(self, number: int, call: "_Call") -> None:
        """Send a call under a number, or have it wait until the server's limits allow it."""
        self._waiting.append((number, call))
        self._send_waiting()

    def flush(self) -> None:
        """Write what the system takes."""
        with suppress(BlockingIOError):  # it is tried again when the socket can be written
            del self._unsent[: self.socket.send(self._unsent)]

    def read(self) -> Iterator[tuple[int, int]]:
        """Read what there is; yield the number and the status code of each call that is done."""
        read = self.socket.recv(_READ_BYTES)
        if not read:
            raise FloodFailed("the server closed a connection")
        content, start = self._unread + read, 0
        while start + _FRAME_HEAD_BYTES <= len(content):
            end = start + _FRAME_HEAD_BYTES + int.from_bytes(content[start : start + 3])
            if end > len(content):
                break
            kind, flags = content[start + 3], content[start + 4]
            stream = int.from_bytes(content[start + 5 : start + _FRAME_HEAD_BYTES])
            code = self._taken(kind, flags, stream, content[start + _FRAME_HEAD_BYTES : end])
            if code is not None and stream in self._calls:
                yield self._calls.pop(stream)[0], code
            start = end
        self._unread = content[start:]
        self._send_waiting()

    def _taken(self, kind: int, flags: int, stream: int, payload: bytes) -> int | None:
        """Take a frame; return the status code of the call that it ends, if it ends one."""
        if kind == _HEADERS and flags & _END_STREAM:
            return _status_of(payload)
        if kind == _RST_STREAM:
            if int.from_bytes(payload) == _REFUSED_STREAM and stream in self._calls:
                self._waiting.appendleft(self._calls.pop(stream))  # nobody has seen it (RFC 9113, 8.7)
                return None
            code: int = grpc.StatusCode.UNAVAILABLE.value[0]
            return code
        if kind == _SETTINGS and not flags & _ACK:
            self._streams_max = self._streams_max or _WINDOW_MAX
            for at in range(0, len(payload), 6):
                if int.from_bytes(payload[at : at + 2]) == _MAX_CONCURRENT_STREAMS:
                    self._streams_max = int.from_bytes(payload[at + 2 : at + 6])
            self._unsent += _frame(_SETTINGS, _ACK, 0, b"")
        elif kind == _PING and not flags & _ACK:
            self._unsent += _frame(_PING, _ACK, 0, payload)
        elif kind == _WINDOW_UPDATE and not stream:
            # The windows of streams are never used up.
            self._window += int.from_bytes(payload)
        elif kind == _GOAWAY:
            raise FloodFailed(f"the server ended a connection: {payload[8:].decode(errors='replace')}")
        return None

    def _send_waiting(self) -> None:
        while self._waiting and len(self._calls) < self._streams_max:
            number, call = self._waiting[0]
            size = len(call.data) - _FRAME_HEAD_BYTES
            if size > self._window:
                break
            self._waiting.popleft()
            self._calls[self._next_stream] = number, call
            self._unsent += _of_stream(call.headers, self._next_stream) + _of_stream(
                call.data, self._next_stream
            )
            self._window -= size
            self._next_stream += 2
        if self._unsent:
            self.flush()


class _Call(NamedTuple):
    """The two frames of a call, of no stream yet."""

    headers: bytes
    data: bytes

    @classmethod
    def of(cls, address: str, message: bytes) -> "_Call":
        """Of a Classify."""
        headers = (
            (":method", "POST"),
            (":scheme", "http"),
            (":path", METHODS[Kind.CLASSIFY]),
            (":authority", address),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-timeout", _TIMEOUT),
            *metadata_of(message),
        )
        block = b"".join(_literal(name.encode(), value.encode()) for name, value in headers)
        framed = b"\0" + len(message).to_bytes(4) + message  # not compressed, its length, itself
        return cls(_frame(_HEADERS, _END_HEADERS, 0, block), _frame(_DATA, _END_STREAM, 0, framed))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream.to_bytes(4) + payload


def _of_stream(frame: bytes, stream: int) -> bytes:
    return frame[:5] + stream.to_bytes(4) + frame[_FRAME_HEAD_BYTES:]


def _setting(name: int, value: int) -> bytes:
    return name.to_bytes(2) + value.to_bytes(4)


def _literal(name: bytes, value: bytes) -> bytes:
    """A header that goes into no table (RFC 7541, 6.2.2)."""
    return b"\0" + _string(name) + _string(value)


def _string(content: bytes) -> bytes:
    """Plain, with its length in seven bits, or in those and further bytes (RFC 7541, 5.1 and 5.2)."""
    if len(content) < _SEVEN_BITS:
        return bytes((len(content),)) + content
    rest, length = len(content) - _SEVEN_BITS, [_SEVEN_BITS]
    while rest > _SEVEN_BITS:
        length.append(rest & _SEVEN_BITS | 0x80)
        rest >>= 7
    return bytes((*length, rest)) + content


def _status_of(block: bytes) -> int:
    """The gRPC status among the headers that end a call. Raises FloodFailed where there is none."""
    at = block.find(_STATUS_NAME) + len(_STATUS_NAME)
    digits = block[at + 1 : at + 1 + block[at]] if at >= len(_STATUS_NAME) else b""
    if not digits.isdigit():
        raise FloodFailed("an answer ends without a status that can be read")
    return int(digits)
