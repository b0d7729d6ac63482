"""Changes of a chart over gRPC, and what is refused."""

from collections.abc import Callable
from datetime import date

import grpc
import pytest

import likewise
from conftest import Serve
from likewise.v1 import tenant_service_pb2 as pb
from likewise.v1.tenant_service_pb2_grpc import TenantServiceStub

TESCO = likewise.transaction(payee="TESCO STORES 2231", amount="-12.40", currency="GBP")


def chart_of(client: likewise.Client, tenant: str) -> dict[str, likewise.Category]:
    """Categories by id."""
    return {category.id: category for category in client.get_tenant(tenant).chart}


def labels_of(client: likewise.Client, tenant: str) -> list[str]:
    """The labels of c0 to c4; an export and a list show the same."""
    listed = {
        e.labelled.transaction.id: e.labelled.labels["category"] for e in client.list_transactions(tenant)
    }
    exported = client.export_transactions(tenant)
    assert listed == {e.labelled.transaction.id: e.labelled.labels["category"] for e in exported}
    return [listed[f"c{n}"] for n in range(5)]


def test_a_category_is_renamed(client: likewise.Client, cafe: str) -> None:
    revision = client.rename_category(cafe, "milk", new_id="4100", new_name="Milk & cream")
    answer = client.classify(cafe, TESCO, options=likewise.ClassifyOptions(min_revision=revision))
    first = answer.answers[0].candidates[0]
    assert (first.category, first.category_name) == ("4100", "Milk & cream")
    assert labels_of(client, cafe) == ["coffee", "coffee", "4100", "4100", "energy"]
    renamed = chart_of(client, cafe)["4100"]
    assert (renamed.name, list(renamed.former_ids), renamed.active) == ("Milk & cream", ["milk"], True)
    client.rename_category(cafe, "4100", new_name="", new_description="From cows")
    renamed = chart_of(client, cafe)["4100"]
    assert (renamed.name, renamed.description) == ("4100", "From cows")
    late = likewise.labelled(likewise.transaction(id="c2", payee="TESCO STORES 2231"), "milk")
    client.learn(cafe, [late])
    assert client.get_transaction(cafe, "c2").labelled.labels == {"category": "4100"}


def test_categories_are_merged_and_split_again(client: likewise.Client, cafe: str) -> None:
    merged = client.merge_categories(cafe, ["milk", "energy"], "coffee")
    assert merged.moved == 3
    assert labels_of(client, cafe) == ["coffee"] * 5
    answer = client.classify(cafe, TESCO, options=likewise.ClassifyOptions(min_revision=merged.revision))
    assert [candidate.category for candidate in answer.answers[0].candidates] == ["coffee"]
    chart = chart_of(client, cafe)
    assert (chart["milk"].merged_into, chart["milk"].active) == ("coffee", False)
    assert (chart["coffee"].merged_into, chart["coffee"].active) == ("", True)
    tesco = likewise.selection(payee_contains="tesco", max_amount=-10, currency="GBP")
    milk = likewise.Category(id="milk", name="Milk")
    rehearsed = client.split_category(cafe, "coffee", milk, tesco, validate_only=True)
    assert chart_of(client, cafe) == chart
    assert client.split_category(cafe, "coffee", milk, tesco) == rehearsed
    assert rehearsed.moved == 1
    assert labels_of(client, cafe) == ["coffee", "coffee", "milk", "coffee", "coffee"]
    assert chart_of(client, cafe)["milk"] == likewise.Category(
        dimension="category", id="milk", name="Milk", active=True
    )


def test_a_category_is_deactivated_and_activated(client: likewise.Client, cafe: str) -> None:
    revision = client.deactivate_category(cafe, "milk")
    answer = client.classify(cafe, TESCO, options=likewise.ClassifyOptions(min_revision=revision))
    assert "milk" not in [candidate.category for candidate in answer.answers[0].candidates]
    assert labels_of(client, cafe)[2] == "milk"
    assert client.deactivate_category(cafe, "milk") == revision
    assert client.activate_category(cafe, "milk") == revision + 1
    assert client.classify(cafe, TESCO).answers[0].candidates[0].category == "milk"


