"""``likewise model`` where the extra is not installed: it says what to install."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

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


def test_without_a_terminal_lines_say_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as told:
        for done in range(1, 4):
            told("Growing", done, 3)
        told("Replaying", 1, 2_000)
    captured = capsys.readouterr()
    assert captured.err == "Growing: 3 of 3\n"  # The others came within seconds.
    assert captured.out == ""
