"""``likewise restore``: what is damaged is refused and named, and nothing is ever half restored."""

import gzip
import hashlib
import io
import random
import shutil
import tarfile
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backup_world import damage, entries_of, fill, learn, manifest_of, open_tenants, raw_store_of, store_of
from conftest import Serve
from engine_world import bytes_on_disk
from likewise_engine import limits
from likewise_engine.backup import Manifest, back_up, restore, verify
from likewise_engine.backup.manifest import FORMAT
from likewise_engine.errors import (
    BackupRefused,
    DataFolderInUse,
    InvalidInput,
    PreconditionFailed,
)
from likewise_engine.folder import DataFolder
from likewise_server.cli.app import app

RUNNER = CliRunner(env={"COLUMNS": "120"})
CONTAINERS = ["out", "out.tar", "out.tar.gz"]


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup of two tenants, as a folder; the data folder is beside it."""
    fill(tmp_path / "data", "a", "b")
    back_up(tmp_path / "data", tmp_path / "backup")
    return tmp_path / "backup"


def rewritten(backup: Path, change: Callable[[Manifest], Manifest]) -> Path:
    """The backup, a folder, with another manifest, whose own checksum fits."""
    (backup / "manifest.json").write_bytes(change(manifest_of(backup)).encoded())
    return backup


def with_file(manifest: Manifest, **changes: object) -> Manifest:
    """The manifest with something else of the first tenant's store."""
    first, *others = manifest.tenants
    key, store = first.files
    return replace(manifest, tenants=[replace(first, files=[key, replace(store, **changes)]), *others])  # type: ignore[arg-type]


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    """A tar file of whatever members."""
    with tarfile.open(path, "w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_a_damaged_tenant_is_named_and_the_others_are_restored(backup: Path, tmp_path: Path) -> None:
    damage(store_of(backup, "a"), 9_999)
    outcome = RUNNER.invoke(app, ["restore", str(backup), "--data", str(tmp_path / "restored")])
    assert outcome.exit_code == 1
    assert "Refused: a: tenants/ca/a/ledger.sqlite3 of the backup is damaged: its checksum" in outcome.stderr
    assert outcome.stdout.startswith("Restored 1 tenant into")
    with closing(DataFolder(tmp_path / "restored")) as folder:
        assert list(folder.tenants()) == ["b"]
    assert list((tmp_path / "restored" / "aside").iterdir()) == []


@pytest.mark.parametrize("name", CONTAINERS)
def test_of_a_backup_with_a_flipped_bit_nothing_wrong_is_restored(
    backup: Path, tmp_path: Path, name: str
) -> None:
    data, rng = tmp_path / "data", random.Random(5)
    if name != "out":
        back_up(data, tmp_path / name)
    whole = {tenant: entries_of(data, tenant) for tenant in "ab"}
    container = backup if name == "out" else tmp_path / name
    files = [path for path in (container, *container.rglob("*")) if path.is_file()]
    refused = 0
    for number in range(40):
        path = files[number % len(files)]
        content = path.read_bytes()
        damage(path, rng.randrange(len(content)))
        target = tmp_path / f"restored{number}"
        try:
            report = restore(container, target)
        except BackupRefused:
            refused += 1
        else:
            # What fills a block up to 512 bytes means nothing, nor does space between the manifest's words.
            refused += len(report.refused)
            for told in report.tenants:
                assert entries_of(target, told.tenant) == whole[told.tenant]
        path.write_bytes(content)
    assert refused > 20


@pytest.mark.parametrize("name", ["out.tar", "out.tar.gz"])
def test_a_backup_that_was_cut_short_is_refused(backup: Path, tmp_path: Path, name: str) -> None:
    back_up(tmp_path / "data", tmp_path / name)
    content = (tmp_path / name).read_bytes()
    # What follows the last file is blocks of nothing, and gzip's own end.
    end_bytes = len(content.rstrip(b"\0")) * 9 // 10
    for kept_bytes in range(0, end_bytes, end_bytes // 40):
        (tmp_path / name).write_bytes(content[:kept_bytes])
        with suppress(BackupRefused):
            assert verify(tmp_path / name).refused


def test_what_is_no_backup_is_refused(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("nothing of the kind")
    (tmp_path / "gzip").write_bytes(gzip.compress(b"x" * 10_000))
    (tmp_path / "nothing").touch()
    tar_of(tmp_path / "tar", (tarfile.TarInfo("letter.txt"), b"hello"))
    for name in ("empty", "text", "gzip", "nothing", "tar", "absent"):
        with pytest.raises(BackupRefused):
            restore(tmp_path / name, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"manifest": {}, "sha256": ""}',
        b'{"manifest": {"format": 1}, "sha256": "0"}',
        b"\xff\xfe",
        b'{"manifest": {"format": 1e999}, "sha256": 1}',
    ],
)
def test_a_manifest_that_is_none_is_refused(backup: Path, content: bytes) -> None:
    (backup / "manifest.json").write_bytes(content)
    with pytest.raises(BackupRefused, match=r"manifest\.json of the backup is damaged"):
        verify(backup)


def test_each_flipped_bit_of_a_manifest_is_found_or_means_nothing(backup: Path) -> None:
    content, manifest = (backup / "manifest.json").read_bytes(), manifest_of(backup)
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 0x10
        with suppress(BackupRefused):
            assert Manifest.decoded(bytes(flipped)) == manifest


def test_a_later_format_and_a_later_schema_are_refused(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rewritten(backup, lambda m: replace(m, tenants=[replace(t, schema=99) for t in m.tenants]))
    report = restore(backup, tmp_path / "restored")
    assert (report.tenants, len(report.refused)) == ([], 2)
    assert "schema 99" in report.refused["a"]
    assert verify(backup).refused == report.refused
    with monkeypatch.context() as later:
        later.setattr("likewise_engine.backup.manifest.FORMAT", FORMAT + 1)
        rewritten(backup, lambda m: m)
    with pytest.raises(BackupRefused, match="upgrade"):
        restore(backup, tmp_path / "restored")


def test_a_store_of_a_later_schema_is_refused_whatever_the_manifest_says(
    backup: Path, tmp_path: Path
) -> None:
    with closing(raw_store_of(tmp_path / "data", "a")) as connection:
        connection.execute("PRAGMA user_version = 99")
    shutil.copy(store_of(tmp_path / "data", "a"), store_of(backup, "a"))
    rewritten(backup, lambda m: with_file(m, **checksum_of(store_of(backup, "a"))))
    assert "schema 99" in restore(backup, tmp_path / "restored").refused["a"]


def checksum_of(path: Path) -> dict[str, object]:
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}


def test_a_store_that_is_another_tenants_is_refused(backup: Path, tmp_path: Path) -> None:
    shutil.copy(store_of(backup, "b"), store_of(backup, "a"))
    key_a, key_b = (store_of(backup, tenant).with_name("store.key") for tenant in "ab")
    shutil.copy(key_b, key_a)

    def with_those_of_b(manifest: Manifest) -> Manifest:
        changed = with_file(manifest, **checksum_of(store_of(backup, "a")))
        key, store = changed.tenants[0].files
        files = [replace(key, **checksum_of(key_a)), store]  # type: ignore[arg-type]
        return replace(changed, tenants=[replace(changed.tenants[0], files=files), *changed.tenants[1:]])

    rewritten(backup, with_those_of_b)
    report = restore(backup, tmp_path / "restored")
    assert [told.tenant for told in report.tenants] == ["b"]
    assert "of another tenant" in report.refused["a"]


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "tenants/ca/a/../b/ledger.sqlite3",
        "tenants/ca/b/ledger.sqlite3",
        "tenants/ca/a/upkeep.lock",
        "",
    ],
)
def test_a_manifest_cannot_name_another_place(backup: Path, path: str) -> None:
    rewritten(backup, lambda m: with_file(m, path=path))
    with pytest.raises(BackupRefused, match="says what cannot be"):
        verify(backup)