def test_labels_that_go_to_an_inactive_category_are_counted(client: likewise.Client, cafe: str) -> None:
    client.deactivate_category(cafe, "milk")
    rows = [
        likewise.labelled(likewise.transaction(id=f"m{n}", payee="Dairy"), label)
        for n, label in enumerate(("milk", "coffee"))
    ]
    assert client.learn(cafe, rows).inactive_labels == 1
    assert client.import_transactions(cafe, rows).inactive_labels == 0
    client.deactivate_category(cafe, "coffee")
    again = [likewise.labelled(likewise.transaction(id=f"n{n}", payee="Dairy"), "coffee") for n in range(3)]
    assert client.import_transactions(cafe, again).inactive_labels == 3


def test_other_dimensions_have_charts_too(client: likewise.Client, cafe: str) -> None:
    taxed = [
        likewise.labelled(
            likewise.transaction(id=f"x{n}", payee="X", date=date(2025, 1, n)), labels={"tax": t}
        )
        for n, t in enumerate(["20", "20S", "0"], start=1)
    ]
    client.learn(cafe, taxed)
    client.rename_category(cafe, "0", new_id="zero", dimension="tax")
    client.merge_categories(cafe, ["20S"], "20", dimension="tax")
    client.split_category(
        cafe,
        "20",
        likewise.Category(dimension="tax", id="5"),
        likewise.selection(min_date=date(2025, 1, 2), max_date=date(2025, 1, 3)),
    )
    client.deactivate_category(cafe, "zero", dimension="tax")
    found = [client.get_transaction(cafe, f"x{n}").labelled.labels["tax"] for n in (1, 2, 3)]
    assert found == ["20", "5", "zero"]
    assert not chart_of(client, cafe)["zero"].active


def test_a_request_is_answered_to_the_letter_when_it_comes_again(client: likewise.Client, cafe: str) -> None:
    first = client.merge_categories(cafe, ["milk"], "coffee", request_id="m")
    cakes = likewise.Category(id="cakes")
    parted = client.split_category(
        cafe, "coffee", cakes, likewise.selection(transaction_ids=["c0"]), request_id="s"
    )
    assert client.merge_categories(cafe, ["milk"], "coffee", request_id="m") == first
    again = client.split_category(
        cafe, "coffee", cakes, likewise.selection(transaction_ids=["c0"]), request_id="s"
    )
    assert again == parted
    with pytest.raises(likewise.AlreadyExists) as reused:
        client.merge_categories(cafe, ["energy"], "coffee", request_id="m")
    assert reused.value.reason == "REQUEST_ID_REUSED"


def test_a_changed_chart_is_there_after_a_restart(serve: Serve) -> None:
    first = serve()
    with likewise.Client(first.address) as client:
        client.create_tenant(likewise.Tenant(id="t"))
        client.learn("t", [likewise.labelled(likewise.transaction(id="1", payee="x"), "a")])
        client.update_tenant(likewise.Tenant(id="t", chart=[likewise.Category(id="b")]))
        client.merge_categories("t", ["a"], "b")
        client.rename_category("t", "b", new_id="c")
        chart = chart_of(client, "t")
    first.stop()
    with likewise.Client(serve().address) as client:
        assert chart_of(client, "t") == chart  # of a tenant that is not loaded
        client.learn("t", [likewise.labelled(likewise.transaction(id="2", payee="x"), "a")])
        assert client.get_transaction("t", "2").labelled.labels == {"category": "c"}
        client.delete_tenant("t")
        client.create_tenant(likewise.Tenant(id="t"))
        assert chart_of(client, "t") == {}


def test_what_the_server_says_of_a_category_is_not_taken_from_a_caller(
    client: likewise.Client, cafe: str
) -> None:
    client.rename_category(cafe, "milk", new_id="4100")
    chart = chart_of(client, cafe)
    chart["coffee"].merged_into = "energy"
    chart["coffee"].former_ids.append("espresso")
    client.update_tenant(likewise.Tenant(id=cafe, chart=[chart["coffee"], chart["4100"]]))
    assert (
        chart_of(client, cafe)["coffee"].merged_into,
        list(chart_of(client, cafe)["4100"].former_ids),
    ) == (
        "",
        ["milk"],
    )
    assert not chart_of(client, cafe)["coffee"].former_ids


