"""Keys: a tenant's books are read with its key alone, which a master key wraps, and gone with it."""

import os
import shutil
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine_world import ENCODER, ask, bytes_on_disk, labelled
from likewise_engine.checkup.finding import Severity
from likewise_engine.checkup.layout import Layout
from likewise_engine.errors import KeyMissing, StoreCorrupt, StoreFault, TenantNotFound
from likewise_engine.folder import STORE_NAME, place_of
from likewise_engine.folder_lock import locked
from likewise_engine.keys import KEY_NAME, KeyFile, MasterKey, MasterKeys, TenantKey, write_master_keys
from likewise_engine.sealed import seal, unseal
from likewise_engine.store.copying import facts_of
from likewise_engine.tenant_keys import TenantKeys
from likewise_engine.tenants import Tenants
from likewise_server.cli.app import app

RUNNER = CliRunner()
SECRETS = (b"Zanzibar", b"zanzibar", b"secret-id", b"surgery", b"cost centre")
LABELS = {"category": "surgery", "cost centre": "x"}


@pytest.fixture
def master(tmp_path: Path) -> Path:
    path = tmp_path / "master.key"
    assert RUNNER.invoke(app, ["keys", "init", str(path)]).exit_code == 0
    assert path.stat().st_mode & 0o077 == 0
    return path


def opened(data: Path, master: Path | None) -> Tenants:
    return Tenants.open_folder(data, ENCODER, master_key_file=master)


def teach(data: Path, master: Path | None, tenant: str = "acme") -> None:
    """A tenant with a few secrets, and all that is cached of it."""
    with opened(data, master) as tenants:
        tenants.create(tenant)
        with tenants.use(tenant) as ledger:
            ledger.learn(
                [labelled(f"secret-id-{n}", f"Zanzibar Clinic {n}", labels=LABELS) for n in range(40)]
            )
            ledger.build_graph()
            ledger.train_heads()
            ledger.save_snapshot()


def answered(data: Path, master: Path | None, tenant: str = "acme") -> str:
    with opened(data, master) as tenants, tenants.use(tenant) as ledger:
        return ask(ledger, "Zanzibar Clinic 7").answers[0].candidates[0].category


def test_with_a_master_key_the_folder_tells_nothing_of_the_books(tmp_path: Path, master: Path) -> None:
    data = tmp_path / "data"
    with opened(data, master) as tenants:
        tenants.create("acme")
        with tenants.use("acme") as ledger:
            ledger.learn([labelled("secret-id", "Zanzibar Clinic", "surgery")])
            running = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    assert not [secret for secret in SECRETS if secret in running]
    teach(data, master, "other")
    files = [path for path in data.rglob("*") if path.is_file()]
    assert {"snapshot.bin", "heads.npz", "texts.hnsw", KEY_NAME} <= {path.name for path in files}
    assert not [(path, secret) for path in files for secret in SECRETS if secret in path.read_bytes()]
    key = KeyFile.read(data / place_of("acme"))
    assert key is not None
    secret = key.opened("acme", MasterKeys(master)).secret
    assert not [
        path for path in files if secret in path.read_bytes() or secret.hex() in str(path.read_bytes())
    ]
    assert answered(data, master, "other") == "surgery"


def test_in_the_clear_the_same_is_found_with_the_key_that_lies_there(tmp_path: Path) -> None:
    teach(tmp_path, None)
    assert all(secret in bytes_on_disk(tmp_path) for secret in SECRETS)


def test_without_the_master_key_or_with_another_the_folder_is_refused_and_left_alone(
    tmp_path: Path, master: Path
) -> None:
    data = tmp_path / "data"
    teach(data, master)
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    other = tmp_path / "other.key"
    write_master_keys(other, [MasterKey.new()])
    for given in (None, other):
        with pytest.raises(KeyMissing, match="master-key-file"):
            opened(data, given)
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("content", [b"", b"secret words\n", b"ab" * 31, b"\xff" * 64, b"a" * 5_000])
def test_a_file_that_holds_no_master_key_is_refused_without_showing_it(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "master.key").write_bytes(content)
    with pytest.raises(StoreFault, match="holds no master key") as refused:
        opened(tmp_path / "data", tmp_path / "master.key")
    assert "secret" not in str(refused.value)


