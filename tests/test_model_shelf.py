"""``likewise model list`` and ``card``: what is shipped and what lies in folders, told without loading it."""

import json
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from likewise_engine.encoder import DEFAULT_MODEL, load_encoder
from likewise_engine.encoder.manifest import read_manifest
from likewise_engine.errors import ModelFault
from likewise_engine.model_folder import CARD_FILE, MODEL_FILE
from likewise_engine.vote import DEFAULT_VOTE, load_vote
from likewise_indexer.cards import RECORD_FILE, files_of, markdown_of, read_record, write_card
from likewise_indexer.cards.shelf import model_in, shipped
from likewise_server.cli.app import app
from test_cards import record_of

RUNNER = CliRunner(env={"COLUMNS": "160"})
MODELS = Path(str(files("likewise_engine") / "models"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped encoder without a card."""
    copy = tmp_path / "copied"
    shutil.copytree(MODELS / DEFAULT_MODEL, copy)
    for name in (CARD_FILE, RECORD_FILE):
        (copy / name).unlink(missing_ok=True)
    return copy


def test_the_shipped_models_are_listed_by_the_fingerprints_that_serve() -> None:
    result = RUNNER.invoke(app, ["model", "list", "--json"])
    assert result.exit_code == 0, result.output
    listed = {model["name"]: model for model in map(json.loads, result.stdout.splitlines())}
    encoder = load_encoder()
    assert encoder.fingerprint.startswith(listed[DEFAULT_MODEL]["fingerprint"] + "+text")
    assert listed[DEFAULT_MODEL]["dimensions"] == encoder.dimensions
    assert listed[DEFAULT_VOTE]["fingerprint"] == load_vote().fingerprint
    assert [model["kind"] for model in listed.values()] == ["encoder", "vote"]
    table = RUNNER.invoke(app, ["model", "list"])
    assert all(model["fingerprint"] in table.stdout for model in listed.values())


def test_a_folder_is_listed_beside_them(folder: Path) -> None:
    result = RUNNER.invoke(app, ["model", "list", str(folder), "--json"])
    last = json.loads(result.stdout.splitlines()[-1])
    assert last["folder"] == str(folder)
    assert last["bytes"] == sum((folder / name).stat().st_size for name in read_manifest(folder).files)
    assert not last["has_record"]


def test_a_card_is_shown_as_it_stands_and_as_a_record(folder: Path) -> None:
    assert RUNNER.invoke(app, ["model", "card", str(folder)]).exit_code == 1
    record = record_of(fingerprint=read_manifest(folder).fingerprint, summary="It steers \x1b[31m nothing.")
    write_card(folder, record)
    shown = RUNNER.invoke(app, ["model", "card", str(folder)])
    assert shown.exit_code == 0
    assert "It steers" in shown.stdout
    assert "\x1b" not in shown.stdout
    document = RUNNER.invoke(app, ["model", "card", str(folder), "--json"])
    assert json.loads(document.stdout) == record.model_dump(mode="json")


def test_a_card_of_another_model_is_found_out(folder: Path) -> None:
    write_card(folder, record_of(fingerprint="other@0123456789abcdef"))
    with pytest.raises(ModelFault, match="other@0123456789abcdef"):
        model_in(folder)


def test_one_broken_folder_hides_no_other(folder: Path, tmp_path: Path) -> None:
    foreign, garbage, sound, empty = (tmp_path / name for name in ("foreign", "garbage", "sound", "empty"))
    for copy in (foreign, garbage, sound):
        shutil.copytree(folder, copy)
    write_card(foreign, record_of(fingerprint="other@0123456789abcdef"))
    (garbage / RECORD_FILE).write_bytes(b"\xff{")
    empty.mkdir()
    arguments = ["model", "list", *map(str, (foreign, empty, garbage, sound))]
    result = RUNNER.invoke(app, [*arguments, "--json"])
    assert result.exit_code == 1
    documents = {model["folder"]: model for model in map(json.loads, result.stdout.splitlines())}
    assert [str(path) in documents for path in (*shipped(), foreign, empty, garbage, sound)] == [
        *(True for _ in shipped()),
        True,
        False,
        True,
        True,
    ]
    assert documents[str(sound)]["fault"] == ""
    assert "is of other@0123456789abcdef" in documents[str(foreign)]["fault"]
    errors = result.stderr.split("Error: ")[1:]
    assert [str(path) in error for path, error in zip((foreign, empty, garbage), errors, strict=True)] == [
        True
    ] * 3
    assert documents[str(garbage)]["fault"] in result.stderr
    table = RUNNER.invoke(app, arguments)
    assert table.exit_code == 1
    assert table.stdout.count(read_manifest(folder).fingerprint) == 4  # the shipped one, and three copies
    assert table.stdout.count("see below") == 2


def test_what_is_no_model_is_refused(tmp_path: Path, folder: Path) -> None:
    missing = RUNNER.invoke(app, ["model", "card", str(tmp_path / "none")])
    assert missing.exit_code == 2
    assert DEFAULT_MODEL in missing.stderr
    assert RUNNER.invoke(app, ["model", "list", str(tmp_path)]).exit_code == 1
    (folder / MODEL_FILE).unlink()
    assert RUNNER.invoke(app, ["model", "list", str(folder)]).exit_code == 1


def test_a_shipped_card_is_what_the_generator_makes_of_its_record_and_the_files() -> None:
    recorded = shipped()
    for folder in recorded:
        record = read_record(folder)
        assert record.missing_biases() == []
        assert (folder / CARD_FILE).read_text(encoding="utf-8") == markdown_of(record)
        assert record.fingerprint == model_in(folder).fingerprint
        assert record.files == files_of(folder, [file.name for file in record.files])
