"""The table from errors to status codes: whole, bounded, and silent about what is not the caller's."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from structlog.testing import capture_logs

import likewise
from conftest import Serve
from likewise_engine import errors
from likewise_engine.encoder import HashingEncoder
from likewise_engine.errors import FieldViolation, LikewiseError
from likewise_server.service.status import code_of, status_of


def instances() -> Iterator[tuple[LikewiseError, Any]]:
    yield errors.InvalidInput.of("amount", "is wrong"), code_pb2.INVALID_ARGUMENT
    yield errors.UnknownDimension.of("dimensions[0]", "is unknown"), code_pb2.INVALID_ARGUMENT
    yield errors.UnknownCategory.of("labels", "is unknown"), code_pb2.INVALID_ARGUMENT
    yield errors.NotFound("gone"), code_pb2.NOT_FOUND
    yield errors.TenantNotFound("t"), code_pb2.NOT_FOUND
    yield errors.TransactionNotFound("t"), code_pb2.NOT_FOUND
    yield errors.CategoryNotFound("category", "rent", renamed_to="office"), code_pb2.NOT_FOUND
    yield errors.RuleNotFound("r"), code_pb2.NOT_FOUND
    yield errors.ModelNotFound("m"), code_pb2.NOT_FOUND
    yield errors.EncoderNotFound("e"), code_pb2.NOT_FOUND
    yield errors.PredictionNotFound("p"), code_pb2.NOT_FOUND
    yield errors.NothingSelected("category", "rent"), code_pb2.NOT_FOUND
    yield errors.AlreadyExists("there"), code_pb2.ALREADY_EXISTS
    yield errors.TenantExists("t"), code_pb2.ALREADY_EXISTS
    yield errors.CategoryExists("category", "rent"), code_pb2.ALREADY_EXISTS
    yield errors.RuleExists("r"), code_pb2.ALREADY_EXISTS
    yield errors.RequestIdReused("r"), code_pb2.ALREADY_EXISTS
    yield errors.PreconditionFailed("not now"), code_pb2.FAILED_PRECONDITION
    yield errors.RevisionNotReached(2, 1), code_pb2.FAILED_PRECONDITION
    yield errors.CategoryMerged("category", "rent", "office"), code_pb2.FAILED_PRECONDITION
    yield errors.CategoryInactive("category", "rent"), code_pb2.FAILED_PRECONDITION
    yield errors.DataFolderInUse("in use"), code_pb2.FAILED_PRECONDITION
    yield errors.NotAllowed("no"), code_pb2.PERMISSION_DENIED
    yield errors.Unauthenticated("who?"), code_pb2.UNAUTHENTICATED
    yield errors.PermissionDenied("no", scope="manage"), code_pb2.PERMISSION_DENIED
    yield errors.Unavailable("tokens are damaged"), code_pb2.UNAVAILABLE
    yield errors.BackupRefused("damaged"), code_pb2.FAILED_PRECONDITION
    yield errors.LimitReached("full", limit="CATEGORIES_MAX", value=1), code_pb2.RESOURCE_EXHAUSTED
    yield errors.Overloaded("busy", retry_after_ms=1_500), code_pb2.RESOURCE_EXHAUSTED
    yield errors.DeadlineExceeded("late"), code_pb2.DEADLINE_EXCEEDED
    yield errors.Cancelled("gone"), code_pb2.CANCELLED
    yield errors.EngineFault("secret"), code_pb2.INTERNAL
    yield errors.StoreFault("secret"), code_pb2.UNAVAILABLE
    yield errors.StoreCorrupt("secret"), code_pb2.DATA_LOSS
    yield errors.StoreFull("secret"), code_pb2.RESOURCE_EXHAUSTED
    yield errors.StoreReadOnly("secret"), code_pb2.FAILED_PRECONDITION
    yield errors.FilesExhausted("secret"), code_pb2.UNAVAILABLE
    yield errors.PurgeDelayed("secret"), code_pb2.UNAVAILABLE
    yield errors.KeyMissing("secret"), code_pb2.FAILED_PRECONDITION
    yield errors.ModelFault("secret"), code_pb2.INTERNAL


def kinds(base: type[LikewiseError]) -> Iterator[type[LikewiseError]]:
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from kinds(kind)


def details(status: Any) -> dict[str, Any]:
    unpacked = {}
    for kind in (ErrorInfo, BadRequest, RetryInfo):
        for detail in status.details:
            message = kind()
            if detail.Unpack(message):
                unpacked[kind.__name__] = message
    return unpacked


def test_the_cases_below_are_all_errors_there_are() -> None:
    assert {type(error) for error, _ in instances()} == set(kinds(LikewiseError))


@pytest.mark.parametrize(("error", "code"), [*instances()], ids=lambda value: type(value).__name__)
def test_each_error_has_its_code_and_reason(error: LikewiseError, code: Any) -> None:
    with capture_logs():
        status = status_of(error)
    assert status.code == code == code_of(error)
    info = details(status)["ErrorInfo"]
    assert (info.reason, info.domain) == (error.reason, "likewise")
    assert "secret" not in str(status)


def test_invalid_input_names_its_fields() -> None:
    error = errors.InvalidInput([FieldViolation("a", "is x"), FieldViolation("b.c", "is y")])
    violations = details(status_of(error))["BadRequest"].field_violations
    assert [(v.field, v.description) for v in violations] == [("a", "is x"), ("b.c", "is y")]


def test_overload_says_when_to_come_again() -> None:
    retry = details(status_of(errors.Overloaded("busy", retry_after_ms=1_500)))["RetryInfo"]
    assert retry.retry_delay.ToMilliseconds() == 1_500


@pytest.mark.parametrize("letter", ["x", "é", "🥐", "\x00"])
def test_a_status_fits_the_trailers_that_it_travels_in(letter: str) -> None:
    long = letter * 20_000
    worst = errors.InvalidInput([FieldViolation(long, long)] * 100, one=long, two=long)
    status = status_of(worst)
    percent_encoded_bytes = 3 * len(status.message.encode())
    assert status.ByteSize() * 4 / 3 + percent_encoded_bytes < 7_500
    assert details(status)["BadRequest"].field_violations


def test_what_nobody_foresaw_is_told_by_an_incident_id_that_the_log_explains() -> None:
    error = ZeroDivisionError("the books of acme: secret")
    with capture_logs() as lines:
        status = status_of(error)
    assert status.code == code_pb2.INTERNAL
    assert "secret" not in str(status)
    incident = details(status)["ErrorInfo"].metadata["incident"]
    assert incident in status.message
    [line] = lines
    assert (line["incident"], line["log_level"], line["exc_info"]) == (incident, "error", error)


class FailingEncoder(HashingEncoder):
    """Fails at texts that say so."""

    def encode(self, texts: Any) -> Any:
        if any("explode" in text for text in texts):
            raise RuntimeError("secret of the house")
        return super().encode(texts)


def test_a_bug_ends_one_call_and_tells_the_caller_nothing_of_the_inside(serve: Serve) -> None:
    server = serve(encoder=FailingEncoder())
    with likewise.Client(server.address) as client, capture_logs() as lines:
        client.create_tenant(likewise.Tenant(id="t"))
        client.learn("t", [likewise.labelled(likewise.transaction(id="1", payee="fine"), "k")])
        with pytest.raises(likewise.ServerFault) as failure:
            client.classify("t", likewise.transaction(payee="explode"))
        outcomes = list(client.classify_many("t", [likewise.transaction(payee=p) for p in ("fine",)]))
        with pytest.raises(likewise.ServerFault):
            client.learn("t", [likewise.labelled(likewise.transaction(id="2", payee="explode"), "k")])
        assert client.get_tenant("t").statistics.labels == 1
    assert failure.value.code == grpc.StatusCode.INTERNAL
    assert "secret" not in str(failure.value)
    assert failure.value.metadata["incident"] in [line.get("incident") for line in lines]
    assert outcomes[0].classification
