"""Parquet keeps its types: dates, decimals, floats and codes come through as what they are."""

import datetime
import random
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from likewise_engine import limits
from likewise_indexer.readers import (
    ColumnsUnclear,
    ColumnWishes,
    Conventions,
    RowConverter,
    Rows,
    TextOptions,
    UnreadableFile,
    open_reader,
    recognise,
)


def rows_of(path: Path, frame: pl.DataFrame, **wishes: object) -> list[Rows]:
    """What a frame, written and read back, becomes."""
    frame.write_parquet(path)
    reader = open_reader(path, TextOptions())
    plan = recognise(reader.columns, ColumnWishes(**wishes), labelled=True, tenants=False)  # type: ignore[arg-type]
    converter = RowConverter(plan, Conventions())
    return [converter.convert(batch) for batch in reader.batches(plan.used)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.parquet"


def test_native_types_come_through(path: Path) -> None:
    frame = pl.DataFrame(
        {
            "date": [datetime.date(2024, 3, 5), None],
            "amount": pl.Series(["-12.50", None]).cast(pl.Decimal(12, 2)),
            "payee": pl.Series(["Shop", "Shop"], dtype=pl.Categorical),
            "category": pl.Series([4000.0, None]),  # what pandas makes of codes with a gap
            "tax code": pl.Series([None, 20], dtype=pl.Int64),
            "booked": [True, False],
        }
    )
    [rows] = rows_of(path, frame, keep_fields=True)
    first, second = rows.transactions
    assert (first.date, first.amount, first.payee) == (datetime.date(2024, 3, 5), Decimal("-12.50"), "Shop")
    assert (second.date, second.amount) == (None, None)
    assert rows.labels == [{"category": "4000"}, {"tax_code": "20"}]
    assert first.fields == {"booked": "true"}


@pytest.mark.parametrize(
    ("values", "dtype", "amounts"),
    [
        ([12.1, 0.1 + 0.2, -1234567.89], pl.Float64, ["12.1", "0.3", "-1234567.89"]),
        ([12.1, 0.3], pl.Float32, ["12.1", "0.3"]),
        ([12, -3], pl.Int32, ["12", "-3"]),
        (["12.10", "1,234.50", ""], pl.String, ["12.10", "1234.50", None]),
    ],
)
def test_amounts_of_every_type(
    path: Path, values: list[object], dtype: pl.DataType, amounts: list[str]
) -> None:
    frame = pl.DataFrame(
        {"payee": ["Shop"] * len(values), "category": "x", "amount": pl.Series(values, dtype=dtype)}
    )
    [rows] = rows_of(path, frame)
    assert [t.amount for t in rows.transactions] == [a and Decimal(a) for a in amounts]


def test_what_is_no_finite_amount_reaches_whoever_checks_it(path: Path) -> None:
    frame = pl.DataFrame({"payee": ["A", "B"], "category": "x", "amount": [float("nan"), float("-inf")]})
    [rows] = rows_of(path, frame)
    assert all([violation.field for violation in t.violations()] == ["amount"] for t in rows.transactions)


@pytest.mark.parametrize(
    ("values", "day"),
    [
        ([datetime.datetime(2024, 3, 5, 23, 59)], datetime.date(2024, 3, 5)),  # noqa: DTZ001 - a naive column
        ([datetime.datetime(2024, 3, 5, 1, tzinfo=datetime.UTC)], datetime.date(2024, 3, 5)),
        ([20240305], datetime.date(2024, 3, 5)),
        ([45356], datetime.date(2024, 3, 5)),
        (["2024-03-05"], datetime.date(2024, 3, 5)),
    ],
)
def test_dates_of_every_type(path: Path, values: list[object], day: datetime.date) -> None:
    frame = pl.DataFrame({"payee": ["Shop"], "category": ["x"], "date": values})
    [rows] = rows_of(path, frame)
    assert rows.transactions[0].date == day


def test_a_date_beyond_all_calendars_rejects_its_row(path: Path) -> None:
    days = pl.Series([10**7, None, 19_000], dtype=pl.Int32).cast(pl.Date)
    [rows] = rows_of(path, pl.DataFrame({"payee": ["A", "B", "C"], "category": "x", "date": days}))
    assert [t.date for t in rows.transactions] == [None, datetime.date(2022, 1, 8)]
    [far] = rows.rejected
    assert (far.row, far.column, far.reason) == (1, "date", "year 29349 is out of bounds")
    assert far.values[0].endswith("29349-01-26")


def test_only_the_columns_in_use_are_read_slice_by_slice(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILE_BATCH_ROWS", 7)
    frame = pl.DataFrame({"payee": [f"Shop {n}" for n in range(20)], "category": "x", "blob": [b"\x00"] * 20})
    batches = [rows.batch for rows in rows_of(path, frame)]
    assert [list(batch.rows) for batch in batches] == [
        list(range(1, 8)),
        list(range(8, 15)),
        list(range(15, 21)),
    ]
    assert all(batch.frame.columns == ["payee", "category"] for batch in batches)
    assert batches[-1].bytes_read == path.stat().st_size


def test_large_cells_make_small_slices(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILE_BATCH_CHARS_MAX", 100_000)
    frame = pl.DataFrame({"payee": [f"{n}" * 10_000 for n in range(10)] * 150, "category": "x"})
    sizes = [len(rows.batch.rows) for rows in rows_of(path, frame)]
    assert sum(sizes) == 1_500
    assert max(sizes[1:]) <= 10


def test_a_column_that_has_no_values_is_refused(path: Path) -> None:
    frame = pl.DataFrame({"payee": [["a", "b"]], "category": ["x"]})
    with pytest.raises(ColumnsUnclear, match=r"column 'payee' holds List\(String\)"):
        rows_of(path, frame)


def test_a_damaged_file_is_an_error_that_says_so(path: Path) -> None:
    frame = pl.DataFrame({"payee": [f"Shop {n % 97}" for n in range(5_000)], "category": "x"})
    frame.write_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableFile, match="cannot be read as Parquet"):
        open_reader(path, TextOptions())
    dice = random.Random(5)
    refused = 0
    for _ in range(20):
        damaged = bytearray(whole)
        for _ in range(20):
            damaged[dice.randrange(4, len(damaged) // 2)] = dice.randrange(256)
        path.write_bytes(damaged)
        try:
            reader = open_reader(path, TextOptions())
            for _ in reader.batches(reader.columns):
                pass
        except UnreadableFile:
            refused += 1
    assert refused >= 15
