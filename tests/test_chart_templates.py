"""Charts to begin with: whole in every language, good for a first answer, given by one command."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

import likewise
from likewise_engine import limits
from likewise_engine.answers import ClassifyOptions, Decision
from likewise_engine.chart import Chart
from likewise_engine.chart_templates import LANGUAGES, chart_template, trades
from likewise_engine.encoder import load_encoder
from likewise_engine.errors import InvalidInput
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import Transaction
from likewise_engine.vote import load_vote
from likewise_server.cli.app import app
from likewise_server.lifecycle import Server

RUNNER = CliRunner(env={"COLUMNS": "120"})
TRADES = list(trades("en"))
FIRST = {
    ("cafe", "en"): [("BRITISH GAS BUSINESS DD", "energy"), ("BOOKER WHOLESALE", "food")],
    ("freelancer", "en"): [("TRAINLINE.COM", "travel"), ("ADOBE *CREATIVE CLOUD", "software")],
    ("builder", "de"): [("ALLIANZ VERSICHERUNG AG", "insurance"), ("ARAL TANKSTELLE 4711", "fuel")],
    ("household", "fr"): [("PHARMACIE DU MARCHE", "pharmacy-health"), ("CARREFOUR CITY PARIS", "groceries")],
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_trade_and_nothing_else(language: str) -> None:
    assert list(trades(language)) == TRADES
    named = {category.id for trade in TRADES for category in chart_template(trade, language)}
    everything = {category.id for trade in TRADES for category in chart_template(trade, "en")}
    assert named == everything
    for trade in TRADES:
        chart = chart_template(trade, language)
        assert [*(violation for category in chart for violation in category.violations())] == []
        assert len({category.id for category in chart}) == len(chart) <= limits.LANGUAGE_MODEL_CATEGORIES_MAX
        assert len({category.name for category in chart}) == len(chart)
        assert all(category.description for category in chart)
        assert Chart().with_categories(chart).dimensions == ("category",)


def test_what_there_is_not_is_said() -> None:
    with pytest.raises(InvalidInput, match="'circus' is none of cafe"):
        chart_template("circus", "en")
    with pytest.raises(InvalidInput, match="'tlh' is none of de, en, fr"):
        trades("tlh")


@contextmanager
def begun(folder: Path, trade: str, language: str) -> Iterator[Ledger]:
    with Tenants.open_folder(folder, load_encoder(), vote=load_vote(None)) as tenants:
        tenants.create("new", categories=chart_template(trade, language))
        with tenants.use("new") as ledger:
            yield ledger


@pytest.mark.parametrize(("trade", "language"), FIRST)
def test_what_a_description_speaks_of_is_suggested_on_the_first_day(
    trade: str, language: str, tmp_path: Path
) -> None:
    with begun(tmp_path, trade, language) as ledger:
        for payee, category in FIRST[trade, language]:
            answer = ledger.classify(Transaction(payee=payee), ClassifyOptions()).answer("category")
            assert category in [candidate.category for candidate in answer.candidates[:3]], payee
            assert answer.decision is not Decision.FILE


def test_a_tenant_is_given_one(server: Server, client: likewise.Client) -> None:
    arguments = ["chart", "init", "bistro", "--template", "cafe", "--server", server.address]
    made = RUNNER.invoke(app, [*arguments, "--language", "fr"])
    assert made.exit_code == 0, made.output
    chart = {category.id: category.name for category in client.get_tenant("bistro").chart}
    assert chart["coffee-tea"] == "Café et thé"
    again = RUNNER.invoke(app, arguments)
    assert again.exit_code == 1
    assert "--add" in again.stderr
    client.update_tenant(
        likewise.Tenant(id="bistro", chart=[likewise.Category(id="food", name="Essen")]),
        update_mask=["chart"],
    )
    assert RUNNER.invoke(app, [*arguments, "--add"]).exit_code == 0
    kept = {category.id: category.name for category in client.get_tenant("bistro").chart}
    assert kept["food"] == "Essen"
    assert len(kept) == len(chart)


def test_templates_are_listed_and_shown(tmp_path: Path) -> None:
    assert "Ladengeschäft" in RUNNER.invoke(app, ["chart", "templates", "--language", "de"]).stdout
    assert RUNNER.invoke(app, ["chart", "templates", "circus"]).exit_code == 1
    shown = RUNNER.invoke(app, ["chart", "templates", "cafe", "--json"])
    told = json.loads(shown.stdout)
    assert {"id", "name", "description"} == set(told["categories"][0])
    (tmp_path / "chart.json").write_text(shown.stdout)
    created = RUNNER.invoke(
        app,
        ["tenants", "create", "c", "--chart", str(tmp_path / "chart.json"), "--data", str(tmp_path / "data")],
    )
    assert created.exit_code == 0, created.output
