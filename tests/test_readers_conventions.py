"""How a file writes dates and amounts is found out by its own values, and said where they never tell."""

from pathlib import Path

import polars as pl
import pytest

from likewise_engine import limits
from likewise_indexer.readers import (
    ColumnWishes,
    Conventions,
    TextOptions,
    find_conventions,
    open_reader,
    recognise,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.csv"


def conventions_of(path: Path, date_format: str = "", decimal_mark: str | None = None) -> Conventions:
    """What is found out about a file."""
    reader = open_reader(path, TextOptions())
    plan = recognise(reader.columns, ColumnWishes(), labelled=False, tenants=False)
    return find_conventions(reader, plan, date_format=date_format, decimal_mark=decimal_mark)


def books(path: Path, *rows: str) -> Path:
    """A file of dates and amounts, parted by spaces."""
    lines = ["Payee;Date;Amount", *(f"Shop;{row.replace(' ', ';')}" for row in rows)]
    path.write_text("\n".join(lines))
    return path


@pytest.mark.parametrize(
    ("rows", "day_first", "decimal_mark"),
    [
        (["01/02/2024 1,234", "25/02/2024 1,50"], True, ","),
        (["01/02/2024 1,234", "02/25/2024 1.50"], False, "."),
        (["01.02.2024 1.234", "02.02.2024 1.234,50"], None, ","),
        (["2024-02-01 1", "2024-02-02 2"], None, None),
        (["2024-02-01 1,234,567", "2024-02-02 1"], None, "."),
        (["2024-02-01 0.125", "2024-02-02 1,000"], None, "."),
    ],
)
def test_one_value_that_can_only_be_one_decides(
    path: Path, rows: list[str], day_first: bool | None, decimal_mark: str | None
) -> None:
    found = conventions_of(books(path, *rows))
    assert (found.day_first, found.decimal_mark, found.warnings) == (day_first, decimal_mark, ())


def test_what_never_tells_is_decided_by_a_default_and_reported(path: Path) -> None:
    found = conventions_of(books(path, "01/02/2024 1,234", "03/04/2024 5"))
    assert (found.day_first, found.decimal_mark) == (True, ".")
    assert ["--date-format" in w or "--decimal" in w for w in found.warnings] == [True, True]
    # Three decimals are rarer in money than thousands, with a point as with a comma.
    assert conventions_of(books(path, "2024-01-02 1.234")).decimal_mark == ","


def test_contradictions_are_decided_by_the_more_common_way_and_reported(path: Path) -> None:
    found = conventions_of(books(path, "25/01/2024 1,50", "26/01/2024 2,50", "01/27/2024 3.50"))
    assert (found.day_first, found.decimal_mark) == (True, ",")
    assert [w.partition(" contradict")[0] for w in found.warnings] == ["dates", "amounts"]


def test_the_user_has_the_last_word(path: Path) -> None:
    books(path, "25/01/2024 1,50")
    told = conventions_of(path, date_format="month-first", decimal_mark=".")
    assert (told.day_first, told.decimal_mark, told.warnings) == (False, ".", ())
    assert conventions_of(path, date_format="%d/%m/%Y").date_pattern == "%d/%m/%Y"


def test_a_question_is_followed_to_the_end_of_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILE_BATCH_ROWS", 10)
    monkeypatch.setattr(limits, "FILE_UNASKED_ROWS_MAX", 20)
    ambiguous = ["01/02/2024 1"] * 100
    assert conventions_of(books(path, *ambiguous, "02/25/2024 1")).day_first is False


def test_a_question_that_comes_up_too_late_is_not_answered_by_a_guess(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "FILE_BATCH_ROWS", 10)
    monkeypatch.setattr(limits, "FILE_UNASKED_ROWS_MAX", 20)
    clear = ["2024-01-01 1"] * 100
    found = conventions_of(books(path, *clear, "01/02/2024 1,234"))
    assert (found.day_first, found.decimal_mark) == (None, None)
    with pytest.raises(ValueError, match="--date-format"):
        found.date_parser().parse("01/02/2024")


def test_native_types_ask_nothing(tmp_path: Path) -> None:
    path = tmp_path / "books.parquet"
    pl.DataFrame({"payee": ["Shop"], "amount": [1234.0], "date": ["2024-01-01"]}).write_parquet(path)
    assert conventions_of(path) == Conventions()


def test_debit_and_credit_columns_tell_as_well(path: Path) -> None:
    path.write_text("Payee;Debit;Credit\nShop;1.234;\nShop;;12,50\n")
    assert conventions_of(path).decimal_mark == ","


def test_conventions_in_words() -> None:
    assert Conventions(day_first=False, decimal_mark=",").described() == (
        "dates with the month first, decimal comma"
    )
    assert Conventions(date_pattern="%Y").described() == "dates as %Y"
    assert Conventions().described() == ""