NOTHING = likewise.selection()
CAKES = likewise.Category(id="cakes")
REFUSED: list[tuple[Callable[[likewise.Client], object], type[likewise.Error], str]] = [
    (lambda c: c.rename_category("no", "milk", new_id="x"), likewise.NotFound, "TENANT_NOT_FOUND"),
    (lambda c: c.rename_category("cafe", "cream", new_id="x"), likewise.NotFound, "CATEGORY_NOT_FOUND"),
    (lambda c: c.rename_category("cafe", "milk", new_id="coffee"), likewise.AlreadyExists, "CATEGORY_EXISTS"),
    (lambda c: c.rename_category("cafe", "milk"), likewise.InvalidRequest, "INVALID_INPUT"),
    (
        lambda c: c.rename_category("cafe", "milk", new_id="x", dimension="d"),
        likewise.InvalidRequest,
        "UNKNOWN_DIMENSION",
    ),
    (lambda c: c.merge_categories("cafe", [], "milk"), likewise.InvalidRequest, "INVALID_INPUT"),
    (lambda c: c.merge_categories("cafe", ["milk"], "milk"), likewise.InvalidRequest, "INVALID_INPUT"),
    (lambda c: c.merge_categories("cafe", ["milk"], "beer"), likewise.PreconditionFailed, "CATEGORY_MERGED"),
    (lambda c: c.merge_categories("cafe", ["milk"], "rum"), likewise.PreconditionFailed, "CATEGORY_INACTIVE"),
    (
        lambda c: c.split_category("cafe", "milk", CAKES, likewise.selection(payee_contains="nobody")),
        likewise.NotFound,
        "NOTHING_SELECTED",
    ),
    (lambda c: c.split_category("cafe", "milk", CAKES, NOTHING), likewise.InvalidRequest, "INVALID_INPUT"),
    (lambda c: c.deactivate_category("cafe", ""), likewise.InvalidRequest, "INVALID_INPUT"),
    (lambda c: c.activate_category("cafe", "cream"), likewise.NotFound, "CATEGORY_NOT_FOUND"),
]


def test_what_cannot_be_is_refused_with_its_reason(client: likewise.Client, cafe: str) -> None:
    client.update_tenant(
        likewise.Tenant(
            id=cafe, chart=[likewise.Category(id="beer"), likewise.Category(id="rum", active=False)]
        )
    )
    client.merge_categories(cafe, ["beer"], "coffee")
    before = client.get_tenant(cafe)
    for call, error, reason in REFUSED:
        with pytest.raises(error) as refused:
            call(client)
        assert refused.value.reason == reason
    assert client.get_tenant(cafe).chart == before.chart
    assert client.get_tenant(cafe).statistics.revision == before.statistics.revision


def test_a_wrong_selection_is_told_field_by_field(channel: grpc.Channel, cafe: str) -> None:
    request = pb.SplitCategoryRequest(tenant=cafe, category="milk", into="cakes")
    request.selection.min_date.year = 2025
    request.selection.min_date.month = 13
    request.selection.min_amount.nanos = 10**9
    request.selection.max_amount.currency_code = "EUR"
    request.selection.min_amount.currency_code = "GBP"
    assert told(channel, request) == ["selection.max_amount", "selection.min_amount", "selection.min_date"]
    request = pb.SplitCategoryRequest(tenant=cafe, category="milk", into="", into_name="n" * 257)
    request.selection.min_amount.CopyFrom(likewise.money_message(2, "euro"))
    request.selection.max_amount.CopyFrom(likewise.money_message(1))
    assert told(channel, request) == ["into", "into_name", "selection.max_amount"]


def told(channel: grpc.Channel, request: pb.SplitCategoryRequest) -> list[str]:
    """The fields that a split is refused for."""
    from likewise.errors import error_of_call

    with pytest.raises(grpc.RpcError) as refused:
        TenantServiceStub(channel).SplitCategory(request, timeout=5)
    return [violation.field for violation in error_of_call(refused.value).violations]
