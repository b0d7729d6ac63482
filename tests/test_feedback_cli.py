"""``likewise feedback`` against a running server, and straight on a data folder."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import likewise
from likewise_server.cli.app import app
from likewise_server.lifecycle import Server

RUNNER = CliRunner(env={"COLUMNS": "160"})


def _run(server: Server, *arguments: str, columns: int = 160) -> Result:
    arguments = ("feedback", *arguments, "--server", server.address)
    return RUNNER.invoke(app, arguments, env={"COLUMNS": str(columns)})


@pytest.fixture
def judged(server: Server, client: likewise.Client, cafe: str) -> str:
    """The café, after some answers of which most were FILEd and labelled."""
    client.update_tenant(likewise.Tenant(id=cafe, policy=likewise.Policy(target_precision=0.5)))
    for number in range(12):
        asked = likewise.transaction(id=f"q{number}", payee="CAFFE ROASTERS LTD", amount="-84.20")
        client.classify(cafe, asked)
        client.learn(cafe, [likewise.labelled(asked, "coffee" if number else "milk")])
    server.recorder.flush()
    return cafe


def test_tables_show_what_became_of_answers(server: Server, judged: str) -> None:
    done = _run(server, judged)
    assert done.exit_code == 0, done.output
    for told in ("By decision", "Over time", "By witness", "By proposed category", "12 answers are kept"):
        assert told in done.stdout
    (row,) = (line.split() for line in done.stdout.splitlines() if line.startswith("category   FILE"))
    assert int(row[2]) == int(row[3])


def test_tables_fit_a_terminal_of_eighty_columns(server: Server, judged: str) -> None:
    done = _run(server, judged, "--period", "day", columns=80)
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    assert max(map(len, lines)) <= 80
    # Names give way; headings, days and intervals are whole.
    assert any(line.startswith("from        decision  answered  judged  offered") for line in lines)
    (filed,) = (line for line in lines if re.match(r"\d{4}-\d\d-\d\d  FILE ", line))
    assert re.search(r"\d%–\d+\.\d%  ", filed)


def test_a_program_reads_json(server: Server, judged: str) -> None:
    told = json.loads(_run(server, judged, "--json", "--period", "month").stdout)
    assert sum(int(group["counts"]["answered"]) for group in told["decisions"]) == 12
    (overview,) = (json.loads(line) for line in _run(server, "--json").stdout.splitlines())
    assert overview["tenant"] == judged
    assert overview["decisions"] == told["decisions"]


def test_the_overview_has_a_line_a_tenant_and_decision(server: Server, judged: str) -> None:
    lines = _run(server).stdout.splitlines()
    assert len([line for line in lines if line.startswith(judged)]) in (1, 2)


def test_the_precision_is_drawn(server: Server, judged: str, tmp_path: Path) -> None:
    done = _run(server, judged, "--svg", str(tmp_path / "precision.svg"))
    assert done.exit_code == 0, done.output
    drawn = (tmp_path / "precision.svg").read_text()
    assert drawn.startswith("<svg ")
    assert "right of what was FILEd" in drawn


@pytest.mark.usefixtures("cafe")
def test_where_nothing_was_answered_that_is_said(server: Server, tmp_path: Path) -> None:
    assert "No answer has been recorded yet." in _run(server, "cafe").stdout
    assert "No answer has been recorded yet." in _run(server).stdout
    done = _run(server, "cafe", "--svg", str(tmp_path / "nothing.svg"))
    assert "nothing to draw" in done.stderr
    assert not (tmp_path / "nothing.svg").exists()


def test_what_is_of_one_tenant_needs_its_name(server: Server) -> None:
    assert _run(server, "--since", "2024-01-01").exit_code == 2


def test_it_works_on_a_data_folder(server: Server, judged: str, data_folder: Path) -> None:
    server.stop()
    done = RUNNER.invoke(app, ["feedback", judged, "--data", str(data_folder)])
    assert done.exit_code == 0, done.output
    assert "By decision" in done.stdout
