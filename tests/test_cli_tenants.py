"""``likewise tenants`` against a running server, and straight on a data folder."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

import likewise
from conftest import LIKEWISE, Serve
from likewise_server.cli.app import app
from likewise_server.lifecycle import Server

READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".csv": pl.read_csv,
    ".ndjson": pl.read_ndjson,
    ".parquet": pl.read_parquet,
}
RUNNER = CliRunner(env={"COLUMNS": "120"})


def run(command: str, *arguments: str, server: Server) -> Result:
    """The outcome of a command of ``likewise tenants`` that asks a server, with nobody to be asked itself."""
    return RUNNER.invoke(app, ["tenants", command, *arguments, "--server", server.address])


def run_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The outcome of a command in a process of its own."""
    return subprocess.run(
        [*LIKEWISE, "tenants", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "120"},
    )


def test_tenants_are_listed_and_shown(client: likewise.Client, server: Server, cafe: str) -> None:
    client.update_tenant(likewise.Tenant(id=cafe, display_name="[red]Café[/red]"))
    listed = run("list", "--statistics", server=server)
    assert listed.exit_code == 0, listed.output
    assert "cafe" in listed.stdout
    assert "[red]Café[/red]" in listed.stdout
    shown = run("show", "cafe", server=server)
    assert "5 transactions with 3 distinct texts" in shown.stdout
    assert "coffee" in shown.stdout
    assert "95.0%" in shown.stdout


def test_how_answers_turned_out_is_shown(client: likewise.Client, server: Server, cafe: str) -> None:
    for n in range(60):
        client.learn(
            cafe, [likewise.labelled(likewise.transaction(id=f"e{n}", payee="CITY ENERGY"), "energy")]
        )
    lines = run("show", "cafe", server=server).stdout.splitlines()
    (header,) = (number for number, line in enumerate(lines) if "latest filed" in line)
    (told,) = client.get_tenant(cafe).statistics.calibrations
    assert told.filed_right > 0
    cells = lines[header + 1].split()
    assert cells[:3] == ["category", str(told.outcomes), str(told.filed)]
    assert cells[3:] == [str(told.filed_right), "0.0", "σ", f"{told.file_threshold:.1%}"]


def test_a_tenant_is_created_with_its_chart_and_deleted(
    client: likewise.Client, server: Server, tmp_path: Path
) -> None:
    assert "no tenants yet" in run("list", server=server).stdout
    chart = tmp_path / "chart.json"
    chart.write_text('{"name": "Studio", "categories": [{"id": "200", "name": "Sales"}]}')
    created = run("create", "studio", "--chart", str(chart), "--target-precision", "0.9", server=server)
    assert created.exit_code == 0, created.output
    tenant = client.get_tenant("studio")
    assert (tenant.display_name, tenant.policy.target_precision) == ("Studio", 0.9)
    assert [category.name for category in tenant.chart] == ["Sales"]
    assert run("create", "studio", server=server).exit_code == 1
    unasked = run("delete", "studio", server=server)
    assert unasked.exit_code == 2
    assert "--yes" in unasked.stderr
    assert client.get_tenant("studio").id == "studio"
    assert run("delete", "studio", "--yes", server=server).exit_code == 0
    assert not list(client.list_tenants())


@pytest.mark.parametrize("suffix", READERS)
def test_an_export_holds_what_was_taught(server: Server, cafe: str, tmp_path: Path, suffix: str) -> None:
    out = tmp_path / f"cafe{suffix}"
    done = run("export", "cafe", "--out", str(out), server=server)
    assert done.exit_code == 0, done.output
    frame = READERS[suffix](out)
    assert frame["id"].to_list() == [f"c{n}" for n in range(5)]
    assert frame["category"].to_list() == ["coffee", "coffee", "milk", "milk", "energy"]
    assert [float(amount) for amount in frame["amount"]] == [-84.2, -91.75, -12.4, -9.8, -210.0]
    again = run("export", "cafe", "--out", str(out), server=server)
    assert again.exit_code == 1
    assert "--force" in again.stderr


def test_an_export_goes_to_standard_output_as_ndjson(server: Server, cafe: str) -> None:
    done = run("export", "cafe", server=server)
    assert pl.read_ndjson(done.stdout_bytes)["id"].to_list() == [f"c{n}" for n in range(5)]


def test_transactions_are_forgotten_by_id_and_by_file(
    client: likewise.Client, server: Server, cafe: str, tmp_path: Path
) -> None:
    ids = tmp_path / "ids.txt"
    ids.write_text("c1\n\nnever\nc1\n")
    assert run("forget", "cafe", server=server).exit_code == 2
    assert run("forget", "cafe", "-t", "c0", server=server).exit_code == 2
    assert client.get_tenant(cafe).statistics.labels == 5
    done = run("forget", "cafe", "-t", "c0", "--file", str(ids), "--yes", server=server)
    assert done.exit_code == 0, done.output
    assert "Forgot 2 transactions. 1 were not there." in done.stdout
    assert client.get_tenant(cafe).statistics.labels == 3


def test_an_unknown_tenant_is_told(server: Server) -> None:
    unknown = run("show", "nobody", server=server)
    assert unknown.exit_code == 1
    assert "there is no tenant 'nobody'" in unknown.stderr


def test_where_no_server_answers_it_is_said_what_to_try() -> None:
    nobody_there = RUNNER.invoke(app, ["tenants", "list", "--server", "127.0.0.1:1"])
    assert nobody_there.exit_code == 1
    assert "likewise serve" in nobody_there.stderr
    both = RUNNER.invoke(app, ["tenants", "list", "--server", "127.0.0.1:1", "--data", "x"])
    assert both.exit_code == 2


def test_a_folder_that_is_named_goes_before_a_server_of_the_environment(tmp_path: Path) -> None:
    elsewhere = {"LIKEWISE_SERVER": "127.0.0.1:1"}
    assert (
        RUNNER.invoke(app, ["tenants", "create", "new", "--data", str(tmp_path)], env=elsewhere).exit_code
        == 0
    )
    assert "new" in RUNNER.invoke(app, ["tenants", "list", "--data", str(tmp_path)], env=elsewhere).stdout
    assert "127.0.0.1:1" in RUNNER.invoke(app, ["tenants", "list"], env=elsewhere).stderr


def test_a_folder_is_worked_on_without_a_server_unless_it_is_in_use(
    serve: Serve, server: Server, cafe: str, data_folder: Path
) -> None:
    in_use = run_process("list", "--data", str(data_folder))
    assert in_use.returncode == 1
    assert "--server" in in_use.stderr
    server.stop()
    listed = run_process("list", "--data", str(data_folder))
    assert listed.returncode == 0
    assert listed.stderr == ""
    assert "cafe" in listed.stdout
    nowhere = run_process("list", "--data", str(data_folder / "nothing"))
    assert nowhere.returncode == 1
    assert "there is no data folder" in nowhere.stderr
    assert not (data_folder / "nothing").exists()
