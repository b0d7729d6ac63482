"""``likewise backtest``: what is shown and written, on one process and on several, and how it ends."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from typer.testing import CliRunner, Result

from backtest_world import book, habits, item, written
from conftest import LIKEWISE
from likewise_engine.chart import Category
from likewise_engine.errors import InvalidInput, ModelFault
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_indexer.backtest import (
    BacktestProgress,
    BacktestSettings,
    BacktestStopped,
    Book,
    Contest,
    WorkerLost,
    contest,
    document_of,
    run_backtest,
)
from likewise_indexer.backtest.peers import PEERS, PeerKind, PeerSettings, Ranking
from likewise_server.cli.app import app
from likewise_server.cli.backtest_output import Outputs

RUNNER = CliRunner(env={"COLUMNS": "100"})
FIGURES = {"top1", "coverage_at_95", "coverage_at_98", "ece", "filed_share", "filed_precision"}
QUICK = BacktestSettings(learning=False)


@pytest.fixture
def books(tmp_path: Path) -> Path:
    path = written(tmp_path / "books.csv", habits(120), "acme")
    written(path, habits(90, seed=2), "zebra")
    return written(path, habits(8), "tiny")


def backtest(*arguments: str | Path) -> Result:
    return RUNNER.invoke(app, ["backtest", *map(str, arguments), "--jobs", "1"])


def essence(value: Any) -> Any:
    """A document without what differs from run to run: times."""
    if isinstance(value, dict):
        return {key: essence(inner) for key, inner in value.items() if not key.startswith("seconds")}
    return [essence(inner) for inner in value] if isinstance(value, list) else value


def test_tenants_are_replayed_and_told_of(books: Path) -> None:
    done = backtest(books, "--tenant-column", "tenant")
    assert done.exit_code == 0, done.output
    assert "218 rows read of 3 tenants, 0 of them without a label and 0 rejected." in done.stdout
    assert "105 rows of 2 tenants were asked about" in done.stdout
    assert re.search(r"^┃ tenant +┃ asked ┃", done.stdout, re.MULTILINE)
    assert re.search(r"^│ acme +│ +60 │", done.stdout, re.MULTILINE)  # of the 120 that are replayed
    assert "'tiny' is left out: of its 8 rows, 4 would be asked" in done.stdout
    assert "payee seen with several categories" in done.stdout
    assert "How fast it learns" in done.stdout
    assert "\x1b" not in done.output
    assert sorted(path.name for path in books.parent.iterdir()) == ["books.csv"]


def test_json_has_the_figures_by_the_names_that_were_promised(books: Path) -> None:
    done = backtest(books, "--tenant-column", "tenant", "--label", "tax=tax", "--json", "-")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["macro"].keys() >= FIGURES
    assert [(t["tenant"], t["rows"], t["asked"]) for t in found["tenants"]] == [
        ("acme", 120, 60),
        ("zebra", 90, 45),
    ]
    for tenant in found["tenants"]:
        assert tenant.keys() >= FIGURES
    assert found["macro"]["top1"] == pytest.approx(sum(t["top1"] for t in found["tenants"]) / 2)
    assert found["macro"]["slices"]["amount_missing"] == {
        "rows": 0,
        "tenants": 0,
        "top1": None,
        "coverage_at_95": None,
    }
    assert [point["size"] for point in found["macro"]["learning_curve"]] == [10, 50, None]
    assert len(found["macro"]["reliability"]) == 10
    assert len(found["macro"]["coverage_precision"]) == 100
    assert found["settings"]["visibility"] == "next-day"
    assert found["left_out"][0]["tenant"] == "tiny"
    assert (found["peers"], found["behind"]) == ({}, None)
    assert found["encoder_fingerprint"].startswith("likewise-static")
    assert found["vote_fingerprint"]
    assert found["versions"].keys() >= {"likewise", "python"}


def test_the_same_again_and_on_two_processes_is_the_same(books: Path, tmp_path: Path) -> None:
    common = ("--tenant-column", "tenant", "--errors", "5", "--seed", "3", "--json")
    found = []
    for name, jobs in (("a", "1"), ("b", "1"), ("c", "2")):
        path = tmp_path / f"{name}.json"
        done = RUNNER.invoke(app, ["backtest", str(books), *common, str(path), "--jobs", jobs])
        assert done.exit_code == 0, done.output
        found.append(essence(json.loads(path.read_text())))
    assert found[0]["confusions"]
    assert found[0] == found[1] == found[2]


def test_each_file_is_a_tenant_unless_it_is_said_otherwise(tmp_path: Path) -> None:
    rows = habits(120)
    paths = [written(tmp_path / "one.csv", rows[:60]), written(tmp_path / "three.csv", rows[60:])]
    quick = ("--no-learning", "--json", "-")
    apart = json.loads(backtest(*paths, *quick).stdout)
    assert [t["tenant"] for t in apart["tenants"]] == ["one", "three"]
    together = json.loads(backtest(*paths, "--tenant", "acme", *quick).stdout)
    assert [(t["tenant"], t["rows"], len(t["files"])) for t in together["tenants"]] == [("acme", 120, 2)]
    assert together["macro"]["learning_curve"] == []


class Oracle:
    """A peer that has seen the future: the label is written on the payee's name."""

    def __init__(self, settings: PeerSettings) -> None:
        self.seed = settings.seed

    name = "oracle"
    title = "An oracle"

    def learn(self, items: Sequence[LabelledTransaction]) -> None:
        """It knows already."""

    def rank(self, transaction: Transaction) -> Ranking:
        return [(f"c{transaction.payee.split()[1]}", 0.5 + self.seed / 10)]


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two peers, one of which cannot run here."""
    kinds = {
        "oracle": PeerKind("An oracle", Oracle),
        "absent": PeerKind("Nobody", Oracle, lambda _: "pip install 'likewise[nobody]'"),
    }
    monkeypatch.setattr(contest, "PEERS", kinds)


def test_peers_answer_the_same_questions(books: Path) -> None:
    common = (books, "--tenant-column", "tenant", "--no-learning", "--json", "-")
    found = json.loads(backtest(*common, "--peer", "payee_last", "--peer", "payee_majority").stdout)
    assert list(found["peers"]) == ["payee_last", "payee_majority"]
    for peer in found["peers"].values():
        assert peer["macro"].keys() >= {"top1", "coverage_at_95", "coverage_at_98"}
        assert [tenant["tenant"] for tenant in peer["tenants"]] == ["acme", "zebra"]
        assert 0 < peer["macro"]["top1"] < 1
        assert peer["macro"]["filed_share"] is None
    alone = json.loads(backtest(*common).stdout)
    assert essence(alone["tenants"]) == essence(found["tenants"])
    assert list(json.loads(backtest(*common, "--peers").stdout)["peers"])[:2] == list(PEERS)[:2]


def test_where_a_peer_is_better_is_said_worst_first(peers: None) -> None:
    books = []
    for tenant, wrong in (("slightly", 3), ("far", 9), ("not", 0)):
        rows = habits(60)
        for row in range(60 - 2 * wrong, 60, 2):
            rows[row] = item(row, row // 3 + 1, f"Payee {row + 100}", f"c{row + 100}")
        for row in range(60):
            if not wrong:
                rows[row] = item(row, row + 1, "Payee 1", "c1")
        books.append(book([oracular(one) for one in rows], tenant))
    found = run_backtest(books, QUICK, Contest.of(["oracle"]))
    assert found.behind is not None
    assert [behind.tenant for behind in found.behind.tenants] == ["far", "slightly"]
    far, slightly = found.behind.tenants
    assert far.gap > slightly.gap > 0
    assert far.peer == "oracle"
    assert found.behind.share == pytest.approx(2 / 3)
    assert found.behind.gap_max == far.gap
    assert found.behind.gap_mean == pytest.approx((far.gap + slightly.gap) / 2)


def oracular(one: LabelledTransaction) -> LabelledTransaction:
    """The row with the label that its payee's name tells an oracle."""
    return replace(one, labels={"category": f"c{one.transaction.payee.split()[1]}"})


