"""Each way to ask wrongly has its defined answer: a status code, a reason, and the fields that are wrong."""

import math
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money
from grpc_status import rpc_status

import likewise
from likewise.v1.classifier_service_pb2 import ClassifyRequest
from likewise.v1.classifier_service_pb2_grpc import ClassifierServiceStub
from likewise.v1.ledger_service_pb2 import (
    ForgetTransactionsRequest,
    GetTransactionRequest,
    ImportTransactionsRequest,
    LearnRequest,
    ListTransactionsRequest,
)
from likewise.v1.ledger_service_pb2_grpc import LedgerServiceStub
from likewise.v1.tenant_service_pb2 import CreateTenantRequest, ListTenantsRequest, UpdateTenantRequest
from likewise.v1.tenant_service_pb2_grpc import TenantServiceStub
from likewise_engine import limits

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def failure_of(call: Callable[..., Any], request: Any) -> tuple[grpc.StatusCode, ErrorInfo, list[str]]:
    """How a call fails: the code, the ErrorInfo, and the fields that are wrong."""
    with pytest.raises(grpc.RpcError) as raised:
        call(request, timeout=10)
    status = rpc_status.from_call(raised.value)
    assert status is not None, raised.value
    info, bad_request = ErrorInfo(), BadRequest()
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(bad_request)
    assert info.domain == "likewise"
    assert all(violation.description for violation in bad_request.field_violations)
    return raised.value.code(), info, [violation.field for violation in bad_request.field_violations]


def unary(channel: grpc.Channel, method: str) -> Any:
    """A method that takes and returns bytes as they are."""
    return channel.unary_unary(f"/likewise.v1.{method}")


def asked(**fields: Any) -> likewise.Transaction:
    return likewise.Transaction(**{"payee": "somebody", **fields})


@pytest.mark.parametrize(
    ("transaction", "fields"),
    [
        (likewise.Transaction(), ["transaction.payee"]),
        (likewise.Transaction(payee=" \t", description="\n"), ["transaction.payee"]),
        (asked(date=Date(year=2026, month=2, day=30)), ["transaction.date"]),
        (asked(date=Date(year=2026)), ["transaction.date"]),
        (asked(date=Date(month=2, day=3)), ["transaction.date"]),
        (asked(date=Date(year=2026, day=3)), ["transaction.date"]),
        (asked(date=Date(year=-5, month=1, day=1)), ["transaction.date"]),
        (asked(date=Date(year=2**31 - 1, month=1, day=1)), ["transaction.date"]),
        (asked(date=Date(year=1600, month=1, day=1)), ["transaction.date"]),
        (asked(amount=Money(units=1, nanos=-1)), ["transaction.amount"]),
        (asked(amount=Money(units=-1, nanos=1)), ["transaction.amount"]),
        (asked(amount=Money(nanos=10**9)), ["transaction.amount"]),
        (asked(amount=Money(nanos=-(10**9))), ["transaction.amount"]),
        (asked(amount=Money(units=10**12, nanos=1)), ["transaction.amount"]),
        (asked(amount=Money(units=-(2**63))), ["transaction.amount"]),
        (asked(amount=Money(units=12_345_678, nanos=123_456_789)), ["transaction.amount"]),
        (asked(amount=Money(currency_code="euro")), ["transaction.currency"]),
        (asked(direction=9), ["transaction.direction"]),
        (asked(payee="x" * 513), ["transaction.payee"]),
        (asked(description="x" * 2_049), ["transaction.description"]),
        (asked(account="x" * 129), ["transaction.account"]),
        (asked(id="x" * 129), ["transaction.id"]),
        (asked(fields={str(n): "" for n in range(33)}), ["transaction.fields"]),
        (asked(payee="a\x00b"), ["transaction.payee"]),
        (
            asked(payee="", date=Date(year=2026, month=13), amount=Money(units=1, nanos=-1), direction=7),
            ["transaction.amount", "transaction.date", "transaction.direction", "transaction.payee"],
        ),
    ],
)
def test_a_wrong_transaction_is_told_field_by_field(
    channel: grpc.Channel, cafe: str, transaction: likewise.Transaction, fields: list[str]
) -> None:
    request = ClassifyRequest(tenant=cafe, transaction=transaction)
    code, info, wrong = failure_of(ClassifierServiceStub(channel).Classify, request)
    assert (code, info.reason, sorted(wrong)) == (INVALID, "INVALID_INPUT", fields)


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"target_precision": math.nan}, ["options.target_precision"]),
        ({"target_precision": math.inf}, ["options.target_precision"]),
        ({"target_precision": 0.4}, ["options.target_precision"]),
        ({"target_precision": -0.9}, ["options.target_precision"]),
        ({"min_revision": -1}, ["options.min_revision"]),
        ({"max_candidates": -1}, ["options.max_candidates"]),
        ({"max_candidates": 51}, ["options.max_candidates"]),
        ({"max_neighbours": -2}, ["options.max_neighbours"]),
        ({"max_neighbours": 65}, ["options.max_neighbours"]),
        ({"dimensions": ["category"] * 17}, ["options.dimensions"]),
    ],
)
def test_a_wrong_option_is_told(
    channel: grpc.Channel, cafe: str, options: dict[str, Any], fields: list[str]
) -> None:
    request = ClassifyRequest(tenant=cafe, transaction=asked(), options=likewise.ClassifyOptions(**options))
    code, _, wrong = failure_of(ClassifierServiceStub(channel).Classify, request)
    assert (code, wrong) == (INVALID, fields)


