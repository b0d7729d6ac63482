"""Where calls come in: around every method of ours, what all of them have in common.

- Whoever may not call is refused, see :mod:`likewise_server.access.gate`. Who may for one tenant alone may
  name no other: the message counts, and the metadata before it.
- A call that would wait for too long is refused, with the time to wait. That is told twice: in
  ``google.rpc.RetryInfo``, for programs (AIP-193), and in ``grpc-retry-pushback-ms``, by which gRPC's own
  retries go (gRFC A6); without it they would come again at their own pace. What is refused for another reason
  says there that it is not to be tried again. A caller that calls too often is refused in the same way.
- A call whose caller has gone while it waited is dropped.
- Messages are decoded here, in the call's own thread. gRPC would do it in the one thread that reads for
  everybody, where a batch of 32 MiB holds up all others; and to text that is not UTF-8, which is the
  caller's mistake, it would answer INTERNAL.
- What a call says of its tenant in its metadata, before its message can be read, has to be true.
- Whatever a method raises becomes a status, see :mod:`likewise_server.service.status`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache, wraps
from time import perf_counter_ns
from typing import Any, Final, TypeAlias
from urllib.parse import quote, unquote

import grpc
import structlog
from google.protobuf.message import DecodeError
from grpc_health.v1 import health
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from likewise.connection import TENANT_KEY
from likewise.exchange import tenant_of
from likewise_engine import limits
from likewise_engine.errors import Cancelled, DeadlineExceeded, InvalidInput, LikewiseError, Overloaded
from likewise_server.access.caller import Calling
from likewise_server.access.gate import Gate, Visit
from likewise_server.access.open_streams import OpenStream
from likewise_server.access.permissions import FOR_EACH_CALLER, OPEN
from likewise_server.fair_queue import NOBODY
from likewise_server.service.status import status_of
from likewise_server.workers import LaneName, Workers

_CLASSIFY: Final = "/likewise.v1.ClassifierService/Classify"
_OUR_METHODS: Final = "/likewise.v1."
_LONG: Final = frozenset(f"/likewise.v1.RuleService/{method}" for method in ("TryRule", "SuggestRules"))
"""Methods that compute for seconds: among those that write they would take the places of short ones."""
_FOREIGN_LANES: Final = {
    f"/{health.SERVICE_NAME}/": LaneName.HEALTH,
    f"/{reflection.SERVICE_NAME}/": LaneName.REFLECTION,
}
_AUTHORIZATION_KEY: Final = "authorization"
_PUSHBACK_KEY: Final = "grpc-retry-pushback-ms"
_NO_RETRY: Final = "-1"
_NO_MESSAGE: Final = "the call ended without a message: this method takes one"

_log = structlog.stdlib.get_logger()

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Decode = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class _Method:
    handler: Handler
    lane: LaneName
    is_open: bool


class Border(grpc.ServerInterceptor):
    """Lets calls in or refuses them; wraps all methods, those of health and reflection for reading alone."""

    def __init__(self, workers: Workers, gate: Gate) -> None:
        self._workers = workers
        self._gate = gate
        self._methods: dict[str, _Method] = {}

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """The handler of a method, wrapped, which is done once a method; or one that refuses the call."""
        name = handler_call_details.method
        method = self._methods.get(name)
        if method is None:
            handler = continuation(handler_call_details)
            if handler is None:
                return None
            method = self._add(name, handler)
        authorization, tenant = _said(handler_call_details.invocation_metadata)
        visit = None
        if not method.is_open:
            try:
                visit = self._gate.admit(name, authorization, tenant)
            except LikewiseError as error:
                self._workers.announce_refusal(method.lane)
                kind: Callable[..., LikewiseError] = type(error)
                return _refusing(kind, error.message, **_facts(error))
        # Who may for one tenant alone waits among that one's calls, whatever the metadata say.
        queue = tenant if visit is None or visit.queue is None else visit.queue
        retry_after_ms = self._workers.announce(method.lane, queue, visit)
        if retry_after_ms is None:
            return method.handler
        return _refusing(Overloaded, "the server is busy: try again", retry_after_ms=retry_after_ms)

    def _add(self, name: str, handler: Handler) -> _Method:
        lane = _lane_of(name, handler)
        is_foreign = lane in _FOREIGN_LANES.values()
        handler = self._wrap_foreign(handler) if is_foreign else self._wrap(name, handler)
        method = self._methods[name] = _Method(handler, lane, name in OPEN)
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

    def _wrap_foreign(self, handler: Handler) -> Handler:
        """A method of health or reflection: read and decoded as ours are, and nothing else."""
        behaviour: Any = handler.unary_unary or handler.unary_stream or handler.stream_stream
        decode, encode = handler.request_deserializer or bytes, handler.response_serializer

        def decoded(request: bytes | None, context: grpc.ServicerContext) -> Any:
            try:
                return _short_message(request, decode)
            except InvalidInput as error:
                return context.abort_with_status(_sent_status(error))

        # Whether a behaviour needs a thread stands among its attributes; one that does not takes a callback,
        # too.
        @wraps(behaviour)
        def answer(requests: Iterator[bytes], context: grpc.ServicerContext, *more: Any) -> Any:
            if handler.request_streaming:
                self._workers.lane.begin_turn()
                return behaviour((decoded(each, context) for each in requests), context, *more)
            request = self._read(requests, context)
            self._workers.lane.begin_turn()
            return behaviour(decoded(request, context), context, *more)

        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(answer, None, encode)
        return grpc.stream_unary_rpc_method_handler(answer, None, encode)

    def _answering(
        self, method: str, behaviour: Callable[..., Any], decode: Decode, *, is_stream: bool
    ) -> Callable[[Iterator[bytes], grpc.ServicerContext], Any]:
        def answer(requests: Iterator[bytes], context: grpc.ServicerContext) -> Any:
            with (
                self._entered(method, None if is_stream else requests, context) as (visit, first),
                self._gate.stream(method, visit, context) if is_stream else nullcontext() as stream,
            ):
                incoming = _Incoming(self._gate, visit, method, decode, context, stream)
                return behaviour(incoming.decoded(requests if is_stream else first), context)

        return answer

    def _streaming(
        self, method: str, behaviour: Any, decode: Decode, *, is_stream: bool
    ) -> Callable[[Iterator[bytes], grpc.ServicerContext], Iterator[Any]]:
        def stream(requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[Any]:
            with (
                self._entered(method, None if is_stream else requests, context) as (visit, first),
                self._gate.stream(method, visit, context) as stream,
            ):
                incoming = _Incoming(self._gate, visit, method, decode, context, stream)
                for response in behaviour(incoming.decoded(requests if is_stream else first), context):
                    stream.waits_since_ns = perf_counter_ns()
                    yield response
                    stream.waits_since_ns = None
                    self._gate.check_still(method, visit)

        return stream

    def _read(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes | None:
        """The call's one message, None where there is none. Raises grpc.RpcError: the call is over."""
        self._workers.lane.begin_reading(context.cancel)
        return next(requests, None)

    @contextmanager
    def _entered(
        self, method: str, requests: Iterator[bytes] | None, context: grpc.ServicerContext
    ) -> Iterator[tuple[Visit, bytes | None]]:
        """Let a call compute that has been read, and make a status of what it raises.

        Args:
            method: its path.
            requests: where its one message is to be read from; None for a stream, which reads its own.
            context: of the call.

        Returns:
            Who calls, which is known before a message is awaited, and the message.
        """
        lane = self._workers.lane
        try:
            visit = self._workers.visit or self._gate.identify(
                method, context, _said(context.invocation_metadata())[1]
            )
            first = None if requests is None else self._read(requests, context)
            lane.begin_turn()
            check_caller(context)
            with Calling(visit.caller):
                yield visit, first
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


