"""The client's methods, sync and async, against a real server on the loopback."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

import likewise
from blocking_client import blocking
from likewise import exchange
from likewise.v1 import tenant_service_pb2
from likewise.v1.transaction_pb2 import LabelledTransaction
from memory_server import MemoryServer, serving


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


@pytest.fixture
def target(server: MemoryServer) -> Iterator[str]:
    with serving(server) as address:
        yield address


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest, target: str) -> Iterator[likewise.Client]:
    if request.param == "sync":
        with likewise.Client(target) as client:
            yield client
    else:
        with asyncio.Runner() as runner, blocking(runner.get_loop(), target) as client:
            yield client


def rent(number: int, category: str = "rent") -> LabelledTransaction:
    transaction = likewise.transaction(id=f"t{number}", payee="LANDLORD LTD", amount=-950, currency="GBP")
    return likewise.labelled(transaction, category)


def test_what_is_learned_is_answered(client: likewise.Client) -> None:
    asked = likewise.transaction(payee="LANDLORD LTD")
    assert client.classify("cafe", asked).answers[0].decision == likewise.Decision.DECISION_ASK
    assert client.learn("cafe", [rent(1)]).revision == 1
    classification = client.classify("cafe", asked, options=likewise.ClassifyOptions(target_precision=0.9))
    assert likewise.predictions(classification) == {"category": "rent"}
    assert classification.answers[0].target_precision == 0.9
    assert classification.revision == 1


def test_learn_gives_each_request_an_id_of_its_own_unless_told(
    client: likewise.Client, server: MemoryServer
) -> None:
    for request_id in (None, None, "mine"):
        client.learn("cafe", [rent(1)], request_id=request_id)
    first, second, given = (request.request_id for request in server.learned)
    assert len(first) == len(second) == 36
    assert first != second
    assert given == "mine"


def test_classify_many_answers_in_order_with_errors_as_values(client: likewise.Client) -> None:
    client.learn("cafe", [rent(1)])
    asked = [likewise.transaction(id=f"q{n}", payee="" if n == 3 else "LANDLORD LTD") for n in range(500)]
    outcomes = list(
        client.classify_many("cafe", iter(asked), options=likewise.ClassifyOptions(target_precision=0.8))
    )
    assert [o.transaction_id for o in outcomes] == [t.id for t in asked]
    assert [o.position for o in outcomes] == list(range(500))
    wrong = outcomes.pop(3)
    assert wrong.classification is None
    assert isinstance(wrong.error, likewise.InvalidRequest)
    assert wrong.error.message == "payee is empty"
    for outcome in outcomes:
        assert outcome.error is None
        assert outcome.classification is not None
        assert outcome.classification.answers[0].target_precision == 0.8


def test_classify_many_of_nothing_is_nothing(client: likewise.Client) -> None:
    assert list(client.classify_many("cafe", [])) == []


def test_outcomes_can_be_dropped_midway(client: likewise.Client) -> None:
    endless = (likewise.transaction(id=str(n), payee="X") for n in itertools.count())
    outcomes = client.classify_many("cafe", endless)
    assert [next(outcomes).position for _ in range(3)] == [0, 1, 2]
    outcomes.close()  # type: ignore[attr-defined] # it is a generator
    assert client.get_tenant("cafe").id == "cafe"


def test_what_the_callers_iterator_raises_reaches_the_caller(client: likewise.Client) -> None:
    def failing() -> Iterator[likewise.Transaction]:
        yield likewise.transaction(payee="X")
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        list(client.classify_many("cafe", failing()))
    with pytest.raises(OSError, match="the file is gone"):
        client.import_transactions("cafe", (likewise.labelled(t, "rent") for t in failing()))
    with pytest.raises(TypeError):
        client.import_transactions("cafe", ["no transaction"])  # type: ignore[list-item]


def test_import_batches_anew_and_names_the_tenant_once(
    client: likewise.Client, server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "IMPORT_BATCH_ITEMS", 4)
    refused = LabelledTransaction(transaction=likewise.transaction(id="bad", payee="X"))
    response = client.import_transactions(
        "cafe", [[rent(n) for n in range(6)], refused, rent(7), [], [rent(8)]]
    )
    assert [len(m.transactions) for m in server.import_messages] == [4, 4, 1]
    assert [m.tenant for m in server.import_messages] == ["cafe", "", ""]
    assert (response.created, response.rejected) == (8, 1)
    assert [(r.position, r.transaction_id) for r in response.rejections] == [(6, "bad")]


def test_import_bounds_the_bytes_of_a_message(
    client: likewise.Client, server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "IMPORT_BATCH_BYTES", 3 * rent(1).ByteSize())
    client.import_transactions("cafe", (rent(n) for n in range(1, 8)))
    assert [len(m.transactions) for m in server.import_messages] == [3, 3, 1]


def test_an_empty_import_still_names_the_tenant(client: likewise.Client, server: MemoryServer) -> None:
    assert client.import_transactions("cafe", []).created == 0
    assert [m.tenant for m in server.import_messages] == ["cafe"]


def test_entries_are_got_listed_exported_and_forgotten(client: likewise.Client) -> None:
    client.learn("cafe", [rent(n) for n in range(5)])
    assert client.get_transaction("cafe", "t3").labelled == rent(3)
    ids = ["t0", "t1", "t2", "t3", "t4"]
    assert [e.labelled.transaction.id for e in client.list_transactions("cafe")] == ids
    assert [e.labelled.transaction.id for e in client.export_transactions("cafe")] == ids
    response = client.forget_transactions("cafe", ["t1", "t9"])
    assert (response.forgotten, response.missing) == (1, 1)
    assert [e.labelled.transaction.id for e in client.export_transactions("cafe")] == ["t0", "t2", "t3", "t4"]


def test_lists_ask_for_a_page_only_when_it_is_needed(client: likewise.Client, server: MemoryServer) -> None:
    client.learn("cafe", [rent(n) for n in range(5)])
    entries = client.list_transactions("cafe", page_size=3)
    assert [next(entries).labelled.transaction.id for _ in range(3)] == ["t0", "t1", "t2"]
    assert server.methods_called().count("ListTransactions") == 1
    assert len(list(entries)) == 2
    assert server.methods_called().count("ListTransactions") == 2


def test_one_id_is_no_list_of_ids(client: likewise.Client) -> None:
    with pytest.raises(TypeError, match="iterable of ids"):
        client.forget_transactions("cafe", "t1")
    with pytest.raises(TypeError, match="iterable of ids"):
        client.merge_categories("cafe", "rent", "costs")
    with pytest.raises(TypeError, match="iterable of ids"):
        likewise.selection(transaction_ids="t1")


def test_tenants_are_created_got_listed_updated_and_deleted(client: likewise.Client) -> None:
    studio = likewise.Tenant(id="studio", display_name="A studio")
    assert client.create_tenant(studio) == studio
    studio.display_name = "The studio"
    studio.policy.target_precision = 0.98
    updated = client.update_tenant(studio, update_mask=["policy.target_precision"])
    assert (updated.display_name, updated.policy.target_precision) == ("A studio", 0.98)
    assert client.get_tenant("studio") == updated
    client.create_tenant(likewise.Tenant(id="third"))
    assert [tenant.id for tenant in client.list_tenants()] == ["cafe", "studio", "third"]
    client.delete_tenant("studio")
    assert [tenant.id for tenant in client.list_tenants(page_size=1)] == ["cafe", "third"]


def test_changes_of_a_chart_are_sent_as_they_were_asked(
    client: likewise.Client, server: MemoryServer
) -> None:
    assert client.rename_category("cafe", "rent", new_name="") == 1
    assert client.deactivate_category("cafe", "rent", dimension="tax") == 2
    assert client.activate_category("cafe", "rent") == 3
    renamed, deactivated, activated = server.reshaped
    assert renamed == tenant_service_pb2.RenameCategoryRequest(
        tenant="cafe", dimension="category", category="rent", new_name=""
    )
    assert renamed.HasField("new_name")
    assert not renamed.HasField("new_description")
    assert deactivated == tenant_service_pb2.DeactivateCategoryRequest(
        tenant="cafe", dimension="tax", category="rent"
    )
    assert activated == tenant_service_pb2.ActivateCategoryRequest(
        tenant="cafe", dimension="category", category="rent"
    )


def test_a_merge_and_a_split_have_a_request_id_of_their_own_unless_told(
    client: likewise.Client, server: MemoryServer
) -> None:
    cakes = likewise.Category(dimension="d", id="cakes", name="Cakes", description="Sweet")
    chosen = likewise.selection(
        transaction_ids=["t1"],
        payee_contains="bakery",
        description_contains="cake",
        min_amount="-9.50",
        max_amount=-1,
        currency="EUR",
        min_date=date(2025, 1, 2),
        max_date=date(2025, 2, 1),
    )
    assert client.merge_categories("cafe", ["a", "b"], "c").revision == 1
    assert client.split_category("cafe", "food", cakes, chosen, validate_only=True).revision == 2
    client.merge_categories("cafe", ["a"], "c", request_id="mine")
    merged, split, named = server.reshaped
    assert len({merged.request_id, split.request_id, "", named.request_id}) == 4
    assert named.request_id == "mine"
    assert list(merged.categories) == ["a", "b"]
    assert split == tenant_service_pb2.SplitCategoryRequest(
        tenant="cafe",
        dimension="d",
        category="food",
        into="cakes",
        into_name="Cakes",
        into_description="Sweet",
        selection=chosen,
        request_id=split.request_id,
        validate_only=True,
    )
    assert likewise.money_value(chosen.min_amount) == Decimal("-9.5")
    assert (chosen.max_amount.units, chosen.max_amount.currency_code) == (-1, "EUR")
    assert likewise.date_value(chosen.max_date) == date(2025, 2, 1)


def test_a_selection_is_of_exact_values() -> None:
    with pytest.raises(ValueError, match="currency without an amount"):
        likewise.selection(currency="EUR")
    with pytest.raises(TypeError, match="not a float"):
        likewise.selection(min_amount=0.1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not datetime"):
        likewise.selection(min_date=datetime(2025, 1, 1, tzinfo=UTC))
    empty = likewise.selection()
    assert not empty.HasField("min_amount")
    assert not empty.HasField("max_date")


def test_a_closed_client_says_so(client: likewise.Client) -> None:
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.get_tenant("cafe")
    with pytest.raises(RuntimeError, match="closed"):
        next(client.export_transactions("cafe"))
    with pytest.raises(RuntimeError, match="closed"):
        client.import_transactions("cafe", [])


def test_threads_share_a_client(target: str, server: MemoryServer) -> None:
    with likewise.Client(target) as client:
        threads = [threading.Thread(target=client.learn, args=("cafe", [rent(n)])) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.entries) == 16


def test_closing_cancels_what_is_under_way(target: str, server: MemoryServer) -> None:
    server.hang.clear()
    client = likewise.Client(target)
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            client.get_tenant("cafe")
        except likewise.Error as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    while not server.calls:
        pass
    client.close()
    thread.join()
    assert [type(failure) for failure in failures] == [likewise.Cancelled]


async def test_async_iterables_are_taken(target: str) -> None:
    async def asked() -> AsyncIterator[likewise.Transaction]:
        for number in range(3):
            yield likewise.transaction(id=str(number), payee="LANDLORD LTD", amount=Decimal("-950.00"))

    async with likewise.AsyncClient(target) as client:
        taught = [likewise.labelled(t, "rent") async for t in asked()]
        assert (await client.import_transactions("cafe", _each(taught))).created == 3
        outcomes = [outcome async for outcome in client.classify_many("cafe", asked())]
        assert [likewise.predictions(o.classification) for o in outcomes if o.classification] == [
            {"category": "rent"}
        ] * 3


async def test_a_cancelled_task_stays_cancelled_and_a_closed_client_does_not_look_so(
    target: str, server: MemoryServer
) -> None:
    server.hang.clear()
    client = likewise.AsyncClient(target)
    tasks = [asyncio.create_task(client.get_tenant("cafe")) for _ in range(2)]
    while len(server.calls) < 2:
        await asyncio.sleep(0.001)
    tasks[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
    await client.close()
    with pytest.raises(likewise.Cancelled):
        await tasks[1]


def test_an_async_client_wants_a_running_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        likewise.AsyncClient("localhost:1")


async def _each(items: list[LabelledTransaction]) -> AsyncIterator[LabelledTransaction]:
    for item in items:
        yield item
