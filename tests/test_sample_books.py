"""The sample books: they follow from their seed, and are what their data card says."""

import csv
import json
import subprocess
import sys
from collections import Counter
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from likewise_engine.transaction import LabelledTransaction, Transaction
from sample_books.books import Books, books_of
from sample_books.business import HISTORY_FIRST, HISTORY_LAST, NEW_LAST, Business
from sample_books.businesses import BUSINESSES
from sample_books.exports import (
    Cell,
    Delimited,
    decimal_comma,
    paid_in,
    paid_out,
    parenthesised,
    signed,
    trailing_minus,
)
from sample_books.rows import CATEGORY, Row

DATA = Path(__file__).parent.parent / "data"
BOOKS = DATA / "books"

# Found in the wordings of at least three tenants, who each file it as something else.
FILED_DIFFERENTLY = ("adobe", "amazon", "ikea", "post office", "royal mail", "screwfix", "shell", "tesco")

each_business = pytest.mark.parametrize("business", BUSINESSES, ids=lambda business: business.tenant)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("books")
    # In another process, so that hashing of strings is seeded anew.
    subprocess.run([sys.executable, "-m", "sample_books", folder], cwd=DATA, check=True, timeout=60)
    return folder


def names_within(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_shipped_files_are_what_the_generator_writes(written: Path) -> None:
    assert names_within(BOOKS) == names_within(written)
    for name in names_within(BOOKS):
        if name.endswith(".parquet"):  # its bytes depend on the version of polars
            assert pl.read_parquet(BOOKS / name).equals(pl.read_parquet(written / name))
        else:
            assert (BOOKS / name).read_bytes() == (written / name).read_bytes(), name


def test_the_files_are_modest() -> None:
    assert sum((BOOKS / name).stat().st_size for name in names_within(BOOKS)) < 3_000_000


@each_business
def test_two_years_of_history_and_a_month_to_classify(business: Business) -> None:
    books = books_by_tenant()[business.tenant]
    days = [row.day for row in books.history]
    assert 1_000 <= len(days) <= 3_000
    assert days == sorted(days)
    assert HISTORY_FIRST <= days[0] < days[-1] <= HISTORY_LAST
    assert 20 <= len(books.new) <= 40
    assert all(HISTORY_LAST < row.day <= NEW_LAST for row in books.new)
    ids = [row.id for row in (*books.history, *books.new)]
    assert len(set(ids)) == len(ids)


@each_business
def test_every_row_is_valid_and_labelled_from_the_chart(business: Business) -> None:
    chart = json.loads((BOOKS / "charts" / f"{business.tenant}.json").read_text(encoding="utf-8"))
    known = {(entry["dimension"], entry["id"]) for entry in chart["categories"]}
    assert len(known) == len(chart["categories"])
    books = books_by_tenant()[business.tenant]
    for row in (*books.history, *books.new):
        transaction = Transaction(row.id, row.day, payee=row.payee, description=row.description)
        assert not list(LabelledTransaction(transaction, row.labels).violations())
        assert tuple(sorted(row.labels)) == tuple(sorted(business.dimensions))
        assert known.issuperset(row.labels.items())
    assert {entry for row in books.history for entry in row.labels.items()} == known


def test_dimensions_are_category_then_tax_code_then_project() -> None:
    dimensions = [business.dimensions for business in BUSINESSES]
    assert ("category", "tax_code") in dimensions
    assert ("category", "tax_code", "project") in dimensions


def test_the_same_payee_is_filed_differently_by_different_tenants() -> None:
    for payee in FILED_DIFFERENTLY:
        filed = [mostly for business in BUSINESSES if (mostly := category_mostly_given(business, payee))]
        assert len(set(filed)) >= 3, f"{payee}: {filed}"


def category_mostly_given(business: Business, payee: str) -> str | None:
    """Name of the category that a payee mostly has at a tenant, as its files tell; None where it is rare."""
    chart = json.loads((BOOKS / "charts" / f"{business.tenant}.json").read_text(encoding="utf-8"))
    names = {entry["id"]: entry["name"] for entry in chart["categories"] if entry["dimension"] == CATEGORY}
    given = Counter(category for wording, category in rows_of_file(business) if payee in wording.casefold())
    return names[given.most_common(1)[0][0]] if given.total() >= 5 else None


def rows_of_file(business: Business) -> list[tuple[str, str]]:
    """Everything in a row and its category, read without the readers of the project."""
    path = BOOKS / f"{business.tenant}{business.export.suffix}"
    if isinstance(business.export, Delimited):
        lines = path.read_text(encoding=business.export.encoding).splitlines()
        records = list(csv.DictReader(lines, delimiter=business.export.separator))
    elif path.suffix == ".parquet":
        records = pl.read_parquet(path).to_dicts()
    else:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    headers = {"Category", "category", "Account code", "Ledger account", "Sachkonto"}
    (header,) = headers.intersection(records[0])
    return [(" ".join(map(str, record.values())), record[header]) for record in records]


@pytest.mark.parametrize(
    ("tenant", "payee", "day", "before", "after"),
    [
        ("hazel-and-rye", "BIFFA", "2025-04-01", "Waste", "Cleaning & waste"),
        ("calder-lets", "Alarm & EICR", "2026-01-01", "Repairs", "Safety checks"),
        ("riverbank-youth", "ZOOM", "2025-09-01", "5060", "5050"),
        ("marsh-building", "Craig Nudd", "2026-04-01", "subcontractors", "cis-labour"),
        ("tern-and-thistle", "Garnhaus", "2025-02-01", "Yarn", "Imports"),
        ("tischlerei-voss", "EDEKA", "2025-10-01", "4930", "4650"),
    ],
)
def test_a_category_is_renamed_or_split_on_a_day(
    tenant: str, payee: str, day: str, before: str, after: str
) -> None:
    rows = [row for row in history_of(tenant) if payee in f"{row.payee} {row.description}"]
    earlier = Counter(row.labels[CATEGORY] for row in rows if row.day < date.fromisoformat(day))
    later = Counter(row.labels[CATEGORY] for row in rows if row.day >= date.fromisoformat(day))
    assert earlier.most_common(1)[0][0] == before
    assert later.most_common(1)[0][0] == after


def test_one_payee_is_rent_on_the_first_and_something_else_on_the_fifteenth() -> None:
    rows = [row for row in history_of("hazel-and-rye") if "DHILLON ESTATES" in row.description]
    assert {row.labels[CATEGORY] for row in rows if row.day.day < 8} == {"Rent"}
    assert {row.labels[CATEGORY] for row in rows if row.day.day > 8} == {"Premises costs"}


def test_one_payee_is_one_thing_when_dear_and_another_when_cheap() -> None:
    rows = [row for row in history_of("marsh-building") if row.payee.startswith("SCREWFIX")]
    of_dear = Counter(row.labels[CATEGORY] for row in rows if row.amount_minor <= -3_200)
    of_cheap = Counter(row.labels[CATEGORY] for row in rows if row.amount_minor > -3_200)
    assert (of_dear.most_common(1)[0][0], of_cheap.most_common(1)[0][0]) == ("materials", "tools")


def test_the_bookkeeper_slips_now_and_then() -> None:
    filed = Counter(row.labels[CATEGORY] for row in history_of("marsh-building") if "GREGGS" in row.payee)
    assert set(filed) == {"subsistence", "drawings"}
    assert 0.01 < filed["drawings"] / filed.total() < 0.15


@cache
def books_by_tenant() -> dict[str, Books]:
    return {business.tenant: books_of(business) for business in BUSINESSES}


def history_of(tenant: str) -> tuple[Row, ...]:
    return books_by_tenant()[tenant].history


@pytest.mark.parametrize(
    ("cell", "out", "in_"),
    [
        (signed, "-1234567.05", "0.90"),
        (decimal_comma, "-1.234.567,05", "0,90"),
        (trailing_minus, "1,234,567.05-", "0.90"),
        (parenthesised("£"), "(£1,234,567.05)", "£0.90"),
        (paid_out, "1234567.05", ""),
        (paid_in, "", "0.90"),
    ],
)
def test_amounts_are_written_as_exports_write_them(cell: Cell, out: str, in_: str) -> None:
    assert cell(row_of(-123_456_705)) == out
    assert cell(row_of(90)) == in_


def row_of(amount_minor: int) -> Row:
    return Row("", HISTORY_FIRST, "", "", "", amount_minor, "GBP", {})
