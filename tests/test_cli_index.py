"""``likewise index``: what is shown, what is written, and how it ends."""

import csv
import signal
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bulk_world import HEADER, entries_of, numbered, tenants_in, written
from likewise_engine import limits
from likewise_engine.encoder import load_encoder
from likewise_engine.tenants import Tenants
from likewise_indexer.bulk import Progress
from likewise_server.cli.app import app
from likewise_server.cli.index_report import ProgressLine
from likewise_server.lifecycle import Server

RUNNER = CliRunner(env={"COLUMNS": "100"})
GOOD = ("a,2024-01-31,Shop,1.50,EUR,food", "b,2024-01-02,Café,2,EUR,drink")
BAD = "c,2024-02-30,Shop,3,EUR,food"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def books(tmp_path: Path) -> Path:
    return written(tmp_path / "books.csv", *GOOD)


def index(*arguments: str | Path) -> Result:
    return RUNNER.invoke(app, ["index", *map(str, arguments)])


def counts(result: Result) -> list[str]:
    """The last row of the table of counts, without the tenant."""
    cells = [line.strip("│ ").split("│") for line in result.stdout.splitlines() if line.startswith("│")]
    return [cell.strip() for cell in cells[-1][1:]]


def test_a_file_is_indexed_and_what_was_understood_is_shown(data: Path, books: Path) -> None:
    done = index("shop", books, "--data", data)
    assert done.exit_code == 0, done.output
    assert "payee        payee" in done.stdout
    assert "decimal point" in done.stdout
    assert counts(done) == ["2", "0", "0", "0", "0", "0"]
    again = index("shop", books, "--data", data)
    assert again.exit_code == 0
    assert counts(again) == ["0", "0", "2", "0", "0", "0"]
    assert not list(books.parent.glob("*.rejects.csv"))
    assert "\x1b" not in done.output


def test_a_running_server_takes_the_rows(server: Server, books: Path) -> None:
    done = index("shop", books, "--server", server.address)
    assert done.exit_code == 0, done.output
    assert counts(done) == ["2", "0", "0", "0", "0", "0"]


def test_labels_of_an_inactive_category_are_told(tmp_path: Path, books: Path, server: Server) -> None:
    for where in (("--data", str(tmp_path / "own")), ("--server", server.address)):
        assert "not active" not in index("shop", books, *where).stdout
        deactivated = RUNNER.invoke(app, ["chart", "deactivate", "shop", "food", *where])
        assert deactivated.exit_code == 0, deactivated.output
        later = written(books.with_name("later.csv"), "c,2024-02-01,Shop,3,EUR,food")
        done = index("shop", later, *where)
        assert done.exit_code == 0
        assert "1 label has a category that is not active" in " ".join(done.stdout.split())


def test_rejected_rows_are_shown_and_written_and_can_be_mended_there(data: Path, books: Path) -> None:
    written(books, *GOOD, BAD, "d,2024-01-01,Shop")
    done = index("shop", books, "--data", data)
    assert done.exit_code == 1
    assert counts(done) == ["2", "0", "0", "0", "0", "2"]
    assert "line 4" in done.stdout
    rejects = books.with_name("books.csv.rejects.csv")
    with rejects.open(newline="", encoding="utf-8-sig") as file:
        first, second = csv.DictReader(file)
    assert (first["file"], first["row"], first["column"]) == (str(books), "4", "date")
    assert "is not a date" in first["reason"]
    assert (first["id"], first["amount"], first["malformed"]) == ("c", "3", "")
    assert (second["id"], second["malformed"]) == ("", "d,2024-01-01,Shop")

    mended = rejects.read_text(encoding="utf-8-sig").replace("2024-02-30", "2024-02-29").splitlines()
    rejects.write_text("\n".join(mended[:2]))
    again = index("shop", rejects, "--data", data)
    assert again.exit_code == 0, again.output
    assert counts(again) == ["1", "0", "0", "0", "0", "0"]


def test_a_mended_reject_file_outlives_the_next_run(data: Path, books: Path) -> None:
    written(books, *GOOD, BAD)
    index("shop", books, "--data", data)
    rejects, kept = books.with_name("books.csv.rejects.csv"), books.with_name("books.csv.1.rejects.csv")
    as_written = rejects.read_bytes()
    index("shop", books, "--data", data)
    assert rejects.read_bytes() == as_written
    assert not kept.exists()

    rejects.write_bytes(as_written.replace(b"2024-02-30", b"2024-02-29"))
    index("shop", books, "--data", data)
    assert rejects.read_bytes() == as_written
    assert b"2024-02-29" in kept.read_bytes()
    assert not list(books.parent.glob(".*.new"))


