"""Tables of answers and entries: what is written is what was said, whole or not at all."""

import csv
import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import likewise
from likewise_engine import limits
from likewise_engine.errors import PreconditionFailed
from likewise_indexer.writers import (
    SUFFIXES,
    AnswerTable,
    AskedRow,
    EntryTable,
    UnwritableFile,
    open_ndjson_stream,
    open_table,
)

READ: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".csv": pl.read_csv,
    ".ndjson": pl.read_ndjson,
    ".parquet": pl.read_parquet,
}
PAYEES = ["=1+1", '"quoted", and more', "two\nlines", "Ünïcode 株式会社", "-42", "@SUM", "a;b\tc"]


def asked(payee: str = "CAFFE", amount: str = "-3.40", **more: Any) -> likewise.Transaction:
    return likewise.transaction(
        id="t1", date=datetime.date(2024, 2, 29), payee=payee, amount=amount, currency="GBP", **more
    )


def classification(*dimensions: str) -> likewise.Classification:
    return likewise.Classification(
        answers=[
            likewise.DimensionAnswer(
                dimension=dimension,
                decision=likewise.Decision.DECISION_FILE,
                candidates=[
                    likewise.Candidate(category="c1", category_name="Coffee", probability=0.75),
                    likewise.Candidate(category="c2", category_name='Milk "fresh"', probability=0.123456789),
                ],
                witness=likewise.Witness.WITNESS_SAME_TEXT,
                reason="because",
            )
            for dimension in dimensions
        ],
        neighbours=[likewise.Neighbour(transaction_id="n1", similarity=1, weight=0.5)],
        revision=7,
    )


def entry(number: int, **labels: str) -> likewise.LedgerEntry:
    labels = labels or {"category": "coffee"}
    person = likewise.Authority.AUTHORITY_PERSON
    return likewise.LedgerEntry(
        labelled=likewise.labelled(
            likewise.transaction(id=f"e{number}", payee=PAYEES[number % len(PAYEES)], amount=number),
            labels=labels,
        ),
        revision=number,
        authorities=dict.fromkeys(labels, person),
    )


def write(path: Path, table: AnswerTable | EntryTable, *frames: pl.DataFrame) -> None:
    with open_table(path, table.schema) as writer:
        for frame in frames:
            writer.write(frame)


def test_an_answer_in_csv(tmp_path: Path) -> None:
    table, path = AnswerTable(["category"]), tmp_path / "answers.csv"
    row = AskedRow("in.csv", 2, "cafe", asked(fields={"Ref": "x"}), classification("category"))
    write(path, table, table.frame([row]))

    assert path.read_text().splitlines()[1].startswith("in.csv,2,cafe,t1,2024-02-29,-3.40,GBP,CAFFE,,,,")
    with path.open(newline="") as file:
        (cells,) = csv.DictReader(file)
    assert cells["category"] == "c1"
    assert cells["category_name"] == "Coffee"
    assert cells["category_decision"] == "FILE"
    assert cells["category_probability"] == "0.75"
    assert cells["category_witness"] == "same_text"
    assert cells["category_reason"] == "because"
    assert json.loads(cells["category_alternatives"]) == [
        {"category": "c2", "category_name": 'Milk "fresh"', "probability": 0.123457}
    ]
    assert json.loads(cells["neighbours"]) == [{"transaction_id": "n1", "similarity": 1.0, "weight": 0.5}]
    assert json.loads(cells["fields"]) == [{"name": "Ref", "value": "x"}]
    assert cells["revision"] == "7"
    assert cells["error"] == ""


def test_ndjson_and_parquet_hold_lists_as_lists(tmp_path: Path) -> None:
    table = AnswerTable(["category"])
    frame = table.frame([AskedRow("in.csv", 2, "cafe", asked(), classification("category"))])
    write(tmp_path / "a.ndjson", table, frame)
    write(tmp_path / "a.parquet", table, frame)

    line = json.loads((tmp_path / "a.ndjson").read_text())
    (row,) = pl.read_parquet(tmp_path / "a.parquet").to_dicts()
    assert (line["amount"], line["date"]) == ("-3.40", "2024-02-29")
    assert (row["amount"], row["date"]) == (Decimal("-3.40"), datetime.date(2024, 2, 29))
    for read in (line, row):
        assert read["category_alternatives"][0]["category"] == "c2"
        assert read["neighbours"] == [{"transaction_id": "n1", "similarity": 1.0, "weight": 0.5}]