def test_a_key_of_another_tenant_does_not_open(tmp_path: Path, master: Path) -> None:
    data = tmp_path / "data"
    for tenant in ("acme", "beta"):
        teach(data, master, tenant)
    shutil.copy(data / place_of("beta") / KEY_NAME, data / place_of("acme") / KEY_NAME)
    with opened(data, master) as tenants, pytest.raises(StoreCorrupt, match="another"), tenants.use("acme"):
        pass


def test_every_damage_to_a_key_file_is_told(tmp_path: Path) -> None:
    teach(tmp_path, None)
    path = tmp_path / place_of("acme") / KEY_NAME
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(StoreCorrupt, match="is damaged"):
            KeyFile.read(path.parent)
    path.unlink()
    with opened(tmp_path, None) as tenants, pytest.raises(StoreCorrupt, match="is gone"), tenants.use("acme"):
        pass


def test_rotation_wraps_all_keys_anew_beside_a_server(tmp_path: Path, master: Path) -> None:
    data = tmp_path / "data"
    teach(data, None)
    command = ["keys", "rotate", "--data", str(data), "--master-key-file", str(master)]
    assert "1 were wrapped anew" in " ".join(RUNNER.invoke(app, command).stdout.split())
    first = master.read_text()
    with opened(data, master) as tenants:
        tenants.create("before")
        rotated = RUNNER.invoke(app, command)
        assert "2 were wrapped anew" in " ".join(rotated.stdout.split()), rotated.output
        assert master.read_text() != first
        for tenant in ("acme", "before"):
            with tenants.use(tenant):
                pass
        tenants.create("after")
    assert answered(data, master) == "surgery"
    shown = RUNNER.invoke(app, ["keys", "status", "--data", str(data)]).stdout
    assert f"{MasterKeys(master).keys[0].id}: 3 tenants" in shown
    master.write_text(first)
    with pytest.raises(KeyMissing):
        opened(data, master)


def test_rotation_that_was_interrupted_is_finished(tmp_path: Path, master: Path) -> None:
    data = tmp_path / "data"
    teach(data, master)
    write_master_keys(master, [MasterKey.new(), *MasterKeys(master).keys])
    assert answered(data, master) == "surgery"
    RUNNER.invoke(app, ["keys", "rotate", "--data", str(data), "--master-key-file", str(master)])
    assert len(MasterKeys(master).keys) == 1
    assert answered(data, master) == "surgery"


def test_rotations_at_once_wait_for_each_other(tmp_path: Path, master: Path) -> None:
    data, command = tmp_path / "data", ["keys", "rotate", "--master-key-file", str(master)]
    teach(data, master)
    outcomes: list[int] = []
    with locked(tmp_path):  # as a rotation for another folder does

        def rotate() -> None:
            outcomes.append(RUNNER.invoke(app, [*command, "--data", str(data)]).exit_code)

        waiting = threading.Thread(target=rotate)
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        # Nothing of what was in the file before may be kept in mind.
        write_master_keys(master, [MasterKey.new(), *MasterKeys(master).keys])
        newest = MasterKeys(master).keys[0]
    waiting.join()
    assert outcomes == [0]
    assert MasterKeys(master).keys == [newest]
    assert answered(data, master) == "surgery"


def test_the_other_folder_of_a_rotated_file_opens_with_the_key_kept_aside(
    tmp_path: Path, master: Path
) -> None:
    for name in ("one", "other"):
        teach(tmp_path / name, master)
    old = MasterKeys(master).keys[0]
    command = ["keys", "rotate", "--data", str(tmp_path / "one"), "--master-key-file", str(master)]
    ran = RUNNER.invoke(app, command)
    assert ran.exit_code == 0, ran.output
    aside = master.with_name(f"{master.name}.{old.id}.old")
    assert "delete it once" in " ".join(ran.stdout.split())
    assert aside.stat().st_mode & 0o077 == 0
    assert answered(tmp_path / "one", master) == "surgery"
    with pytest.raises(KeyMissing):
        opened(tmp_path / "other", master)
    assert answered(tmp_path / "other", aside) == "surgery"


def test_a_destroyed_key_takes_the_tenant_along_in_every_copy_of_the_store(tmp_path: Path) -> None:
    teach(tmp_path / "data", None)
    store = tmp_path / "data" / place_of("acme") / STORE_NAME
    copy = Path(shutil.copy(store, tmp_path / "copy"))
    ran = RUNNER.invoke(app, ["keys", "destroy", "acme", "--yes", "--data", str(tmp_path / "data")])
    assert ran.exit_code == 0, ran.output
    assert not [secret for secret in SECRETS if secret in copy.read_bytes()]
    with opened(tmp_path / "data", None) as tenants, pytest.raises(TenantNotFound), tenants.use("acme"):
        pass