def test_rejects_of_several_files_go_where_it_is_said(data: Path, tmp_path: Path) -> None:
    one = written(tmp_path / "1.csv", *GOOD, BAD)
    two = written(tmp_path / "2.csv", "31.02.2024;Shop;food", header="Datum;Empfänger;Kategorie")
    done = index("shop", one, two, "--data", data, "--rejects", tmp_path / "all.csv")
    assert done.exit_code == 1
    with (tmp_path / "all.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["id"], row["date"], row["Datum"]) for row in rows] == [
        (str(one), "c", "2024-02-30", ""),
        (str(two), "", "", "31.02.2024"),
    ]
    assert sorted(path.name for path in tmp_path.glob("*.csv")) == ["1.csv", "2.csv", "all.csv"]


def test_rejected_rows_never_replace_a_file_that_is_read(data: Path, books: Path) -> None:
    written(books, *GOOD, BAD)
    before = books.read_bytes()
    refused = index("shop", books, "--data", data, "--rejects", books.parent / "." / "books.csv")
    assert refused.exit_code == 2
    assert "is read" in refused.stderr
    assert books.read_bytes() == before

    assert index("shop", books, "--data", data).exit_code == 1
    rejects = books.with_name("books.csv.rejects.csv")
    before = rejects.read_bytes()
    refused = index("shop", books, rejects, "--data", data)  # as the shell's *.csv has it
    assert refused.exit_code == 2
    assert rejects.read_bytes() == before


def test_a_file_is_not_taken_for_the_tenant(data: Path, books: Path) -> None:
    refused = index(books, books, "--data", data)
    assert refused.exit_code == 2
    assert "the tenant is missing" in refused.stderr
    assert not data.exists()


def test_many_rejected_rows_are_counted_and_the_first_shown(data: Path, books: Path) -> None:
    written(books, *GOOD, *(BAD.replace("c,", f"c{n},") for n in range(15)))
    done = index("shop", books, "--data", data)
    assert "and 5 more." in done.stdout
    assert done.stdout.count("2024-02-30") == 10


def test_a_dry_run_checks_and_touches_nothing(data: Path, books: Path) -> None:
    written(books, *GOOD, BAD)
    before = sorted(books.parent.iterdir())
    done = index("shop", books, "--data", data, "--dry-run")
    assert done.exit_code == 1
    assert "valid" in done.stdout
    assert counts(done) == ["2", "0", "0", "0", "0", "1"]
    assert sorted(books.parent.iterdir()) == before
    asked = index("shop", books, "--dry-run", "--rejects", books.parent / "r.csv")
    assert asked.exit_code == 1
    assert (books.parent / "r.csv").exists()


def test_files_of_many_tenants(data: Path, books: Path) -> None:
    written(books, "ada,1,Shop,food", "bob,2,Shop,rent", header="whose,id,payee,category")
    done = index("--tenant-column", "whose", books, "--data", data)
    assert done.exit_code == 0, done.output
    assert "ada" in done.stdout
    assert counts(done) == ["2", "0", "0", "0", "0", "0"]
    with tenants_in_shipped(data) as tenants:
        assert tenants.ids() == ["ada", "bob"]


def test_what_the_user_says_about_the_columns_holds(data: Path, books: Path) -> None:
    written(
        books,
        "x;03/04/24;1.234;Alpha;Beta;sale;V1;N",
        "y;04/04/24;5;Alpha;Beta;sale;;N",
        header="ref;when;how much;who;what;filed;VAT;branch",
    )
    done = index(
        *("shop", books, "--data", data, "--separator", "semicolon", "--encoding", "utf-8"),
        *("--map", "id=ref", "--map", "amount=how much", "--map", "description=who"),
        *("--map", "description=what", "--map", "category=filed", "--label", "tax=VAT"),
        *("--ignore", "branch", "--keep-fields", "--currency", "CHF"),
        *("--date-format", "month-first", "--decimal", "comma"),
    )
    assert done.exit_code == 0, done.output
    with tenants_in_shipped(data) as tenants:
        entry, labels, _ = entries_of(tenants, "shop")["x"]
    assert (str(entry.date), int(entry.amount), entry.currency) == ("2024-03-04", 1234, "CHF")
    assert (entry.payee, entry.description, dict(entry.fields)) == ("", "Alpha Beta", {})
    assert labels == {"category": "sale", "tax": "V1"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("shop",), "name the tenant and then its files"),
        (("shop", "BOOKS", "--map", "payee=Nobody"), "there is no column 'Nobody'"),
        (("shop", "BOOKS", "--map", "colour=payee"), "there is no 'colour'"),
        (("shop", "BOOKS", "--map", "payee"), "--map NAME=COLUMN"),
        (("shop", "BOOKS", "--map", "tenant=id"), "--tenant-column"),
        (("shop", "BOOKS", "--currency", "euro"), "ISO 4217"),
        (("shop", "BOOKS", "--date-format", "backwards"), "day-first, month-first"),
        (("shop", "BOOKS", "--date-format", "%Q"), "'Q' is a bad directive"),
        (("shop", "BOOKS", "--separator", "::"), "one character"),
        (("shop", "BOOKS", "--encoding", "klingon"), "klingon"),
        (("shop", "BOOKS", "--ignore", "category"), "category (--map category=COLUMN"),
        (("BOOKS", "--tenant-column", "id", "--chart", "x.json"), "--chart is one tenant's"),
    ],
)
def test_wrong_usage_and_unclear_columns_exit_with_2(
    data: Path, books: Path, arguments: tuple[str, ...], told: str
) -> None:
    given = [str(books) if argument == "BOOKS" else argument for argument in arguments]
    done = index(*given, "--data", data)
    assert done.exit_code == 2, done.output
    assert told in done.output
    assert not data.exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 a workbook", "export it as CSV"),
        (b"\x7fELF" + bytes(8) + b"\x01\x02" * 50, "no text file"),
        (b"PAR1 and no more", "cannot be read as Parquet"),
    ],
)
def test_files_that_cannot_be_read_exit_with_1(data: Path, books: Path, content: bytes, told: str) -> None:
    books.write_bytes(content)
    done = index("shop", books, "--data", data)
    assert done.exit_code == 1
    assert told in done.output
    assert not data.exists()


