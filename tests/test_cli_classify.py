"""``likewise classify``: one transaction, and files of them, by a running server and on a data folder."""

import contextlib
import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from google.protobuf import json_format
from typer.testing import CliRunner, Result

import likewise
from conftest import LIKEWISE, Serve
from likewise_engine import limits
from likewise_indexer.asking import FileQuestion
from likewise_indexer.bulk import SourceOptions, open_source
from likewise_indexer.writers import SUFFIXES
from likewise_server.cli.app import app
from likewise_server.cli.classify_file import Output, interruptible
from likewise_server.lifecycle import Server

RUNNER = CliRunner(env={"COLUMNS": "80"})
ROASTERS = ("--payee", "CAFFE ROASTERS LTD", "--amount", "-91.75", "--currency", "GBP")


def classify(*arguments: str | Path, server: Server) -> Result:
    """The outcome of ``likewise classify`` that asks a server."""
    return RUNNER.invoke(app, ["classify", *map(str, arguments), "--server", server.address])


def start(*arguments: str | Path, **settings: Any) -> subprocess.Popen[str]:
    """``likewise classify`` in a process of its own."""
    return subprocess.Popen(
        [*LIKEWISE, "classify", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "80"},
        **settings,
    )


def file_of(folder: Path, *lines: str, header: str = "id,date,payee,amount,currency") -> Path:
    path = folder / "new.csv"
    path.write_text("\n".join((header, *lines)) + "\n")
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.usefixtures("cafe")
def test_what_the_wording_was_taken_for_is_shown_on_request(server: Server) -> None:
    wording = (
        "cafe",
        "--payee",
        "SQ *JOES COFFEE LONDON GB",
        "--field",
        "counterparty_iban=GB82WEST12345698765432",
    )
    assert "Square" not in classify(*wording, server=server).stdout
    shown = classify(*wording, "--wording", server=server)
    for words in ("payee JOES COFFEE", "place LONDON", "processor Square", "ids iban:GB82WEST12345698765432"):
        assert words in " ".join(shown.stdout.split())
    told = json.loads(classify(*wording, "--wording", "--json", server=server).stdout)
    assert told["wording"]["place"] == "LONDON"


# --- One transaction ---------------------------------------------------------------------------


def test_one_answer_shows_decision_candidates_and_what_they_rest_on(server: Server, cafe: str) -> None:
    done = classify(cafe, *ROASTERS, "--date", "2024-02-29", "--target-precision", "0.5", server=server)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "category: FILE under coffee" in lines
    assert any(line.split()[1:] == ["coffee"] and "%" in line for line in lines)
    neighbours = [line.split() for line in lines if "-91.75" in line]
    assert neighbours == [["-91.75", "GBP", "caffe", "roasters", "ltd", "coffee", "1.00", neighbours[0][-1]]]
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.stdout


def test_what_is_not_sure_is_suggested_and_what_is_unknown_asked(server: Server, cafe: str) -> None:
    suggested = classify(cafe, *ROASTERS, "--target-precision", "0.999", server=server)
    assert "category: SUGGEST\n" in suggested.stdout
    client_tenant = likewise.Tenant(id="new")
    with likewise.Client(server.address) as client:
        client.create_tenant(client_tenant)
    asked = classify("new", *ROASTERS, server=server)
    assert asked.exit_code == 0
    assert "category: ASK\n" in asked.stdout


def test_one_answer_as_json_is_the_contract_s_message(
    server: Server, client: likewise.Client, cafe: str
) -> None:
    done = classify(cafe, *ROASTERS, "--json", server=server)
    assert done.exit_code == 0, done.output
    assert "category_name" in json.loads(done.stdout)["answers"][0]["candidates"][0]
    told = json_format.Parse(done.stdout, likewise.Classification())
    asked = likewise.transaction(payee="CAFFE ROASTERS LTD", amount="-91.75", currency="GBP")
    expected = client.classify(cafe, asked)
    for answer in (told, expected):
        answer.ClearField("time_spent")
        answer.ClearField("prediction_id")  # Of that answer alone.
    assert told == expected


