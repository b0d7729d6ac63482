"""Teaching over gRPC: learning, importing, reading back page by page, exporting, forgetting."""

import threading
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pytest

import likewise
from conftest import Serve
from engine_world import bytes_on_disk
from likewise.errors import error_of_status
from likewise.v1.ledger_service_pb2 import ImportTransactionsRequest, ListTransactionsRequest
from likewise.v1.ledger_service_pb2_grpc import LedgerServiceStub
from likewise_engine import limits

MACHINE, PERSON = likewise.Authority.AUTHORITY_MACHINE, likewise.Authority.AUTHORITY_PERSON


def lesson(number: int, category: str = "k", **fields: Any) -> likewise.LabelledTransaction:
    transaction = likewise.transaction(id=f"n{number}", payee=f"PAYEE {number % 9}", amount=-number)
    return likewise.labelled(transaction, category, **fields)


def test_an_entry_comes_back_as_it_was_learned(client: likewise.Client, cafe: str) -> None:
    transaction = likewise.transaction(
        id="whole",
        date=date(2026, 2, 28),
        amount="-1234567.89",
        currency="EUR",
        payee="Bäckerei Ünal 🥐",
        description="Brötchen\nund mehr",
        account="DE02 1203",
        direction=likewise.Direction.DIRECTION_OUT,
        fields={"invoice": "4711"},
    )
    labels = {"category": "food", "tax": "7%"}
    revision = client.learn(cafe, [likewise.labelled(transaction, labels=labels)]).revision
    entry = client.get_transaction(cafe, "whole")
    assert entry.labelled.transaction == transaction
    assert dict(entry.labelled.labels) == labels
    assert entry.labelled.authority == PERSON
    assert dict(entry.authorities) == {"category": PERSON, "tax": PERSON}
    assert entry.revision == revision


def test_year_and_month_are_the_first_and_no_date_is_none(client: likewise.Client, cafe: str) -> None:
    month = lesson(1)
    month.transaction.date.CopyFrom(likewise.date_message(date(2026, 2, 1)))
    month.transaction.date.day = 0
    empty = lesson(2)
    empty.transaction.date.SetInParent()
    client.learn(cafe, [month, empty])
    stored = client.get_transaction(cafe, "n1").labelled.transaction.date
    assert likewise.date_value(stored) == date(2026, 2, 1)
    assert not client.get_transaction(cafe, "n2").labelled.transaction.HasField("date")


def test_an_amount_of_zero_is_an_amount(client: likewise.Client, cafe: str) -> None:
    none = likewise.transaction(id="none", payee="x")
    zero = likewise.transaction(id="zero", payee="x", amount=0)
    client.learn(cafe, [likewise.labelled(none, "k"), likewise.labelled(zero, "k")])
    assert not client.get_transaction(cafe, "none").labelled.transaction.HasField("amount")
    stored = client.get_transaction(cafe, "zero").labelled.transaction
    assert stored.HasField("amount")
    assert likewise.money_value(stored.amount) == Decimal(0)


def test_learning_counts_what_is_new_changed_the_same_and_kept(client: likewise.Client, cafe: str) -> None:
    first = client.learn(cafe, [lesson(1), lesson(2)])
    assert (first.created, first.updated, first.unchanged, first.kept) == (2, 0, 0, 0)
    guess = lesson(2, "guess", authority=MACHINE)
    second = client.learn(cafe, [lesson(1), guess, lesson(3), lesson(4)])
    assert (second.created, second.updated, second.unchanged, second.kept) == (2, 0, 1, 1)
    third = client.learn(cafe, [lesson(3, "other")])
    assert third.updated == 1
    assert first.revision < second.revision < third.revision


def test_a_persons_label_outlives_a_machines(client: likewise.Client, cafe: str) -> None:
    client.learn(cafe, [lesson(1, "guess", authority=MACHINE)])
    client.learn(cafe, [lesson(1, "right", authority=PERSON)])
    client.learn(cafe, [lesson(1, "guess", authority=MACHINE)])
    entry = client.get_transaction(cafe, "n1")
    assert dict(entry.labelled.labels) == {"category": "right"}
    assert entry.labelled.authority == PERSON


def test_who_labelled_is_a_person_unless_said_otherwise(client: likewise.Client, cafe: str) -> None:
    unsaid = lesson(1)
    unsaid.ClearField("authority")
    client.learn(cafe, [unsaid])
    assert client.get_transaction(cafe, "n1").authorities["category"] == PERSON


