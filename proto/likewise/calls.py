"""How the clients for threads call: one road for :class:`likewise.Client` and the sub-clients that it holds.

:mod:`likewise.async_calls` is its twin for asyncio.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from likewise.connection import Connection, Deadline
from likewise.errors import Error, translated
from likewise.exchange import Page, PagedRequest, Source, StreamedRequests, tenant_of

if TYPE_CHECKING:
    PagedRequestT = TypeVar("PagedRequestT", bound=PagedRequest)
    PageT = TypeVar("PageT", bound=Page)
T = TypeVar("T")
RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class Calls:
    """An open connection, and the one way to call over it.

    Attributes:
        connection: settings.
        channel: for stubs.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        options = connection.channel_options
        if connection.credentials is None:
            self.channel = grpc.insecure_channel(connection.target, options)
        else:
            self.channel = grpc.secure_channel(connection.target, connection.credentials, options)
        self._closed = False

    def close(self) -> None:
        """Close the connection; calls that are under way are Cancelled, later ones a RuntimeError."""
        self._closed = True
        self.channel.close()

    def call(
        self,
        method: grpc.UnaryUnaryMultiCallable[RequestT, ResponseT],
        request: RequestT,
        deadline_ms: Deadline,
    ) -> ResponseT:
        """One request and its answer. Raises :class:`likewise.Error`, as all that follow do."""
        self._check_open()
        timeout_s = self.connection.timeout_s(deadline_ms)
        with _translated():
            return method(request, timeout=timeout_s, metadata=self.connection.metadata(tenant_of(request)))

    def pages(
        self,
        method: grpc.UnaryUnaryMultiCallable[PagedRequestT, PageT],
        request: PagedRequestT,
        deadline_ms: Deadline,
    ) -> Iterator[PageT]:
        """The pages of a list, asked for as they are needed; the deadline is each page's."""
        while True:
            page = self.call(method, request, deadline_ms)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    def responses(
        self,
        method: grpc.UnaryStreamMultiCallable[Any, ResponseT]
        | grpc.StreamStreamMultiCallable[Any, ResponseT],
        request: Any,  # a message, or for a stream of them an iterator
        tenant: str,
        deadline_ms: Deadline,
        source: Source[Any] | None = None,
    ) -> Iterator[ResponseT]:
        """What a stream sends down; dropping the iterator ends the call."""
        self._check_open()
        timeout_s = self.connection.stream_timeout_s(deadline_ms)
        with _translated(source):
            call = method(request, timeout=timeout_s, metadata=self.connection.metadata(tenant))
            try:
                yield from call
            finally:
                call.cancel()

    def begun(
        self,
        method: grpc.UnaryStreamMultiCallable[RequestT, ResponseT],
        request: RequestT,
        deadline_ms: Deadline,
    ) -> Iterator[ResponseT]:
        """As :meth:`responses`, of a call that begins now: returns once the server has taken it up.

        Where it is refused, the iterator raises that.
        """
        self._check_open()
        timeout_s = self.connection.stream_timeout_s(deadline_ms)
        metadata = self.connection.metadata(tenant_of(request))
        call = method(request, timeout=timeout_s, metadata=metadata)
        call.initial_metadata()
        return _read(call)

    def streamed(
        self,
        method: grpc.StreamUnaryMultiCallable[RequestT, ResponseT],
        stream: StreamedRequests[T, RequestT],
        items: Iterable[T],
        tenant: str,
        deadline_ms: Deadline,
    ) -> ResponseT:
        """The answer to a stream of requests; ``items`` is read in another thread, and raises here."""
        self._check_open()
        source = Source[RequestT]()
        requests = source.read(_streamed(stream, items))
        timeout_s = self.connection.stream_timeout_s(deadline_ms)
        with _translated(source):
            return method(requests, timeout=timeout_s, metadata=self.connection.metadata(tenant))

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this client is closed")


@contextmanager
def _translated(source: Source[Any] | None = None) -> Iterator[None]:
    """Raise what the caller's iterable raised, if it did; otherwise the Error of a failed call."""
    try:
        with translated():
            yield
    except Error:
        if source is None or source.failure is None:
            raise
    if source is not None and source.failure is not None:
        raise source.failure


def _read(call: Any) -> Iterator[Any]:
    with _translated():
        try:
            yield from call
        finally:
            call.cancel()


def _streamed(stream: StreamedRequests[T, RequestT], items: Iterable[T]) -> Iterator[RequestT]:
    for item in items:
        yield from stream.add(item)
    yield from stream.rest()
