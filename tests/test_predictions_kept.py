"""Recorded answers in backups and restores, in ``likewise check``, and beside several processes' writes."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from likewise_engine.backup import back_up, restore
from likewise_engine.encoder import HashingEncoder
from likewise_engine.store import predictions
from likewise_engine.store.predictions import PREDICTIONS_NAME
from likewise_engine.tenants import Tenants
from likewise_server.cli.app import app
from prediction_world import TENANT, labelled, prediction_world, transaction


@pytest.fixture
def answered(data_folder: Path) -> Path:
    """A data folder with one recorded answer; nobody uses it."""
    with prediction_world(data_folder) as world:
        world.ask(transaction("q", "CAFFE ROASTERS"))
        world.teach(labelled(transaction("q", "CAFFE ROASTERS"), "coffee"))
        world.flush()
    return data_folder


def _kept(data: Path, tenant: str = TENANT) -> list[tuple[str, list[str]]]:
    with closing(Tenants.open_folder(data, HashingEncoder())) as tenants, tenants.predictions(tenant) as file:
        return [(each.prediction.transaction.id, list(each.verdicts)) for each in file.latest(9)]


def test_a_backup_has_the_answers_and_a_restore_brings_them_back(answered: Path, tmp_path: Path) -> None:
    back_up(answered, tmp_path / "backup")
    restored = restore(tmp_path / "backup", tmp_path / "restored")
    assert not restored.refused
    assert _kept(tmp_path / "restored") == _kept(answered) == [("q", ["category"])]


def test_answers_are_copied_anew_where_the_books_are_shared(answered: Path, tmp_path: Path) -> None:
    back_up(answered, tmp_path / "first")
    with prediction_world_again(answered) as tenants, tenants.predictions(TENANT) as file:
        file.erase(["q"], revision=0)
    made = back_up(answered, tmp_path / "second", since=tmp_path / "first")
    assert made.reused == 1
    restore(tmp_path / "second", tmp_path / "restored")
    assert _kept(tmp_path / "restored") == []


def test_who_is_restored_under_another_name_was_never_asked(answered: Path, tmp_path: Path) -> None:
    back_up(answered, tmp_path / "backup")
    assert not restore(tmp_path / "backup", tmp_path / "restored", new_id="other").refused
    assert _kept(tmp_path / "restored", "other") == []


def test_a_damaged_record_keeps_nobody_from_a_backup(answered: Path, tmp_path: Path) -> None:
    _damage(answered)
    made = back_up(answered, tmp_path / "backup")
    assert [told.tenant for told in made.manifest.tenants] == [TENANT]
    assert not restore(tmp_path / "backup", tmp_path / "restored").refused


def test_a_check_finds_damage_and_a_repair_begins_anew(answered: Path) -> None:
    assert _check(answered) == (0, [])
    _damage(answered)
    status, (found,) = _check(answered)
    assert status == 1
    assert found.endswith(PREDICTIONS_NAME)
    assert _check(answered, "--repair")[0] == 0
    assert _check(answered) == (0, [])
    assert _kept(answered) == []


def _check(data: Path, *options: str) -> tuple[int, list[str]]:
    """The exit status of ``likewise check``, and where something is wrong."""
    done = CliRunner().invoke(app, ["check", "--data", str(data), "--json", *options])
    findings = json.loads(done.stdout)["findings"]
    return done.exit_code, [f["path"] for f in findings if f["severity"] != "note"]


def prediction_world_again(data: Path) -> closing[Tenants]:
    """The tenants of a data folder that is there."""
    return closing(Tenants.open_folder(data, HashingEncoder()))


def _damage(data: Path) -> None:
    (path,) = data.rglob(PREDICTIONS_NAME)
    for beside in path.parent.glob(f"{PREDICTIONS_NAME}-*"):
        beside.unlink()
    content = bytearray(path.read_bytes() or bytes(8192))
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    path.write_bytes(content)


def test_the_log_does_not_grow_without_end(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "_LOG_BYTES_MAX", 64 * 1024)
    with prediction_world(data_folder) as world:
        longest = 0
        for _ in range(40):
            world.ask(transaction("q", "TESCO STORES"))
            world.flush()
            (log,) = data_folder.rglob("predictions.sqlite3-wal")
            longest = max(longest, log.stat().st_size)
        with world.tenants.predictions(TENANT) as file:
            assert file.count() == 40
    assert longest <= 64 * 1024
