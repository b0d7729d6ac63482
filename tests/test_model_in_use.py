"""``likewise model list --data``: what was decided, what tenants have, and what of it is at hand."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from encoder_world import other_model
from likewise_engine.encoder import load_encoder
from likewise_engine.folder import STORE_NAME, place_of
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_engine.vote import load_vote
from likewise_indexer.cards import RECORD_FILE, CardKind
from likewise_server.cli.app import app
from likewise_server.lifecycle import open_tenants
from likewise_server.settings import Settings

RUNNER = CliRunner(env={"COLUMNS": "200"})


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a tenant that was taught something, and one that was not."""
    folder = tmp_path / "data"
    with open_tenants(Settings(data=folder)) as tenants:
        for tenant in ("cafe", "idle"):
            tenants.create(tenant)
        items = [
            LabelledTransaction(Transaction(id=f"t{n}", payee=payee), {"category": category})
            for n, (payee, category) in enumerate([("Bakery", "Food"), ("Landlord", "Rent")] * 8)
        ]
        with tenants.use("cafe") as ledger:
            ledger.learn(items)
        tenants.settle()
    return folder


def listed(data: Path, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
    result = RUNNER.invoke(app, ["model", "list", *arguments, "--data", str(data), "--json"])
    assert result.exit_code == status, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_before_a_server_was_started_the_settings_say_what_serves(data: Path) -> None:
    encoder, vote, heads = listed(data)
    assert (encoder["kind"], encoder["fingerprint"]) == (CardKind.ENCODER, load_encoder().fingerprint)
    assert (encoder["tenants"], encoder["said"], encoder["is_at_hand"]) == (2, ["by the settings"], True)
    assert (vote["fingerprint"], vote["tenants"]) == (load_vote().fingerprint, 1)
    assert (heads["kind"], heads["of_tenants"]) == ("heads", 2)
    table = RUNNER.invoke(app, ["model", "list", "--data", str(data)])
    assert load_encoder().fingerprint in table.stdout
    assert f"Classifiers of their own: {heads['tenants']} of 2 tenants" in table.stdout


def test_an_encoder_that_was_decided_on_and_is_gone_is_named(data: Path, tmp_path: Path) -> None:
    model = other_model(tmp_path / "other")
    (model / RECORD_FILE).unlink()  # it is the shipped model's
    other, shipped = load_encoder(model).fingerprint, load_encoder().fingerprint
    open_tenants(Settings(data=data), serves=True).close()
    open_tenants(Settings(data=data, model=model), serves=True).close()

    def rows(*arguments: str) -> dict[str, dict[str, Any]]:
        return {row.get("fingerprint", "heads"): row for row in listed(data, *arguments)}

    assert (rows()[other]["said"], rows()[shipped]["said"]) == (
        ["wanted, the change is running"],
        ["the one before"],
    )
    assert (rows()[other]["tenants"], rows()[shipped]["tenants"]) == (0, 2)
    assert rows()[other]["folder"] == str(model)
    shutil.move(model, tmp_path / "moved")
    assert not rows()[other]["is_at_hand"]
    assert rows()[other]["was_at"] == str(model)
    assert rows(str(tmp_path / "moved"))[other]["is_at_hand"]
    table = RUNNER.invoke(app, ["model", "list", "--data", str(data)])
    assert table.exit_code == 0
    lines = table.stdout.splitlines()
    column = next(line.index("at hand") for line in lines if "at hand" in line)
    told = "".join(line[column:].strip() for line in lines)  # However long the path is that pytest gave.
    assert f"no: was in {model}".replace(" ", "") in told.replace(" ", "")


def test_a_tenant_that_cannot_be_read_hides_no_other(data: Path) -> None:
    (data / place_of("idle") / STORE_NAME).write_bytes(b"garbage" * 1_000)
    rows = listed(data, status=1)
    assert rows[0]["tenants"] == 1
    result = RUNNER.invoke(app, ["model", "list", "--data", str(data)])
    assert "tenant 'idle'" in result.stderr


def test_what_is_no_data_folder_is_refused_and_not_made(data: Path, tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["model", "list", "--data", str(tmp_path / "none")])
    assert (result.exit_code, (tmp_path / "none").exists()) == (2, False)
    with open_tenants(Settings(data=data)):
        result = RUNNER.invoke(app, ["model", "list", "--data", str(data)])
    assert result.exit_code == 1
    assert "another process" in result.stderr
    result = RUNNER.invoke(app, ["model", "list", str(tmp_path), "--data", str(data)])
    assert result.exit_code == 1
    assert str(tmp_path) in result.stderr
    assert load_encoder().fingerprint in result.stdout
