"""``likewise check``: what is wrong with a data folder is named, and what is derived is made anew."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine_world import ALL_NEIGHBOURS, labelled
from likewise_engine.cache_file import GRAPH_NAME, HEADS_NAME, SNAPSHOT_NAME
from likewise_engine.encoder import load_encoder
from likewise_engine.errors import StoreCorrupt
from likewise_engine.folder import STORE_NAME, DataFolder
from likewise_engine.keys import KEY_NAME
from likewise_engine.store.connection import Connection, connect
from likewise_engine.store.mark import MARK_NAME
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import Transaction
from likewise_server.cli.app import app

RUNNER = CliRunner(env={"COLUMNS": "120"})
ENCODER = load_encoder(None)
QUESTION = Transaction(payee="Corner Bakery")


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of two tenants, one with all caches."""
    data = tmp_path_factory.mktemp("taught") / "data"
    with Tenants.open_folder(data, ENCODER) as tenants:
        for tenant in ("acme", "Zoë & Co"):
            tenants.create(tenant)
            with tenants.use(tenant) as ledger:
                items = [
                    labelled(f"t{n}", f"{'Corner Bakery' if n % 2 else 'City Energy'}") for n in range(9)
                ]
                ledger.learn([*items, labelled("p", "Nord Rail", "travel", predicted={"category": "food"})])
        with tenants.use("acme") as ledger:
            ledger.build_graph()
            ledger.train_heads()
            ledger.save_snapshot()
    return data


@pytest.fixture
def data(taught: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(taught, tmp_path / "data"))


def folder_of(data: Path, tenant: str = "acme") -> Path:
    (folder,) = data.glob(f"tenants/*/{tenant}")
    return folder


