"""``likewise backup``: consistent, beside whoever uses the folder, whole or not at all."""

import re
import subprocess
import threading
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

import likewise
from access_world import secret_of
from backup_world import damage, entries_of, fill, learn, manifest_of, open_tenants, raw_store_of, store_of
from conftest import LIKEWISE
from engine_world import bytes_on_disk, labelled
from likewise_engine.backup import back_up, restore, verify
from likewise_engine.errors import (
    BackupRefused,
    InvalidInput,
    LikewiseError,
    PreconditionFailed,
    TenantNotFound,
)
from likewise_server.cli.app import app

RUNNER = CliRunner(env={"COLUMNS": "120"})
NAMES = ("acme", "../escape", "Café", "🍞" * 20)


@pytest.mark.parametrize("name", ["out", "out.tar", "out.tar.gz", "out.tgz"])
def test_what_is_restored_is_what_was_backed_up(tmp_path: Path, name: str) -> None:
    fill(tmp_path / "data", *NAMES)
    made = back_up(tmp_path / "data", tmp_path / name)
    assert [told.tenant for told in made.manifest.tenants] == sorted(NAMES)
    assert {(told.revision, told.labels) for told in made.manifest.tenants} == {(1, 20)}
    report = restore(tmp_path / name, tmp_path / "restored")
    assert (len(report.tenants), report.refused) == (len(NAMES), {})
    for tenant in NAMES:
        assert entries_of(tmp_path / "restored", tenant) == entries_of(tmp_path / "data", tenant)
    assert {path.name for path in tmp_path.iterdir()} == {"data", name, "restored"}