def test_a_key_is_overwritten_on_the_disk_before_its_file_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(tmp_path, None)
    path, fsync = tmp_path / place_of("acme") / KEY_NAME, os.fsync
    synced: list[bytes] = []

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        if path.exists() and os.path.sameopenfile(descriptor, reading.fileno()):
            synced.append(path.read_bytes())

    with path.open("rb") as reading:
        monkeypatch.setattr(os, "fsync", watched)
        ran = RUNNER.invoke(app, ["keys", "destroy", "acme", "--yes", "--data", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    assert [set(content) for content in synced] == [{0}]


def test_a_destruction_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    teach(tmp_path, None)
    (tmp_path / place_of("acme") / KEY_NAME).unlink()
    ran = RUNNER.invoke(app, ["keys", "destroy", "acme", "--yes", "--data", str(tmp_path)])
    assert ran.exit_code == 0, ran.output
    with opened(tmp_path, None) as tenants:
        assert not tenants.exists("acme")
        assert tenants.audit.records(1)[0].action == "delete"


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_what_is_sealed_opens_under_its_key_and_name_alone(size: int) -> None:
    key, content = TenantKey.new("acme"), b"x" * size
    sealed = seal(key, "a", content)
    assert unseal(key, "a", sealed) == content
    first_end = 32 + (1 << 20) + 16
    damaged = [
        sealed[:-1],
        sealed + b"x",
        sealed[:32] + sealed[first_end:],
        sealed[:first_end],
        bytes([sealed[0] ^ 1]) + sealed[1:],
    ]
    for wrong in (wrong for wrong in damaged if wrong != sealed):
        with pytest.raises(ValueError, match="does not open"):
            unseal(key, "a", wrong)
    for other, name in ((key, "b"), (TenantKey.new("acme"), "a")):
        with pytest.raises(ValueError, match="does not open"):
            unseal(other, name, sealed)


def test_no_key_shows_in_a_repr() -> None:
    key = TenantKey("acme", b"k" * 32)
    shown = f"{key!r} {MasterKey(b'm' * 32)!r} {KeyFile.of(key, None)!r}"
    assert "kkk" not in shown
    assert "mmm" not in shown


# --- Another key for a tenant ----------------------------------------------------------------


def rekey_command(data: Path, master: Path) -> list[str]:
    return ["keys", "rotate", "--rekey", "--data", str(data), "--master-key-file", str(master)]


def key_file_of(data: Path, tenant: str = "acme") -> KeyFile:
    key_file = KeyFile.read(data / place_of(tenant))
    assert key_file is not None
    return key_file


def test_who_had_a_copy_of_a_key_reads_nothing_after_it_was_changed(tmp_path: Path, master: Path) -> None:
    data = tmp_path / "data"
    for tenant in ("acme", "beta"):
        teach(data, None, tenant)
    was = TenantKey("acme", key_file_of(data).key)
    before = (data / place_of("acme") / STORE_NAME).read_bytes()
    ran = RUNNER.invoke(app, rekey_command(data, master))
    assert ran.exit_code == 0, ran.output
    assert "2 tenants have another key" in ran.stdout
    folder = data / place_of("acme")
    assert {path.name for path in folder.iterdir()} <= {STORE_NAME, KEY_NAME, "ledger.mark", "upkeep.lock"}
    assert was.id != key_file_of(data).opened("acme", MasterKeys(master)).id
    with pytest.raises(StoreFault):
        facts_of(folder / STORE_NAME, was)
    assert (folder / STORE_NAME).read_bytes() != before
    assert [answered(data, master, tenant) for tenant in ("acme", "beta")] == ["surgery", "surgery"]


def test_no_tenant_has_another_key_while_a_server_uses_the_folder(tmp_path: Path, master: Path) -> None:
    data = tmp_path / "data"
    teach(data, master)
    before = key_file_of(data), master.read_bytes()
    with opened(data, master):
        assert RUNNER.invoke(app, rekey_command(data, master)).exit_code == 1
    assert (key_file_of(data), master.read_bytes()) == before


@pytest.mark.parametrize("name", ["ledger.sqlite3", KEY_NAME])
@pytest.mark.parametrize("is_done", [False, True])
def test_another_key_that_a_crash_came_between_is_there_or_not(
    tmp_path: Path, master: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, is_done: bool
) -> None:
    """The process dies at the first rename of a file to this name, before it or after."""
    data = tmp_path / "data"
    teach(data, master)
    store = data / place_of("acme") / STORE_NAME
    before = key_file_of(data).opened("acme", MasterKeys(master)).id
    rename = Path.replace

    def dies(path: Path, target: Path) -> Path:
        if Path(target).name == name:
            if is_done:
                rename(path, target)
            raise KeyboardInterrupt
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", dies)
        with pytest.raises(KeyboardInterrupt):
            TenantKeys(data, MasterKeys(master)).rekey("acme", store)
    assert is_store_aside(data) == ((name, is_done) != (KEY_NAME, False))
    strange = [finding for finding in Layout(data).findings if finding.severity is not Severity.NOTE]
    assert [finding.path for finding in strange if STORE_NAME in finding.path] == []
    rotated = RUNNER.invoke(
        app, ["keys", "rotate", "--data", str(data), "--master-key-file", str(master)]
    )  # does not lose sight of it
    assert rotated.exit_code == 0, rotated.output
    assert answered(data, master) == "surgery"
    assert not is_store_aside(data)
    is_changed = key_file_of(data).opened("acme", MasterKeys(master)).id != before
    assert is_changed == ((name, is_done) != (KEY_NAME, False))
    assert RUNNER.invoke(app, rekey_command(data, master)).exit_code == 0
    assert answered(data, master) == "surgery"
    assert not store.with_name(f"{STORE_NAME}.new").exists()


def is_store_aside(data: Path) -> bool:
    return key_file_of(data).is_store_aside


def test_a_damaged_store_keeps_its_key(tmp_path: Path, master: Path) -> None:
    teach(tmp_path / "data", master)
    store = tmp_path / "data" / place_of("acme") / STORE_NAME
    content = bytearray(store.read_bytes())
    content[len(content) // 2] ^= 1
    store.write_bytes(content)
    before = key_file_of(tmp_path / "data")
    with pytest.raises(StoreCorrupt):
        TenantKeys(tmp_path / "data", MasterKeys(master)).rekey("acme", store)
    assert key_file_of(tmp_path / "data") == before
    assert store.read_bytes() == content


def test_a_backup_that_is_being_made_is_waited_for(tmp_path: Path, master: Path) -> None:
    data = tmp_path / "data"
    teach(data, master)
    keys = TenantKeys(data, MasterKeys(master))
    rekeying = threading.Thread(target=keys.rekey, args=("acme", data / place_of("acme") / STORE_NAME))
    before = key_file_of(data)
    with keys.unchanged():
        rekeying.start()
        rekeying.join(timeout=0.2)
        assert key_file_of(data) == before
    rekeying.join()
    assert key_file_of(data) != before


def test_a_master_key_that_others_may_read_is_warned_of(
    tmp_path: Path, master: Path, caplog: pytest.LogCaptureFixture
) -> None:
    MasterKeys(master)
    assert caplog.messages == []
    master.chmod(0o640)
    MasterKeys(master).refresh()
    (warned,) = caplog.messages
    assert "chmod 600" in warned


def test_every_command_on_a_data_folder_is_given_the_master_key_alike(tmp_path: Path, master: Path) -> None:
    data, books = tmp_path / "data", tmp_path / "books.csv"
    books.write_text("date,payee,category\n2026-01-02,Zanzibar Clinic,surgery\n")
    given = ["--data", str(data), "--master-key-file", str(master)]
    for command in (
        ["index", "acme", str(books)],
        ["classify", "acme", "--payee", "Zanzibar Clinic"],
        ["tenants", "list"],
        ["audit-log", "acme"],
        ["check"],
    ):
        ran = RUNNER.invoke(app, [*command, *given])
        assert ran.exit_code == 0, (command, ran.output)
    refused = RUNNER.invoke(app, ["tenants", "list", "--data", str(data)])
    assert refused.exit_code == 1
    assert "--master-key-file" in refused.output


def test_keys_that_could_be_wrapped_and_are_not_are_warned_of_once(
    tmp_path: Path, master: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "data"
    for tenant in ("acme", "beta"):
        teach(data, None, tenant)
    assert "in the clear" not in caplog.text
    with opened(data, master) as tenants:
        for tenant in ("acme", "beta"):
            tenants.record(tenant)
    assert caplog.text.count("lies in the clear") == 1
    caplog.clear()
    assert RUNNER.invoke(app, ["keys", "rotate", *rekey_command(data, master)[3:]]).exit_code == 0
    answered(data, master)
    assert "in the clear" not in caplog.text
