"""How the clients for asyncio call: one road for :class:`likewise.AsyncClient` and the sub-clients that it
holds. Twin of :mod:`likewise.calls`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import grpc

from likewise.connection import Connection, Deadline
from likewise.errors import Cancelled, Error, translated
from likewise.exchange import Page, PagedRequest, Source, StreamedRequests, tenant_of
from likewise.first_status import FirstStatus

if TYPE_CHECKING:
    PagedRequestT = TypeVar("PagedRequestT", bound=PagedRequest)
    PageT = TypeVar("PageT", bound=Page)
RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
T = TypeVar("T")


class AsyncCalls:
    """An open connection, and the one way to call over it, for the tasks of one event loop.

    Attributes:
        connection: settings.
        channel: for stubs.
    """

    def __init__(self, connection: Connection) -> None:
        # gRPC binds the channel to a loop of its own making where none runs, and fails at the first call.
        asyncio.get_running_loop()
        self.connection = connection
        options = connection.channel_options
        if connection.credentials is None:
            self.channel = grpc.aio.insecure_channel(connection.target, options)
        else:
            self.channel = grpc.aio.secure_channel(connection.target, connection.credentials, options)
        self._closed = False

    async def close(self) -> None:
        """Close the connection; calls that are under way are Cancelled, later ones a RuntimeError."""
        self._closed = True
        await self.channel.close()

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[RequestT, ResponseT],
        request: RequestT,
        deadline_ms: Deadline,
    ) -> ResponseT:
        """As :meth:`likewise.calls.Calls.call`."""
        self._check_open()
        timeout_s = self.connection.timeout_s(deadline_ms)
        with _translated():
            metadata = self.connection.metadata(tenant_of(request))
            return await method(request, timeout=timeout_s, metadata=metadata)

    async def pages(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[PagedRequestT, PageT],
        request: PagedRequestT,
        deadline_ms: Deadline,
    ) -> AsyncIterator[PageT]:
        """As :meth:`likewise.calls.Calls.pages`."""
        while True:
            page = await self.call(method, request, deadline_ms)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def responses(
        self,
        method: grpc.aio.UnaryStreamMultiCallable[Any, ResponseT]
        | grpc.aio.StreamStreamMultiCallable[Any, ResponseT],
        request: Any,  # a message, or for a stream of them an asynchronous iterator
        tenant: str,
        deadline_ms: Deadline,
        source: Source[Any] | None = None,
    ) -> AsyncGenerator[ResponseT, None]:
        """As :meth:`likewise.calls.Calls.responses`."""
        self._check_open()
        timeout_s = self.connection.stream_timeout_s(deadline_ms)
        call = method(request, timeout=timeout_s, metadata=self.connection.metadata(tenant))
        with _translated(source, FirstStatus(call)):
            try:
                async for response in call:
                    yield response
            finally:
                call.cancel()

    def begun(
        self,
        method: grpc.aio.UnaryStreamMultiCallable[RequestT, ResponseT],
        request: RequestT,
        deadline_ms: Deadline,
        shown: Callable[[ResponseT], T],
    ) -> Watching[T]:
        """As :meth:`responses`, of a call that begins now; ``shown`` tells what is shown of a message."""
        self._check_open()
        timeout_s = self.connection.stream_timeout_s(deadline_ms)
        metadata = self.connection.metadata(tenant_of(request))
        return Watching(method(request, timeout=timeout_s, metadata=metadata), shown)

    async def streamed(
        self,
        method: grpc.aio.StreamUnaryMultiCallable[RequestT, ResponseT],
        stream: StreamedRequests[T, RequestT],
        items: Iterable[T] | AsyncIterable[T],
        tenant: str,
        deadline_ms: Deadline,
    ) -> ResponseT:
        """As :meth:`likewise.calls.Calls.streamed`; ``items`` is read in another task."""
        self._check_open()
        source = Source[RequestT]()
        requests = source.read_async(_streamed(stream, items))
        timeout_s = self.connection.stream_timeout_s(deadline_ms)
        call = method(requests, timeout=timeout_s, metadata=self.connection.metadata(tenant))
        with _translated(source, FirstStatus(call)):
            return await call

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this client is closed")


class Watching(AsyncIterator[T]):
    """What comes down a stream that has begun already; dropping it ends the call.

    watching = client.suggestions.watch("studio")
    await watching.listening()
    answer = await client.classify("studio", asked)
    async for suggestion in watching:
        ...
    """

    def __init__(
        self, call: grpc.aio.UnaryStreamCall[Any, ResponseT], shown: Callable[[ResponseT], T]
    ) -> None:
        self._call = call
        self._items = self._read(call, shown)

    async def __anext__(self) -> T:
        return await anext(self._items)

    async def listening(self) -> None:
        """Return once the server listens: nothing that comes later is missed.

        Where the call is refused, it returns too, and the iteration raises that.
        """
        with _translated():
            await self._call.initial_metadata()

    async def aclose(self) -> None:
        """End the call."""
        self._call.cancel()
        await self._items.aclose()

    @staticmethod
    async def _read(
        call: grpc.aio.UnaryStreamCall[Any, ResponseT], shown: Callable[[ResponseT], T]
    ) -> AsyncGenerator[T, None]:
        with _translated(None, FirstStatus(call)):
            try:
                async for response in call:
                    yield shown(response)
            finally:
                call.cancel()


@contextmanager
def _translated(source: Source[Any] | None = None, first_status: FirstStatus | None = None) -> Iterator[None]:
    """Raise what the caller's iterable raised, if it did; otherwise the Error of a failed call."""
    try:
        with translated():
            yield
        return
    except Error as error:
        failed = first_status.instead_of(error) if first_status else error
        failed.__cause__ = error.__cause__
    except asyncio.CancelledError as error:
        # gRPC raises it for a call that was cancelled on this side, whoever did that. Where nobody cancelled
        # the task, it must not look so: the client was closed, or the source failed.
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        failed = Cancelled(grpc.StatusCode.CANCELLED, "the call was cancelled on this side")
        failed.__cause__ = error
    if source is not None and source.failure is not None:
        raise source.failure
    raise failed


async def each(items: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    """The items of an iterable, asynchronous or not."""
    if isinstance(items, AsyncIterable):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


async def _streamed(
    stream: StreamedRequests[T, RequestT], items: Iterable[T] | AsyncIterable[T]
) -> AsyncIterator[RequestT]:
    async for item in each(items):
        for request in stream.add(item):
            yield request
    for request in stream.rest():
        yield request