def test_an_unknown_dimension_is_told(channel: grpc.Channel, cafe: str) -> None:
    request = ClassifyRequest(
        tenant=cafe, transaction=asked(), options=likewise.ClassifyOptions(dimensions=["category", "moon"])
    )
    code, info, wrong = failure_of(ClassifierServiceStub(channel).Classify, request)
    assert (code, info.reason, wrong) == (INVALID, "UNKNOWN_DIMENSION", ["options.dimensions[1]"])


def test_a_transaction_is_required(channel: grpc.Channel, cafe: str) -> None:
    code, _, wrong = failure_of(ClassifierServiceStub(channel).Classify, ClassifyRequest(tenant=cafe))
    assert (code, wrong) == (INVALID, ["transaction"])


@pytest.mark.parametrize("tenant", ["", "x" * 81, "a\nb", " a", "\x00"])
def test_what_cannot_be_a_tenant_is_refused(channel: grpc.Channel, tenant: str) -> None:
    request = ClassifyRequest(tenant=tenant, transaction=asked())
    code, _, wrong = failure_of(ClassifierServiceStub(channel).Classify, request)
    assert (code, wrong) == (INVALID, ["tenant"])


@pytest.mark.parametrize("tenant", ["nobody", "../cafe", "/etc/passwd", "CAFE", "cafe%20"])
def test_an_unknown_tenant_is_not_found(channel: grpc.Channel, cafe: str, tenant: str) -> None:
    request = ClassifyRequest(tenant=tenant, transaction=asked())
    code, info, _ = failure_of(ClassifierServiceStub(channel).Classify, request)
    assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "TENANT_NOT_FOUND")
    assert info.metadata["tenant"] == tenant


def test_a_revision_that_lies_ahead_is_a_failed_precondition(channel: grpc.Channel, cafe: str) -> None:
    request = ClassifyRequest(
        tenant=cafe, transaction=asked(), options=likewise.ClassifyOptions(min_revision=99)
    )
    code, info, _ = failure_of(ClassifierServiceStub(channel).Classify, request)
    assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "REVISION_NOT_REACHED")
    assert (info.metadata["revision_min"], info.metadata["revision"]) == ("99", "1")


def lesson(number: int, **fields: Any) -> likewise.LabelledTransaction:
    transaction = likewise.Transaction(id=f"n{number}", payee="somebody")
    return likewise.LabelledTransaction(**{"transaction": transaction, "labels": {"category": "k"}, **fields})


@pytest.mark.parametrize(
    ("items", "fields"),
    [
        ([], ["transactions"]),
        ([likewise.LabelledTransaction()], None),
        ([lesson(0), lesson(1, labels={})], ["transactions[1].labels"]),
        ([lesson(0), lesson(0)], ["transactions[1].transaction.id"]),
        ([lesson(0, authority=5)], ["transactions[0].authority"]),
        ([lesson(0, labels={"": "k"})], ["transactions[0].labels['']"]),
        ([lesson(0, labels={"category": " "})], ["transactions[0].labels['category']"]),
        (
            [lesson(0), lesson(1, transaction=asked(date=Date(year=2026, month=2, day=30)))],
            ["transactions[1].transaction.date", "transactions[1].transaction.id"],
        ),
    ],
)
def test_a_wrong_lesson_is_told_item_by_item_and_nothing_of_it_is_learned(
    client: likewise.Client, channel: grpc.Channel, cafe: str, items: Any, fields: list[str] | None
) -> None:
    request = LearnRequest(tenant=cafe, transactions=items)
    code, _, wrong = failure_of(LedgerServiceStub(channel).Learn, request)
    assert code == INVALID
    assert fields is None or sorted(wrong) == fields
    assert client.get_tenant(cafe).statistics.labels == 5


