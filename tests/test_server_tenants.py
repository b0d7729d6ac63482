"""Managing tenants over gRPC: create, get, list, update by mask, delete."""

from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

import likewise
from conftest import Serve
from likewise.v1.tenant_service_pb2 import ListTenantsRequest
from likewise.v1.tenant_service_pb2_grpc import TenantServiceStub


def test_a_tenant_is_created_with_policy_and_chart(client: likewise.Client) -> None:
    asked = likewise.Tenant(
        id="studio",
        display_name="Studio Ltd",
        policy=likewise.Policy(target_precision=0.9, closed_chart=True),
        chart=[
            likewise.Category(id="200", name="Sales", description="Work invoiced"),
            likewise.Category(id="20S", dimension="tax", active=False),
        ],
        statistics=likewise.TenantStatistics(labels=99),
    )
    before = datetime.now(UTC)
    created = client.create_tenant(asked)
    assert created == client.get_tenant("studio")
    assert (created.id, created.display_name, created.policy) == ("studio", "Studio Ltd", asked.policy)
    assert created.create_time.ToDatetime(UTC) >= before
    assert list(created.chart) == [
        likewise.Category(
            dimension="category", id="200", name="Sales", description="Work invoiced", active=True
        ),
        likewise.Category(dimension="tax", id="20S", name="20S", active=False),
    ]
    assert created.statistics.labels == 0
    assert created.statistics.encoder_fingerprint.startswith("hashing-")


def test_a_tenant_without_a_policy_gets_the_default(client: likewise.Client) -> None:
    created = client.create_tenant(likewise.Tenant(id="plain"))
    assert created.policy == likewise.Policy(target_precision=0.95)


def test_statistics_tell_what_the_memory_holds(client: likewise.Client, cafe: str) -> None:
    statistics = client.get_tenant(cafe).statistics
    assert (statistics.labels, statistics.texts, statistics.revision) == (5, 3, 1)
    assert statistics.memory_bytes > 0
    assert statistics.disk_bytes > 0
    assert statistics.index_kind == likewise.IndexKind.INDEX_KIND_EXACT


def test_statistics_tell_how_answers_turned_out(client: likewise.Client, cafe: str) -> None:
    energy = [
        likewise.labelled(likewise.transaction(id=f"e{n}", payee="CITY ENERGY"), "energy") for n in range(60)
    ]
    for item in energy:
        client.learn(cafe, [item])
    client.learn(cafe, [likewise.labelled(energy[-1].transaction, "milk")])
    (told,) = client.get_tenant(cafe).statistics.calibrations
    assert told.dimension == "category"
    assert 60 <= told.outcomes <= 65
    assert 0 < told.filed <= 40
    assert told.filed_right == told.filed - 1
    assert told.excess_sigmas > 0
    assert 0.5 <= told.file_threshold < 1
    client.create_tenant(likewise.Tenant(id="strict", policy=likewise.Policy(target_precision=0.999)))
    client.learn("strict", [likewise.labelled(likewise.transaction(id="1", payee="x"), "k")])
    (unknown,) = client.get_tenant("strict").statistics.calibrations
    assert not unknown.HasField("file_threshold")


def test_a_cold_tenant_is_described_without_being_loaded(serve: Serve) -> None:
    first = serve()
    with likewise.Client(first.address) as client:
        client.create_tenant(likewise.Tenant(id="cold"))
        client.learn("cold", [likewise.labelled(likewise.transaction(id="1", payee="x"), "k")])
    first.stop()
    with likewise.Client(serve().address) as client:
        statistics = client.get_tenant("cold").statistics
        assert (statistics.labels, statistics.memory_bytes) == (1, 0)
        assert statistics.index_kind == likewise.IndexKind.INDEX_KIND_UNSPECIFIED


def test_learning_adds_categories_to_an_open_chart(client: likewise.Client, cafe: str) -> None:
    assert [category.id for category in client.get_tenant(cafe).chart] == ["coffee", "milk", "energy"]


