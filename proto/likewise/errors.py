"""The errors of the client: one tree, one base for each question that a caller can ask.

    Error                      whatever went wrong with a call
    ├── InvalidRequest         the request is wrong; ``violations`` names the fields
    │                          (INVALID_ARGUMENT, OUT_OF_RANGE)
    ├── NotAllowed             the token does not open this door
    │   ├── Unauthenticated    there is none, or it is not known (UNAUTHENTICATED)
    │   └── PermissionDenied   it is known, and does not suffice (PERMISSION_DENIED)
    ├── NotFound               what was named does not exist (NOT_FOUND)
    ├── AlreadyExists          what was to be created exists (ALREADY_EXISTS)
    ├── PreconditionFailed     the state does not allow it now (FAILED_PRECONDITION)
    ├── LimitReached           a limit would be passed; no use to repeat it (RESOURCE_EXHAUSTED)
    ├── TryAgain               the same call may succeed later
    │   ├── Overloaded         refused early, see ``retry_after_ms`` (RESOURCE_EXHAUSTED with RetryInfo)
    │   ├── Unavailable        the server was not reached, or is going down (UNAVAILABLE)
    │   ├── Aborted            lost against another call (ABORTED)
    │   └── DeadlineExceeded   the time was up; whether it was done is not known (DEADLINE_EXCEEDED)
    ├── Cancelled              the call was cancelled, here or there, or the client closed (CANCELLED)
    └── ServerFault            not the caller's fault (INTERNAL, UNKNOWN, DATA_LOSS)
        └── Unimplemented      the server does not know this method (UNIMPLEMENTED)

No ``grpc.RpcError`` leaves the client: :func:`translated` turns it into one of these, with the
``google.rpc`` details that came with it (AIP-193). Arguments that cannot be sent at all (a float for an
amount, a datetime for a date) are a TypeError or ValueError where they are given.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, cast

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

_STATUS_TRAILER: Final = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing that is wrong with one field of a request.

    Attributes:
        field: path of the field in the request, such as ``transactions[3].transaction.amount``.
        message: what is wrong and what to do, for a person.
    """

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """What the ``google.rpc`` details of a status say."""

    violations: tuple[FieldViolation, ...] = ()
    reason: str = ""
    domain: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after_ms: int | None = None


_NO_DETAILS: Final = ErrorDetails()


class Error(Exception):
    """Base of every error of a call.

    Attributes:
        code: the gRPC status code.
        message: what happened, for a person.
        reason: a stable UPPER_SNAKE_CASE word for programs, such as TENANT_NOT_FOUND; "" without one.
        domain: who coined the reason; "" without one.
        metadata: what a program may want to know besides, by name.
        violations: what is wrong with the request, field by field.
        retry_after_ms: how long the server asks to wait before the next try; None if it does not say.
    """

    def __init__(self, code: grpc.StatusCode, message: str, details: ErrorDetails = _NO_DETAILS) -> None:
        super().__init__(code, message, details)  # all of them, so that it can be pickled
        self.code = code
        self.message = message
        self.reason = details.reason
        self.domain = details.domain
        self.metadata = details.metadata
        self.violations = details.violations
        self.retry_after_ms = details.retry_after_ms

    def __str__(self) -> str:
        return f"{self.reason or self.code.name}: {self.message}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class InvalidRequest(Error):
    """The request is wrong; ``violations`` says where and how."""


class NotAllowed(Error):
    """The token does not open this door."""


class Unauthenticated(NotAllowed):
    """There is no token, or the server does not know it."""


class PermissionDenied(NotAllowed):
    """The token is known, and does not suffice."""


class NotFound(Error):
    """What was named does not exist; ``reason`` says what: TENANT_NOT_FOUND, CATEGORY_NOT_FOUND…"""


class AlreadyExists(Error):
    """What was to be created exists."""


class PreconditionFailed(Error):
    """The state does not allow it now."""


class LimitReached(Error):
    """A limit would be passed, on the server or by the size of a message; the same again will not help."""


class TryAgain(Error):
    """The same call may succeed later."""


class Overloaded(TryAgain):
    """Refused early because the server has more work than it can do in time."""


class Unavailable(TryAgain):
    """The server was not reached, or is going down."""


class Aborted(TryAgain):
    """The call lost against another one."""


class DeadlineExceeded(TryAgain):
    """The time was up. Whether the server did the work is not known: repeat it only where that is safe."""


class Cancelled(Error):
    """The call was cancelled, or its client closed while it ran; or the server could not even receive it."""


class ServerFault(Error):
    """The server failed; not the caller's fault."""


class Unimplemented(ServerFault):
    """The server does not know this method: it is older than this client, or no Likewise."""


_ERROR_OF_CODE: Final[Mapping[grpc.StatusCode, type[Error]]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.OUT_OF_RANGE: InvalidRequest,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: PreconditionFailed,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LimitReached,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.ABORTED: Aborted,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.INTERNAL: ServerFault,
    grpc.StatusCode.UNKNOWN: ServerFault,
    grpc.StatusCode.DATA_LOSS: ServerFault,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
}

_CODE_OF_NUMBER: Final[Mapping[int, grpc.StatusCode]] = {code.value[0]: code for code in grpc.StatusCode}


@contextmanager
def translated() -> Iterator[None]:
    """Raise the Error for any ``grpc.RpcError`` raised within."""
    try:
        yield
    except grpc.RpcError as error:
        raise error_of_call(error) from error


def error_of_call(error: grpc.RpcError) -> Error:
    """The Error for a failed call, sync or async."""
    return _error(error.code(), error.details() or "", _details_of_call(error))


def error_of_status(status: Status) -> Error:
    """The Error for the status of one item of a stream; a code that gRPC does not know is a ServerFault."""
    code = _CODE_OF_NUMBER.get(status.code, grpc.StatusCode.UNKNOWN)
    return _error(code, status.message, _details_of(status.details))


def _error(code: grpc.StatusCode, message: str, details: ErrorDetails) -> Error:
    # OK is no error, and yet a broken server may send it as the status of an item that has no answer.
    error = _ERROR_OF_CODE.get(code, ServerFault)
    if error is LimitReached and details.retry_after_ms is not None:
        error = Overloaded
    return error(code, message, details)


def _details_of_call(error: grpc.RpcError) -> ErrorDetails:
    # Pairs, sync and async alike; the published types know it of neither.
    trailers = cast("Iterable[tuple[str, str | bytes]]", error.trailing_metadata() or ())
    for key, value in trailers:
        if key == _STATUS_TRAILER and isinstance(value, bytes):
            try:
                return _details_of(Status.FromString(value).details)
            except DecodeError:
                # Some proxy made it up. The code and the message still stand: they travel apart.
                return _NO_DETAILS
    return _NO_DETAILS


def _details_of(details: Iterable[AnyMessage]) -> ErrorDetails:
    """Read the details that we know. Unknown ones are for newer clients, damaged ones say nothing."""
    bad_request, info, retry = BadRequest(), ErrorInfo(), RetryInfo()
    for detail in details:
        for known in (bad_request, info, retry):
            if detail.TypeName() == known.DESCRIPTOR.full_name:
                try:
                    detail.Unpack(known)
                except DecodeError:
                    known.Clear()
    return ErrorDetails(
        violations=tuple(FieldViolation(v.field, v.description) for v in bad_request.field_violations),
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        retry_after_ms=retry.retry_delay.ToMilliseconds() if retry.HasField("retry_delay") else None,
    )