def test_options_reach_the_server(server: Server, client: likewise.Client, cafe: str) -> None:
    wide = likewise.transaction(
        id="w1",
        payee="CAFFE ROASTERS LTD",
        amount="-12.5",
        account="Till",
        direction=likewise.Direction.DIRECTION_OUT,
        fields={"Ref": "x=y"},
    )
    revision = client.learn(cafe, [likewise.labelled(wide, "milk", labels={"project": "bar"})]).revision
    told = classify(
        *(cafe, "--description", "CAFFE ROASTERS LTD", "--account", "Till", "--direction", "out"),
        *("--field", "Ref=x=y", "--dimension", "project", "--candidates", "1", "--neighbours", "0"),
        *("--min-revision", str(revision), "--json"),
        server=server,
    )
    answer = json.loads(told.stdout)
    assert [a["dimension"] for a in answer["answers"]] == ["project"]
    assert "neighbours" not in answer
    both = classify(cafe, *ROASTERS, server=server)
    assert "category: coffee" in both.stdout
    assert "project: bar" in both.stdout


def test_wordings_do_not_steer_the_terminal(server: Server, client: likewise.Client, cafe: str) -> None:
    evil = likewise.transaction(id="evil", payee="EVIL CORP", amount="-1")
    client.learn(cafe, [likewise.labelled(evil, "x\x1b[2J[red]y")])
    done = classify(cafe, "--payee", "EVIL CORP", server=server)
    assert "x [2J[red]y" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("nobody", *ROASTERS), 1, "nobody"),
        (("cafe", *ROASTERS, "--min-revision", "99"), 1, "99"),
        (("cafe", *ROASTERS, "--dimension", "project"), 1, "project"),
        (("cafe", "--payee", "x" * (limits.PAYEE_CHARS_MAX + 1)), 1, "512"),
        ((*ROASTERS,), 2, "TENANT"),
        (("cafe",), 2, "--payee"),
        (("cafe", "--payee", "x", "--amount", "1,234.50"), 2, "thousands"),
        (("cafe", "--payee", "x", "--amount", "nan"), 2, "decimal point"),
        (("cafe", "--payee", "x", "--amount", "1" * 30), 2, "digits"),
        (("cafe", "--payee", "x", "--date", "29.02.2024"), 2, "--date"),
        (("cafe", "--payee", "x", "--date", "2023-02-29"), 2, "--date"),
        (("cafe", "--payee", "x", "--currency", "eur"), 2, "ISO 4217"),
        (("cafe", "--payee", "x", "--direction", "up"), 2, "--direction"),
        (("cafe", "--payee", "x", "--field", "Ref"), 2, "NAME=VALUE"),
        (("cafe", "--payee", "x", "--candidates", "51"), 2, "--candidates"),
        (("cafe", "--payee", "x", "--neighbours", "-1"), 2, "--neighbours"),
        (("cafe", "--payee", "x", "--target-precision", "1"), 2, "--target-precision"),
        (("cafe", "--payee", "x", "--out", "a.csv"), 2, "--in"),
        (("cafe", "--payee", "x", "--tenant-column", "t"), 2, "--in"),
    ],
)
def test_what_cannot_be_asked_is_told(
    server: Server, cafe: str, arguments: tuple[str, ...], status: int, told: str
) -> None:
    done = classify(*arguments, server=server)
    assert done.exit_code == status, done.output
    assert told in done.stderr
    assert "Traceback" not in done.output


def test_without_a_server_it_says_how_to_get_one() -> None:
    done = RUNNER.invoke(app, ["classify", "cafe", *ROASTERS, "--server", "127.0.0.1:1"])
    assert done.exit_code == 1
    assert "likewise serve" in done.stderr