def test_tenants_are_listed_by_id_page_by_page(client: likewise.Client, channel: grpc.Channel) -> None:
    ids = ["zoo", "acme ltd", "Émile", "b", "acme"]
    for tenant in ids:
        client.create_tenant(likewise.Tenant(id=tenant, display_name=f"name of {tenant}"))
    listed = list(client.list_tenants(page_size=2))
    assert [tenant.id for tenant in listed] == ["acme", "acme ltd", "b", "zoo", "Émile"]
    assert listed[0].display_name == "name of acme"
    assert listed[0].policy.target_precision == pytest.approx(0.95)
    assert listed[0].HasField("create_time")
    assert not listed[0].HasField("statistics")
    stub = TenantServiceStub(channel)
    whole = stub.ListTenants(ListTenantsRequest(page_size=5), timeout=5)
    assert (len(whole.tenants), whole.next_page_token) == (5, "")
    assert len(stub.ListTenants(ListTenantsRequest(page_size=10**6), timeout=5).tenants) == 5


def test_a_mask_says_what_is_updated(client: likewise.Client) -> None:
    policy = likewise.Policy(target_precision=0.9, closed_chart=True)
    client.create_tenant(likewise.Tenant(id="t", display_name="old", policy=policy))
    wanted = likewise.Tenant(
        id="t",
        display_name="new",
        policy=likewise.Policy(target_precision=0.8),
        chart=[likewise.Category(id="k")],
    )
    named = client.update_tenant(wanted, update_mask=["display_name"])
    assert (named.display_name, named.policy, len(named.chart)) == ("new", policy, 0)
    halved = client.update_tenant(wanted, update_mask=["policy.target_precision"])
    assert (halved.policy.target_precision, halved.policy.closed_chart) == (0.8, True)
    opened = client.update_tenant(wanted, update_mask=["policy.closed_chart"])
    assert (opened.policy.target_precision, opened.policy.closed_chart) == (0.8, False)
    charted = client.update_tenant(wanted, update_mask=["chart"])
    assert [category.id for category in charted.chart] == ["k"]
    whole = client.update_tenant(likewise.Tenant(id="t"), update_mask=["policy", "display_name"])
    assert (whole.policy.target_precision, whole.display_name) == (0.95, "")


def test_without_a_mask_what_is_set_is_updated(client: likewise.Client) -> None:
    policy = likewise.Policy(target_precision=0.9, closed_chart=True)
    client.create_tenant(likewise.Tenant(id="t", display_name="old", policy=policy))
    updated = client.update_tenant(
        likewise.Tenant(
            id="t", policy=likewise.Policy(target_precision=0.7), chart=[likewise.Category(id="k")]
        )
    )
    assert (updated.display_name, updated.policy.target_precision) == ("old", 0.7)
    assert updated.policy.closed_chart
    assert [category.id for category in updated.chart] == ["k"]
    revision = updated.statistics.revision
    assert client.update_tenant(likewise.Tenant(id="t")).statistics.revision == revision


def test_a_policy_holds_for_the_next_answer(client: likewise.Client, cafe: str) -> None:
    asked = likewise.transaction(payee="CAFFE ROASTERS LTD", amount="-84.20")
    client.update_tenant(likewise.Tenant(id=cafe, policy=likewise.Policy(target_precision=0.6)))
    assert client.classify(cafe, asked).answers[0].target_precision == 0.6


def test_a_category_that_is_no_longer_active_is_not_proposed(client: likewise.Client, cafe: str) -> None:
    asked = likewise.transaction(payee="CAFFE ROASTERS LTD", amount="-84.20")
    client.update_tenant(
        likewise.Tenant(id=cafe, chart=[likewise.Category(id="coffee", name="Coffee", active=False)])
    )
    candidates = client.classify(cafe, asked).answers[0].candidates
    assert "coffee" not in [candidate.category for candidate in candidates]


def test_a_deleted_tenant_is_gone_from_disk(client: likewise.Client, cafe: str, data_folder: Path) -> None:
    client.delete_tenant(cafe)
    with pytest.raises(likewise.NotFound):
        client.get_tenant(cafe)
    with pytest.raises(likewise.NotFound):
        client.delete_tenant(cafe)
    assert not list(client.list_tenants())
    # What outlives it is the trail of the data folder, which says that it was deleted.
    left = {path.name for path in data_folder.rglob("*") if path.is_file()}
    assert left <= {"lock", "audit.sqlite3", "store.key"}
    client.create_tenant(likewise.Tenant(id=cafe))
    assert client.get_tenant(cafe).statistics.labels == 0