def check(data: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the document of a check."""
    ran = RUNNER.invoke(app, ["check", "--data", str(data), "--json", *arguments])
    return ran.exit_code, json.loads(ran.stdout)


def found(data: Path, *arguments: str) -> list[tuple[str, str, str, int]]:
    """What a check finds: severity, name of the file, table, count."""
    findings = check(data, *arguments)[1]["findings"]
    return [(f["severity"], Path(f["path"]).name, f["table"], f["count"]) for f in findings]


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)


@contextmanager
def store_of(data: Path) -> Iterator[Connection]:
    """The tables of a tenant's store, to be changed behind its back."""
    with closing(DataFolder(data)) as folder:
        path, key = folder.store_path("acme"), folder.key_of("acme")
    with closing(connect(path, key.of_pages())) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        yield connection


def test_a_sound_folder_is_sound(data: Path) -> None:
    status, document = check(data, "--deep")
    assert (status, document["findings"], document["tenants"]) == (0, [], 2)
    shown = RUNNER.invoke(app, ["check", "--data", str(data)])
    assert "Checked 2 tenants: all is sound." in shown.stdout


def test_a_folder_or_a_tenant_that_is_not_there_is_a_mistake_in_the_call(data: Path, tmp_path: Path) -> None:
    assert RUNNER.invoke(app, ["check", "--data", str(tmp_path / "none")]).exit_code == 2
    ran = RUNNER.invoke(app, ["check", "--data", str(data), "--tenant", "nobody"])
    assert (ran.exit_code, "nobody" in ran.stderr) == (2, True)


def test_a_folder_in_use_is_left_alone(data: Path) -> None:
    folder = DataFolder(data)
    ran = RUNNER.invoke(app, ["check", "--data", str(data)])
    folder.close()
    assert (ran.exit_code, "another process uses" in ran.stderr) == (1, True)


@pytest.mark.parametrize("name", [GRAPH_NAME, HEADS_NAME, SNAPSHOT_NAME])
@pytest.mark.parametrize("suffix", ["", ".json"])
def test_a_damaged_cache_is_found_and_made_anew(data: Path, name: str, suffix: str) -> None:
    flip(folder_of(data) / f"{name}{suffix}", 40)
    assert found(data, "--tenant", "acme") == [("derived", name, "", 0)]
    assert found(data, "--tenant", "Zoë & Co") == []
    status, document = check(data, "--repair")
    assert (status, document["findings"], document["repaired"]) == (0, [], ["acme"])
    assert (folder_of(data) / HEADS_NAME).exists()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        ("UPDATE entries SET text = 99 WHERE seq = 3", ("derived", "entries", 1)),
        ("INSERT INTO texts SELECT 99, 'orphan', vector FROM texts LIMIT 1", ("derived", "texts", 1)),
        ("INSERT INTO payees VALUES (99, 'orphan')", ("derived", "payees", 1)),
        ("UPDATE texts SET text = 'city energy ltd' WHERE text = 'city energy'", ("derived", "texts", 5)),
        ("UPDATE texts SET vector = zeroblob(length(vector)) WHERE id = 1", ("derived", "texts", 1)),
        ("UPDATE journal SET last_text = 0", ("derived", "journal", 1)),
        ("UPDATE journal SET dropped_outcomes = '[' WHERE position = 2", ("derived", "journal", 1)),
        ("DELETE FROM journal WHERE position = 2", ("derived", "journal", 1)),
        ("INSERT INTO outcomes VALUES (99, 'nobody', 0, .5, 0)", ("derived", "outcomes", 1)),
        (
            "INSERT INTO testimonies VALUES (1, '', 'x', 'category', 0, 2, 'm', '', 0, NULL)",
            ("derived", "testimonies", 1),
        ),
        (
            "INSERT INTO testimonies VALUES (1, '', 'x', 'another', NULL, .5, 'm', '', 0, 0)",
            ("derived", "testimonies", 1),
        ),
        ("INSERT INTO next_vectors VALUES (1, x'00')", ("derived", "next_vectors", 1)),
        ("UPDATE labels SET authority = 7 WHERE seq = 2", ("damage", "labels", 1)),
        ("DELETE FROM labels WHERE seq = 2", ("damage", "entries", 1)),
        ("UPDATE entries SET day = 3000000000 WHERE seq = 4", ("damage", "entries", 1)),
        ("UPDATE entries SET fields = '{' WHERE seq IN (4, 5)", ("damage", "entries", 2)),
        ("UPDATE entries SET currency = 'eur' WHERE seq = 4", ("damage", "entries", 1)),
        ("UPDATE entries SET revision = 9 WHERE seq = 4", ("damage", "entries", 1)),
        ("UPDATE corrections SET transaction_id = 'nobody'", ("damage", "corrections", 1)),
        ("UPDATE tenant SET tenant = 'acne'", ("damage", "tenant", 1)),
        ("UPDATE tenant SET target_precision = 7", ("damage", "tenant", 1)),
    ],
)
def test_what_does_not_fit_in_a_store_is_found(data: Path, damage: str, expected: tuple[Any, ...]) -> None:
    with store_of(data) as connection:
        connection.execute(damage)
    severity, table, count = expected
    assert (severity, STORE_NAME, table, count) in found(data)
    status, document = check(data, "--repair")
    assert status == (1 if severity == "damage" else 0), document
    if severity == "derived":
        with Tenants.open_folder(data, ENCODER) as tenants, tenants.use("acme") as ledger:
            answer = ledger.classify(QUESTION, ALL_NEIGHBOURS)
            assert answer.answers[0].candidates[0].category == "food"
            assert ledger.store.statistics().labels == 10


def test_damaged_pages_are_reported_with_the_tables_that_they_affect(data: Path) -> None:
    with store_of(data) as connection:
        pages = "SELECT rootpage FROM sqlite_schema WHERE name IN ('entries', 'texts')"
        damaged = [page for (page,) in connection.execute(pages)]
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    with (folder_of(data) / STORE_NAME).open("r+b") as file:
        for page in damaged:
            file.seek((page - 1) * page_bytes)
            file.write(bytes(page_bytes))
    status, document = check(data)
    assert status == 1
    assert {f["severity"] for f in document["findings"]} == {"damage"}
    assert {f["table"] for f in document["findings"]} >= {"entries", "texts"}
    assert {f["tenant"] for f in document["findings"]} == {"acme"}