def test_a_request_id_gets_the_same_answer_again_also_after_a_restart(serve: Serve) -> None:
    first = serve()
    with likewise.Client(first.address) as client:
        client.create_tenant(likewise.Tenant(id="shop"))
        answer = client.learn("shop", [lesson(1)], request_id="r-1")
        client.learn("shop", [lesson(2)])
        assert client.learn("shop", [lesson(1)], request_id="r-1") == answer
    first.stop()
    with likewise.Client(serve().address) as client:
        assert client.learn("shop", [lesson(1)], request_id="r-1") == answer
        with pytest.raises(likewise.AlreadyExists) as failure:
            client.learn("shop", [lesson(3)], request_id="r-1")
        assert failure.value.reason == "REQUEST_ID_REUSED"
        assert client.get_tenant("shop").statistics.labels == 2


def test_a_correction_is_counted(client: likewise.Client, cafe: str) -> None:
    client.learn(cafe, [lesson(1, "right", predicted={"category": "wrong"})])
    assert client.get_tenant(cafe).statistics.corrections == 1


def test_an_import_takes_the_good_rows_and_names_the_bad_ones(client: likewise.Client, cafe: str) -> None:
    no_day = lesson(1)
    no_day.transaction.date.year, no_day.transaction.date.month, no_day.transaction.date.day = 2026, 2, 30
    no_day.transaction.id = ""
    no_label = lesson(4)
    no_label.labels.clear()
    batches = [[lesson(0), no_day, lesson(2)], [], [lesson(3), no_label, lesson(5)]]
    report = client.import_transactions(cafe, batches)
    assert (report.created, report.rejected) == (4, 2)
    assert [(r.position, r.transaction_id) for r in report.rejections] == [(1, ""), (4, "n4")]
    errors = [error_of_status(rejection.error) for rejection in report.rejections]
    assert [[v.field for v in error.violations] for error in errors] == [
        ["transaction.date", "transaction.id"],
        ["labels"],
    ]
    assert report.revision == client.get_tenant(cafe).statistics.revision
    again = client.import_transactions(cafe, batches)
    assert (again.created, again.unchanged, again.revision) == (0, 4, report.revision)


def test_positions_count_over_all_batches_of_an_import(channel: grpc.Channel, cafe: str) -> None:
    bad = lesson(9)
    bad.labels.clear()

    def batches() -> Iterator[ImportTransactionsRequest]:
        yield ImportTransactionsRequest(tenant=cafe, transactions=[lesson(0), lesson(1)])
        yield ImportTransactionsRequest(transactions=[lesson(2), bad])
        yield ImportTransactionsRequest(tenant=cafe, transactions=[bad])

    report = LedgerServiceStub(channel).ImportTransactions(batches(), timeout=5)
    assert [rejection.position for rejection in report.rejections] == [3, 4]


def test_the_first_thousand_refused_rows_are_named_and_all_counted(
    client: likewise.Client, cafe: str
) -> None:
    wordless = [
        likewise.labelled(likewise.Transaction(id=f"bad{n}", description=" "), "é" * 200)
        for n in range(1_500)
    ]
    report = client.import_transactions(cafe, [lesson(0), *wordless])
    assert (report.created, report.rejected, len(report.rejections)) == (1, 1_500, 1_000)
    assert report.rejections[-1].position == 1_000


def test_an_import_is_for_one_tenant_and_keeps_what_it_had_taken(
    client: likewise.Client, channel: grpc.Channel, cafe: str
) -> None:
    batches = [
        ImportTransactionsRequest(tenant=cafe, transactions=[lesson(0)]),
        ImportTransactionsRequest(tenant="another", transactions=[lesson(1)]),
    ]
    with pytest.raises(grpc.RpcError) as failure:
        LedgerServiceStub(channel).ImportTransactions(iter(batches), timeout=5)
    assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert client.get_tenant(cafe).statistics.labels == 6


