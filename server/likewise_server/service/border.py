"""Where calls come in: around every method of ours, what all of them have in common.

- A call that would wait for too long is refused, with the time to wait. That is told twice: in
  ``google.rpc.RetryInfo``, for programs (AIP-193), and in ``grpc-retry-pushback-ms``, by which gRPC's own
  retries go (gRFC A6); without it they would come again at their own pace. What is refused for another reason
  says there that it is not to be tried again.
- A call whose caller has gone while it waited is dropped.
- Messages are decoded here, in the call's own thread. gRPC would do it in the one thread that reads for
  everybody, where a batch of 32 MiB holds up all others; and to text that is not UTF-8, which is the
  caller's mistake, it would answer INTERNAL.
- What a call says of its tenant in its metadata, before its message can be read, has to be true.
- Whatever a method raises becomes a status, see :mod:`likewise_server.service.status`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter_ns
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

import grpc
import structlog
from google.protobuf.message import DecodeError
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from likewise.connection import TENANT_KEY
from likewise.exchange import tenant_of
from likewise_engine.errors import Cancelled, DeadlineExceeded, InvalidInput, Overloaded
from likewise_server.fair_queue import NOBODY
from likewise_server.service.status import status_of
from likewise_server.workers import LaneName, Workers

_CLASSIFY: Final = "/likewise.v1.ClassifierService/Classify"
_OUR_METHODS: Final = "/likewise.v1."
_FOREIGN_LANES: Final = {
    f"/{health.SERVICE_NAME}/": LaneName.HEALTH,
    f"/{reflection.SERVICE_NAME}/": LaneName.REFLECTION,
}
_PUSHBACK_KEY: Final = "grpc-retry-pushback-ms"
_NO_RETRY: Final = "-1"

_log = structlog.stdlib.get_logger()

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Decode = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class _Method:
    handler: Handler
    lane: LaneName


class Border(grpc.ServerInterceptor):
    """Lets calls in or refuses them; wraps all methods but those of health and reflection."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._methods: dict[str, _Method] = {}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """The handler of a method, wrapped, which is done once a method; or one that refuses the call."""
        method = self._methods.get(handler_call_details.method)
        if method is None:
            handler = continuation(handler_call_details)
            if handler is None:
                return None
            method = self._add(handler_call_details.method, handler)
        tenant = _tenant_said(handler_call_details.invocation_metadata)
        retry_after_ms = self._workers.announce(method.lane, tenant)
        return method.handler if retry_after_ms is None else _refusing(retry_after_ms)

    def _add(self, name: str, handler: Handler) -> _Method:
        lane = _lane_of(name, handler)
        if lane not in _FOREIGN_LANES.values():
            handler = self._wrap(name, handler)
        method = self._methods[name] = _Method(handler, lane)
        return method

    def _wrap(self, method: str, handler: Handler) -> Handler:
        """The handler, as one of a stream of requests whatever it is: upon the wire all kinds are alike.

        So a call can be ended whose message has not come yet.
        """
        decode, encode = handler.request_deserializer or bytes, handler.response_serializer
        is_stream = handler.request_streaming
        if behaviour := handler.unary_unary or handler.stream_unary:
            answering = self._answering(method, behaviour, decode, is_stream=is_stream)
            return grpc.stream_unary_rpc_method_handler(answering, None, encode)
        streaming = self._streaming(
            method, handler.unary_stream or handler.stream_stream, decode, is_stream=is_stream
        )
        return grpc.stream_stream_rpc_method_handler(streaming, None, encode)

    def _answering(
        self, method: str, behaviour: Callable[..., Any], decode: Decode, *, is_stream: bool
    ) -> Callable[[Iterator[bytes], grpc.ServicerContext], Any]:
        def answer(requests: Iterator[bytes], context: grpc.ServicerContext) -> Any:
            request = requests if is_stream else self._read(requests, context)
            with self._entered(method, context):
                return behaviour(_decoded(request, decode, context), context)

        return answer

    def _streaming(
        self, method: str, behaviour: Any, decode: Decode, *, is_stream: bool
    ) -> Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[Any]]:
        def stream(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
            request = requests if is_stream else self._read(requests, context)
            with self._entered(method, context):
                yield from behaviour(_decoded(request, decode, context), context)

        return stream

    def _read(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes | None:
        """The call's one message, None where there is none. Raises grpc.RpcError: the call is over."""
        self._workers.lane.begin_reading(context.cancel)
        return next(requests, None)

    @contextmanager
    def _entered(self, method: str, context: grpc.ServicerContext) -> Iterator[None]:
        """Let a call compute that has been read, and make a status of what it raises."""
        lane = self._workers.lane
        lane.begin_turn()
        try:
            check_caller(context)
            yield
            self._note(method, grpc.StatusCode.OK)
            return
        except grpc.RpcError:
            raise  # the caller hung up while its stream was read: gRPC raised it, and knows it again
        except Exception as error:  # noqa: BLE001 - nothing is swallowed: all of it becomes a status
            if isinstance(error, Cancelled | DeadlineExceeded):
                lane.note_dropped()
            status = _sent_status(error)
        self._note(method, status.code)
        context.abort_with_status(status)

    def _note(self, method: str, code: grpc.StatusCode) -> None:
        elapsed_ms = (perf_counter_ns() - self._workers.arrived_ns) / 1e6
        _log.debug("call", method=method, code=code.name, elapsed_ms=round(elapsed_ms, 3))


