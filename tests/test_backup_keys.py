"""Keys that a master key wraps lie beside a backup: who destroys one erases the tenant from all backups."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backup_world import damage, entries_of, fill, key_of, store_of
from likewise_engine.backup import back_up, restore, verify
from likewise_engine.backup.keys_file import read_keys, write_keys
from likewise_engine.errors import BackupRefused, PreconditionFailed, StoreFault
from likewise_engine.keys import MasterKey, MasterKeys, write_master_keys
from likewise_engine.tenant_keys import TenantKeys
from likewise_server.cli.app import app

RUNNER = CliRunner(env={"COLUMNS": "120"})
NAMES = ("acme", "../escape", "Café", "🍞" * 20)


@pytest.fixture
def master(tmp_path: Path) -> Path:
    write_master_keys(tmp_path / "master.key", [MasterKey.new()])
    return tmp_path / "master.key"


@pytest.fixture
def wrapped(tmp_path: Path, master: Path) -> Path:
    """A backup of three tenants, whose keys lie beside it; the data folder is beside it too."""
    fill(tmp_path / "data", "a", "b", "c", master=master)
    back_up(tmp_path / "data", tmp_path / "wrapped", master_key_file=master)
    return tmp_path / "wrapped"


@pytest.mark.parametrize("name", ["out", "out.tar.gz"])
def test_wrapped_keys_lie_beside_the_backup_and_not_in_it(tmp_path: Path, master: Path, name: str) -> None:
    data = tmp_path / "data"
    fill(data, *NAMES, master=master)
    made = back_up(data, tmp_path / name, master_key_file=master)
    assert made.keys == tmp_path / f"{name}.keys"
    assert made.keys.stat().st_mode & 0o077 == 0
    assert {path.name for path in tmp_path.iterdir()} == {"data", "master.key", name, f"{name}.keys"}
    assert [len(told.files) for told in made.manifest.tenants] == [1] * len(NAMES)
    wrapped = read_keys(made.keys)
    for told in made.manifest.tenants:
        key = wrapped[told.tenant].key_file.opened(told.tenant, MasterKeys(master))
        assert key.id == told.key_id == wrapped[told.tenant].id
        assert key == key_of(data, told.tenant, master)
        assert key.secret.hex() not in made.keys.read_text()
    assert verify(tmp_path / name).refused == {}
    report = restore(tmp_path / name, tmp_path / "restored", master_key_file=master)
    assert (len(report.tenants), report.refused) == (len(NAMES), {})
    for tenant in NAMES:
        assert entries_of(tmp_path / "restored", tenant, master) == entries_of(data, tenant, master)


def test_keys_in_the_clear_stay_in_the_backup(tmp_path: Path) -> None:
    fill(tmp_path / "data", "acme")
    assert back_up(tmp_path / "data", tmp_path / "out").keys is None
    assert {path.name for path in tmp_path.iterdir()} == {"data", "out"}


def test_keys_are_not_overwritten_and_do_not_stay_without_their_backup(tmp_path: Path, master: Path) -> None:
    fill(tmp_path / "data", "acme", master=master)
    (tmp_path / "out.keys").write_text("precious")
    with pytest.raises(PreconditionFailed, match="not overwritten"):
        back_up(tmp_path / "data", tmp_path / "out", master_key_file=master)
    assert (tmp_path / "out.keys").read_text() == "precious"

    def take_its_place(_done: int, _total: int) -> None:
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "file").touch()

    with pytest.raises(StoreFault):
        back_up(tmp_path / "data", tmp_path / "other", master_key_file=master, progress=take_its_place)
    assert {path.name for path in tmp_path.iterdir()} == {"data", "master.key", "out.keys", "other"}


def test_stores_are_shared_though_another_master_key_wraps_their_keys(tmp_path: Path, master: Path) -> None:
    data = tmp_path / "data"
    fill(data, "acme")
    options = ["--data", str(data), "--master-key-file", str(master)]
    back_up(data, tmp_path / "clear")
    assert RUNNER.invoke(app, ["keys", "rotate", *options]).exit_code == 0
    # That which holds the key in the clear is not handed on.
    first = back_up(data, tmp_path / "one", since=tmp_path / "clear", master_key_file=master)
    assert first.reused == 0
    assert RUNNER.invoke(app, ["keys", "rotate", *options]).exit_code == 0
    second = back_up(data, tmp_path / "two", since=tmp_path / "one", master_key_file=master)
    assert second.reused == 1
    assert store_of(tmp_path / "one", "acme").samefile(store_of(tmp_path / "two", "acme"))
    assert restore(tmp_path / "two", tmp_path / "restored", master_key_file=master).refused == {}
    assert RUNNER.invoke(app, ["keys", "rotate", "--rekey", *options]).exit_code == 0
    third = back_up(data, tmp_path / "three", since=tmp_path / "two", master_key_file=master)
    assert third.reused == 0


def test_the_keys_of_stores_that_could_not_be_copied_are_kept(tmp_path: Path, master: Path) -> None:
    data = tmp_path / "data"
    fill(data, "bad", "good", master=master)
    back_up(data, tmp_path / "one", master_key_file=master)
    store_of(data, "bad").write_bytes(b"no database" * 1_000)
    made = back_up(data, tmp_path / "two", master_key_file=master)
    assert made.faults == ["bad"]
    report = restore(
        tmp_path / "one", tmp_path / "restored", keys=tmp_path / "two.keys", master_key_file=master
    )
    assert report.refused == {}


def test_a_destroyed_key_erases_the_tenant_from_earlier_backups(
    wrapped: Path, tmp_path: Path, master: Path
) -> None:
    data = tmp_path / "data"
    whole = {tenant: entries_of(data, tenant, master) for tenant in "ac"}
    options = ["--data", str(data), "--master-key-file", str(master)]
    assert RUNNER.invoke(app, ["keys", "destroy", "b", "--yes", *options]).exit_code == 0
    assert RUNNER.invoke(app, ["keys", "rotate", *options]).exit_code == 0
    assert RUNNER.invoke(app, ["backup", str(tmp_path / "later.tar"), *options]).exit_code == 0
    (tmp_path / "wrapped.keys").unlink()
    later_keys = tmp_path / "later.tar.keys"
    for folder in ("restored", "data"):  # where nothing is known of it, and where it was
        report = restore(wrapped, tmp_path / folder, replace=True, keys=later_keys, master_key_file=master)
        assert [told.tenant for told in report.tenants] == ["a", "c"]
        assert "it was destroyed, or its keys file is missing" in report.refused["b"]
        for tenant in "ac":
            assert entries_of(tmp_path / folder, tenant, master) == whole[tenant]
        assert not store_of(tmp_path / folder, "b").exists()
    shown = RUNNER.invoke(app, ["restore", str(wrapped), "--verify", "--keys", str(later_keys)])
    assert (shown.exit_code, shown.stdout) == (1, "Verified 2 tenants.\n")
    assert "Refused: b: the key of 'b' is not at hand" in shown.stderr


def test_a_tenant_that_is_there_has_the_key_to_its_earlier_backups(
    wrapped: Path, tmp_path: Path, master: Path
) -> None:
    (tmp_path / "wrapped.keys").unlink()
    assert set(verify(wrapped).refused) == set("abc")
    report = restore(wrapped, tmp_path / "data", ["a"], replace=True, master_key_file=master)
    assert report.refused == {}
    assert restore(wrapped, tmp_path / "data", ["b"], new_id="d", master_key_file=master).refused == {}
    books = entries_of(tmp_path / "data", "b", master)
    assert entries_of(tmp_path / "data", "d", master) == books
    # So that the key of one is destroyed without the other's.
    ids = {key_of(tmp_path / "data", tenant, master).id for tenant in "bd"}
    assert len(ids) == 2


def test_a_damaged_store_key_is_mended_from_the_keys_file(
    wrapped: Path, tmp_path: Path, master: Path
) -> None:
    data = tmp_path / "data"
    books = entries_of(data, "a", master)
    damage(store_of(data, "a").with_name("store.key"), 50)
    assert restore(wrapped, data, ["a"], replace=True, master_key_file=master).refused == {}
    assert entries_of(data, "a", master) == books


def test_a_tenant_that_was_given_another_key_needs_the_earlier_keys_file(
    wrapped: Path, tmp_path: Path, master: Path
) -> None:
    data = tmp_path / "data"
    TenantKeys(data, MasterKeys(master)).rekey("a", store_of(data, "a"))
    back_up(data, tmp_path / "later", master_key_file=master)
    report = restore(wrapped, data, ["a"], replace=True, keys=tmp_path / "later.keys", master_key_file=master)
    assert "has another key since" in report.refused["a"]
    assert restore(wrapped, data, ["a"], replace=True, master_key_file=master).refused == {}


def test_each_damage_to_a_keys_file_costs_no_more_than_one_tenant(
    wrapped: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "wrapped.keys"
    whole = path.read_bytes()
    keys = read_keys(path)
    for position in range(0, len(whole), 7):
        damage(path, position)
        left = read_keys(path)
        assert len(left) >= 1 if whole[position] == ord("\n") else len(left) == 2
        assert left.items() <= keys.items()
        path.write_bytes(whole)
    assert "is damaged" in caplog.text
    for content in (b"", b"nothing of the kind", b"[" * 100_000, b"null\n7\n[]"):
        path.write_bytes(content)
        with pytest.raises(BackupRefused, match="holds no keys"):
            verify(wrapped)


def test_a_key_of_another_tenant_opens_nothing(wrapped: Path, tmp_path: Path, master: Path) -> None:
    keys = read_keys(tmp_path / "wrapped.keys")
    forged = {"a": replace(keys["b"], id=keys["a"].id), "b": keys["b"], "c": keys["c"]}
    write_keys(tmp_path / "forged.keys", forged)
    report = restore(wrapped, tmp_path / "restored", keys=tmp_path / "forged.keys", master_key_file=master)
    assert [told.tenant for told in report.tenants] == ["b", "c"]
    assert "does not open" in report.refused["a"]


def test_without_the_master_key_nothing_is_restored(wrapped: Path, tmp_path: Path) -> None:
    report = restore(wrapped, tmp_path / "restored")
    assert report.tenants == []
    assert all("--master-key-file" in why for why in report.refused.values())