def test_a_log_that_is_damaged_in_the_midst_is_reported_and_kept(taught: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    served = Path(shutil.copytree(taught, tmp_path / "served"))
    with Tenants.open_folder(served, ENCODER) as tenants, tenants.use("acme") as ledger:
        for number in range(3):
            ledger.learn([labelled(f"new-{number}")])
        shutil.copytree(served, data)
    log = folder_of(data) / f"{STORE_NAME}-wal"
    flip(log, 32 + 24 + 100)
    before = log.read_bytes()
    (finding,) = check(data)[1]["findings"]
    assert (finding["severity"], Path(finding["path"]).name) == ("damage", log.name)
    assert "damaged in frame 1: 3 commits" in finding["message"]
    assert log.read_bytes() == before


def test_a_lost_log_is_missed(taught: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    served = Path(shutil.copytree(taught, tmp_path / "served"))
    with Tenants.open_folder(served, ENCODER) as tenants, tenants.use("acme") as ledger:
        ledger.learn([labelled("new")])
        shutil.copytree(served, data)
    (folder_of(data) / f"{STORE_NAME}-wal").unlink()
    (finding,) = check(data)[1]["findings"]
    assert (finding["severity"], "were acknowledged" in finding["message"]) == ("damage", True)


def test_a_damaged_mark_is_made_anew(data: Path) -> None:
    flip(folder_of(data) / MARK_NAME, 3)
    assert found(data) == [("derived", MARK_NAME, "", 0)]
    assert check(data, "--repair")[0] == 0


def test_what_is_strange_about_the_layout_is_reported_and_left(data: Path) -> None:
    acme = folder_of(data)
    (data / "notes.txt").write_text("mine")
    (acme / "old.sqlite3").write_text("mine")
    (acme / STORE_NAME).chmod(0o644)
    (acme / f"{GRAPH_NAME}.new").write_text("cut short")
    (data / "tenants" / "00").mkdir(exist_ok=True)
    shutil.copytree(acme, data / "tenants" / "00" / "acme")
    (acme.parent / "empty").mkdir()
    (data / "aside" / "left").mkdir()
    assert sorted((severity, name) for severity, name, _, _ in found(data)) == [
        ("damage", "acme"),
        ("damage", "empty"),
        ("derived", f"{GRAPH_NAME}.new"),
        ("note", "left"),
        ("strange", STORE_NAME),
        ("strange", "notes.txt"),
        ("strange", "old.sqlite3"),
    ]
    check(data, "--repair")
    assert (data / "notes.txt").exists()
    assert (acme / "old.sqlite3").exists()


def test_a_damaged_audit_trail_is_reported_and_keeps_nobody_from_being_served(data: Path) -> None:
    flip(data / "audit.sqlite3", 5_000)
    assert found(data) == [("damage", "audit.sqlite3", "", 0)]
    with Tenants.open_folder(data, ENCODER) as tenants:
        with tenants.use("acme") as ledger:
            assert ledger.classify(QUESTION, ALL_NEIGHBOURS).answers[0].candidates[0].category == "food"
        with pytest.raises(StoreCorrupt):
            tenants.delete("acme")


def test_a_damaged_key_is_reported_with_whose_it_is(data: Path) -> None:
    flip(folder_of(data) / KEY_NAME, 60)
    (finding,) = check(data)[1]["findings"]
    assert (finding["severity"], finding["tenant"]) == ("damage", "acme")
    assert "backup" in finding["remedy"]


def test_damaged_tokens_are_reported(data: Path) -> None:
    made = ["token", "create", "--data", str(data), "--tenant", "acme", "--scope", "classify"]
    assert RUNNER.invoke(app, made).exit_code == 0
    assert found(data) == []
    flip(data / "access" / "tokens.json", 90)
    assert found(data) == [("damage", "tokens.json", "", 0)]
