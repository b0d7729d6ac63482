"""All that is known about a tenant: exported to one file, and imported again to the letter, or refused."""

import asyncio
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import likewise
from conftest import Serve
from engine_world import ENCODER, Books, ask, essence
from likewise_engine import limits, testimony  # pytest takes a class of that name for tests
from likewise_engine.chart import Category, Policy
from likewise_engine.encoder import HashingEncoder
from likewise_engine.errors import (
    InvalidInput,
    LikewiseError,
    LimitReached,
    PreconditionFailed,
    RequestIdReused,
    TenantExists,
)
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.outcomes import LearnOutcome, PurgeOutcome
from likewise_engine.ledger.requests import NO_CONTENT, remembered
from likewise_engine.ledger.reshape import Merge, Rename
from likewise_engine.store.base import RequestRecord
from likewise_engine.store.rows import request_key
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.tenants import Tenants
from likewise_indexer.portable import archived
from likewise_server.cli.app import app
from likewise_server.lifecycle import Server
from portable_world import MEMBERS, changed, contents, exported, imported, packed

RUNNER = CliRunner(env={"COLUMNS": "120"})


@pytest.fixture
def tenants(tmp_path: Path) -> Iterator[Tenants]:
    with Tenants.open_folder(tmp_path / "data", ENCODER) as opened:
        yield opened


def live(tenants: Tenants, tenant: str, seed: int, steps: int = 25) -> None:
    """A tenant with a life of its own: taught, corrected, imported, forgotten, merged, renamed."""
    rng, books = random.Random(seed), Books(seed, payees=12)
    policy = Policy(rng.choice([0.9, 0.95, 0.99]), closed_chart=False)
    chart = [Category("never used", name="Nie verwendet 🍞"), Category("c1", description="of some use")]
    tenants.create(tenant, f"Books of {seed}", policy, chart)
    with tenants.use(tenant) as ledger:
        for step in range(steps):
            kind = rng.randrange(8)
            if kind < 5:
                items = {str(number): books.item(str(number)) for number in rng.choices(range(60), k=3)}
                ledger.learn(list(items.values()), f"request-{step}" if kind else "")
            elif kind == 5:
                ledger.import_batch([books.item(f"bulk-{step}-{n}") for n in range(10)])
                text = rng.choice(ledger.view.texts)
                number = rng.randrange(len(ledger.view.chart.categories))
                dimension = ledger.view.chart.categories[number].dimension
                revision = ledger.view.revision
                ledger.testify(
                    testimony.Testimony(f"asked-{step}", text, dimension, number, 0.25, "m", "", revision)
                )
            elif kind == 6:
                ledger.forget([str(number) for number in rng.choices(range(60), k=4)])
            else:
                known = [c for c in ledger.view.chart.categories if c.dimension == "category" and c.active]
                first, second = rng.sample(known, 2) if len(known) > 1 else known * 2
                if rng.random() < 0.5 and first != second:
                    ledger.reshape(Merge("category", (first.id,), second.id))
                else:
                    ledger.reshape(Rename("category", first.id, new_id=f"new-{step}"))