def test_a_manifest_cannot_claim_what_cannot_be(backup: Path, tmp_path: Path) -> None:
    whole = manifest_of(backup)
    first = whole.tenants[0]
    for tenants in (
        [replace(first, tenant="a\nb")],
        [replace(first, tenant="")],
        [replace(first, files=[])],
        [replace(first, files=[*first.files, *first.files])],
        [replace(first, labels=-1)],
        [replace(first, revision=2**63)],
        [replace(first, revision="1")],  # type: ignore[arg-type]
        [replace(first, files=[first.files[0], replace(first.files[1], sha256="abc")])],
        [first, first],
    ):
        (backup / "manifest.json").write_bytes(replace(whole, tenants=tenants).encoded())
        with pytest.raises(BackupRefused):
            restore(backup, tmp_path / "restored")
    (backup / "manifest.json").write_bytes(with_file(whole, size_bytes=2**62).encoded())
    with pytest.raises(PreconditionFailed, match="bytes, and"):
        restore(backup, tmp_path / "restored")
    assert not (tmp_path / "restored" / "tenants" / "ca").exists()


def test_a_tar_file_holds_nothing_but_what_its_manifest_names(backup: Path, tmp_path: Path) -> None:
    manifest = manifest_of(backup)
    name = manifest.tenants[0].files[0].path
    store = store_of(backup, "a").read_bytes()
    first = tarfile.TarInfo("manifest.json"), manifest.encoded()
    link, traversing, other = tarfile.TarInfo(name), tarfile.TarInfo("../../evil"), tarfile.TarInfo("more")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    hard = tarfile.TarInfo(name)
    hard.type, hard.linkname = tarfile.LNKTYPE, "manifest.json"
    for members in ([(link, b"")], [(hard, b"")], [(traversing, store)], [(other, b"x"), (other, b"y")]):
        tar = tar_of(tmp_path / "evil.tar", first, *members)
        report = restore(tar, tmp_path / "restored")
        assert report.tenants == []
        assert "of which its manifest knows nothing" in report.refused["a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "data", "evil.tar", "restored"]


def test_a_header_that_claims_to_be_huge_is_not_read(backup: Path, tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 2**40
    (tmp_path / "huge.tar").write_bytes(header.tobuf(tarfile.GNU_FORMAT) + b"\0" * 10_240)
    with pytest.raises(BackupRefused, match="claims to have"):
        verify(tmp_path / "huge.tar")
    member = tarfile.TarInfo("manifest.json")
    member.size = limits.BACKUP_MANIFEST_BYTES_MAX + 1
    (tmp_path / "huge.tar").write_bytes(member.tobuf() + b"\0" * 10_240)
    with pytest.raises(BackupRefused, match="claims to have"):
        verify(tmp_path / "huge.tar")


def test_a_folder_cannot_lead_elsewhere(backup: Path, tmp_path: Path) -> None:
    store = store_of(backup, "a")
    store.rename(tmp_path / "elsewhere")
    store.symlink_to(tmp_path / "elsewhere")
    assert "link to elsewhere" in restore(backup, tmp_path / "restored").refused["a"]
    store.unlink()
    assert "cannot be read" in verify(backup).refused["a"]


def test_a_tenant_that_is_there_gives_way_only_when_told_to(backup: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    learn(data, "a", "later")
    before = entries_of(data, "a")
    report = restore(backup, data, ["a"])
    assert "exists already" in report.refused["a"]
    assert entries_of(data, "a") == before
    assert restore(backup, data, ["a"], replace=True).refused == {}
    assert entries_of(data, "a") == before[:-1]
    assert list((data / "aside").iterdir()) == []


def test_a_tenant_that_cannot_be_replaced_stays_as_it_was(backup: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    learn(data, "a", "later")
    before = entries_of(data, "a")
    damage(store_of(backup, "a"), 50)
    assert list(restore(backup, data, replace=True).refused) == ["a"]
    assert entries_of(data, "a") == before


def test_a_crash_between_two_renames_leaves_the_old_tenant(tmp_path: Path) -> None:
    fill(tmp_path / "data", "../a")
    before = entries_of(tmp_path / "data", "../a")
    place = store_of(tmp_path / "data", "../a").parent
    place.rename(tmp_path / "data" / "aside" / f"was.{place.name}")
    with open_tenants(tmp_path / "data") as tenants:
        assert tenants.ids() == ["../a"]
    assert entries_of(tmp_path / "data", "../a") == before


def test_a_crash_after_both_renames_leaves_the_new_tenant(backup: Path, tmp_path: Path) -> None:
    place = store_of(tmp_path / "data", "a").parent
    shutil.copytree(place, tmp_path / "data" / "aside" / f"was.{place.name}")
    learn(tmp_path / "data", "a", "later")
    assert len(entries_of(tmp_path / "data", "a")) == 21
    assert list((tmp_path / "data" / "aside").iterdir()) == []


def test_under_another_id(backup: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert restore(backup, data, ["a"], new_id="copy of a").refused == {}
    with open_tenants(data) as tenants:
        assert tenants.record("copy of a").tenant == "copy of a"
        assert tenants.ids() == ["a", "b", "copy of a"]
    assert entries_of(data, "copy of a") == entries_of(data, "a")
    with pytest.raises(InvalidInput, match="the tenants are 2"):
        restore(backup, data, new_id="c")
    with pytest.raises(InvalidInput):
        restore(backup, data, ["a"], new_id=" ")


def test_verify_changes_nothing(backup: Path) -> None:
    before = bytes_on_disk(backup)
    assert [told.tenant for told in verify(backup).tenants] == ["a", "b"]
    assert bytes_on_disk(backup) == before
    damage(store_of(backup, "b"), 0)
    outcome = RUNNER.invoke(app, ["restore", str(backup), "--verify"])
    assert (outcome.exit_code, outcome.stdout) == (1, "Verified 1 tenant.\n")
    assert RUNNER.invoke(app, ["restore", str(backup), "--verify", "--replace"]).exit_code == 2


def test_a_folder_that_a_server_uses_is_refused(backup: Path, tmp_path: Path, serve: Serve) -> None:
    serve()
    with pytest.raises(DataFolderInUse):
        restore(backup, tmp_path / "data", replace=True)


def test_a_tenant_that_is_not_in_the_backup_is_refused_with_the_reason(backup: Path, tmp_path: Path) -> None:
    rewritten(backup, lambda m: replace(m, left_out={"c": "the store is damaged"}))
    with pytest.raises(BackupRefused, match="does not hold 'c': the store is damaged"):
        restore(backup, tmp_path / "restored", ["c"])
    outcome = RUNNER.invoke(app, ["restore", str(backup), "-t", "d", "--data", str(tmp_path / "restored")])
    assert outcome.exit_code == 1
    assert "does not hold 'd'" in outcome.stderr


def test_what_is_restored_learns_and_answers(backup: Path, tmp_path: Path) -> None:
    restore(backup, tmp_path / "restored")
    learn(tmp_path / "restored", "a", "new")
    assert len(entries_of(tmp_path / "restored", "a")) == 21


def test_a_backup_of_an_earlier_schema_is_restored_and_brought_up_to_date(tmp_path: Path) -> None:
    fill(tmp_path / "data", "a")
    with closing(raw_store_of(tmp_path / "data", "a")) as connection:
        for table in ("audit", "next_vectors", "rule_labels", "rules", "testimonies"):
            connection.execute(f"DROP TABLE {table}")
        for column in ("next_encoder", "testimonies_at", "erased_at"):
            connection.execute(f"ALTER TABLE tenant DROP COLUMN {column}")
        connection.execute("ALTER TABLE journal DROP COLUMN token")
        connection.execute("DELETE FROM migrations WHERE version > 5")
        connection.execute("PRAGMA user_version = 5")
    back_up(tmp_path / "data", tmp_path / "out")
    (told,) = manifest_of(tmp_path / "out").tenants
    assert (told.schema, told.position, told.token) == (5, 0, 0)
    # Without a token there is no telling whether it has changed.
    assert back_up(tmp_path / "data", tmp_path / "next", since=tmp_path / "out").reused == 0
    assert restore(tmp_path / "out", tmp_path / "restored").refused == {}
    learn(tmp_path / "restored", "a", "new")


def test_what_was_erased_since_is_told(backup: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with open_tenants(data) as tenants:
        with tenants.use("a") as ledger:
            ledger.forget(["a-1", "a-2"])
        tenants.delete("b")
    outcome = RUNNER.invoke(app, ["restore", str(backup), "--data", str(data), "--replace"])
    assert outcome.exit_code == 0, outcome.output
    assert "Back again: a: 2 transactions were forgotten since, and may be back" in outcome.stderr
    assert "Back again: b: the tenant was deleted on 2" in outcome.stderr
    with open_tenants(data) as tenants:
        restored = [record.tenant for record in tenants.audit.records(10) if record.action == "restore"]
    assert sorted(restored) == ["a", "b"]


def test_what_was_forgotten_while_the_backup_was_made_is_told(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "slow"
    fill(data, "a", "b")

    def forget(done: int, _: int) -> None:
        if done == 1:  # "a" is copied
            with open_tenants(data) as tenants, tenants.use("a") as ledger:
                ledger.forget(["a-1"])
            time.sleep(1.1)  # the manifest tells seconds

    begun = datetime.now(UTC)
    back_up(data, out, progress=forget)
    assert manifest_of(out).made <= begun
    rewritten(out, lambda manifest: replace(manifest, made=begun + timedelta(days=1)))  # a clock set back
    assert "1 transactions were forgotten" in restore(out, data, replace=True).back_again["a"]


def test_a_restore_that_cannot_be_noted_is_not_done(backup: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    learn(data, "a", "later")
    before = entries_of(data, "a")
    with (
        closing(DataFolder(data)) as folder,
        folder.audit._writing() as trail,
    ):  # can be read, and not written
        trail.execute("CREATE TRIGGER no_more BEFORE INSERT ON records BEGIN SELECT RAISE(ABORT, 'no'); END")
    report = restore(backup, data, ["a"], replace=True)
    assert list(report.refused) == ["a"]
    assert entries_of(data, "a") == before


def test_of_a_restore_into_an_empty_folder_nothing_is_told(backup: Path, tmp_path: Path) -> None:
    assert restore(backup, tmp_path / "restored").back_again == {}
