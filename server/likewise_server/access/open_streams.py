"""Streams that are open, and which of them are ended: a place is not kept for who no longer may, or does not.

Who answers a stream asks at each message whether its caller still may. Where no message comes, or none is
read, nobody would ask.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Final

import grpc

from likewise_engine import limits
from likewise_engine.errors import Unauthenticated

_ASKED_ANEW_S: Final = 1.0
"""What moves is asked at each message, and its caller then told why it ended: more than a sweep can say."""


@dataclass(slots=True, eq=False)
class OpenStream:
    """One of them.

    Attributes:
        context: of its call.
        check_still: returns where its caller may go on. Raises Unauthenticated, Unavailable.
        tenant: whose it is; "" until its first message says so.
        waits_since_ns: when it began to wait for its caller; None while the server is at work.
    """

    context: grpc.ServicerContext
    check_still: Callable[[], None]
    tenant: str = ""
    waits_since_ns: int | None = None

    def received(self, requests: Iterator[bytes]) -> Iterator[bytes]:
        """The requests, as they come."""
        while True:
            self.waits_since_ns = perf_counter_ns()
            request = next(requests, None)
            self.waits_since_ns = None
            if request is None:
                return
            yield request


class OpenStreams:
    """May be used by any thread."""

    def __init__(self) -> None:
        self._open: set[OpenStream] = set()
        self._lock = threading.Lock()

    @contextmanager
    def opened(self, context: grpc.ServicerContext, check_still: Callable[[], None]) -> Iterator[OpenStream]:
        """A stream that is open for as long as the ``with`` lasts."""
        stream = OpenStream(context, check_still)
        with self._lock:
            self._open.add(stream)
        try:
            yield stream
        finally:
            with self._lock:
                self._open.discard(stream)

    def sweep(self) -> None:
        """End those whose callers may not go on, or have been waited for too long."""
        self._end(_is_over)

    def end(self, tenant: str) -> None:
        """End those of a tenant."""
        self._end(lambda stream: stream.tenant == tenant)

    def _end(self, is_meant: Callable[[OpenStream], bool]) -> None:
        with self._lock:
            streams = tuple(self._open)
        for stream in filter(is_meant, streams):
            with self._lock:
                self._open.discard(stream)  # once is enough: it may take a while to notice
            stream.context.cancel()


def _is_over(stream: OpenStream) -> bool:
    since_ns = stream.waits_since_ns
    waited_s = 0.0 if since_ns is None else (perf_counter_ns() - since_ns) / 1e9
    if waited_s > limits.STREAM_IDLE_S_MAX:
        return True
    if waited_s < _ASKED_ANEW_S:
        return False
    try:
        stream.check_still()
    except Unauthenticated:
        return True
    return False
