"""The one table from errors to gRPC status codes, with ``google.rpc`` details (AIP-193).

What is the caller's to mend is told in full, as the engine words it. What is not (a fault of store or
model, or an exception nobody foresaw) is told as a fixed sentence with an incident id; the log has the
rest under that id. No text of an exception that was not written for callers leaves the server.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import structlog
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from likewise_engine import errors
from likewise_engine.errors import FieldViolation, LikewiseError

DOMAIN: Final = "likewise"

_CODES: Final[Mapping[type[LikewiseError], code_pb2.Code]] = {
    errors.InvalidInput: code_pb2.INVALID_ARGUMENT,
    errors.NotFound: code_pb2.NOT_FOUND,
    errors.AlreadyExists: code_pb2.ALREADY_EXISTS,
    errors.PreconditionFailed: code_pb2.FAILED_PRECONDITION,
    errors.NotAllowed: code_pb2.PERMISSION_DENIED,
    errors.Unauthenticated: code_pb2.UNAUTHENTICATED,
    errors.LimitReached: code_pb2.RESOURCE_EXHAUSTED,
    errors.Overloaded: code_pb2.RESOURCE_EXHAUSTED,
    errors.DeadlineExceeded: code_pb2.DEADLINE_EXCEEDED,
    errors.Cancelled: code_pb2.CANCELLED,
    errors.Unavailable: code_pb2.UNAVAILABLE,
    errors.EngineFault: code_pb2.INTERNAL,
    # A fault of the store ends when the disk works again: then the same call does.
    errors.StoreFault: code_pb2.UNAVAILABLE,
    errors.StoreCorrupt: code_pb2.DATA_LOSS,
    errors.StoreFull: code_pb2.RESOURCE_EXHAUSTED,
    errors.StoreReadOnly: code_pb2.FAILED_PRECONDITION,
    errors.KeyMissing: code_pb2.FAILED_PRECONDITION,
}

_FAULT_MESSAGES: Final[Mapping[type[Exception], str]] = {
    errors.StoreCorrupt: "the tenant's store is damaged",
    errors.StoreFull: "not done, since the server's disk is full: free some space, then try again",
    errors.StoreReadOnly: "not done, since the server may not write its data folder: permit it, then retry",
    errors.FilesExhausted: "not done, since the server has too many files open: retry, or raise its limit",
    errors.PurgeDelayed: "forgotten, but remains are on disk: the server goes on trying; repeat the call",
    errors.KeyMissing: "the tenant is encrypted, and the server lacks the master key of it: give it the key",
    errors.StoreFault: "not done, since the store failed: try again, and look after the server's disk",
    errors.ModelFault: "the model failed",
    Exception: "the server failed",
}

# A status travels in HTTP/2 trailers. gRPC refuses those beyond 8 KiB, and the call would end with an error
# about that; base64 adds a third, and the message goes a second time, percent-encoded, three bytes for one.
_STATUS_BYTES_MAX: Final = 3_072
_MESSAGE_BYTES_MAX: Final = 400
_FIELD_BYTES_MAX: Final = 160
_METADATA_BYTES_MAX: Final = 160

_log = structlog.stdlib.get_logger()


def status_of(error: Exception) -> Status:
    """The status that tells a caller of an error. Faults are logged, with their traceback and incident id."""
    if isinstance(error, errors.EngineFault) or not isinstance(error, LikewiseError):
        return _status_of_fault(error)
    status = Status(code=code_of(error), message=_clipped(error.message, _MESSAGE_BYTES_MAX))
    metadata = {name: _clipped(value, _METADATA_BYTES_MAX) for name, value in error.metadata.items()}
    _add(status, ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=metadata))
    if isinstance(error, errors.InvalidInput):
        room_bytes = _STATUS_BYTES_MAX - status.ByteSize()
        _add(status, _bad_request(error.violations, room_bytes))
    if isinstance(error, errors.Overloaded):
        retry = RetryInfo()
        retry.retry_delay.FromMilliseconds(error.retry_after_ms)
        _add(status, retry)
    return status


def status_of_violations(violations: Sequence[FieldViolation]) -> Status:
    """The status of an item that is refused for what is wrong with its fields."""
    return status_of(errors.InvalidInput(violations))


def code_of(error: LikewiseError) -> code_pb2.Code:
    """The code of an error: that of its nearest base in the table."""
    return next(_CODES[kind] for kind in type(error).__mro__ if kind in _CODES)


def _status_of_fault(error: Exception) -> Status:
    incident = uuid.uuid4().hex[:12]
    _log.error("call failed", incident=incident, exc_info=error)
    if isinstance(error, LikewiseError):
        code, reason = code_of(error), error.reason
    else:
        code, reason = code_pb2.INTERNAL, "INTERNAL"
    message = next(_FAULT_MESSAGES[kind] for kind in type(error).__mro__ if kind in _FAULT_MESSAGES)
    status = Status(code=code, message=f"{message}; the server's log says more under incident {incident}")
    _add(status, ErrorInfo(reason=reason, domain=DOMAIN, metadata={"incident": incident}))
    return status


def _bad_request(violations: Iterable[FieldViolation], room_bytes: int) -> BadRequest:
    """As many violations as there is room for: the first at least."""
    detail = BadRequest()
    for violation in violations:
        detail.field_violations.add(
            field=_clipped(violation.field, _FIELD_BYTES_MAX),
            description=_clipped(violation.message, _MESSAGE_BYTES_MAX),
        )
        if detail.ByteSize() > room_bytes and len(detail.field_violations) > 1:
            del detail.field_violations[-1]
            break
    return detail


def _add(status: Status, detail: Message) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    status.details.append(packed)


def _clipped(text: str, bytes_max: int) -> str:
    encoded = text.encode()
    if len(encoded) <= bytes_max:
        return text
    return f"{encoded[: bytes_max - len('…'.encode())].decode(errors='ignore')}…"