def test_a_row_that_could_not_be_asked_has_its_error_and_nothing_else(tmp_path: Path) -> None:
    table = AnswerTable(["category"])
    write(tmp_path / "a.ndjson", table, table.frame([AskedRow("in.csv", 3, "", error="date: is no date")]))
    row = json.loads((tmp_path / "a.ndjson").read_text())
    said = {name: value for name, value in row.items() if value is not None}
    assert said == {"file": "in.csv", "row": 3, "error": "date: is no date"}


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.00"),
        ("-3.4", "-3.40"),
        ("1200", "1200.00"),
        ("0.123456789", "0.123456789"),
        ("-999999999999.9999", "-999999999999.9999"),
        ("10.0500", "10.05"),
        ("0.100000001", "0.100000001"),
    ],
)
def test_amounts_are_exact(tmp_path: Path, amount: str, text: str) -> None:
    table = AnswerTable([])
    frame = table.frame([AskedRow("f", 1, "t", asked(amount=amount))])
    for suffix in SUFFIXES:
        write(tmp_path / f"a{suffix}", table, frame)
    with (tmp_path / "a.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["amount"] == text
    assert json.loads((tmp_path / "a.ndjson").read_text())["amount"] == text
    assert pl.read_parquet(tmp_path / "a.parquet")["amount"].item() == Decimal(amount)


def test_wording_comes_back_as_it_was(tmp_path: Path) -> None:
    table = AnswerTable([])
    frame = table.frame([AskedRow("f", n, "t", asked(payee)) for n, payee in enumerate(PAYEES)])
    for suffix in SUFFIXES:
        write(tmp_path / f"a{suffix}", table, frame)
    with (tmp_path / "a.csv").open(newline="") as file:
        assert [row["payee"] for row in csv.DictReader(file)] == PAYEES
    assert pl.read_ndjson(tmp_path / "a.ndjson")["payee"].to_list() == PAYEES
    assert pl.read_parquet(tmp_path / "a.parquet")["payee"].to_list() == PAYEES


def test_dimensions_named_like_other_columns_have_columns_of_their_own() -> None:
    dimensions = ["category", "category_name", "date", "error", "payee"]
    answers = AnswerTable(dimensions)
    assert len(answers.schema) == len(AnswerTable([]).schema) + 7 * len(dimensions)
    (row,) = answers.frame([AskedRow("f", 1, "t", asked(), classification(*dimensions))]).to_dicts()
    assert (row["date"], row["date_"]) == (datetime.date(2024, 2, 29), "c1")
    assert (row["category_name"], row["category_name_"]) == ("Coffee", "c1")
    assert (row["error"], row["error_"]) == (None, "c1")

    entries = EntryTable([*dimensions, "category_authority", "revision"])
    labels = {"category": "a", "category_authority": "b", "date": "c", "revision": "d"}
    (row,) = entries.frame([entry(1, **labels)]).to_dicts()
    assert (row["category"], row["category_authority_"], row["date_"], row["revision_"]) == tuple("abcd")
    assert row["revision"] == 1


def test_entries_have_a_label_and_its_authority_per_dimension() -> None:
    mixed = entry(3, category="coffee", project="bar")
    mixed.authorities["project"] = likewise.Authority.AUTHORITY_MACHINE
    frame = EntryTable(["category", "project", "tax"]).frame([mixed])
    (row,) = frame.select("id", "^category.*$", "^project.*$", "^tax.*$", "revision").to_dicts()
    assert row == {
        "id": "e3",
        "category": "coffee",
        "category_authority": "person",
        "project": "bar",
        "project_authority": "machine",
        "tax": None,
        "tax_authority": None,
        "revision": 3,
    }


def test_a_dimension_taught_meanwhile_is_not_dropped() -> None:
    with pytest.raises(PreconditionFailed, match="'project'"):
        EntryTable(["category"]).frame([entry(1, category="coffee", project="bar")])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_many_frames_make_one_table_in_order(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "TABLE_PART_ROWS", 4)
    table, path = EntryTable(["category"]), tmp_path / f"entries{suffix}"
    write(path, table, *(table.frame([entry(n), entry(n + 1)]) for n in range(0, 22, 2)), table.frame([]))
    read = READ[suffix](path)
    assert read["id"].to_list() == [f"e{n}" for n in range(22)]
    assert read.columns == list(table.schema)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_table_without_rows_is_a_file(tmp_path: Path, suffix: str) -> None:
    table, path = EntryTable(["category"]), tmp_path / f"entries{suffix}"
    write(path, table)
    if suffix == ".ndjson":
        assert path.read_bytes() == b""
    else:
        read = READ[suffix](path)
        assert read.columns == list(table.schema)
        assert len(read) == 0


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError])
def test_an_interrupted_table_leaves_nothing_and_harms_nothing(
    tmp_path: Path, suffix: str, failure: type[BaseException]
) -> None:
    table, path = EntryTable(["category"]), tmp_path / f"entries{suffix}"
    path.write_text("what was here before")

    def write_and_fail() -> None:
        with open_table(path, table.schema, replace=True) as writer:
            writer.write(table.frame([entry(1)]))
            raise failure

    with pytest.raises(failure):
        write_and_fail()
    assert path.read_text() == "what was here before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_only_its_owner_may_read_a_table(tmp_path: Path, suffix: str) -> None:
    path, table = tmp_path / f"table{suffix}", EntryTable(["category"])
    write(path, table, table.frame([entry(1, category="food")]))
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_is_replaced_only_on_request(tmp_path: Path) -> None:
    table, path = EntryTable([]), tmp_path / "entries.csv"
    path.write_text("mine")
    with pytest.raises(UnwritableFile, match="--force"), open_table(path, table.schema):
        pytest.fail("opened all the same")
    assert path.read_text() == "mine"
    with open_table(path, table.schema, replace=True):
        pass
    assert path.read_text().startswith("id,date")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("answers.xlsx", r"\.csv, \.ndjson, \.parquet"),
        ("answers", r"\.csv"),
        ("nowhere/answers.csv", "no folder"),
        ("folder.csv", "is a folder"),
    ],
)
def test_where_nothing_can_be_written_it_says_why(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UnwritableFile, match=why), open_table(tmp_path / name, {}):
        pytest.fail("opened all the same")


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
import polars as pl
from likewise_indexer.writers import UnwritableFile, open_table
path = Path(sys.argv[1])
try:
    with open_table(path, {"text": pl.String()}) as writer:
        for n in range(1_000):
            writer.write(pl.DataFrame({"text": [f"{n} {m} {n * m} {n ** m}" for m in range(100)]}))
except UnwritableFile as error:
    sys.exit(f"UnwritableFile: {error}")
"""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"big{suffix}"
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr.startswith(f"UnwritableFile: {path}: "), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_stream_gets_lines_at_once() -> None:
    reading, writing = os.pipe()
    table = EntryTable(["category"])
    with os.fdopen(reading, "rb") as lines, os.fdopen(writing, "wb") as stream:
        open_ndjson_stream(stream, "a pipe").write(table.frame([entry(1), entry(2)]))
        assert [json.loads(lines.readline())["id"] for _ in range(2)] == ["e1", "e2"]


def test_a_reader_who_leaves_is_an_unwritable_file() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    table = EntryTable(["category"])
    stream = os.fdopen(writing, "wb", buffering=0)
    with stream, pytest.raises(UnwritableFile, match="a pipe: Broken pipe"):
        open_ndjson_stream(stream, "a pipe").write(table.frame([entry(1)]))