# --- Files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_is_answered_row_by_row(server: Server, cafe: str, tmp_path: Path, suffix: str) -> None:
    file = file_of(
        tmp_path,
        "n1,29/02/2024,CAFFE ROASTERS LTD,-91.75,GBP",
        'n2,01/03/2024,TESCO STORES 2231,"(1,012.40)",GBP',
        "n3,02/03/2024,=CMD(),-1.00,",
    )
    out = tmp_path / f"answers{suffix}"
    done = classify(cafe, "--in", file, "--out", out, "--target-precision", "0.5", server=server)
    assert done.exit_code == 0, done.output
    assert "3 rows, 0 with errors" in done.stdout
    rows: list[dict[str, Any]]
    if suffix == ".csv":
        rows = list(rows_of(out))
    else:
        rows = (pl.read_parquet if suffix == ".parquet" else pl.read_ndjson)(out).to_dicts()
    assert [(row["id"], int(row["row"]), row["file"]) for row in rows] == [
        (f"n{n}", n + 1, str(file)) for n in (1, 2, 3)
    ]
    assert [str(row["date"]) for row in rows] == ["2024-02-29", "2024-03-01", "2024-03-02"]
    assert [float(row["amount"]) for row in rows] == [-91.75, -1012.4, -1.0]
    assert [row["payee"] for row in rows] == ["CAFFE ROASTERS LTD", "TESCO STORES 2231", "=CMD()"]
    assert [row["category"] for row in rows[:2]] == ["coffee", "milk"]
    assert rows[0]["category_decision"] == "FILE"
    neighbours = json.loads(rows[0]["neighbours"]) if suffix == ".csv" else rows[0]["neighbours"]
    assert {neighbours[0]["transaction_id"], neighbours[1]["transaction_id"]} == {"c0", "c1"}
    assert not any(row["error"] for row in rows)


