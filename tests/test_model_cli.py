"""``likewise model``: says what to install where the extra is missing, and what is wrong with what it has."""

import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from likewise_engine.encoder import DEFAULT_MODEL
from likewise_engine.model_folder import MODEL_FILE
from likewise_engine.vote import DEFAULT_VOTE
from likewise_indexer.cards import RECORD_FILE
from likewise_indexer.cards.shelf import shipped_folder
from likewise_server.cli.building import Bars
from likewise_server.cli.model import model_app

ARGUMENTS = [
    ["export", "some-model", "--out", "model"],
    ["distil", "--teacher", "some-model", "--out", "model"],
    ["train-vote", "books.csv", "--out", "model"],
    ["ablate-vote", "books.csv"],
]
MISSING = ["sentence_transformers", "lightgbm"]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=["export", "distil", "train-vote", "ablate-vote"])
def test_without_the_extra_the_commands_say_what_to_install(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in MISSING:
        monkeypatch.setitem(sys.modules, name, None)  # What Python does for a missing module.
    for name in [name for name in sys.modules if name.startswith("likewise_indexer.models")]:
        monkeypatch.delitem(sys.modules, name)
    result = CliRunner().invoke(model_app, arguments)
    assert result.exit_code == 1
    assert "pip install 'likewise[models]'" in result.stderr
    assert not list(tmp_path.iterdir())


def test_help_names_every_option() -> None:
    for command, options in {
        "export": ["--out", "--precision", "--texts", "--name", "--licence"],
        "prune": ["--out", "--texts", "--vocabulary", "--dimensions", "--name"],
        "quantise": ["--out", "--precision", "--texts", "--name"],
        "distil": ["--teacher", "--student-kind", "--layers", "--texts", "--precision", "--work", "--seed"],
        "tune": [
            "--student",
            "--teacher",
            "--precision",
            "--leave-out-dir",
            "--leave-out-together",
            "--work",
        ],
        "train-vote": ["--tenant-column", "--recorded", "--leave-out-dir", "--about", "--jobs", "--seed"],
        "ablate-vote": ["--tenant-column", "--recorded", "--json", "--jobs", "--seed"],
    }.items():
        result = CliRunner().invoke(model_app, [command, "--help"], env={"COLUMNS": "160"})
        assert result.exit_code == 0
        assert all(option in result.output for option in options)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--layers", "3"], "--layers is of a transformer student"),
        (["--student-kind", "transformer", "--buckets-log2", "9"], "--buckets-log2 is of a static student"),
        (["--student-kind", "transformer"], "give --texts"),
    ],
)
def test_options_of_the_other_kind_of_student_are_refused(arguments: list[str], why: str) -> None:
    result = CliRunner().invoke(
        model_app, ["distil", "--teacher", "some-model", "--out", "model", *arguments]
    )
    assert result.exit_code == 2
    assert why in result.stderr


STRANGERS = {
    "list": (["list", "none"], 1, "there is no model folder none"),
    "list empty": (["list", "empty"], 1, "empty holds no model: neither encoder.json nor vote.json"),
    "list damaged": (["list", "damaged"], 1, "damaged/model.onnx is damaged"),
    "card": (["card", "damaged"], 1, "damaged/model.onnx is damaged"),
    "card garbage": (["card", "garbled"], 1, "garbled/card.json is no card's record: Invalid JSON"),
    "compare": (["compare", "empty", "--books", "header.csv", "--out", "out"], 1, "empty holds no model"),
    "compare teacher": (
        ["compare", DEFAULT_MODEL, "--teacher", DEFAULT_VOTE, "--books", "header.csv", "--out", "out"],
        1,
        "holds a vote",
    ),
    "name": (["export", "some-model", "--name", "a b", "--out", "out"], 2, "'a b' is not a name of letters"),
    "tune name": (["tune", "--student", "s", "--name", "a/b", "--out", "out"], 2, "'a/b' is not a name"),
}
"""What somebody may try who does not know better: arguments, exit status, what is said."""


@pytest.mark.parametrize("what", STRANGERS)
def test_what_cannot_be_is_said_in_a_line(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "header.csv").write_text("date,payee,amount,category\n")
    for name, file in (("damaged", MODEL_FILE), ("garbled", RECORD_FILE)):
        shutil.copytree(shipped_folder("encoder"), tmp_path / name)
        (tmp_path / name / file).write_bytes(b"{garbage")
    arguments, status, why = STRANGERS[what]
    result = CliRunner().invoke(model_app, arguments, env={"COLUMNS": "160"})
    assert result.exit_code == status, result.output
    assert why in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert not (tmp_path / "out").exists()


def test_without_a_terminal_lines_say_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as told:
        for done in range(1, 4):
            told("Growing", done, 3)
        told("Replaying", 1, 2_000)
    captured = capsys.readouterr()
    assert captured.err == "Growing: 3 of 3\n"  # The others came within seconds.
    assert captured.out == ""
