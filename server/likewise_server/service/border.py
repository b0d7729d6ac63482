"""Where calls come in: around every method of ours, what all of them have in common.

- A call that is one too many is refused, with the time to wait; so is a stream too many.
- A call whose caller has gone while it waited is dropped.
- Messages are decoded here, in the call's own thread. gRPC would do it in the one thread that reads for
  everybody, where a batch of 32 MiB holds up all others; and to text that is not UTF-8, which is the
  caller's mistake, it would answer INTERNAL.
- Whatever a method raises becomes a status, see :mod:`likewise_server.service.status`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import perf_counter_ns
from typing import Any, Final, TypeAlias

import grpc
import structlog
from google.protobuf.message import DecodeError, Message
from grpc_status import rpc_status

from likewise_engine.errors import DeadlineExceeded, InvalidInput, Overloaded
from likewise_server.service.status import status_of
from likewise_server.workers import Workers

OUR_METHODS: Final = "/likewise.v1."
_RETRY_AFTER_MS: Final = 200
"""By guess: a full queue of the default length is worked off in less."""
_RETRY_STREAM_AFTER_MS: Final = 2_000
"""By guess: streams last."""

_log = structlog.stdlib.get_logger()

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Decode = Callable[[bytes], Message]


class Border(grpc.ServerInterceptor):
    """Wraps the methods of our services; those of health and reflection pass as they are."""

    def __init__(self, workers: Workers, streams_max: int) -> None:
        self._workers = workers
        self._stream_places = threading.BoundedSemaphore(streams_max)
        self._wrapped: dict[str, Handler] = {}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """The handler of a method, wrapped; that is done once a method."""
        method = handler_call_details.method
        if method in self._wrapped:
            return self._wrapped[method]
        handler = continuation(handler_call_details)
        if handler is not None and method.startswith(OUR_METHODS):
            handler = self._wrapped[method] = self._wrap(method, handler)
        return handler

    def _wrap(self, method: str, handler: Handler) -> Handler:
        decode, encode = handler.request_deserializer, handler.response_serializer
        if decode is None:
            raise ValueError(f"{method} was registered without a decoder")
        if behaviour := handler.unary_unary or handler.stream_unary:
            answering = self._answering(method, behaviour, decode, is_stream=handler.request_streaming)
            if handler.request_streaming:
                return grpc.stream_unary_rpc_method_handler(answering, None, encode)
            return grpc.unary_unary_rpc_method_handler(answering, None, encode)
        streaming = self._streaming(
            method,
            handler.unary_stream or handler.stream_stream,
            decode,
            request_streaming=handler.request_streaming,
        )
        if handler.request_streaming:
            return grpc.stream_stream_rpc_method_handler(streaming, None, encode)
        return grpc.unary_stream_rpc_method_handler(streaming, None, encode)

    def _answering(
        self, method: str, behaviour: Callable[..., Message], decode: Decode, *, is_stream: bool
    ) -> Callable[[Any, grpc.ServicerContext], Message]:
        def answer(request: Any, context: grpc.ServicerContext) -> Message:
            with self._entered(method, context, is_stream=is_stream):
                return behaviour(_decoded(request, decode, is_stream=is_stream), context)

        return answer

    def _streaming(
        self, method: str, behaviour: Any, decode: Decode, *, request_streaming: bool
    ) -> Callable[[Any, grpc.ServicerContext], Iterator[Message]]:
        def stream(request: Any, context: grpc.ServicerContext) -> Iterator[Message]:
            with self._entered(method, context, is_stream=True):
                yield from behaviour(_decoded(request, decode, is_stream=request_streaming), context)

        return stream

    @contextmanager
    def _entered(self, method: str, context: grpc.ServicerContext, *, is_stream: bool) -> Iterator[None]:
        """Let a call in, and make a status of what it raises."""
        try:
            if self._workers.arrival().is_refused:
                raise Overloaded("the server is busy: try again", retry_after_ms=_RETRY_AFTER_MS)
            check_caller(context)
            with self._stream_place() if is_stream else _NO_PLACE:
                yield
            self._note(method, grpc.StatusCode.OK)
            return
        except grpc.RpcError:
            raise  # the caller hung up while its stream was read: gRPC raised it, and knows it again
        except Exception as error:  # noqa: BLE001 - nothing is swallowed: all of it becomes a status
            status = rpc_status.to_status(status_of(error))
        self._note(method, status.code)
        context.abort_with_status(status)

    @contextmanager
    def _stream_place(self) -> Iterator[None]:
        if not self._stream_places.acquire(blocking=False):
            raise Overloaded("as many streams as may be are under way", retry_after_ms=_RETRY_STREAM_AFTER_MS)
        try:
            yield
        finally:
            self._stream_places.release()

    def _note(self, method: str, code: grpc.StatusCode) -> None:
        elapsed_ms = (perf_counter_ns() - self._workers.arrival().at_ns) / 1e6
        _log.debug("call", method=method, code=code.name, elapsed_ms=round(elapsed_ms, 3))


def check_caller(context: grpc.ServicerContext) -> None:
    """Raise DeadlineExceeded where nobody waits for the answer any more. For before every piece of work."""
    if not context.is_active():
        raise DeadlineExceeded("the caller is gone")
    if context.time_remaining() <= 0:  # very large where there is no deadline
        raise DeadlineExceeded("the caller's deadline passed before the work was done")


_NO_PLACE: Final[AbstractContextManager[None]] = nullcontext()


def _decoded(request: Any, decode: Decode, *, is_stream: bool) -> Any:
    if is_stream:
        return (_message(item, decode) for item in request)
    return _message(request, decode)


def _message(encoded: bytes, decode: Decode) -> Message:
    try:
        return decode(encoded)
    except DecodeError as error:
        raise InvalidInput.of(
            "", "the request is no message of this method: it is damaged, or a text in it is not UTF-8"
        ) from error