def test_a_closed_chart_refuses_other_categories(client: likewise.Client, channel: grpc.Channel) -> None:
    tenant = likewise.Tenant(
        id="strict", policy=likewise.Policy(closed_chart=True), chart=[likewise.Category(id="k")]
    )
    client.create_tenant(tenant)
    assert client.learn("strict", [lesson(0)]).created == 1
    request = LearnRequest(tenant="strict", transactions=[lesson(1), lesson(2, labels={"category": "new"})])
    code, info, wrong = failure_of(LedgerServiceStub(channel).Learn, request)
    assert (code, info.reason) == (INVALID, "UNKNOWN_CATEGORY")
    assert wrong == ["transactions[1].labels['category']"]


def test_ten_thousand_items_are_a_batch_and_one_more_is_too_many(
    client: likewise.Client, channel: grpc.Channel, cafe: str
) -> None:
    stub = LedgerServiceStub(channel)
    items = [lesson(number) for number in range(limits.BATCH_ITEMS_MAX + 1)]
    too_many = LearnRequest(tenant=cafe, transactions=items)
    code, _, wrong = failure_of(stub.Learn, too_many)
    assert (code, wrong) == (INVALID, ["transactions"])
    code, _, wrong = failure_of(
        lambda request, timeout: stub.ImportTransactions(iter([request]), timeout=timeout),
        ImportTransactionsRequest(tenant=cafe, transactions=items),
    )
    assert (code, wrong) == (INVALID, ["transactions"])
    ids = ForgetTransactionsRequest(tenant=cafe, transaction_ids=map(str, range(10_001)))
    code, _, wrong = failure_of(stub.ForgetTransactions, ids)
    assert (code, wrong) == (INVALID, ["transaction_ids"])
    assert client.get_tenant(cafe).statistics.labels == 5
    whole = LearnRequest(tenant=cafe, transactions=items[:-1])
    assert stub.Learn(whole, timeout=30).created == limits.BATCH_ITEMS_MAX


def test_many_mistakes_are_told_as_far_as_they_fit(channel: grpc.Channel, cafe: str) -> None:
    items = [lesson(number, labels={"d" * 5_000: "🥐" * 5_000}) for number in range(200)]
    code, _, wrong = failure_of(
        LedgerServiceStub(channel).Learn, LearnRequest(tenant=cafe, transactions=items)
    )
    assert code == INVALID
    assert wrong[0].startswith("transactions[0].labels['ddd")


@pytest.mark.parametrize(
    ("request_of", "fields"),
    [
        (lambda tenant: GetTransactionRequest(tenant=tenant), ["transaction_id"]),
        (lambda tenant: GetTransactionRequest(tenant=tenant, transaction_id="x" * 500), ["transaction_id"]),
        (lambda tenant: ListTransactionsRequest(tenant=tenant, page_size=-1), ["page_size"]),
        (lambda tenant: ListTransactionsRequest(tenant=tenant, page_token="x"), ["page_token"]),
        (lambda tenant: ForgetTransactionsRequest(tenant=tenant), ["transaction_ids"]),
        (
            lambda tenant: ForgetTransactionsRequest(tenant=tenant, transaction_ids=[""]),
            ["transaction_ids[0]"],
        ),
        (
            lambda tenant: LearnRequest(tenant=tenant, transactions=[lesson(0)], request_id="x" * 129),
            ["request_id"],
        ),
    ],
)
def test_wrong_requests_to_the_ledger_are_told(
    channel: grpc.Channel, cafe: str, request_of: Callable[[str], Any], fields: list[str]
) -> None:
    request = request_of(cafe)
    stub = LedgerServiceStub(channel)
    method = getattr(stub, type(request).__name__.removesuffix("Request"))
    code, _, wrong = failure_of(method, request)
    assert (code, wrong) == (INVALID, fields)


def test_an_unknown_transaction_is_not_found(channel: grpc.Channel, cafe: str) -> None:
    request = GetTransactionRequest(tenant=cafe, transaction_id="nothing")
    code, info, _ = failure_of(LedgerServiceStub(channel).GetTransaction, request)
    assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "TRANSACTION_NOT_FOUND")


