"""``likewise`` and ``likewise serve`` on the command line."""

import json
import subprocess
from pathlib import Path

import pytest

from conftest import LIKEWISE, Serve
from likewise_server.settings import Settings


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command's outcome."""
    return subprocess.run(
        [*LIKEWISE, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "100", **environment},
    )


def test_help_names_every_command_and_imports_none() -> None:
    asked = run("--help")
    assert asked.returncode == 0
    for command in ("serve", "index", "classify", "tenants", "model"):
        assert command in asked.stdout
    imported = subprocess.run(
        [
            *LIKEWISE[:-1],
            f"import sys, atexit; atexit.register(lambda: print(sorted(sys.modules))); {LIKEWISE[-1]}",
            "--help",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    ).stdout
    assert "'typer'" in imported
    for heavy in ("grpc", "numpy", "polars", "onnxruntime", "pydantic"):
        assert f"'{heavy}'" not in imported


def test_the_version_is_told() -> None:
    asked = run("--version")
    assert (asked.returncode, asked.stdout.split()[0]) == (0, "likewise")


def test_an_unknown_command_fails() -> None:
    assert run("gues").returncode == 2


def test_every_setting_is_a_flag_and_a_variable_in_the_help() -> None:
    asked = run("serve", "--help")
    assert asked.returncode == 0
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in asked.stdout
        assert f"LIKEWISE_{name.upper()}" in asked.stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["--threads", "0"], {}, "--threads (or LIKEWISE_THREADS)"),
        ([], {"LIKEWISE_QUEUE_MAX": "many"}, "LIKEWISE_QUEUE_MAX"),
        (["--listen", "0.0.0.0:50151"], {}, "--insecure-listen"),
        (["--log-level", "loud"], {}, "log-level"),
    ],
)
def test_a_wrong_setting_is_told_and_nothing_is_started(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], told: str
) -> None:
    asked = run("serve", "--data", str(tmp_path / "data"), *arguments, **environment)
    assert asked.returncode == 2
    assert told in asked.stderr
    assert not (tmp_path / "data").exists()


def test_a_misspelt_variable_is_told(tmp_path: Path) -> None:
    asked = run(
        "serve", "--data", str(tmp_path), "--model", str(tmp_path / "nothing"), LIKEWISE_TREADS="secret"
    )
    (told,) = (json.loads(line) for line in asked.stderr.splitlines() if '"warning"' in line)
    assert (told["name"], told["nearest"]) == ("LIKEWISE_TREADS", "LIKEWISE_THREADS")
    assert "secret" not in asked.stderr


def test_a_start_that_fails_says_what_to_try(serve: Serve, data_folder: Path, tmp_path: Path) -> None:
    server = serve()
    in_use = run("serve", "--data", str(data_folder), "--listen", "127.0.0.1:0")
    assert in_use.returncode == 1
    assert "another process uses" in in_use.stderr
    taken = run("serve", "--data", str(tmp_path / "other"), "--listen", server.address)
    assert taken.returncode == 1
    assert "--listen" in taken.stderr
    no_model = run("serve", "--data", str(tmp_path / "other"), "--model", str(tmp_path / "nothing"))
    assert no_model.returncode == 1
    assert "Traceback" not in no_model.stderr
