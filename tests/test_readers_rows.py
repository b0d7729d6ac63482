"""Rows become transactions with ids that stay the same, whoever reads the file, however often."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from likewise_engine import limits
from likewise_engine.transaction import Direction, Transaction
from likewise_indexer.readers import (
    ColumnWishes,
    Occurrences,
    RejectedRow,
    RowConverter,
    Rows,
    TextOptions,
    find_conventions,
    open_reader,
    recognise,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.csv"


def read(path: Path, text: str | None = None, *, ids: bool = False, **wishes: Any) -> list[Rows]:
    """What a file becomes, batch by batch; written first where a text is given."""
    if text is not None:
        path.write_text(text)
    mapped = wishes.get("columns", {})
    reader = open_reader(path, TextOptions(), named=[name for names in mapped.values() for name in names])
    plan = recognise(reader.columns, ColumnWishes(**wishes), labelled=False, tenants="tenant" in mapped)
    with Occurrences() as occurrences:
        converter = RowConverter(plan, find_conventions(reader, plan), occurrences if ids else None)
        return [converter.convert(batch) for batch in reader.batches(plan.used)]


def transactions(batches: Sequence[Rows]) -> list[Transaction]:
    return [transaction for rows in batches for transaction in rows.transactions]


def rejected(batches: Sequence[Rows]) -> list[RejectedRow]:
    return [row for rows in batches for row in rows.rejected]


def ids(path: Path, text: str, **wishes: Any) -> list[str]:
    return [transaction.id for transaction in transactions(read(path, text, ids=True, **wishes))]


def test_a_row_becomes_a_transaction(path: Path) -> None:
    [rows] = read(
        path,
        "ID,Date,Payee,Details,Amount,Currency,Account,Type,Category,Tax code,Branch\n"
        "t1,05/03/2024,  Corner Shop ,milk,£-1.50,,Current,Debit,food,T1,North\n"
        "t2,25/03/2024,Corner Shop,,2.00,eur,Current,POS,,,\n",
        keep_fields=True,
    )
    assert rows.transactions == [
        Transaction(
            id="t1",
            date=date(2024, 3, 5),
            amount=Decimal("-1.50"),
            currency="GBP",
            payee="Corner Shop",
            description="milk",
            account="Current",
            direction=Direction.OUT,
            fields={"Branch": "North"},
        ),
        Transaction("t2", date(2024, 3, 25), Decimal("2.00"), "EUR", "Corner Shop", "", "Current"),
    ]
    assert rows.labels == [{"category": "food", "tax_code": "T1"}, {}]
    assert list(rows.batch.rows) == [2, 3]


def test_debit_and_credit_columns(path: Path) -> None:
    [rows] = read(
        path,
        "Payee,Paid out,Paid in\nA,1.50,\nB,,2.50\nC,-3.50,\nD,0.00,4.50\nE,0,0.00\nF,,\nG,1.00,2.00\n",
    )
    assert [(t.payee, t.amount, t.direction) for t in rows.transactions] == [
        ("A", Decimal("-1.50"), Direction.OUT),
        ("B", Decimal("2.50"), Direction.IN),
        ("C", Decimal("-3.50"), Direction.OUT),  # money out is out, whichever sign it has
        ("D", Decimal("4.50"), Direction.IN),
        ("E", Decimal("0.00"), Direction.UNKNOWN),
        ("F", None, Direction.UNKNOWN),
    ]
    [both] = rows.rejected
    assert (both.row, both.column) == (8, "Paid out, Paid in")


def test_a_bad_cell_rejects_its_row_with_line_column_reason_and_values(path: Path) -> None:
    batches = read(
        path,
        'Date,Payee,Description,Amount\n2024-01-01,A,"two\nlines",1.00\n31/31/2024,B,,abc\nx,y\n2024-01-02,C,,2.00\n',
    )
    assert [transaction.payee for transaction in transactions(batches)] == ["A", "C"]
    malformed, bad = sorted(rejected(batches), key=lambda row: -row.row)
    assert (malformed.row, malformed.reason) == (5, "has 2 fields where the header has 4")
    assert (bad.row, bad.column) == (4, "Date, Amount")
    assert "'31/31/2024' is not a date" in bad.reason
    assert "'abc' is not an amount" in bad.reason
    assert set(bad.values) == {"31/31/2024", "B", "", "abc"}


def test_several_columns_make_one_description(path: Path) -> None:
    [rows] = read(path, "A,B,C\nx,,z\n,,\n,y,\n", columns={"description": ("A", "B", "C")})
    assert [t.description for t in rows.transactions] == ["x z", "y"]


def test_labels_and_tenants_are_the_files_own(path: Path) -> None:
    [rows] = read(
        path, "Client,Payee,Category,Fund\na,P,x,f1\nb,P,,f2\nb,P,,\n", columns={"tenant": ("Client",)}
    )
    assert rows.tenants == ["a", "b", "b"]
    assert rows.labels == [{"category": "x"}, {}, {}]


# --- Ids -------------------------------------------------------------------------------------------------

COFFEES = """\
Date,Payee,Amount,Category
2024-01-01,Cafe,3.00,food
2024-01-01,Cafe,3.00,food
2024-01-01,Cafe,3.10,food
"""
THE_SAME_COFFEES = """\
Category;Amount;Payee;Date
drink;3;Cafe;01.01.2024
drink;3;Cafe;01.01.2024
drink;3,1;Cafe;1 January 2024
"""


def test_two_identical_coffees_stay_two_and_keep_their_ids(path: Path) -> None:
    first = ids(path, COFFEES)
    assert len(set(first)) == 3
    assert ids(path, COFFEES) == first


def test_an_id_is_of_what_happened_and_not_of_how_a_file_words_it(path: Path, tmp_path: Path) -> None:
    first = ids(path, COFFEES)
    assert ids(path, THE_SAME_COFFEES) == first
    parquet = tmp_path / "books.parquet"
    pl.DataFrame({"date": ["2024-01-01"] * 3, "payee": "Cafe", "amount": [3.0, 3.0, 3.1]}).write_parquet(
        parquet
    )
    assert [t.id for t in transactions(read(parquet, ids=True))] == first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2024-01-01,Cafe,3.00", "2024-01-02,Cafe,3.00"),
        ("2024-01-01,Cafe,3.00", "2024-01-01,Cafe,-3.00"),
        ("2024-01-01,Cafe,3.00", ",Cafe,3.00"),
        ("2024-01-01,Cafe,0", "2024-01-01,Cafe,"),
        ("2024-01-01,Cafe,3.00", "2024-01-01,Café,3.00"),
    ],
)
def test_different_rows_have_different_ids(path: Path, one: str, other: str) -> None:
    first, second = ids(path, f"Date,Payee,Amount\n{one}\n{other}\n")
    assert first.rpartition("-")[0] != second.rpartition("-")[0]


def test_texts_do_not_run_into_each_other(path: Path) -> None:
    first, second = ids(path, "Payee,Description\nab,c\na,bc\n")
    assert first != second


@pytest.mark.parametrize("rows_max", [1, 2, 3, 1_000])
def test_ids_do_not_depend_on_batches(path: Path, monkeypatch: pytest.MonkeyPatch, rows_max: int) -> None:
    text = "Payee,Amount\n" + "".join(f"Shop,{n % 3}\n" for n in range(50))
    expected = ids(path, text)
    monkeypatch.setattr(limits, "FILE_BATCH_ROWS", rows_max)
    assert ids(path, text) == expected


def test_ids_of_a_tenant_do_not_depend_on_the_others_in_its_file(path: Path) -> None:
    alone = ids(path, "Payee,Amount\nShop,1\nShop,1\n")
    mixed = ids(path, "Client,Payee,Amount\na,Shop,1\nb,Shop,1\na,Shop,1\n", columns={"tenant": ("Client",)})
    assert mixed == [alone[0], alone[0], alone[1]]


def test_ids_of_the_file_are_kept_and_only_the_missing_made(path: Path) -> None:
    [given, made] = ids(path, "ID,Payee,Amount\nt1,Shop,1\n,Shop,1\n")
    assert given == "t1"
    assert made
    assert made != "t1"


def test_without_counting_rows_keep_what_id_they_have(path: Path) -> None:
    [rows] = read(path, "ID,Payee\nt1,Shop\n,Shop\n")
    assert [t.id for t in rows.transactions] == ["t1", ""]


def test_made_ids_fit_the_limit(path: Path) -> None:
    [made] = ids(path, "Payee\nShop\n")
    assert len(made) + 10 < limits.TRANSACTION_ID_CHARS_MAX
