"""``likewise card``: what a tenant's memory holds and how well it did, from a folder and from a server."""

import asyncio
import json
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

import likewise
from likewise_indexer.cards.tenant import Retention, tenant_card
from likewise_indexer.cards.tenant_page import tenant_markdown
from likewise_server.cli.app import app
from likewise_server.lifecycle import Server
from shipped_world import row, tenant_of

RUNNER = CliRunner(env={"COLUMNS": "120"})
WORDING = "zebra crossing bakers"
NAMED = "Tea | <b>*cakes*</b>"


@pytest.fixture
def taught(client: likewise.Client) -> str:
    """A tenant of whom one category is frequent, one rare and one unused; what is taught was answered."""
    chart = [likewise.Category(id=c, name=n) for c, n in (("tea", NAMED), ("rent", ""), ("none", "Unused"))]
    client.create_tenant(likewise.Tenant(id="shop", display_name="The shop", chart=chart))
    for number in range(24):
        label = "rent" if number % 12 == 11 else "tea"
        payee = "landlord" if label == "rent" else WORDING
        transaction = likewise.transaction(
            id=f"t{number}", date=date(2025, 1, 1 + number), payee=payee, amount="10.00", currency="EUR"
        )
        client.learn("shop", [likewise.labelled(transaction, label)])
    return "shop"


def test_a_card_counts_what_is_held_and_how_well_it_did(client: likewise.Client, taught: str) -> None:
    record = json.loads(client.cards.get(taught).record_json)
    assert (record["entries"], record["texts"], record["currencies"]) == (24, 2, {"EUR": 24})
    assert (record["first_day"], record["last_day"]) == ("2025-01-01", "2025-01-24")
    (dimension,) = record["dimensions"]
    assert (dimension["labels"], dimension["categories_total"]) == (24, 3)
    assert (dimension["rare"], dimension["unused"]) == (1, 1)
    tea, rent, unused = dimension["categories"]
    assert (tea["id"], tea["name"], tea["labels"]) == ("tea", NAMED, 22)
    assert (rent["labels"], unused["labels"], unused["outcomes"]) == (2, 0, 0)
    assert tea["outcomes"] + rent["outcomes"] == dimension["outcomes"] > 0
    assert dimension["right"] == pytest.approx((tea["right"] + rent["right"]) / dimension["outcomes"])
    assert tea["right"] > 0
    assert tea["filed_right"] <= tea["filed"] <= tea["outcomes"]
    assert (dimension["filed"], dimension["filed_right"]) == (
        tea["filed"] + rent["filed"],
        tea["filed_right"] + rent["filed_right"],
    )


def test_what_was_learned_in_bulk_is_no_failure_to_file(tmp_path: Path) -> None:
    payees = {"rent": "Castle Estates", "food": "Corner Bakery", "fuel": "Shell Leeds"}
    rows = [
        row(f"{day}{label}", payee, label, date=date(2025, 1, 1) + timedelta(days=day))
        for day in range(60)
        for label, payee in payees.items()
    ]
    with tenant_of(tmp_path, rows) as ledger:
        card = tenant_card(ledger, "a vote", Retention())
    (dimension,) = card.dimensions
    assert (dimension.outcomes, dimension.filed) == (177, 0)  # of the first day there was nothing to go by
    assert dimension.above is not None
    assert dimension.above > 0.8
    assert dimension.above_right == 1.0
    page = " ".join(tenant_markdown(card).split())
    assert "It FILEd 0 of them as they came, 0 rightly. What was learned in bulk" in page
    assert f"{dimension.above:.1%} of these labels reach it, and 100.0% of those are right" in page


def test_no_wording_is_on_a_card_unless_it_is_asked_for(client: likewise.Client, taught: str) -> None:
    silent = client.cards.get(taught)
    for form in (silent.record_json, silent.markdown, silent.html):
        assert "zebra" not in form
        assert "landlord" not in form
    asked = client.cards.get(taught, wordings=True)
    assert json.loads(asked.record_json)["wordings"][0] == [WORDING, 22]
    assert WORDING in asked.markdown
    assert WORDING in asked.html


def test_names_are_no_markup_of_the_page(client: likewise.Client, taught: str) -> None:
    card = client.cards.get(taught)
    assert "<b>" not in card.html
    assert "Tea | &lt;b&gt;*cakes*&lt;/b&gt;" in card.html
    assert "| Tea \\| \\<b\\>\\*cakes\\*\\</b\\> | 22 |" in card.markdown
    body = card.html.split("<body>")[1].split("</body>")[0]
    assert list(ElementTree.fromstring(f"<body>{body}</body>").iter("table"))  # noqa: S314  # our own
    assert "script" not in card.html


def test_an_empty_tenant_has_a_card(client: likewise.Client) -> None:
    client.create_tenant(likewise.Tenant(id="new"))
    card = client.cards.get("new")
    assert "undated" in card.markdown
    assert json.loads(card.record_json)["entries"] == 0
    with pytest.raises(likewise.NotFound):
        client.cards.get("nobody")


def test_asyncio_has_the_same_cards(server: Server, client: likewise.Client, taught: str) -> None:
    async def work() -> likewise.GetCardResponse:
        async with likewise.AsyncClient(server.address) as other:
            return await other.cards.get(taught, wordings=True)

    assert asyncio.run(work()) == client.cards.get(taught, wordings=True)


def test_the_command_writes_it_from_a_server_and_from_a_folder(
    server: Server, client: likewise.Client, taught: str, tmp_path: Path
) -> None:
    page, text = tmp_path / "card.html", tmp_path / "card.md"
    options = ["--server", server.address, "--html", str(page), "--markdown", str(text)]
    assert RUNNER.invoke(app, ["card", taught, *options]).exit_code == 0
    card = client.cards.get(taught)
    assert page.read_text(encoding="utf-8") == card.html
    assert text.read_text(encoding="utf-8") == card.markdown
    shown = RUNNER.invoke(app, ["card", taught, "--server", server.address])
    assert "Dimension category" in shown.stdout
    told = RUNNER.invoke(app, ["card", taught, "--server", server.address, "--json"])
    assert json.loads(told.stdout) == json.loads(card.record_json)
    folder = tmp_path / "alone"
    folder.mkdir()
    assert RUNNER.invoke(app, ["tenants", "create", "other", "--data", str(folder)]).exit_code == 0
    local = RUNNER.invoke(app, ["card", "other", "--data", str(folder), "--json"])
    assert json.loads(local.stdout)["tenant"] == "other"