def test_files_without_rows_create_no_tenant(data: Path, books: Path) -> None:
    empty = written(books.with_name("empty.csv"), header=f"whose,{HEADER}")
    for whose in (("shop",), ("--tenant-column", "whose")):
        done = index(*whose, empty, "--data", data)
        assert (done.exit_code, "no row below a header" in done.output) == (1, True)
    unlabelled = written(books.with_name("unlabelled.csv"), "a,2024-01-31,Shop,1.50,EUR,")
    assert index("shop", unlabelled, "--data", data).exit_code == 0
    with tenants_in_shipped(data) as tenants:
        assert tenants.ids() == []
    assert index("shop", empty, books, "--data", data).exit_code == 0


def test_upkeep_waits_until_all_rows_are_in_and_can_be_left_to_the_server(data: Path, books: Path) -> None:
    rows = [f"{n},2024-01-31,{('Shop', 'Bakery')[n % 2]},1.50,EUR,{n % 2}" for n in range(40)]
    many = written(books.with_name("many.csv"), *rows)
    for tenant, options, is_due in (("now", (), False), ("later", ("--no-upkeep",), True)):
        assert index(tenant, many, "--data", data, *options).exit_code == 0
        with tenants_in_shipped(data) as tenants, tenants.use(tenant) as ledger:
            assert (ledger.view.live_count, ledger.are_heads_due) == (40, is_due)


def test_errors_say_what_to_do(data: Path, books: Path) -> None:
    missing = index("shop", books.with_name("none.csv"), "--data", data)
    assert (missing.exit_code, "is not there" in missing.output) == (1, True)
    nobody = index("shop", books, "--data", data, "--no-create")
    assert (nobody.exit_code, "create it first" in nobody.output) == (1, True)
    invalid = index("a\x07", books, "--data", data)
    assert (invalid.exit_code, "control characters" in invalid.output) == (1, True)
    unreachable = index("shop", books, "--server", "127.0.0.1:1")
    assert (unreachable.exit_code, "likewise serve" in unreachable.output) == (1, True)
    with tenants_in(data):
        held = index("shop", books, "--data", data)
    assert (held.exit_code, "another process uses" in held.output) == (1, True)


def test_a_chart_names_the_tenant_and_its_categories(data: Path, books: Path) -> None:
    chart = books.with_name("chart.json")
    chart.write_text('{"name": "The Shop", "categories": [{"id": "food", "name": "Groceries"}]}')
    assert index("shop", books, "--data", data, "--chart", chart).exit_code == 0
    with tenants_in_shipped(data) as tenants:
        described = tenants.describe("shop")
    assert described.record.display_name == "The Shop"
    assert [(category.id, category.title) for category in described.chart] == [
        ("food", "Groceries"),
        ("drink", "drink"),
    ]


def test_interrupted_it_says_so_and_the_same_command_goes_on(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = numbered(tmp_path / "long.csv", 300)
    monkeypatch.setattr(limits, "FILE_BATCH_ROWS", 50)
    monkeypatch.setattr(limits, "IMPORT_BATCH_ROWS", 30)

    def interrupt(_line: ProgressLine, progress: Progress) -> None:
        if progress.rows == 150:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as interrupted:
        interrupted.setattr(ProgressLine, "update", interrupt)
        cut = index("shop", path, "--data", data)
    assert cut.exit_code == 130, cut.output
    assert counts(cut) == ["150", "0", "0", "0", "0", "0"]
    assert "150 rows are committed; the same command again goes on from there." in cut.stdout
    again = index("shop", path, "--data", data)
    assert again.exit_code == 0, again.output
    assert counts(again) == ["150", "0", "150", "0", "0", "0"]


def tenants_in_shipped(folder: Path) -> Tenants:
    """The tenants of a folder that the command filled, with the encoder that it used."""
    return Tenants.open_folder(folder, load_encoder())