@dataclass(frozen=True, slots=True)
class _Incoming:
    """What a call sends: decoded, and of a tenant that its caller may name."""

    gate: Gate
    visit: Visit
    method: str
    decode: Decode
    context: grpc.ServicerContext
    stream: OpenStream | None

    def decoded(self, request: bytes | Iterator[bytes] | None) -> Any:
        """The message of a call, or its messages, as they are asked for. Raises InvalidInput, NotAllowed."""
        if request is None:
            raise InvalidInput.of("", _NO_MESSAGE)
        return self._first(request) if isinstance(request, bytes) else self._all(request)

    def _first(self, encoded: bytes) -> Any:
        message = _checked(_message(encoded, self.decode), _said(self.context.invocation_metadata())[1])
        if self.method not in FOR_EACH_CALLER:
            self.gate.check_tenant(self.method, self.visit, tenant_of(message))
        if self.stream is not None:
            self.stream.tenant = tenant_of(message)
        return message

    def _all(self, encoded: Iterator[bytes]) -> Iterator[Any]:
        """The first names the tenant. At each other one its caller is judged again."""
        received = encoded if self.stream is None else self.stream.received(encoded)
        for position, message in enumerate(received):
            if position == 0:
                yield self._first(message)
                continue
            self.gate.wait(self.visit, lambda: check_caller(self.context))
            self.gate.check_still(self.method, self.visit)
            decoded = _message(message, self.decode)
            if tenant := tenant_of(decoded):
                self.gate.check_tenant(self.method, self.visit, tenant)
            yield decoded


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
    if handler.request_streaming or handler.response_streaming or method in _LONG:
        return LaneName.STREAM
    if method.startswith(_OUR_METHODS) and method != _CLASSIFY:
        return LaneName.DISK
    return LaneName.ASK