@settings(max_examples=8)
@given(st.integers(0, 10_000))
def test_what_is_imported_exports_the_same_and_answers_the_same(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("data")
    with (
        Tenants.open_folder(folder / "here", ENCODER) as here,
        Tenants.open_folder(folder / "there", ENCODER) as there,
    ):
        for tenants in (here, there):
            tenants.defer_upkeep()  # a head that is trained meanwhile would be of one of them alone
        live(here, "acme", seed)
        archive = exported(here, "acme")
        imported(there, archive, "other")
        again = exported(there, "other")
        expected, found = contents(archive), contents(again)
        for name in MEMBERS[1:-1]:
            assert found[name] == expected[name]
        assert json.loads(found["tenant.json"]) == {**json.loads(expected["tenant.json"]), "id": "other"}
    # As they are read from their stores.
    with (
        Tenants.open_folder(folder / "here", ENCODER) as here,
        Tenants.open_folder(folder / "there", ENCODER) as there,
        here.use("acme") as one,
        there.use("other") as other,
    ):
        assert_same_answers(one, other, Books(seed, payees=20))


def assert_same_answers(one: Ledger, other: Ledger, books: Books) -> None:
    for _ in range(20):
        asked = books.transaction()
        first, second = (
            ask(ledger, asked.payee, date=asked.date, amount=asked.amount, currency=asked.currency)
            for ledger in (one, other)
        )
        assert essence(first) == essence(second)
        assert first.revision == second.revision


def test_a_second_import_of_the_same_is_refused_and_changes_nothing(tenants: Tenants) -> None:
    live(tenants, "acme", 1)
    archive = exported(tenants, "acme")
    with pytest.raises(TenantExists):
        imported(tenants, archive)
    tenants.delete("acme")
    imported(tenants, archive)
    assert contents(exported(tenants, "acme")).keys() == {*MEMBERS, "manifest.json"}


def test_an_imported_tenant_goes_on_learning_and_remembers_its_requests(tenants: Tenants) -> None:
    tenants.create("acme")
    books = Books(3)
    lesson = [books.item("1"), books.item("2")]
    with tenants.use("acme") as ledger:
        first = ledger.learn(lesson, "once")
    imported(tenants, exported(tenants, "acme"), "b")
    with tenants.use("b") as ledger:
        assert ledger.learn(lesson, "once") == first
        assert ledger.learn([books.item("3")]).revision == first.revision + 1
        assert ledger.forget(["1"]).forgotten == 1


def test_with_another_encoder_texts_are_made_anew(tenants: Tenants, tmp_path: Path) -> None:
    live(tenants, "acme", 2)
    archive = exported(tenants, "acme")
    with Tenants.open_folder(tmp_path / "other", HashingEncoder(128)) as others:
        imported(others, archive)
        assert others.record("acme").encoder_fingerprint == HashingEncoder(128).fingerprint
        with others.use("acme") as ledger, tenants.use("acme") as original:
            assert len(ledger.view.index.matrix) == len(original.view.index.matrix)
            assert ask(ledger, "Corner Bakery").neighbours


def test_an_export_ends_when_what_it_shows_is_forgotten(tenants: Tenants) -> None:
    live(tenants, "acme", 4)
    with tenants.use("acme") as ledger, ledger.store.everything(1) as everything:
        pieces = archived(everything)
        for _ in range(5):
            next(pieces)
        entry = ledger.store.entries_after(-1, 1)[0]
        ledger.forget([entry.transaction.id])
        with pytest.raises(PreconditionFailed, match="forgotten during the export"):
            list(pieces)


# --- What is refused ---


@pytest.fixture
def archive(tenants: Tenants) -> bytes:
    """Of a tenant that is not there any more."""
    tenants.create("acme", "Acme", Policy(), [Category("food"), Category("old")])
    books = Books(1)
    with tenants.use("acme") as ledger:
        for number in range(30):
            ledger.learn([books.item(str(number))], f"request-{number}")
        ledger.reshape(Merge("category", ("old",), "food"))
        ledger.testify(testimony.Testimony("q", "corner", "category", 0, 0.25, "m", "", 1))
    made = exported(tenants, "acme")
    tenants.delete("acme")
    return made


def refusal(tenants: Tenants, archive: bytes) -> LikewiseError:
    with pytest.raises((InvalidInput, LimitReached)) as caught:
        imported(tenants, archive)
    assert tenants.ids() == []
    assert list((tenants._folder.root / "aside").iterdir()) == []
    error = caught.value
    assert isinstance(error, LikewiseError)
    return error


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("tenant.json", lambda r: r.update(display_name=None), "tenant.json: display_name"),
        ("tenant.json", lambda r: r.update(display_name="x" * 300), "display_name"),
        ("tenant.json", lambda r: r.update(target_precision=2.0), "target_precision"),
        ("tenant.json", lambda r: r.update(target_precision=float("nan")), "target_precision"),
        ("tenant.json", lambda r: r.update(revision=-1), "revision"),
        ("tenant.json", lambda r: r.update(revision=2**80), "revision"),
        ("tenant.json", lambda r: r.update(revision=True), "revision"),
        ("tenant.json", lambda r: r.update(created="yesterday"), "created"),
        ("tenant.json", lambda r: r.update(id=""), "tenant"),
        ("tenant.json", lambda r: r.update(id="a\nb"), "tenant"),
        ("chart.ndjson", lambda r: r.update(description="x" * 3_000), "chart[0].description"),
        ("chart.ndjson", lambda r: r.update(merged_into="food"), "merged_into"),
        ("chart.ndjson", lambda r: r.update(merged_into="nothing"), "merged_into"),
        ("chart.ndjson", lambda r: r.update(former_ids=["old"]), "gives one id to two"),
        ("chart.ndjson", lambda r: r.update(former_ids=["x" * 129]), "former_ids"),
        ("chart.ndjson", lambda r: r.update(former_ids=[str(n) for n in range(99)]), "former_ids"),
        ("chart.ndjson", lambda r: r.update(former_ids=[1]), "former_ids"),
        ("chart.ndjson", lambda r: r.update(id="old"), "chart"),
        ("entries.ndjson", lambda r: r.update(id=""), "entries[0].transaction.id"),
        ("entries.ndjson", lambda r: r.update(id="1"), "of another entry"),
        ("entries.ndjson", lambda r: r.update(payee="x" * 600), "entries[0].transaction.payee"),
        ("entries.ndjson", lambda r: r.update(payee="a\ud800"), "lone surrogate"),
        ("entries.ndjson", lambda r: r.update(payee="another"), "another wording"),
        ("entries.ndjson", lambda r: r.update(amount="1E+999999"), "amount"),
        ("entries.ndjson", lambda r: r.update(amount="NaN"), "amount"),
        ("entries.ndjson", lambda r: r.update(amount="1.1.1"), "line 1: amount"),
        ("entries.ndjson", lambda r: r.update(date="2024-13-01"), "line 1: date"),
        ("entries.ndjson", lambda r: r.update(date="1066-10-14"), "date"),
        ("entries.ndjson", lambda r: r.update(date="2024-02-02", counts_for="2024-02-03"), "counts_for"),
        ("entries.ndjson", lambda r: r.update(direction="UP"), "direction"),
        ("entries.ndjson", lambda r: r.update(fields={"a": 1}), "fields"),
        ("entries.ndjson", lambda r: r.update(labels={}), "labels"),
        ("entries.ndjson", lambda r: r.update(labels={"category": "food"}), "labels"),
        ("entries.ndjson", lambda r: r["labels"]["category"].update(category="none"), "no category of the"),
        ("entries.ndjson", lambda r: r["labels"]["category"].update(category="old"), "merged into another"),
        ("entries.ndjson", lambda r: r["labels"]["category"].update(authority="GOD"), "authority"),
        ("entries.ndjson", lambda r: r.update(revision=99), "entries[0].revision"),
        ("entries.ndjson", lambda r: r.update(text=-1), "entries[0].text"),
        ("entries.ndjson", lambda r: r.update(text=2**62), "entries[0].text"),
        ("entries.ndjson", lambda r: r.update(payee_number=2.5), "payee_number"),
        ("corrections.ndjson", lambda r: r.update(transaction_id="none"), "corrections[0].transaction_id"),
        ("corrections.ndjson", lambda r: r.update(label="x" * 200), "corrections[0]"),
        ("outcomes.ndjson", lambda r: r.update(transaction_id="none"), "outcomes[0].transaction_id"),
        ("outcomes.ndjson", lambda r: r.update(probability=1.5), "outcomes[0]"),
        ("outcomes.ndjson", lambda r: r.update(probability=float("nan")), "outcomes[0]"),
        ("outcomes.ndjson", lambda r: r.update(predicted="none"), "no category of the chart"),
        ("testimonies.ndjson", lambda r: r.update(category="none"), "no category of the chart"),
        ("testimonies.ndjson", lambda r: r.update(dimension="other"), "no category of the chart"),
        ("testimonies.ndjson", lambda r: r.update(text="x" * 400), "testimonies[0]"),
        ("testimonies.ndjson", lambda r: r.update(model="a\ud800"), "testimonies[0]"),
        ("testimonies.ndjson", lambda r: r.update(expected=1.5), "testimonies[0]"),
        ("testimonies.ndjson", lambda r: r.update(expected=float("nan")), "testimonies[0]"),
        ("testimonies.ndjson", lambda r: r.update(revision=99), "testimonies[0]"),
        ("requests.ndjson", lambda r: r.update(key="x" * 200), "requests[0].key"),
        ("requests.ndjson", lambda r: r.update(digest="zz"), "digest"),
        ("requests.ndjson", lambda r: r.update(digest="00" * 100), "digest"),
        ("requests.ndjson", lambda r: r.update(outcome="no json"), "requests[0].outcome"),
        ("requests.ndjson", lambda r: r.update(outcome="[" * 1_000), "requests[0].outcome"),
        ("requests.ndjson", lambda r: r.update(outcome='{"revision":1}' + " " * 2_000), "at most 1024"),
        ("requests.ndjson", lambda r: r.update(outcome='{"revision":1,"a":"\ud800"}'), "lone surrogate"),
        ("requests.ndjson", lambda r: r.update(outcome='{"revision":1,"payee":"Anna"}'), "of no kind"),
        ("requests.ndjson", lambda r: r.update(outcome='{"revision":1e400}'), "revision"),
        ("requests.ndjson", lambda r: r.update(outcome='{"revision":1,"created":-5}'), "created"),
        (
            "requests.ndjson",
            lambda r: r.update(outcome='{"revision":1,"erased":"x","receipt":null}'),
            "of no kind",
        ),
    ],
)
def test_a_record_that_cannot_be_is_refused_where_it_is(
    tenants: Tenants, archive: bytes, name: str, change: Callable[[Any], object], message: str
) -> None:
    assert message in refusal(tenants, changed(archive, name, change)).message