@pytest.mark.parametrize(
    ("tenant", "fields"),
    [
        (likewise.Tenant(), ["tenant.id"]),
        (likewise.Tenant(id="é" * 41), ["tenant.id"]),
        (likewise.Tenant(id="t", display_name="x" * 257), ["tenant.display_name"]),
        (
            likewise.Tenant(id="t", policy=likewise.Policy(target_precision=math.nan)),
            ["tenant.policy.target_precision"],
        ),
        (likewise.Tenant(id="t", chart=[likewise.Category()]), ["tenant.chart[0].id"]),
        (
            likewise.Tenant(id="t", chart=[likewise.Category(id="a"), likewise.Category(id="a")]),
            ["tenant.chart"],
        ),
    ],
)
def test_a_wrong_tenant_is_told_field_by_field(
    client: likewise.Client, channel: grpc.Channel, tenant: likewise.Tenant, fields: list[str]
) -> None:
    code, _, wrong = failure_of(TenantServiceStub(channel).CreateTenant, CreateTenantRequest(tenant=tenant))
    assert (code, wrong) == (INVALID, fields)
    assert not list(client.list_tenants())


def test_a_tenant_exists_once(channel: grpc.Channel, cafe: str) -> None:
    request = CreateTenantRequest(tenant=likewise.Tenant(id=cafe))
    code, info, _ = failure_of(TenantServiceStub(channel).CreateTenant, request)
    assert (code, info.reason) == (grpc.StatusCode.ALREADY_EXISTS, "TENANT_EXISTS")


@pytest.mark.parametrize("path", ["id", "statistics", "policy.moon", "*", ""])
def test_an_unknown_path_in_an_update_mask_is_told(channel: grpc.Channel, cafe: str, path: str) -> None:
    request = UpdateTenantRequest(tenant=likewise.Tenant(id=cafe), update_mask=FieldMask(paths=[path]))
    code, _, wrong = failure_of(TenantServiceStub(channel).UpdateTenant, request)
    assert (code, wrong) == (INVALID, ["update_mask"])


def test_wrong_pages_of_tenants_are_told(channel: grpc.Channel, cafe: str) -> None:
    stub = TenantServiceStub(channel)
    for request, field in (
        (ListTenantsRequest(page_size=-3), "page_size"),
        (ListTenantsRequest(page_token="AAAA"), "page_token"),
    ):
        code, _, wrong = failure_of(stub.ListTenants, request)
        assert (code, wrong) == (INVALID, [field])


@pytest.mark.parametrize(
    "encoded",
    [
        b"\x0a\x04\xff\xfe\xfd\xfc",  # the tenant, not UTF-8
        b"\x0a\x04cafe\x12\x04\x22\x02\xc3\x28",  # the payee within the transaction, not UTF-8
        b"\x0a\xff",  # cut off
        b"\xff" * 40,  # no message at all
    ],
)
def test_bytes_that_are_no_message_are_the_callers_mistake(channel: grpc.Channel, encoded: bytes) -> None:
    def send(request: bytes, timeout: float) -> Any:
        return unary(channel, "ClassifierService/Classify")(request, timeout=timeout)

    code, info, wrong = failure_of(send, encoded)
    assert (code, info.reason, wrong) == (INVALID, "INVALID_INPUT", [""])


@pytest.mark.parametrize("method", ["ClassifierService/ClassifyStream", "LedgerService/ImportTransactions"])
def test_bytes_that_are_no_message_end_a_stream(channel: grpc.Channel, cafe: str, method: str) -> None:
    def send(request: list[bytes], timeout: float) -> Any:
        call: Any = channel.stream_stream(f"/likewise.v1.{method}")
        return list(call(iter(request), timeout=timeout))

    code, info, _ = failure_of(send, [b"\x0a\x04\xff\xfe\xfd\xfc"])
    assert (code, info.reason) == (INVALID, "INVALID_INPUT")


def test_an_empty_message_is_decoded_as_any_other(channel: grpc.Channel) -> None:
    def send(request: bytes, timeout: float) -> Any:
        return unary(channel, "ClassifierService/Classify")(request, timeout=timeout)

    code, _, wrong = failure_of(send, b"")
    assert (code, wrong) == (INVALID, ["transaction"])


def test_a_message_beyond_the_limit_is_refused(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        unary(channel, "LedgerService/Learn")(b"\x00" * (limits.MESSAGE_BYTES_MAX + 1), timeout=10)
    assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_an_unknown_method_is_unimplemented(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        unary(channel, "ClassifierService/Guess")(b"", timeout=5)
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