def test_rows_with_errors_keep_their_place_and_the_others_their_answers(
    server: Server, cafe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TABLE_FRAME_ROWS", 2)
    file = file_of(
        tmp_path,
        "n1,2024-02-29,CAFFE ROASTERS LTD,-91.75,GBP",
        "n2,2024-02-30,CAFFE ROASTERS LTD,-91.75,GBP",
        "n3,2024-03-01,CAFFE ROASTERS LTD,lots,GBP",
        "n4,2024-03-01,TESCO STORES 2231,-12.40,GBP",
        "n5,2024-03-01,,-12.40,GBP",
        "n6,2024-03-01,CITY ENERGY,-1e15,GBP",
        "n7,2024-03-01,CITY ENERGY,-210.00,GBP",
        "n8,2024-03-01,CITY ENERGY,-210.00,GBP,more,and more",
    )
    out = tmp_path / "answers.csv"
    done = classify(cafe, "--in", file, "--out", out, server=server)
    assert done.exit_code == 1, done.output
    assert "8 rows, 5 with errors" in done.stdout
    assert "new.csv, row 3: date" in done.stdout
    rows = rows_of(out)
    assert [int(row["row"]) for row in rows] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert [row["id"] for row in rows] == ["n1", "n2", "n3", "n4", "n5", "n6", "n7", ""]
    answered = [row["category"] for row in rows]
    assert answered == ["coffee", "", "", "milk", "", "", "energy", ""]
    assert [row["error"].partition(":")[0] for row in rows] == [
        "",
        "date",
        "amount",
        "",
        "payee",
        "amount",
        "",
        "has 7 fields where the header has 5",
    ]
    assert all(bool(row["error"]) != bool(row["category_decision"]) for row in rows)


def test_progress_is_told_within_a_batch_of_the_reader(
    client: likewise.Client, cafe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TABLE_FRAME_ROWS", 2)
    file = file_of(tmp_path, *(f"n{n},2024-02-29,CITY ENERGY,-210.00,GBP" for n in range(5)))
    source = open_source(file, SourceOptions(), labelled=False, tenants=False)
    parts = list(FileQuestion(client, cafe, likewise.ClassifyOptions()).ask(source))
    assert [len(part.rows) for part in parts] == [2, 2, 1]
    told = [part.bytes_read for part in parts]
    assert 0 < told[0] < told[1] < told[2] == file.stat().st_size


def test_rows_of_many_tenants_are_answered_by_each_one_s_own_books(
    server: Server, client: likewise.Client, cafe: str, tmp_path: Path
) -> None:
    client.create_tenant(likewise.Tenant(id="studio"))
    own = likewise.transaction(id="s1", payee="CITY ENERGY", amount="-210.00", currency="GBP")
    client.learn("studio", [likewise.labelled(own, "heating", labels={"project": "p"})])
    file = file_of(
        tmp_path,
        "cafe,CITY ENERGY,-210.00",
        "studio,CITY ENERGY,-210.00",
        "nobody,CITY ENERGY,-210.00",
        ",CITY ENERGY,-210.00",
        "cafe,TESCO STORES 2231,-12.40",
        "studio,CITY ENERGY,much",
        header="client,payee,amount",
    )
    out = tmp_path / "answers.csv"
    done = classify("--tenant-column", "client", "--in", file, "--out", out, server=server)
    assert done.exit_code == 1, done.output
    rows = rows_of(out)
    assert [row["tenant"] for row in rows] == ["cafe", "studio", "nobody", "", "cafe", "studio"]
    assert [row["category"] for row in rows] == ["energy", "heating", "", "", "milk", ""]
    assert "'nobody'" in rows[2]["error"]
    assert rows[2]["payee"] == "CITY ENERGY"
    assert rows[3]["error"].startswith("client")
    assert "project" not in rows[0]


def test_a_dimension_that_is_asked_has_its_columns(
    server: Server, client: likewise.Client, cafe: str, tmp_path: Path
) -> None:
    both = likewise.transaction(id="b1", payee="CITY ENERGY", amount="-210.00", currency="GBP")
    client.learn(cafe, [likewise.labelled(both, "energy", labels={"project": "bar"})])
    file = file_of(tmp_path, "n1,2024-02-29,CITY ENERGY,-210.00,GBP")
    for dimensions in (("category", "project"), ("project",)):
        out = tmp_path / f"{len(dimensions)}.csv"
        asked = [part for name in dimensions for part in ("--dimension", name)] if len(dimensions) < 2 else []
        assert classify(cafe, "--in", file, "--out", out, *asked, server=server).exit_code == 0
        (row,) = rows_of(out)
        assert row["project"] == "bar"
        assert ("category" in row) == ("category" in dimensions)


def test_columns_and_conventions_can_be_told(server: Server, cafe: str, tmp_path: Path) -> None:
    file = file_of(tmp_path, "Tesco;03.04.24;1.234,50-;Café", header="Wer?;Wann;Wieviel;Note")
    out = tmp_path / "answers.csv"
    done = classify(
        *(cafe, "--in", file, "--out", out, "--map", "payee=Wer?", "--map", "date=Wann"),
        *("--map", "amount=Wieviel", "--currency", "EUR", "--ignore", "Note", "--separator", "semicolon"),
        server=server,
    )
    assert done.exit_code == 0, done.output
    (row,) = rows_of(out)
    assert (row["payee"], row["date"], row["amount"]) == ("Tesco", "2024-04-03", "-1234.50")
    assert (row["currency"], row["description"]) == ("EUR", "")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("cafe", "--in", "new.csv"), "--out"),
        (("cafe", "--in", "new.csv", "--out", "answers.xlsx"), ".parquet"),
        (("cafe", "--in", "new.csv", "--out", "nowhere/answers.csv"), "no folder"),
        (("cafe", "--in", "new.csv", "--out", "there.csv"), "--force"),
        (("cafe", "--in", "new.csv", "--out", "new.csv", "--force"), "is read"),
        (("cafe", "--in", "new.csv", "--out", "a.csv", "--payee", "x"), "--payee"),
        (("cafe", "--in", "new.csv", "--out", "a.csv", "--json"), "--json"),
        (("cafe", "--in", "new.csv", "--out", "a.csv", "--tenant-column", "id"), "one of them"),
        (("--in", "new.csv", "--out", "a.csv"), "--tenant-column"),
        (("--in", "new.csv", "--out", "a.csv", "--tenant-column", "client"), "'client'"),
        (("cafe", "--in", "new.csv", "--out", "a.csv", "--map", "payee=Merchant"), "'Merchant'"),
        (("cafe", "--in", "new.csv", "--out", "a.csv", "--map", "payer=payee"), "payer"),
        (("cafe", "--in", "new.csv", "--out", "a.csv", "--ignore", "payee"), "--map payee="),
        (("cafe", "--in", "new.csv", "--out", "a.csv", "--dimension", "project"), "project"),
    ],
)
def test_what_cannot_be_done_with_a_file_is_told(
    server: Server,
    cafe: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    file_of(tmp_path, "n1,2024-02-29,CAFFE ROASTERS LTD,-91.75,GBP")
    (tmp_path / "there.csv").write_text("mine")
    done = classify(*arguments, server=server)
    assert done.exit_code == 2, done.output
    assert told in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "data") == ["new.csv", "there.csv"]
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_an_unknown_tenant_and_a_missing_file_leave_no_file(
    server: Server, cafe: str, tmp_path: Path
) -> None:
    file = file_of(tmp_path, "n1,2024-02-29,CAFFE ROASTERS LTD,-91.75,GBP")
    out = tmp_path / "answers.csv"
    unknown = classify("nobody", "--in", file, "--out", out, server=server)
    assert (unknown.exit_code, "'nobody'" in unknown.stderr) == (1, True)
    missing = classify(cafe, "--in", tmp_path / "missing.csv", "--out", out, server=server)
    assert (missing.exit_code, "missing.csv" in missing.stderr) == (1, True)
    assert not out.exists()


