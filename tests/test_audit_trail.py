"""The audit trail: who taught, changed or forgot what, and when; and the receipts that it keeps."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

import likewise
from engine_world import ENCODER, labelled, open_ledger
from likewise_engine import limits
from likewise_engine.audit import Action, Counts
from likewise_engine.errors import StoreFault
from likewise_engine.ledger.purge import CategoryPurge
from likewise_engine.ledger.reshape import Activation, Merge, Rename, Split
from likewise_engine.selection import Selection
from likewise_engine.tenants import Tenants
from likewise_server.cli.app import app
from likewise_server.lifecycle import Server

RUNNER = CliRunner(env={"COLUMNS": "160"})


def test_each_change_is_on_record_with_who_did_it(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.learn([labelled("a"), labelled("b", category="fuel")], actor="token:1 app")
        ledger.learn([labelled("a", category="fuel")], actor="token:2 books")
        ledger.learn([labelled("a", category="fuel")], actor="token:2 books")  # changes nothing
        ledger.update(target_precision=0.9, actor="local")
        ledger.reshape(Rename("category", "fuel", "petrol"), actor="local")
        ledger.reshape(Rename("category", "fuel", "petrol"), actor="local")  # is so already
        ledger.reshape(Merge("category", ("petrol",), "food"), actor="local")
        ledger.reshape(Split("category", "food", "cake", Selection(("a",))), is_rehearsal=True, actor="local")
        ledger.reshape(Split("category", "food", "cake", Selection(("a",))), actor="local")
        ledger.reshape(Activation("category", "cake", active=False), actor="local")
        ledger.forget(["b"], actor="certificate:CN=books")
        told = [(r.revision, r.actor, r.action.value, r.categories) for r in ledger.store.audit_records(99)]
        assert told == [
            (8, "certificate:CN=books", "forget", []),
            (7, "local", "deactivate", [("category", "cake")]),
            (6, "local", "split", [("category", "cake")]),
            (5, "local", "merge", [("category", "petrol")]),
            (4, "local", "rename", [("category", "petrol")]),
            (3, "local", "update", []),
            (2, "token:2 books", "learn", []),
            (1, "token:1 app", "learn", []),
        ]
        counts = [record.counts for record in ledger.store.audit_records(99)]
        assert counts[0] == Counts(entries=1, outcomes=counts[0].outcomes)
        assert counts[2:4] == [Counts(moved=1), Counts(moved=2)]
        assert counts[-2:] == [Counts(updated=1), Counts(created=2)]
        # Of what is purged its categories' names are gone, from earlier records too.
        ledger.purge_category(CategoryPurge("category", "cake"), actor="local")
        assert [r.categories for r in ledger.store.audit_records(99) if r.action is Action.SPLIT] == [[]]


def test_records_are_found_by_time_and_in_pages(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        for n in range(5):
            ledger.learn([labelled(f"t{n}")], actor=f"a{n}")
        every = ledger.store.audit_records(99)
        assert [r.actor for r in every] == ["a4", "a3", "a2", "a1", "a0"]
        assert [r.id for r in every] == [5, 4, 3, 2, 1]
        assert abs(every[0].time - datetime.now(UTC)) < timedelta(minutes=5)
        assert list(ledger.store.audit_records(2, before=4)) == every[2:4]
        assert list(ledger.store.audit_records(9, since=every[1].time)) == every[:2]
        assert list(ledger.store.audit_records(9, until=every[1].time)) == every[2:]


def test_batches_of_an_import_are_one_record_and_lessons_of_a_shared_commit_are_not(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        for n in range(3):
            ledger.import_batch([labelled(f"i{n}-{m}") for m in range(4)], actor="importer")
        ledger.import_batch([labelled("x")], actor="another")
        together = threading.Barrier(4)

        def learn(n: int) -> None:
            together.wait()
            ledger.learn([labelled(f"l{n}")], actor=f"caller {n}")

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(learn, range(4)))
        records = ledger.store.audit_records(99)
        assert {r.actor for r in records[:4]} == {f"caller {n}" for n in range(4)}
        assert [(r.actor, r.counts.created) for r in records[4:]] == [("another", 1), ("importer", 12)]


def test_the_oldest_records_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "AUDIT_RECORDS_KEPT_MAX", 3)
    with open_ledger(tmp_path) as ledger:
        for n in range(5):
            ledger.learn([labelled(f"t{n}")])
        assert [r.id for r in ledger.store.audit_records(99)] == [5, 4, 3]
    with Tenants.open_folder(tmp_path / "data", ENCODER) as tenants:
        for n in range(5):
            tenants.create(f"t{n}", actor="local")
        assert [r.tenant for r in tenants.audit.records(99)] == ["t4", "t3", "t2"]


def test_a_trail_that_was_cut_short_when_it_was_begun_is_begun_again(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        tenants.create("first")
    (tmp_path / "audit.sqlite3").write_bytes(b"")
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        assert list(tenants.audit.records(9)) == []
        tenants.create("acme")
        assert len(tenants.audit.records(9)) == 1


def test_a_tenant_that_cannot_be_noted_is_not_created(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        (tmp_path / "audit.sqlite3").write_bytes(b"no database" * 1_000)
        with pytest.raises(StoreFault):
            tenants.create("acme")
        assert tenants.ids() == []


def test_what_is_done_is_not_refused_because_the_trail_broke_meanwhile(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trail = tmp_path / "audit.sqlite3"
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        tenants.create("acme")
        with tenants.audit.noted(Action.RESTORE, "", "acme", trail):
            whole = trail.read_bytes()
            trail.write_bytes(b"no database" * 1_000)
        trail.write_bytes(whole)
        assert "the next start settles it" in caplog.text
        assert [record.action for record in tenants.audit.records(9)] == [Action.CREATE]
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        assert [record.action for record in tenants.audit.records(9)] == [Action.RESTORE, Action.CREATE]


def test_what_a_crash_cut_short_is_settled_by_whether_the_tenant_is_there(tmp_path: Path) -> None:
    actions = [Action.CREATE, Action.RESTORE, Action.DELETE]
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        tenants.create("there")
        for tenant in ("there", "gone"):
            for action in actions:
                tenants.audit.add(action, "crashed", tenant=tenant, is_confirmed=False)
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        settled = [(it.tenant, it.action) for it in tenants.audit.records(9) if it.actor == "crashed"]
    assert settled == [("gone", Action.DELETE), ("there", Action.RESTORE), ("there", Action.CREATE)]


def test_what_fails_is_not_on_record(tmp_path: Path) -> None:
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        tenants.create("acme")
        (tmp_path / "aside").rmdir()
        with pytest.raises(StoreFault):
            tenants.create("other")
        (tmp_path / "aside").mkdir()
    with Tenants.open_folder(tmp_path, ENCODER) as tenants:
        assert [record.tenant for record in tenants.audit.records(9)] == ["acme"]


def test_receipts_are_returned_again_by_the_trail(client: likewise.Client, cafe: str) -> None:
    forgotten = client.forget_transactions(cafe, ["c0", "never"])
    purged = client.purge_category(cafe, "milk", request_id="r")
    assert client.purge_category(cafe, "milk", request_id="r") == purged
    assert (forgotten.receipt.erased.entries, purged.receipt.erased.entries) == (1, 2)
    assert purged.receipt.erased.categories == 1
    for response in (forgotten, purged):
        (record,) = [r for r in client.list_audit_records(cafe) if r.id == response.receipt.audit_record_id]
        assert record.erased == response.receipt.erased
        assert (record.time, record.revision) == (response.receipt.time, response.receipt.revision)
        assert record.revision == response.revision
        assert (record.actor, record.tenant) == ("local", cafe)
    assert not client.forget_transactions(cafe, ["c0"]).HasField("receipt")
    assert [c.id for c in client.get_tenant(cafe).chart] == ["coffee", "energy"]
    with pytest.raises(likewise.NotFound):
        client.purge_category(cafe, "milk")
    deleted = client.delete_tenant(cafe)
    (record, created) = client.list_audit_records()
    assert record.id == deleted.audit_record_id
    assert (record.action, record.tenant, record.erased) == (
        likewise.AuditAction.AUDIT_ACTION_DELETE,
        cafe,
        deleted.erased,
    )
    assert created.action == likewise.AuditAction.AUDIT_ACTION_CREATE
    with pytest.raises(likewise.NotFound):
        list(client.list_audit_records(cafe))


def test_a_trail_is_listed_page_by_page(client: likewise.Client, cafe: str) -> None:
    for n in range(4):
        client.learn(cafe, [likewise.labelled(likewise.transaction(id=f"n{n}", payee="X"), "milk")])
    records = list(client.list_audit_records(cafe, page_size=2))
    assert [r.id for r in records] == ["6", "5", "4", "3", "2", "1"]
    third = records[3].time.ToDatetime(tzinfo=UTC)
    assert list(client.list_audit_records(cafe, start=third)) == records[:4]
    assert list(client.list_audit_records(cafe, end=third)) == records[4:]
    with pytest.raises(ValueError, match="time zone"):
        list(client.list_audit_records(cafe, start=datetime(2026, 1, 1)))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("action", Action)
def test_every_action_is_in_the_contract(action: Action) -> None:
    assert likewise.AuditAction.Name(likewise.AuditAction.Value(f"AUDIT_ACTION_{action.name}"))


def test_a_request_id_of_a_purge_is_none_of_a_lesson(client: likewise.Client, cafe: str) -> None:
    client.purge_category(cafe, "milk", request_id="p")
    item = likewise.labelled(likewise.transaction(id="n", payee="X"), "milk")
    with pytest.raises(likewise.AlreadyExists):
        client.learn(cafe, [item], request_id="p")
    client.learn(cafe, [item], request_id="l")
    with pytest.raises(likewise.AlreadyExists):
        client.purge_category(cafe, "milk", request_id="l")


@pytest.mark.usefixtures("cafe")
def test_the_command_shows_the_trail_and_purges(server: Server) -> None:
    def run(*arguments: str) -> str:
        done = RUNNER.invoke(app, [*arguments, "--server", server.address])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert run("chart", "purge", "cafe", "milk", "--dry-run") == (
        "2 transactions and 'milk' itself would be erased.\n"
    )
    purged = run("chart", "purge", "cafe", "milk", "--yes")
    assert purged.startswith("Erased 2 entries, 1 texts, 1 vectors, ")
    assert "audit record 3." in purged
    assert run("chart", "purge", "cafe", "coffee", "--entries-only", "--yes").startswith("Erased 2 entries")
    assert run("chart", "purge", "cafe", "coffee", "--entries-only", "-y") == "There was nothing to erase.\n"
    shown = run("audit-log", "cafe").splitlines()
    assert [line.split()[4] for line in shown[1:]] == ["purge", "purge", "learn", "create"]
    assert "local" in shown[1]
    assert run("audit-log", "cafe", "--limit", "1", "--json").count('"AUDIT_ACTION_PURGE"') == 1
    assert run("audit-log", "cafe", "--since", "2200-01-01") == "There are no records.\n"
    assert "Erased 1 entries" in run("tenants", "delete", "cafe", "--yes")
    assert "delete" in run("audit-log")
