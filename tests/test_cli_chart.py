"""``likewise chart`` against a running server, and straight on a data folder."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import likewise
from likewise_server.cli.app import app
from likewise_server.lifecycle import Server

RUNNER = CliRunner(env={"COLUMNS": "120"})


def run(command: str, *arguments: str, server: Server) -> Result:
    """The outcome of a command of ``likewise chart`` on the café, with nobody to be asked."""
    return RUNNER.invoke(app, ["chart", command, "cafe", *arguments, "--server", server.address])


def labels(client: likewise.Client) -> list[str]:
    """The labels of c0 to c4."""
    return [entry.labelled.labels["category"] for entry in client.list_transactions("cafe")]


@pytest.mark.usefixtures("cafe")
def test_a_category_is_renamed_and_the_chart_says_what_it_was(
    client: likewise.Client, server: Server
) -> None:
    done = run("rename", "milk", "--to", "4100", "--name", "[b]Milk[/b]", server=server)
    assert done.exit_code == 0, done.output
    assert done.stdout == "Renamed 'milk' to '4100'.\n"
    assert labels(client) == ["coffee", "coffee", "4100", "4100", "energy"]
    run("rename", "4100", "--description", "From cows", server=server)
    lines = run("show", server=server).stdout.splitlines()
    (row,) = (line.split() for line in lines if "4100" in line)
    assert row == ["category", "4100", "[b]Milk[/b]", "From", "cows", "formerly", "milk"]
    nothing = run("rename", "4100", server=server)
    assert nothing.exit_code == 1
    assert "say what is to change" in nothing.stderr


@pytest.mark.usefixtures("cafe")
def test_categories_are_merged_if_it_is_meant(client: likewise.Client, server: Server) -> None:
    unasked = run("merge", "milk", "energy", "--into", "coffee", server=server)
    assert unasked.exit_code == 2
    assert "--yes" in unasked.stderr
    assert "milk" in labels(client)
    done = run("merge", "milk", "energy", "--into", "coffee", "--yes", server=server)
    assert done.exit_code == 0, done.output
    assert done.stdout == "Merged 'milk', 'energy' into 'coffee': 3 transactions moved.\n"
    assert labels(client) == ["coffee"] * 5
    assert "merged into coffee" in run("show", server=server).stdout
    back = run("merge", "coffee", "--into", "milk", "--yes", server=server)
    assert back.exit_code == 1
    assert "activate 'milk'" in back.stderr


@pytest.mark.usefixtures("cafe")
def test_a_split_is_counted_before_it_is_done(
    client: likewise.Client, server: Server, tmp_path: Path
) -> None:
    chosen = ["coffee", "--into", "beans", "--payee", "roasters", "--max-amount", "-90"]
    dry = run("split", *chosen, "--dry-run", server=server)
    assert dry.stdout == "1 transactions of 'coffee' would move to 'beans'.\n"
    assert run("split", *chosen, server=server).exit_code == 2
    assert "beans" not in labels(client)
    done = run("split", *chosen, "--name", "Beans", "--yes", server=server)
    assert done.stdout == "Split 'coffee': 1 transactions moved to 'beans'.\n"
    assert labels(client) == ["coffee", "beans", "milk", "milk", "energy"]
    ids = tmp_path / "ids.txt"
    ids.write_text("c2\n\nnever\n")
    assert (
        run("split", "milk", "--into", "oats", "--file", str(ids), "-t", "c9", "-y", server=server).exit_code
        == 0
    )
    assert labels(client) == ["coffee", "beans", "oats", "milk", "energy"]
    ids.write_bytes(b"\xff\xfe\x00")
    damaged = run("split", "milk", "--into", "oats", "--file", str(ids), "-y", server=server)
    assert damaged.exit_code == 1
    assert "UTF-8" in damaged.stderr


@pytest.mark.parametrize(
    ("chosen", "status", "says"),
    [
        ([], 1, "is empty"),
        (["--min-date", "2025-01-01"], 1, "no entry of category 'milk'"),
        (["--min-date", "2025-02-30"], 2, "2025-02-30"),
        (["--min-amount", "ten"], 2, "'ten' is not an amount"),
        (["--currency", "GBP"], 2, "currency without an amount"),
        (["--payee", "tesco", "--dimension", "tax"], 1, "'tax' is not a dimension"),
    ],
)
@pytest.mark.usefixtures("cafe")
def test_a_wrong_split_says_what_is_wrong(server: Server, chosen: list[str], status: int, says: str) -> None:
    refused = run("split", "milk", "--into", "oats", *chosen, "--yes", server=server)
    assert refused.exit_code == status, refused.output
    assert says in refused.stderr


@pytest.mark.usefixtures("cafe")
def test_a_category_is_deactivated_and_activated(client: likewise.Client, server: Server) -> None:
    assert run("deactivate", "milk", server=server).stdout == "Deactivated 'milk'.\n"
    assert "no longer active" in run("show", "--dimension", "category", server=server).stdout
    assert not {c.id: c.active for c in client.get_tenant("cafe").chart}["milk"]
    assert run("activate", "milk", server=server).stdout == "Activated 'milk'.\n"
    assert "no longer" not in run("show", server=server).stdout
    assert run("deactivate", "cream", server=server).exit_code == 1
    assert "no categories" in run("show", "--dimension", "tax", server=server).stdout


@pytest.mark.usefixtures("cafe")
def test_a_chart_is_changed_without_a_server(server: Server, data_folder: Path) -> None:
    server.stop()
    for command in (
        ["merge", "cafe", "milk", "--into", "coffee", "--yes"],
        ["rename", "cafe", "coffee", "--to", "4100"],
    ):
        done = RUNNER.invoke(app, ["chart", *command, "--data", str(data_folder)])
        assert done.exit_code == 0, done.output
    shown = RUNNER.invoke(app, ["chart", "show", "cafe", "--data", str(data_folder)])
    assert "merged into 4100" in shown.stdout