def test_labels_and_earlier_answers_in_a_file_are_not_in_the_way(
    server: Server, cafe: str, tmp_path: Path
) -> None:
    file = file_of(tmp_path, "CITY ENERGY,-210.00,rent,5,6", header="payee,amount,category,Tax code,VAT code")
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    assert classify(cafe, "--in", file, "--out", first, server=server).exit_code == 0
    assert classify(cafe, "--in", first, "--out", second, server=server).exit_code == 0
    assert [row["category"] for row in (*rows_of(first), *rows_of(second))] == ["energy", "energy"]


def test_force_replaces(server: Server, cafe: str, tmp_path: Path) -> None:
    file = file_of(tmp_path, "n1,2024-02-29,CAFFE ROASTERS LTD,-91.75,GBP")
    out = tmp_path / "answers.csv"
    out.write_text("old")
    assert classify(cafe, "--in", file, "--out", out, "--force", server=server).exit_code == 0
    assert rows_of(out)[0]["category"] == "coffee"


# --- In a process of its own -------------------------------------------------------------------


def test_standard_output_gets_answers_and_nothing_else(server: Server, cafe: str, tmp_path: Path) -> None:
    file = file_of(
        tmp_path, "n1,2024-02-29,CAFFE ROASTERS LTD,-91.75,GBP", "n2,never,CAFFE ROASTERS LTD,-91.75,GBP"
    )
    with start(cafe, "--in", file, "--out", "-", "--server", server.address) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    first, second = map(json.loads, out.splitlines())
    assert (first["category"], first["amount"], first["error"]) == ("coffee", "-91.75", None)
    assert second["error"].startswith("date")
    assert "2 rows, 1 with errors" in err


def test_a_reader_that_has_enough_is_no_error_to_tell(server: Server, cafe: str, tmp_path: Path) -> None:
    file = file_of(tmp_path, *(f"n{n},2024-02-29,CAFFE ROASTERS LTD,-91.75,GBP" for n in range(2_500)))
    with start(cafe, "--in", file, "--out", "-", "--server", server.address) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["id"] == "n0"
        process.stdout.close()
        told = process.stderr.read()
        assert "Error" not in told
        assert "Traceback" not in told
        assert process.wait(timeout=60) == 1


def test_a_data_folder_is_worked_on_without_a_server(serve: Serve, data_folder: Path, tmp_path: Path) -> None:
    server = serve()
    with likewise.Client(server.address) as client:
        client.create_tenant(likewise.Tenant(id="cafe"))
        taught = likewise.transaction(id="c1", payee="CITY ENERGY", amount="-210.00")
        client.learn("cafe", [likewise.labelled(taught, "energy")])
    server.stop()
    with start("cafe", "--payee", "City Energy", "--data", data_folder) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err == ""
    assert "energy" in out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_file_is_not_there(
    server: Server, cafe: str, tmp_path: Path, number: signal.Signals
) -> None:
    file = file_of(tmp_path, *(f"n{n},2024-02-29,CAFFE ROASTERS {n},-91.75,GBP" for n in range(60_000)))
    folder = tmp_path / "answers"
    folder.mkdir()
    arguments = (cafe, "--in", file, "--out", folder / "answers.parquet", "--server", server.address)
    with start(*arguments) as process:
        deadline = time.monotonic() + 60
        while not any(folder.iterdir()):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.endswith(f"Interrupted: {folder / 'answers.parquet'} is not written.\n")
    assert "Traceback" not in err
    assert list(folder.iterdir()) == []


def test_an_interruption_that_was_lost_is_raised_again() -> None:
    """As where a library's callback, in which Python raised it, printed it and went on."""

    def interrupted() -> None:
        with interruptible(Output(None, False)) as interruption:
            interruption.check()
            with contextlib.suppress(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(5)
            interruption.check()

    with pytest.raises(typer.Exit) as ended:
        interrupted()
    assert ended.value.exit_code == 130