def test_a_backup_is_its_owners_alone(tmp_path: Path) -> None:
    fill(tmp_path / "data", "acme")
    for name in ("out", "out.tar"):
        back_up(tmp_path / "data", tmp_path / name)
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_each_backup_beside_a_server_that_learns_is_of_one_revision(tmp_path: Path, workers: int) -> None:
    data = tmp_path / "data"
    process = subprocess.Popen(
        [*LIKEWISE, "serve", "--data", str(data), "--listen", "127.0.0.1:0", "--workers", str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = re.split(r"\s", process.stdout.readline().strip())[-1]
        stop, acknowledged = threading.Event(), list[int]()
        with likewise.Client(address) as client:
            client.create_tenant(likewise.Tenant(id="acme"))

            def teach() -> None:
                while not stop.is_set():
                    item = likewise.transaction(id=str(len(acknowledged)), payee="Corner Bakery")
                    acknowledged.append(client.learn("acme", [likewise.labelled(item, "food")]).revision)

            teacher = threading.Thread(target=teach)
            teacher.start()
            known = []
            for number in range(5):
                known.append(len(acknowledged))
                back_up(data, tmp_path / f"out{number}")
            stop.set()
            teacher.join()
    finally:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    for number, acknowledged_before in enumerate(known):
        (told,) = manifest_of(tmp_path / f"out{number}").tenants
        entries = entries_of(tmp_path / f"out{number}", "acme")
        # Each lesson had one transaction, so a revision says which there are.
        assert [entry.transaction.id for entry in entries] == [str(n) for n in range(told.revision)]
        assert told.labels == told.revision >= acknowledged_before
    assert acknowledged == list(range(1, len(acknowledged) + 1))


def test_tenants_that_are_deleted_meanwhile_are_left_out_and_named(tmp_path: Path) -> None:
    fill(tmp_path / "data", "a", "b", "c")
    with open_tenants(tmp_path / "data") as tenants:

        def delete(done: int, total: int) -> None:
            assert total == 3
            if done == 1:  # "a" is copied, "b" is not
                tenants.delete("a")
                tenants.delete("b")
                tenants.create("d")

        made = back_up(tmp_path / "data", tmp_path / "out", progress=delete)
    assert [told.tenant for told in made.manifest.tenants] == ["c"]
    assert made.manifest.left_out == dict.fromkeys("ab", "deleted while the backup was made")
    assert made.faults == []
    assert b"a-19" not in bytes_on_disk(tmp_path / "out")


def test_a_damaged_tenant_is_named_and_does_not_keep_the_others_out(tmp_path: Path) -> None:
    fill(tmp_path / "data", "bad", "good")
    store_of(tmp_path / "data", "bad").write_bytes(b"no database" * 1_000)
    outcome = RUNNER.invoke(app, ["backup", str(tmp_path / "out"), "--data", str(tmp_path / "data")])
    assert outcome.exit_code == 1
    assert "Left out: bad: the store is damaged" in outcome.stderr
    assert "Backed up 1 tenant," in outcome.stdout
    assert [told.tenant for told in manifest_of(tmp_path / "out").tenants] == ["good"]


def test_a_store_in_the_wrong_place_is_left_out(tmp_path: Path) -> None:
    fill(tmp_path / "data", "mine", "yours")
    mine, yours = (store_of(tmp_path / "data", tenant).parent for tenant in ("mine", "yours"))
    for name in ("ledger.sqlite3", "store.key"):
        (yours / name).replace(mine / name)
    with open_tenants(tmp_path / "data"):
        pass
    made = back_up(tmp_path / "data", tmp_path / "out")
    assert "says that it is that of 'yours'" in made.manifest.left_out["mine"]


def test_what_was_forgotten_is_in_no_later_backup_though_it_was_not_purged(tmp_path: Path) -> None:
    data = tmp_path / "data"
    fill(data, "acme")
    learn(data, "acme", "secret", payee="Zanzibar Clinic")
    back_up(data, tmp_path / "before")
    # As a crash leaves it that comes between the commit that forgets and the purge.
    with closing(raw_store_of(data, "acme")) as connection:
        connection.execute("DELETE FROM entries WHERE transaction_id = 'secret'")
        connection.execute("DELETE FROM texts WHERE text LIKE '%zanzibar%'")
        connection.execute("DELETE FROM payees WHERE payee LIKE '%zanzibar%'")
        connection.execute("UPDATE tenant SET is_purge_due = 1")
    back_up(data, tmp_path / "after")
    assert b"anzibar" in bytes_on_disk(tmp_path / "before")
    assert b"anzibar" not in bytes_on_disk(tmp_path / "after")


def test_caches_are_left_out_and_made_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    fill(data, "acme", labels=600)
    with open_tenants(data) as tenants:
        with tenants.use("acme"):
            pass
        tenants.settle()
    assert len(list(store_of(data, "acme").parent.iterdir())) > 2
    back_up(data, tmp_path / "out")
    left = {path.name for path in store_of(tmp_path / "out", "acme").parent.iterdir()}
    assert left == {"ledger.sqlite3", "store.key"}


def test_what_has_not_changed_since_is_shared_with_the_earlier_backup(tmp_path: Path) -> None:
    data = tmp_path / "data"
    fill(data, "changed", "damaged", "same")
    back_up(data, tmp_path / "one")
    learn(data, "changed", "new")
    damage(store_of(tmp_path / "one", "damaged"), 5_000)
    made = back_up(data, tmp_path / "two", since=tmp_path / "one")
    assert (made.reused, made.faults) == (1, [])

    def is_shared(tenant: str) -> bool:
        return store_of(tmp_path / "one", tenant).samefile(store_of(tmp_path / "two", tenant))

    assert [is_shared(tenant) for tenant in ("changed", "damaged", "same")] == [False, False, True]
    assert verify(tmp_path / "two").refused == {}
    assert len(entries_of(tmp_path / "two", "changed")) == 21


def test_a_copy_that_learned_other_things_is_not_taken_for_the_same(tmp_path: Path) -> None:
    fill(tmp_path / "data", "acme")
    back_up(tmp_path / "data", tmp_path / "one")
    restore(tmp_path / "one", tmp_path / "other")
    learn(tmp_path / "data", "acme", "here")
    learn(tmp_path / "other", "acme", "there")
    back_up(tmp_path / "data", tmp_path / "two")
    assert back_up(tmp_path / "other", tmp_path / "three", since=tmp_path / "two").reused == 0


def test_some_tenants_alone(tmp_path: Path) -> None:
    fill(tmp_path / "data", "a", "b", "c")
    made = back_up(tmp_path / "data", tmp_path / "out", ["c", "a", "c"])
    assert [told.tenant for told in made.manifest.tenants] == ["a", "c"]


def test_what_cannot_be_is_refused_and_leaves_nothing_behind(tmp_path: Path) -> None:
    fill(tmp_path / "data", "acme")
    (tmp_path / "taken").mkdir()
    (tmp_path / "file").touch()
    refusals: list[tuple[type[LikewiseError], str, dict[str, object]]] = [
        (TenantNotFound, "out", {"tenants": ["nobody"]}),
        (PreconditionFailed, "taken", {}),
        (InvalidInput, "out.tar.zst", {}),
        (InvalidInput, "out.zip", {}),
        (BackupRefused, "out", {"since": tmp_path / "taken"}),
        (BackupRefused, "out", {"since": tmp_path / "file"}),
    ]
    before = sorted(tmp_path.iterdir())
    for kind, name, options in refusals:
        with pytest.raises(kind):
            back_up(tmp_path / "data", tmp_path / name, **options)  # type: ignore[arg-type]
    with pytest.raises(PreconditionFailed, match="no data folder"):
        back_up(tmp_path / "elsewhere", tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


def test_a_backup_that_breaks_off_is_not_there(tmp_path: Path) -> None:
    fill(tmp_path / "data", "a", "b")

    def break_off(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    for name in ("out", "out.tar"):
        with pytest.raises(KeyboardInterrupt):
            back_up(tmp_path / "data", tmp_path / name, progress=break_off)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_the_command_works_beside_a_server(client: likewise.Client, cafe: str, data_folder: Path) -> None:
    client.learn(cafe, [likewise.labelled(likewise.transaction(id="x", payee="Hotel"), "travel")])
    out = data_folder.parent / "out.tar.gz"
    outcome = RUNNER.invoke(app, ["backup", str(out), "--data", str(data_folder), "-t", cafe])
    assert outcome.exit_code == 0, outcome.output
    assert "Backed up 1 tenant," in outcome.stdout
    again = RUNNER.invoke(app, ["backup", str(out), "--data", str(data_folder)])
    assert again.exit_code == 1
    assert "not overwritten" in again.stderr
    shown = RUNNER.invoke(app, ["restore", str(out), "--verify"])
    assert (shown.exit_code, shown.stdout) == (0, "Verified 1 tenant.\n")
    assert "no tokens" not in shown.stderr


def test_a_restored_folder_has_no_tokens_and_the_command_says_so(
    cafe: str, data_folder: Path, tmp_path: Path
) -> None:
    secret_of(data_folder)
    out, anew = tmp_path / "out.tar", tmp_path / "anew"
    assert RUNNER.invoke(app, ["backup", str(out), "--data", str(data_folder)]).exit_code == 0
    restored = RUNNER.invoke(app, ["restore", str(out), "--data", str(anew)])
    assert restored.exit_code == 0, restored.output
    assert "--require-tokens" in restored.stderr
    secret_of(anew)
    again = RUNNER.invoke(app, ["restore", str(out), "--data", str(anew), "--replace"])
    assert again.exit_code == 0, again.output
    assert "--require-tokens" not in again.stderr


def test_a_lesson_goes_on_while_a_backup_reads(tmp_path: Path) -> None:
    fill(tmp_path / "data", "a", "b")
    with open_tenants(tmp_path / "data") as tenants:

        def teach(done: int, _total: int) -> None:
            with tenants.use("b") as ledger:
                ledger.learn([labelled(f"while-{done}")])

        back_up(tmp_path / "data", tmp_path / "out", progress=teach)
        with tenants.use("b") as ledger:
            assert ledger.view.revision == 3
    assert [told.revision for told in manifest_of(tmp_path / "out").tenants] == [1, 2]