def test_records_that_come_twice_are_refused(tenants: Tenants, archive: bytes) -> None:
    for name, where in (
        ("outcomes", "the second of its kind"),
        ("requests", "another one"),
        ("entries", "another"),
    ):
        members = contents(archive)
        lines = members[f"{name}.ndjson"].splitlines(keepends=True)
        members[f"{name}.ndjson"] += lines[0]
        assert where in refusal(tenants, packed(members)).message


def test_corrections_have_a_bound(tenants: Tenants, archive: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CORRECTIONS_PER_ENTRY_MAX", 5)
    members = contents(archive)
    members["corrections.ndjson"] = 6 * members["corrections.ndjson"].splitlines(keepends=True)[0]
    refused = refusal(tenants, packed(members))
    assert isinstance(refused, LimitReached)
    assert refused.metadata["limit"] == "CORRECTIONS_PER_ENTRY_MAX"


def test_what_is_remembered_of_a_request_is_written_anew(tenants: Tenants, archive: bytes) -> None:
    outcome = '{"revision" : 1, "created": 7, "created": 2}'
    imported(tenants, changed(archive, "requests.ndjson", lambda r: r.update(outcome=outcome)), "copy")
    first = json.loads(contents(exported(tenants, "copy"))["requests.ndjson"].splitlines()[0])
    assert first["outcome"] == LearnOutcome(1, created=2).to_json()


@pytest.mark.parametrize("outcome", ['{"revision":1,"erased":"x","receipt":null}', "null", "none", "[]"])
def test_whatever_is_remembered_that_is_no_outcome_of_a_kind_is_told(tenants: Tenants, outcome: str) -> None:
    tenants.create("acme")
    with tenants.use("acme") as ledger:
        assert isinstance(ledger.store, SqliteStore)
        with ledger.store.writing():
            ledger.store.remember([RequestRecord(request_key("one"), NO_CONTENT, outcome)])
        with pytest.raises(RequestIdReused):
            remembered(ledger.store, "one", b"digest", PurgeOutcome.from_json)


def test_damage_is_told_from_what_was_written(tenants: Tenants, archive: bytes) -> None:
    members = contents(archive)
    members["entries.ndjson"] = members["entries.ndjson"].replace(b"PERSON", b"MACHINE", 1)
    assert "entries.ndjson: is damaged" in refusal(tenants, packed(members, states=False)).message
    rng, refused = random.Random(1), 0
    for _ in range(60):
        flipped = bytearray(archive)
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
        try:
            imported(tenants, bytes(flipped), "x")
        except (InvalidInput, LimitReached):
            refused += 1
        else:  # of a member's date, say
            assert contents(exported(tenants, "x"))["entries.ndjson"] == members_of(archive)
            tenants.delete("x")
    assert refused > 40
    for kept_bytes in range(0, len(archive), len(archive) // 30):
        refusal(tenants, archive[:kept_bytes])


def members_of(archive: bytes) -> bytes:
    return contents(archive)["entries.ndjson"]


def test_other_members_and_formats_are_refused(tenants: Tenants, archive: bytes) -> None:
    members = contents(archive)
    assert "members" in refusal(tenants, packed({**members, "../../evil": b"x"})).message
    fewer = {name: content for name, content in members.items() if name != "audit.ndjson"}
    assert "members" in refusal(tenants, packed(fewer, states=False)).message
    manifest = json.loads(members["manifest.json"])
    wrongs: list[dict[str, object]] = [{"format": 3}, {"format": "1"}, {"files": []}, {"files": {}}]
    for wrong in wrongs:
        content = json.dumps({**manifest, **wrong}).encode()
        refused = refusal(tenants, packed({**members, "manifest.json": content}, states=False))
        assert "manifest.json" in refused.message
    refusal(tenants, b"")
    refusal(tenants, b"PK\5\6" + b"\0" * 18)
    refusal(tenants, b"\0" * 10_000)


def test_bombs_are_refused_before_they_go_off(
    tenants: Tenants, archive: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = contents(archive)
    bomb = packed({**members, "entries.ndjson": b" " * 50_000_000 + b"\n"})
    assert "longer than any record" in refusal(tenants, bomb).message
    deep = packed({**members, "chart.ndjson": b"[" * 500_000 + b"\n"})
    assert "is no JSON" in refusal(tenants, deep).message
    many = {f"member-{number}": b"" for number in range(3_000)}
    assert "more members" in refusal(tenants, packed({**members, **many})).message
    with monkeypatch.context() as patched:
        patched.setattr(limits, "PORTABLE_FILE_BYTES_MAX", 1_000)
        assert "claims to be larger" in refusal(tenants, archive).message
    with monkeypatch.context() as patched:
        patched.setattr(limits, "PORTABLE_BYTES_MAX", 1_000)
        assert "at most 1000" in refusal(tenants, archive).message
    with monkeypatch.context() as patched:
        patched.setattr(limits, "TENANT_LABELS_MAX", 10)
        assert refusal(tenants, archive).metadata["limit"] == "TENANT_LABELS_MAX"


def test_a_zip_file_that_leads_to_another_list_is_refused(tenants: Tenants, archive: bytes) -> None:
    end = archive.rindex(b"PK\5\6")
    locator = b"PK\6\7" + b"\0" * 16
    assert "no zip file of ours" in refusal(tenants, archive[:end] + locator + archive[end:]).message


# --- Through a server ---


def test_a_tenant_goes_from_one_server_to_another(client: likewise.Client, cafe: str) -> None:
    client.learn(cafe, [likewise.labelled(likewise.transaction(id="z", payee="HOTEL"), "travel")])
    chunks = list(client.export_tenant(cafe))
    created = client.import_tenant("copy", iter(chunks))
    assert (created.id, created.display_name, created.statistics.labels) == ("copy", "Café am Eck", 6)
    assert list(client.export_transactions("copy")) == list(client.export_transactions(cafe))
    asked = likewise.transaction(payee="TESCO STORES 2231", amount="-10", currency="GBP")
    one, other = (client.classify(tenant, asked).answers for tenant in (cafe, "copy"))
    assert list(one) == list(other)


def test_the_asynchronous_client_does_the_same(server: Server, client: likewise.Client, cafe: str) -> None:
    async def move() -> None:
        async with likewise.AsyncClient(server.address) as asynchronous:
            chunks = [chunk async for chunk in asynchronous.export_tenant(cafe)]
            assert (await asynchronous.import_tenant("copy", chunks)).id == "copy"

    asyncio.run(move())
    assert client.get_tenant("copy").statistics.labels == 5


def test_wrong_files_are_the_callers_mistake(client: likewise.Client, cafe: str) -> None:
    whole = b"".join(client.export_tenant(cafe))
    for tenant, chunks in (("copy", [whole[:-5]]), ("copy", []), ("", [whole])):
        with pytest.raises(likewise.InvalidRequest):
            client.import_tenant(tenant, chunks)
    with pytest.raises(likewise.AlreadyExists):
        client.import_tenant(cafe, [whole])
    with pytest.raises(likewise.NotFound):
        list(client.export_tenant("nobody"))
    with pytest.raises(TypeError):
        client.import_tenant("copy", ["text"])  # type: ignore[list-item]
    assert [tenant.id for tenant in client.list_tenants()] == [cafe]


def test_a_large_file_goes_in_chunks(
    client: likewise.Client, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("likewise.exchange.CHUNK_BYTES", 1_000)
    monkeypatch.setattr("likewise_server.service.portable._IN_MEMORY_BYTES", 4_000)
    monkeypatch.setattr(limits, "PORTABLE_CHUNK_BYTES", 2_000)
    client.create_tenant(likewise.Tenant(id="large"))
    rows = (
        likewise.labelled(
            likewise.transaction(id=str(n), payee=hashlib.sha256(b"%d" % n).hexdigest()), "food"
        )
        for n in range(1_000)
    )
    client.import_transactions("large", rows)
    assert len(chunks := list(client.export_tenant("large"))) > 2
    assert client.import_tenant("copy", chunks).statistics.labels == 1_000
    assert list((data_folder / "aside").iterdir()) == []


def test_the_commands_export_and_import(
    server: Server, client: likewise.Client, cafe: str, tmp_path: Path, serve: Serve
) -> None:
    def run(*arguments: str) -> Any:
        return RUNNER.invoke(app, ["tenants", *arguments, "--server", server.address])

    out = tmp_path / "cafe.zip"
    (tmp_path / ".cafe.zip.unfinished").touch(0o644)  # of a command that was killed
    assert run("export", cafe, "--everything").exit_code == 2
    told = run("export", cafe, "--everything", "--out", str(out))
    assert told.exit_code == 0, told.output
    assert out.stat().st_mode & 0o077 == 0
    assert "is there already" in run("export", cafe, "--everything", "-o", str(out)).stderr
    assert run("export", "nobody", "--everything", "-o", str(tmp_path / "no.zip")).exit_code == 1
    assert [path.name for path in tmp_path.glob("*.zip")] == ["cafe.zip"]
    assert "exists already" in run("import", str(out)).stderr
    told = run("import", str(out), "--as", "again")
    assert told.stdout == "Imported 'again' with 5 labelled transactions.\n"
    client.delete_tenant(cafe)
    assert "Imported 'cafe'" in run("import", str(out)).stdout
    (tmp_path / "bad").write_bytes(b"nothing")
    assert run("import", str(tmp_path / "bad")).exit_code == 1