def check_caller(context: grpc.ServicerContext) -> None:
    """Return where somebody waits for the answer still. For before every piece of work.

    Raises:
        DeadlineExceeded, Cancelled.
    """
    if context.time_remaining() <= 0:  # very large where there is no deadline
        raise DeadlineExceeded("the caller's deadline passed before the work was done")
    if not context.is_active():
        raise Cancelled("the caller is gone")


def _lane_of(method: str, handler: Handler) -> LaneName:
    for service, lane in _FOREIGN_LANES.items():
        if method.startswith(service):
            return lane
    if handler.request_streaming or handler.response_streaming:
        return LaneName.STREAM
    if method.startswith(_OUR_METHODS) and method != _CLASSIFY:
        return LaneName.DISK
    return LaneName.ASK


def _tenant_said(metadata: Sequence[tuple[str, str | bytes]] | None) -> str:
    for key, value in metadata or ():
        if key == TENANT_KEY and isinstance(value, str):
            return value
    return NOBODY


@lru_cache(maxsize=1_024)
def _refusing(retry_after_ms: int) -> Handler:
    """Answers a call of any kind without reading its message: upon the wire, all kinds are alike."""
    status = _sent_status(Overloaded("the server is busy: try again", retry_after_ms=retry_after_ms))

    def refuse(_requests: Iterator[bytes], context: grpc.ServicerContext) -> None:
        context.abort_with_status(status)

    return grpc.stream_unary_rpc_method_handler(refuse)


@dataclass(frozen=True)
class _SentStatus(grpc.Status):
    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, str | bytes], ...]


def _sent_status(error: Exception) -> _SentStatus:
    code, details, trailers = rpc_status.to_status(status_of(error))
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        after = str(error.retry_after_ms) if isinstance(error, Overloaded) else _NO_RETRY
        trailers = (*trailers, (_PUSHBACK_KEY, after))
    return _SentStatus(code, details, trailers)


def _decoded(request: bytes | Iterator[bytes] | None, decode: Decode, context: grpc.ServicerContext) -> Any:
    said = _tenant_said(context.invocation_metadata())
    if request is None:
        raise InvalidInput.of("", "the call ended without a message: this method takes one")
    if isinstance(request, bytes):
        return _checked(_message(request, decode), said)
    return _messages(request, decode, said)


def _messages(encoded: Iterator[bytes], decode: Decode, said: str) -> Iterator[Any]:
    for position, message in enumerate(encoded):
        decoded = _message(message, decode)
        yield decoded if position else _checked(decoded, said)


def _message(encoded: bytes, decode: Decode) -> Any:
    try:
        return decode(encoded)
    except DecodeError as error:
        raise InvalidInput.of(
            "", "the request is no message of this method: it is damaged, or a text in it is not UTF-8"
        ) from error


def _checked(message: Any, said: str) -> Any:
    """The message, where it is of the tenant that its call's metadata say, if they say any."""
    if said == NOBODY:
        return message
    if tenant_of(message) != unquote(said):
        raise InvalidInput.of("tenant", f"is another one than the call's metadata say under {TENANT_KEY}")
    return message
