"""``likewise encoder``: what an operator says, and is told."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

import likewise
from encoder_world import other_model
from likewise_server import lifecycle
from likewise_server.cli.app import app
from likewise_server.lifecycle import Server, open_tenants
from likewise_server.settings import Settings

RUNNER = CliRunner()


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that has another encoder at hand, and changes by threads."""
    monkeypatch.setattr(lifecycle, "_background", lambda *_: None)
    other_model(tmp_path / "shelf" / "other")
    settings = Settings(data=tmp_path / "data", listen="127.0.0.1:0", encoders=tmp_path / "shelf")
    with Server(open_tenants(settings, serves=True), settings, changes_encoders=True) as server:
        with likewise.Client(server.address) as client:
            client.create_tenant(likewise.Tenant(id="acme"))
            lesson = likewise.labelled(likewise.transaction(id="t", payee="Corner Bakery"), category="food")
            client.learn("acme", [lesson])
        yield server.address


def run(*arguments: str, status: int = 0) -> str:
    ran = RUNNER.invoke(app, ["encoder", *arguments])
    assert ran.exit_code == status, ran.output
    return ran.output


def test_an_operator_changes_the_encoder_and_back(address: str) -> None:
    run("status", "--wait", "--server", address)
    listed = json.loads(run("list", "--json", "--server", address))
    assert [(encoder["name"], encoder["wanted"]) for encoder in listed] == [
        ("likewise-static", True),
        ("other", False),
    ]
    told = run("start", "other", "--wait", "--server", address)
    assert "wanted   other@" in told
    assert "done" in told
    assert "1 of 1" in told
    assert "* " in run("list", "--server", address)
    assert "no change" in run("pause", "--server", address, status=1)
    assert "asks first" in run("rollback", "--server", address, status=2)
    back = json.loads(run("rollback", "--yes", "--wait", "--json", "--server", address))
    assert back["wanted"].startswith("likewise-static@")
    assert back["previous"].startswith("other@")
    assert back["state"] == "ENCODER_CHANGE_STATE_DONE"


def test_what_is_not_there_cannot_be_started(address: str) -> None:
    assert "there is no encoder 'minilm'" in run("start", "minilm", "--server", address, status=1)


def test_beside_no_server_it_is_written_down_for_the_next(tmp_path: Path, address: str) -> None:
    run("status", "--wait", "--server", address)
    data = tmp_path / "another"
    data.mkdir()
    assert "no server was started" in run("status", "--data", str(data), status=1)