def test_an_import_of_nothing_tells_of_the_tenant(
    client: likewise.Client, channel: grpc.Channel, cafe: str
) -> None:
    assert client.import_transactions(cafe, []).revision == 1
    with pytest.raises(likewise.NotFound):
        client.import_transactions("nobody", [])
    with pytest.raises(grpc.RpcError) as failure:
        LedgerServiceStub(channel).ImportTransactions(iter([]), timeout=5)
    assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_entries_are_listed_page_by_page_in_the_order_of_writing(
    client: likewise.Client, channel: grpc.Channel, cafe: str
) -> None:
    client.learn(cafe, [lesson(number) for number in range(4)])
    client.learn(cafe, [likewise.labelled(likewise.transaction(id="c0", payee="moved"), "x")])
    stub = LedgerServiceStub(channel)
    pages, token = [], ""
    while True:
        page = stub.ListTransactions(
            ListTransactionsRequest(tenant=cafe, page_size=3, page_token=token), timeout=5
        )
        pages.append([entry.labelled.transaction.id for entry in page.entries])
        token = page.next_page_token
        if not token:
            break
    assert pages == [["c1", "c2", "c3"], ["c4", "n0", "n1"], ["n2", "n3", "c0"]]


def test_a_page_token_is_good_for_its_own_list_alone(
    client: likewise.Client, channel: grpc.Channel, cafe: str
) -> None:
    client.create_tenant(likewise.Tenant(id="other"))
    stub = LedgerServiceStub(channel)
    page = stub.ListTransactions(ListTransactionsRequest(tenant=cafe, page_size=1), timeout=5)
    token = page.next_page_token
    assert token
    for tenant, wrong in (("other", token), (cafe, token[:-2] + "xx"), (cafe, "é")):
        with pytest.raises(grpc.RpcError) as failure:
            stub.ListTransactions(ListTransactionsRequest(tenant=tenant, page_token=wrong), timeout=5)
        assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_page_that_is_too_large_is_made_smaller(
    client: likewise.Client, channel: grpc.Channel, cafe: str
) -> None:
    long = {f"field {number}": "é" * limits.FIELD_VALUE_CHARS_MAX for number in range(limits.FIELDS_MAX)}
    client.import_transactions(
        cafe,
        [
            likewise.labelled(likewise.transaction(id=f"long{n}", payee=f"p{n % 5}", fields=long), "k")
            for n in range(limits.PAGE_SIZE_DEFAULT)
        ],
    )
    stub = LedgerServiceStub(channel)
    request = ListTransactionsRequest(tenant=cafe, page_size=1_000_000)
    page = stub.ListTransactions(request, timeout=5)
    assert 1 < len(page.entries) < 105
    assert page.ByteSize() < limits.RESPONSE_BYTES_AIM * 1.1
    assert page.next_page_token
    listed = [entry.labelled.transaction.id for entry in client.list_transactions(cafe, page_size=1_000)]
    exported = [entry.labelled.transaction.id for entry in client.export_transactions(cafe)]
    assert listed == exported
    assert len(set(listed)) == 105


def test_an_export_shows_one_revision(client: likewise.Client, cafe: str) -> None:
    client.import_transactions(cafe, [lesson(number) for number in range(1_000)])
    entries = client.export_transactions(cafe)
    first = next(entries)
    client.learn(cafe, [lesson(5_000)])
    exported = [first, *entries]
    assert len(exported) == 1_005
    assert "n5000" not in {entry.labelled.transaction.id for entry in exported}


def test_what_is_forgotten_is_gone_from_answers_lists_and_disk(
    client: likewise.Client, cafe: str, data_folder: Path
) -> None:
    secret = likewise.transaction(id="s1", payee="XYLOPHONE CLINIC", amount=-77)
    client.learn(cafe, [likewise.labelled(secret, "private")])
    outcome = client.forget_transactions(cafe, ["s1", "never"])
    assert (outcome.forgotten, outcome.missing) == (1, 1)
    assert client.forget_transactions(cafe, ["s1"]).forgotten == 0
    with pytest.raises(likewise.NotFound):
        client.get_transaction(cafe, "s1")
    answer = client.classify(cafe, secret)
    assert "s1" not in [neighbour.transaction_id for neighbour in answer.neighbours]
    assert answer.revision == outcome.revision
    on_disk = bytes_on_disk(data_folder)
    assert b"ROASTERS" in on_disk
    assert b"XYLOPHONE" not in on_disk
    assert b"xylophone" not in on_disk


def test_a_correction_taught_by_many_at_once_is_lost_by_none(client: likewise.Client, cafe: str) -> None:
    def teach(first: int) -> None:
        for number in range(first, first + 10):
            client.learn(cafe, [lesson(number)])

    threads = [threading.Thread(target=teach, args=(first,)) for first in (0, 10, 20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get_tenant(cafe).statistics.labels == 45
    assert client.get_tenant(cafe).statistics.revision == 41
