"""The books that a backtest replays, read as they would be indexed."""

from pathlib import Path
from typing import Any

import pytest

from backtest_world import habits, item, written
from bulk_world import sources_of
from likewise_engine.chart import Category
from likewise_engine.errors import InvalidInput
from likewise_indexer.backtest import Reading, read_books
from likewise_indexer.bulk import AllRejected, Progress, TenantChart


def read(*paths: Path, tenant: str | None = "acme", rows_max: int = 4_000, **options: Any) -> Reading:
    sources = sources_of(*paths, tenant_column="" if tenant else "tenant", labels={"tax": "tax"})
    return read_books([(source, tenant) for source in sources], rows_max, **options)


def test_rows_come_in_order_of_time_with_all_their_labels(tmp_path: Path) -> None:
    rows = habits(30)
    path = written(tmp_path / "books.csv", rows[::-1])
    reading = read(path)
    (book,) = reading.books
    assert (book.tenant, book.files) == ("acme", (path,))
    assert (reading.rows, reading.skipped, reading.rejected, reading.is_complete) == (30, 0, 0, True)
    assert [one.transaction.date for one in book.items] == [one.transaction.date for one in rows]
    assert sorted(one.labels["tax"] for one in book.items) == sorted(one.labels["tax"] for one in rows)
    assert len({one.transaction.id for one in book.items}) == 30


def test_a_column_says_whose_row_it_is_across_files(tmp_path: Path) -> None:
    first = written(tmp_path / "a.csv", habits(10), "zebra")
    written(first, habits(5), "acme")
    second = written(tmp_path / "b.csv", habits(40, seed=2)[30:], "acme")
    zebra, acme = read(first, second, tenant=None).books
    assert [(b.tenant, len(b.items), b.files) for b in (zebra, acme)] == [
        ("zebra", 10, (first,)),
        ("acme", 15, (first, second)),
    ]


def test_the_latest_rows_are_kept(tmp_path: Path) -> None:
    rows = [item(row, row + 1, f"Payee {row % 7}", "x") for row in range(60)]
    path = written(tmp_path / "books.csv", [*rows[30:], *rows[:30]])
    (book,) = read(path, rows_max=12).books
    assert [one.transaction.date for one in book.items] == [one.transaction.date for one in rows[48:]]
    # Also where the rows come in many batches, and most are dropped in between.
    parts = [written(tmp_path / f"{n}.csv", rows[n * 10 : n * 10 + 10]) for n in (5, 0, 3, 1, 4, 2)]
    (book,) = read(*parts, rows_max=12).books
    assert [one.transaction.date for one in book.items] == [one.transaction.date for one in rows[48:]]


def test_the_same_row_in_two_files_is_one_and_has_the_later_label(tmp_path: Path) -> None:
    first = written(tmp_path / "a.csv", [item(0, 1, "A", "x", tax="t1"), item(1, 2, "B", "x", tax="t1")])
    second = written(tmp_path / "b.csv", [item(0, 2, "B", "y"), item(1, 3, "C", "y")])
    (book,) = read(first, second).books
    assert [(one.transaction.payee, dict(one.labels)) for one in book.items] == [
        ("A", {"category": "x", "tax": "t1"}),
        ("B", {"category": "y", "tax": "t1"}),
        ("C", {"category": "y"}),
    ]


def test_bad_rows_are_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    bad = "2024-02-30,Shop,3,EUR,food,,acme", "1066-01-01,Shop,3,EUR,food,,acme"
    unlabelled = "2024-02-01,Shop,3,EUR,,,acme"
    path = written(tmp_path / "books.csv", habits(9), "acme", *bad, unlabelled)
    rejected = []
    reading = read(path, on_rejected=lambda source, row: rejected.append((source.reader.path, row.row)))
    assert (reading.rows, reading.skipped, reading.rejected) == (12, 1, 2)
    assert rejected == [(path, 11), (path, 12)]
    assert len(reading.books[0].items) == 9


def test_a_name_that_no_tenant_can_have_and_a_column_misunderstood_are_errors(tmp_path: Path) -> None:
    path = written(tmp_path / "books.csv", habits(3))
    with pytest.raises(InvalidInput):
        read(path, tenant="x" * 100)
    bad = written(tmp_path / "bad.csv", [], "acme", *["2024-02-30,Shop,3,EUR,food,,acme"] * 1_000)
    with pytest.raises(AllRejected):
        read(bad)


def test_reading_tells_how_far_it_is_and_can_be_ended(tmp_path: Path) -> None:
    paths = [written(tmp_path / f"{n}.csv", habits(10, seed=n)) for n in range(3)]
    told: list[Progress] = []
    read(*paths, on_progress=told.append)
    total = sum(path.stat().st_size for path in paths)
    assert [(p.rows, p.bytes_total) for p in told] == [(10, total), (20, total), (30, total)]
    assert told[-1].bytes_read == total
    ended = read(*paths, keep_on=lambda: len(told) < 4, on_progress=told.append)
    assert not ended.is_complete


def test_a_chart_is_known_before_the_first_row(tmp_path: Path) -> None:
    chart = TenantChart("Acme", (Category("x", name="Groceries"),))
    (book,) = read(written(tmp_path / "books.csv", habits(3)), chart=chart).books
    assert book.categories == chart.categories


def test_files_without_rows_make_no_book(tmp_path: Path) -> None:
    assert read(written(tmp_path / "books.csv", [], "acme", "2024-01-01,Shop,3,EUR,,,acme")).books == []
