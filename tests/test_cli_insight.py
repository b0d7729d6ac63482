"""``likewise audit`` and ``likewise explain``: what they show, as text, as JSON and as a page."""

import json
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import likewise
from conftest import Serve
from likewise_server.cli.app import app
from likewise_server.lifecycle import Server

RUNNER = CliRunner(env={"COLUMNS": "200"})
EVIL = "<script>alert(1)</script>"


def run(server: Server, *words: str) -> Result:
    return RUNNER.invoke(app, [*words, "--server", server.address], prog_name="likewise")


def row(number: int) -> likewise.Transaction:
    day = date(2025, 1, 1) + timedelta(days=7 * number)
    return likewise.transaction(
        id=f"r{number}", payee="Corner Print", amount="10.00", currency="EUR", date=day
    )


@pytest.fixture
def books(server: Server, client: likewise.Client) -> str:
    """A tenant with a text that is filed both ways, one of them evil."""
    client.create_tenant(likewise.Tenant(id="acme"))
    ways = ("office", EVIL, EVIL, "office", "office", EVIL, "office", EVIL)
    client.import_transactions(
        "acme",
        [
            likewise.labelled(
                likewise.transaction(
                    id=f"r{n}",
                    payee=EVIL,
                    amount="10.00",
                    currency="EUR",
                    date=date(2025, 1, 1) + timedelta(days=7 * n),
                ),
                way,
            )
            for n, way in enumerate(ways)
        ],
    )
    return "acme"


def test_a_page_that_cannot_be_written_is_told_before_the_books_are_looked_through(tmp_path: Path) -> None:
    nowhere = tmp_path / "nothing" / "audit.html"
    failed = RUNNER.invoke(app, ["audit", "acme", "--server", "127.0.0.1:1", "--html", str(nowhere)])
    assert (failed.exit_code, "there is no folder" in failed.stderr) == (2, True)


def test_an_audit_is_shown(server: Server, books: str) -> None:
    shown = run(server, "audit", books, "--kind", "label-conflict")
    assert shown.exit_code == 0
    assert "Look-alikes filed both ways: 1" in shown.stdout
    assert "4 times" in shown.stdout
    assert "r7" in shown.stdout
    assert "Looked at 8 entries" in shown.stdout


def test_an_audit_is_json(server: Server, books: str) -> None:
    shown = run(server, "audit", books, "--json")
    told = json.loads(shown.stdout)
    assert {finding["kind"] for finding in told["findings"]} >= {"FINDING_KIND_LABEL_CONFLICT"}
    assert told["summary"]["entries"] == "8"


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]


def test_an_audit_is_a_page_that_needs_nothing_else(server: Server, books: str, tmp_path: Path) -> None:
    path = tmp_path / "audit.html"
    path.write_text("what was there")
    assert run(server, "audit", books, "--html", str(path)).exit_code == 0
    text = path.read_text()
    page = Page()
    page.feed(text)
    assert "script" not in page.tags
    assert page.addresses
    assert all(address.startswith("#") for address in page.addresses)
    assert "default-src 'none'" in text
    assert EVIL not in text
    assert "&lt;script&gt;alert(1)" in text
    assert {each.name for each in tmp_path.iterdir()} == {"audit.html", "data"}  # nothing half-written


def test_wrong_usage_of_an_audit_is_told(server: Server, books: str, tmp_path: Path) -> None:
    assert run(server, "audit", books, "--kind", "nothing").exit_code == 2
    assert run(server, "audit", books, "--html", str(tmp_path / "no" / "x.html")).exit_code == 2
    missing = run(server, "audit", "nobody")
    assert missing.exit_code == 1
    assert "nobody" in missing.stderr


def test_an_entry_is_explained(server: Server, books: str) -> None:
    shown = run(server, "explain", books, "r3")
    assert shown.exit_code == 0
    assert "it was left out, as of before it was labelled" in shown.stdout
    assert "The books say office." in shown.stdout
    assert "times likelier than" in shown.stdout
    assert "calibrated by" in shown.stdout


def test_a_transaction_is_explained_and_is_json(server: Server, books: str) -> None:
    asked = json.dumps({"payee": "Print", "amount": {"units": 10, "currency_code": "EUR"}})
    told = json.loads(run(server, "explain", books, "--transaction", asked, "--json").stdout)
    assert told["dimensions"][0]["threshold"]["target_precision"] > 0.5
    assert run(server, "explain", books, "--transaction", "{").exit_code == 2
    assert run(server, "explain", books, "--transaction", '{"nothing": 1}').exit_code == 2


def test_a_recorded_answer_is_decided_again(serve: Serve) -> None:
    server = serve(predictions_sampled=1.0)
    with likewise.Client(server.address) as client:
        client.create_tenant(likewise.Tenant(id="acme"))
        client.learn("acme", [likewise.labelled(likewise.transaction(id="a", payee="Taxi"), "travel")])
        answer = client.classify("acme", likewise.transaction(payee="Taxi"))
        server.recorder.flush()
    again = run(server, "explain", "acme", "--prediction", answer.prediction_id, "--replay")
    assert (again.exit_code, again.stdout.partition(":")[0]) == (0, "identical")
    why = run(server, "explain", "acme", "--prediction", answer.prediction_id)
    assert "travel" in why.stdout


def test_wrong_usage_of_an_explanation_is_told(server: Server, books: str) -> None:
    for words in ([], ["r1", "--prediction", "x"], ["r1", "--replay"]):
        assert run(server, "explain", books, *words).exit_code == 2
    assert run(server, "explain", books, "nothing").exit_code == 1
    assert run(server, "explain", books, "--prediction", "nothing", "--replay").exit_code == 1