def _said(metadata: Sequence[tuple[str, str | bytes]] | None) -> tuple[Sequence[str], str]:
    """What metadata say before the message: authorizations, and the tenant."""
    authorization: list[str] = []
    tenant = NOBODY
    for key, value in metadata or ():
        if isinstance(value, str):
            if key == TENANT_KEY:
                tenant = tenant or _spelled(value)
            elif key == _AUTHORIZATION_KEY:
                authorization.append(value)
    return authorization, tenant


@lru_cache(maxsize=1_024)
def _spelled(tenant: str) -> str:
    """The one spelling of a percent-encoded tenant: with another, it would wait as if it were another's."""
    return quote(unquote(tenant), safe="")


@lru_cache(maxsize=1_024)
def _refusing(kind: Callable[..., LikewiseError], message: str, **facts: Any) -> Handler:
    """Answers a call of any kind without reading its message: upon the wire, all kinds are alike."""
    status = _sent_status(kind(message, **facts))

    def refuse(_requests: Iterator[bytes], context: grpc.ServicerContext) -> None:
        context.abort_with_status(status)

    return grpc.stream_unary_rpc_method_handler(refuse)


def _facts(error: LikewiseError) -> Mapping[str, Any]:
    """What an error is made of besides its message."""
    return {"retry_after_ms": error.retry_after_ms} if isinstance(error, Overloaded) else error.metadata


@dataclass(frozen=True)
class _SentStatus(grpc.Status):
    code: grpc.StatusCode
    details: str
    trailing_metadata: tuple[tuple[str, str | bytes], ...]


def _sent_status(error: Exception) -> _SentStatus:
    code, details, trailers = rpc_status.to_status(status_of(error))
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        trailers = (*trailers, (_PUSHBACK_KEY, _pushback(error)))
    return _SentStatus(code, details, trailers)


def _pushback(error: Exception) -> str:
    """When gRPC shall try again by itself; never after so long that its caller would be kept in the dark."""
    if isinstance(error, Overloaded) and error.retry_after_ms <= limits.RETRY_AFTER_MS_MAX:
        return str(error.retry_after_ms)
    return _NO_RETRY


def _message(encoded: bytes, decode: Decode) -> Any:
    try:
        return decode(encoded)
    except DecodeError as error:
        raise InvalidInput.of(
            "", "the request is no message of this method: it is damaged, or a text in it is not UTF-8"
        ) from error


def _short_message(encoded: bytes | None, decode: Decode) -> Any:
    """The message of a foreign method, which asks after a name. Raises InvalidInput."""
    if encoded is None:
        raise InvalidInput.of("", _NO_MESSAGE)
    if len(encoded) > limits.FOREIGN_MESSAGE_BYTES_MAX:
        raise InvalidInput.of("", f"the request has more than {limits.FOREIGN_MESSAGE_BYTES_MAX:,} bytes")
    return _message(encoded, decode)


def _checked(message: Any, said: str) -> Any:
    """The message, where it is of the tenant that its call's metadata say, if they say any."""
    if said == NOBODY:
        return message
    if tenant_of(message) != unquote(said):
        raise InvalidInput.of("tenant", f"is another one than the call's metadata say under {TENANT_KEY}")
    return message
