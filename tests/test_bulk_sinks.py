"""The two ways into a ledger, through the engine and through a running server, come to the same."""

import datetime
from decimal import Decimal
from pathlib import Path

import pytest

import likewise
from bulk_world import Rejects, entries_of, sources_of, tenants_in, written
from conftest import Serve
from engine_world import ENCODER, labelled
from likewise_engine import limits
from likewise_engine.chart import Category
from likewise_engine.errors import InvalidInput, TenantNotFound
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import Direction, LabelledTransaction, Transaction
from likewise_indexer.bulk import (
    BulkImport,
    EngineSink,
    ServerSink,
    Sink,
    TenantChart,
    TenantTally,
    read_chart,
)

CHARTS = Path(__file__).parent.parent / "data/books/charts"
ROWS = (
    "a,2024-01-01,Shop,1.50,EUR,food,T1,Current,north,DR",
    "b,2024-01-02,Café am Eck,-0.10,,drink,,,,",
    "c,,Shop,,EUR,food,T1,,,",
    "d,2024-01-04,Shop,1e30,EUR,food,,,,",
    "e,2024-01-04,Shop,1,euros,food,,,,",
    "f,2024-01-05,Shop,999999999999.99,EUR,rent,T2,,south,CR",
)
HEADER = "id,date,payee,amount,currency,category,tax code,account,branch,direction"


def test_both_ways_leave_the_same_entries_and_refuse_the_same_rows(
    tmp_path: Path, data_folder: Path, serve: Serve
) -> None:
    sources = sources_of(written(tmp_path / "a.csv", *ROWS, header=HEADER), keep_fields=True)
    by_engine, by_server = Rejects(), Rejects()
    with tenants_in(data_folder) as tenants:
        direct = BulkImport(EngineSink(tenants), tenant="direct", on_rejected=by_engine).run(sources)
    server = serve()
    with likewise.Client(server.address) as client:
        told = BulkImport(ServerSink(client), tenant="told", on_rejected=by_server).run(sources)
        again = BulkImport(ServerSink(client), tenant="direct").run(sources)
    server.stop()
    assert direct.total == told.total == TenantTally(created=4, rejected=2)
    assert again.total == TenantTally(unchanged=4, rejected=2)
    assert by_engine.rows == by_server.rows
    assert [row for row, *_ in by_server.reasons] == [5, 6]
    with tenants_in(data_folder) as tenants:
        assert entries_of(tenants, "direct") == entries_of(tenants, "told")
        kept, *_ = entries_of(tenants, "told")["f"]
    assert kept == Transaction(
        id="f",
        date=datetime.date(2024, 1, 5),
        amount=Decimal("999999999999.99"),
        currency="EUR",
        payee="Shop",
        direction=Direction.IN,
        fields={"branch": "south"},
    )


def test_every_row_that_a_server_refuses_is_named(
    client: likewise.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "REJECTIONS_RETURNED_MAX", 10)
    closed = likewise.Policy(closed_chart=True)
    client.create_tenant(
        likewise.Tenant(
            id="t", policy=closed, chart=[likewise.Category(id="food"), likewise.Category(id="x")]
        )
    )
    items = [
        LabelledTransaction(
            Transaction(id=str(n), payee="Shop", currency="?" if n == 5 else ""),
            {"category": "food" if n % 9 == 0 else "drink"},
        )
        for n in range(35)
    ]
    outcome = ServerSink(client).take("t", items)
    assert sorted(rejection.position for rejection in outcome.rejections) == [n for n in range(35) if n % 9]
    assert outcome.learned.created == 4
    assert {rejection.violations[0].field for rejection in outcome.rejections} == {
        "labels['category']",
        "transaction.currency",
    }


@pytest.mark.parametrize("way", ["engine", "server"])
def test_charts_are_created_and_brought_up_to_date(tmp_path: Path, serve: Serve, way: str) -> None:
    def check(sink: Sink) -> None:
        sink.prepare("t", TenantChart("Old name", (Category("food"), Category("rent", name="Rent"))))
        sink.prepare("t", TenantChart("", (Category("food", description="What we eat"), Category("fuel"))))
        sink.prepare("t", TenantChart("New name"))

    if way == "engine":
        with tenants_in(tmp_path / "own") as tenants:
            check(EngineSink(tenants))
            described = tenants.describe("t")
            revision = described.record.revision
            EngineSink(tenants).prepare("t", TenantChart("New name", tuple(described.chart)))
            assert tenants.describe("t").record.revision == revision
        found = [(c.id, c.name, c.description) for c in described.chart]
        name = described.record.display_name
    else:
        with likewise.Client(serve().address) as client:
            check(ServerSink(client))
            tenant = client.get_tenant("t")
        found = [(c.id, c.name, c.description) for c in tenant.chart]
        name = tenant.display_name
    assert name == "New name"
    assert found == [
        ("food", found[0][1], "What we eat"),
        ("rent", "Rent", ""),
        ("fuel", found[2][1], ""),
    ]


def test_a_tenant_that_is_not_there_is_an_error_where_none_is_created(
    tmp_path: Path, client: likewise.Client
) -> None:
    item = LabelledTransaction(Transaction(id="a", payee="Shop"), {"category": "food"})
    with tenants_in(tmp_path / "own") as tenants:
        for sink in (EngineSink(tenants, creates=False), ServerSink(client, creates=False)):
            with pytest.raises(TenantNotFound):
                sink.prepare("nobody", TenantChart())
            with pytest.raises(TenantNotFound):
                sink.take("nobody", [item])


@pytest.mark.parametrize("path", sorted(CHARTS.glob("*.json")), ids=lambda path: path.stem)
def test_charts_of_the_sample_books_are_read(path: Path) -> None:
    chart = read_chart(path)
    assert chart.display_name
    assert len(chart.categories) > 5
    assert all(category.description for category in chart.categories if category.dimension == "category")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[]", 'list of "categories"'),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("\udcff", "is not JSON"),
        ('{"name": 1, "categories": []}', '"name" that is not a string'),
        ('{"categories": [{"name": "x"}]}', r'categories\[0\].*with an "id"'),
        ('{"categories": [{"id": 5}]}', r"'id' = 5"),
        ('{"categories": [{"id": "a", "colour": "red"}]}', "'colour' = 'red'"),
        ('{"categories": [{"id": "a", "merged_into": "b"}]}', "'merged_into' = 'b'"),
        ('{"categories": [{"id": "a"}, {"id": "a"}]}', "names a category twice"),
        ('{"categories": [{"id": ""}]}', "is required"),
    ],
)
def test_what_is_no_chart_is_refused_with_the_reason(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "chart.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InvalidInput, match=told):
        read_chart(path)


def test_the_tenant_of_the_latest_batch_stays_in_memory_however_large(data_folder: Path) -> None:
    with Tenants.open_folder(data_folder, ENCODER, memory_bytes_max=1) as tenants:
        with EngineSink(tenants) as sink:
            for position, tenant in enumerate("aabba"):
                sink.prepare(tenant, TenantChart())
                sink.take(tenant, [labelled(f"{position}")])
                assert tenants.loaded_count == 1
            sink.finish()
            assert tenants.loaded_count == 0
            sink.take("a", [labelled("5")])
            assert tenants.loaded_count == 1
        assert tenants.loaded_count == 0