def test_peers_are_told_of_in_words(peers: None, tmp_path: Path) -> None:
    # Payees that nobody has met are told by the oracle alone.
    rows = [
        item(row, row // 3 + 1, f"Payee {row + 100}", "") if row > 50 else one
        for row, one in enumerate(habits(60))
    ]
    path = written(tmp_path / "books.csv", [oracular(one) for one in rows])
    done = backtest(path, "--peer", "oracle", "--peer", "absent", "--no-learning", "--seed", "3")
    assert done.exit_code == 0, done.output
    assert "The peer absent could not run: pip install 'likewise[nobody]'" in done.stdout
    assert "  books: An oracle, by " in done.stdout
    refused = backtest(path, "--peer", "pythia")
    assert refused.exit_code == 2
    assert "there is none called 'pythia', only oracle, absent" in refused.stderr


def test_the_seed_reaches_the_peers_and_missing_ones_the_document(peers: None) -> None:
    rows = [oracular(one) for one in habits(60)]
    settings = BacktestSettings(learning=False, seed=3)
    found = run_backtest([book(rows)], settings, Contest.of(["oracle", "absent"]))
    assert set(found.tenants[0].answers["oracle"].probability.tolist()) == {0.8}
    assert document_of(found)["peers_missing"] == {"absent": "pip install 'likewise[nobody]'"}
    assert list(document_of(found)["peers"]) == ["oracle"]


def test_a_report_can_be_written(tmp_path: Path) -> None:
    path, report = written(tmp_path / "books.csv", habits(60)), tmp_path / "report.html"
    done = backtest(path, "--no-learning", "--html", report)
    assert done.exit_code == 0, done.output
    assert f"The report is in {report}." in done.stdout
    assert report.read_text().startswith("<!doctype html>")


def test_every_answer_can_be_written(tmp_path: Path) -> None:
    rows = [item(row, row + 1, "Zoom", "software") for row in range(39)]
    path = written(tmp_path / "books.csv", [*rows, item(39, None, "", "training", None)], "acme")
    answers = tmp_path / "answers.parquet"
    for _ in range(2):
        done = backtest(path, "--map", "description=tenant", "--no-learning", "--answers", answers)
        assert done.exit_code == 0, done.output
    first, *_, last = pl.read_parquet(answers).rows(named=True)
    assert len(pl.read_parquet(answers)) == 20
    assert first.pop("seconds") > 0
    assert first.pop("probability") > 0.9
    assert first == {
        "tenant": "books",
        "row": 21,
        "date": date(2024, 1, 21),
        "payee": "Zoom",
        "amount": 5.0,
        "label": "software",
        "who": "likewise",
        "answered": "software",
        "right": True,
        "rank": 1,
        "decision": "FILE",
    }
    known = {name: last[name] for name in ("row", "date", "payee", "amount", "label", "right", "rank")}
    assert known == {
        "row": 40,
        "date": None,
        "payee": "acme",
        "amount": None,
        "label": "training",
        "right": False,
        "rank": None,
    }


def test_files_of_several_tenants_are_compared(tmp_path: Path) -> None:
    one = written(written(tmp_path / "one.csv", habits(60), "acme"), habits(60, seed=2), "zebra")
    two = written(tmp_path / "two.csv", habits(60, seed=3), "yak")
    done = backtest(one, two, "--tenant-column", "tenant", "--no-learning", "--json", "-")
    found = json.loads(done.stdout)
    assert [file["file"] for file in found["files"]] == [str(one), str(two)]
    tenants = {tenant["tenant"]: tenant["top1"] for tenant in found["tenants"]}
    assert found["files"][0]["top1"] == pytest.approx((tenants["acme"] + tenants["zebra"]) / 2)
    assert found["files"][1]["top1"] == tenants["yak"]
    assert "The tenants of each file" in done.stderr


def test_errors_are_shown_with_what_misled(tmp_path: Path) -> None:
    rows = [item(row, row + 1, "Zoom\x1b[31m", "software") for row in range(40)]
    rows[35] = item(35, 36, "Zoom\x1b[31m", "training")
    done = backtest(written(tmp_path / "books.csv", rows), "--errors", "3")
    assert done.exit_code == 0, done.output
    assert "'training' taken for 'software' at 'books'" in done.stdout
    assert re.search(r"│ +1 │ +[01] │ 5.00 EUR │$", done.stdout, re.MULTILINE)
    assert "5.00 EUR was software" in done.stdout
    assert "\x1b" not in done.output


def test_bad_rows_are_shown_and_the_rest_is_replayed(tmp_path: Path) -> None:
    path = written(tmp_path / "books.csv", habits(60), "acme", "2024-02-30,Shop,3,EUR,food,,acme")
    done = backtest(path, "--no-learning")
    assert done.exit_code == 1
    assert "line 62" in done.stdout
    assert "is not a date" in done.stdout
    assert "30 rows of 1 tenant were asked about" in done.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["books.csv"]


def test_books_too_small_for_any_figure_are_named(tmp_path: Path) -> None:
    path = written(tmp_path / "books.csv", habits(8))
    done = backtest(path, "--json", "-")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert (found["tenants"], found["macro"]["top1"]) == ([], None)
    assert "'books' is left out" in done.stderr


def test_a_chart_is_known_beforehand(tmp_path: Path) -> None:
    chart = tmp_path / "chart.json"
    chart.write_text(json.dumps({"categories": [{"id": "c1", "name": "Rent"}]}))
    path = written(tmp_path / "books.csv", habits(60))
    assert backtest(path, "--chart", chart, "--no-learning").exit_code == 0
    chart.write_text("[]")
    assert "is not a JSON object" in backtest(path, "--chart", chart).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tenant", "a", "--tenant-column", "tenant"], "not both"),
        (["--history", "1"], "must be above 0 and below 1"),
        (["--target-precision", "0.2"], "within 0.5 to 0.999"),
        (["--tenant-column", "tenant", "--chart", "chart.json"], "one tenant's"),
        (["--json", "missing/folder.json"], "cannot be written"),
        (["--json", "books.csv"], "would be replaced"),
        (["--html", "."], "cannot be written"),
        (["--html", "/dev/null"], "cannot be written"),
        (["--html", "-"], "only --json can go to the terminal"),
        (["--answers", "-"], "only --json can go to the terminal"),
        (["--json", "found.json", "--html", "more/../found.json"], "--json and --html would both be"),
        (["--html", "found.csv", "--answers", "found.csv"], "--html and --answers would both be"),
        (["--answers", "answers.xlsx"], "ends in none of"),
        (["more/books.csv"], "would both be the tenant 'books'"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Sequence[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "more").mkdir()
    for path in (tmp_path, tmp_path / "more"):
        written(path / "books.csv", habits(60))
    done = backtest("books.csv", *arguments)
    assert done.exit_code == 2, done.output
    assert message in done.stderr.replace("\n", " ")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["books.csv", "more"]


def test_figures_are_written_before_what_may_fail(tmp_path: Path) -> None:
    found = run_backtest([book(habits(60))], QUICK, Contest())
    outputs = Outputs(tmp_path / "found.json", tmp_path / "found.html", tmp_path / "missing" / "found.csv")
    with pytest.raises(typer.Exit):
        outputs.write(found)
    assert json.loads((tmp_path / "found.json").read_text())["macro"].keys() >= FIGURES
    assert (tmp_path / "found.html").read_text().startswith("<!doctype html>")


def test_a_name_that_no_file_can_have_is_said_before_the_work(tmp_path: Path) -> None:
    done = backtest(written(tmp_path / "books.csv", habits(60)), "--json", tmp_path / ("long" * 100))
    assert done.exit_code == 1
    assert "File name too long" in done.stderr
    assert "rows read" not in done.stdout


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    for path in (empty, tmp_path / "missing.csv"):
        done = backtest(path)
        assert done.exit_code != 0
        assert path.name in done.stderr


def test_a_folder_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    path = written(tmp_path / "books.csv", habits(60))
    for option in ("--encoder", "--vote"):
        done = backtest(path, option, tmp_path)
        assert done.exit_code == 1
        assert done.stderr.startswith("Error:")


def largest(count: int, rows: int = 60) -> list[Book]:
    return [book(habits(rows, seed=n), f"tenant {n}") for n in range(count)]


def test_progress_is_told_to_the_end_on_any_number_of_processes() -> None:
    for jobs in (1, 2):
        told: list[BacktestProgress] = []
        run_backtest(largest(3), QUICK, Contest(), jobs=jobs, on_progress=told.append)
        assert told[-1] == BacktestProgress(90, 90, 3, 3)
        assert [p.asked for p in told] == sorted(p.asked for p in told)


@pytest.mark.parametrize("jobs", [1, 2])
def test_it_ends_when_it_is_told_to(jobs: int) -> None:
    with pytest.raises(BacktestStopped):
        run_backtest(largest(20), QUICK, Contest(), jobs=jobs, keep_on=lambda: False)
    assert active_children() == []


def test_a_process_that_is_killed_is_an_error_and_no_wait_for_ever() -> None:
    def kill(_progress: BacktestProgress) -> None:
        for process in active_children():
            process.kill()

    with pytest.raises(WorkerLost, match="fewer --jobs"):
        run_backtest(largest(4, 600), QUICK, Contest(), jobs=2, on_progress=kill)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_tenant_that_fails_is_left_out_and_stops_nobody(jobs: int) -> None:
    broken = Book("broken", (), largest(1)[0].items, (Category(""),))
    found = run_backtest([broken, *largest(2)], QUICK, Contest(), jobs=jobs)
    assert [tenant.tenant for tenant in found.tenants] == ["tenant 0", "tenant 1"]
    ((left_out),) = found.left_out
    assert (left_out.tenant, left_out.failed) == ("broken", True)
    assert "is required" in left_out.reason
    assert document_of(found)["left_out"][0]["failed"] is True


def test_settings_and_models_are_checked_before_anything_is_replayed(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="history"):
        run_backtest(largest(1), BacktestSettings(history_share=0.0), Contest())
    with pytest.raises(ModelFault):
        run_backtest(largest(1), QUICK, Contest(encoder=tmp_path), jobs=2)


def test_ctrl_c_ends_all_processes_cleanly(tmp_path: Path) -> None:
    for n in range(2):
        written(tmp_path / f"tenant{n}.csv", habits(4_000, seed=n))
    command = [*LIKEWISE, "backtest", str(tmp_path), "--jobs", "2", "--json", str(tmp_path / "out.json")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        # All is read, and the replay of 8,000 rows begins.
        assert any("rows read of 2 tenants" in line for line in process.stdout)
        os.killpg(process.pid, signal.SIGINT)
        errors = process.stderr.read()
    assert process.returncode == 130
    assert "Interrupted" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "out.json").exists()
