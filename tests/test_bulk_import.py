"""Importing files in bulk: batch by batch, again and again, cut off anywhere, of one tenant or of many."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from bulk_world import HEADER, Rejects, entries_of, numbered, sources_of, tenants_in, written
from likewise_engine import limits
from likewise_engine.errors import InvalidInput, StoreFault, TenantNotFound
from likewise_engine.ledger.outcomes import ImportOutcome, LearnOutcome
from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.bulk import (
    AllRejected,
    BulkImport,
    CheckingSink,
    EngineSink,
    Progress,
    TenantChart,
    TenantTally,
)

BOOKS = Path(__file__).parent.parent / "data/books"


class CountingSink:
    """A sink that keeps nothing but how much it took, and fails when told to."""

    def __init__(self, fails_at: int = 0) -> None:
        self.batches: list[tuple[str, int]] = []
        self._fails_at = fails_at

    @property
    def rows(self) -> int:
        return sum(rows for _, rows in self.batches)

    def prepare(self, tenant: str, chart: TenantChart) -> None:
        pass

    def take(self, tenant: str, items: Sequence[LabelledTransaction]) -> ImportOutcome:
        self.batches.append((tenant, len(items)))
        if len(self.batches) == self._fails_at:
            raise StoreFault("disk full")
        return ImportOutcome(LearnOutcome(1, created=len(items)))

    def finish(self) -> None:
        pass


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FILE_BATCH_ROWS", 10)
    monkeypatch.setattr(limits, "IMPORT_BATCH_ROWS", 7)
    monkeypatch.setattr(limits, "IMPORT_BUFFERED_ROWS_MAX", 30)


# Each sample book is recognised without a word from the user.
SAMPLE_BOOKS = [
    ("hazel-and-rye.csv", 2_906, 2_906, date(2024, 7, 1), "303.02", "GBP", "BANK GIRO CREDIT ZETTLE PAYOUT"),
    ("foldline-studio.csv", 1_583, 3 * 1_583, date(2024, 7, 1), "-17.81", "GBP", "Amazon.co.uk*4TSUJ3F2T"),
    ("calder-lets.csv", 1_315, 1_315, date(2024, 7, 1), "925", "GBP", "Pennine Yarns BGC Shop rent"),
    ("riverbank-youth.parquet", 2_359, 2_359, date(2024, 7, 1), None, "GBP", ""),
    ("marsh-building.ndjson", 2_263, 2_263, date(2024, 7, 1), None, "GBP", ""),
    ("tern-and-thistle.csv", 2_526, 2 * 2_526, date(2024, 7, 1), "410.65", "GBP", "SHOPIFY* PAYOUT"),
    ("tischlerei-voss.csv", 1_612, 1_612, date(2024, 7, 1), "-1680", "EUR", "Hinrichs Gewerbeimmobilien"),
]


@pytest.mark.parametrize(
    ("name", "rows", "labels_max", "day", "amount", "currency", "wording"),
    SAMPLE_BOOKS,
    ids=[name for name, *_ in SAMPLE_BOOKS],
)
def test_sample_books_are_imported_without_a_word(
    tmp_path: Path,
    name: str,
    rows: int,
    labels_max: int,
    day: date,
    amount: str | None,
    currency: str,
    wording: str,
) -> None:
    sources = sources_of(BOOKS / name)
    assert sources[0].conventions.warnings == ()
    with tenants_in(tmp_path / "data") as tenants:
        tally = BulkImport(EngineSink(tenants), tenant="t").run(sources)
        assert tally.total == TenantTally(created=rows)
        entries = list(entries_of(tenants, "t").values())
        again = BulkImport(EngineSink(tenants), tenant="t").run(sources)
        assert again.total == TenantTally(unchanged=rows)
    first, *_ = entries
    assert (first[0].date, first[0].currency) == (day, currency)
    assert amount is None or first[0].amount == Decimal(amount)
    assert f"{first[0].payee} {first[0].description}".strip().startswith(wording)
    assert 0.9 * labels_max < sum(len(labels) for _, labels, _ in entries) <= labels_max


@pytest.mark.books
def test_real_books_are_imported_whole(real_books: Path) -> None:
    sources = sources_of(real_books, tenant_column="tenant")
    rows = sum(
        pl.scan_parquet(path).select(pl.len()).collect().item() for path in real_books.glob("*.parquet")
    )
    tally = BulkImport(CheckingSink()).run(sources)
    assert tally.total == TenantTally(created=rows)
    assert len(tally.tenants) == 61


@pytest.mark.parametrize("file_rows", [1, 7, 1_000])
@pytest.mark.parametrize("batch_rows", [1, 7, 1_000])
def test_what_is_learned_does_not_depend_on_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_rows: int, batch_rows: int
) -> None:
    path = numbered(tmp_path / "a.csv", 40)
    with tenants_in(tmp_path / "data") as tenants:
        BulkImport(EngineSink(tenants), tenant="whole").run(sources_of(path))
        monkeypatch.setattr(limits, "FILE_BATCH_ROWS", file_rows)
        monkeypatch.setattr(limits, "IMPORT_BATCH_ROWS", batch_rows)
        BulkImport(EngineSink(tenants), tenant="cut").run(sources_of(path))
        assert entries_of(tenants, "cut") == entries_of(tenants, "whole")
        assert len(entries_of(tenants, "cut")) == 40


@pytest.mark.usefixtures("small_batches")
def test_cut_off_anywhere_and_run_again_is_as_if_run_once(tmp_path: Path) -> None:
    path = numbered(tmp_path / "a.csv", 45)
    with tenants_in(tmp_path / "data") as tenants:
        BulkImport(EngineSink(tenants), tenant="once").run(sources_of(path))
        whole, cut_offs = entries_of(tenants, "once"), 0
        for checks in range(100):
            keep_on = partial(next, iter([True] * checks), False)
            cut = BulkImport(EngineSink(tenants), tenant=f"cut{checks}", keep_on=keep_on)
            if cut.run(sources_of(path)).is_complete:
                break
            before = cut.tally.total
            assert before.created < 45
            assert tenants.exists(f"cut{checks}") == (before.created > 0)
            if before.created:
                assert len(entries_of(tenants, f"cut{checks}")) == before.created
            again = BulkImport(EngineSink(tenants), tenant=f"cut{checks}").run(sources_of(path))
            assert again.total == TenantTally(created=45 - before.created, unchanged=before.created)
            assert entries_of(tenants, f"cut{checks}") == whole
            cut_offs += 1
    assert cut_offs > 8


@pytest.mark.usefixtures("small_batches")
def test_a_failing_sink_ends_the_import_and_the_tally_says_how_far_it_was(tmp_path: Path) -> None:
    job = BulkImport(CountingSink(fails_at=3), tenant="t")
    with pytest.raises(StoreFault):
        job.run(sources_of(numbered(tmp_path / "a.csv", 45)))
    assert job.tally.total == TenantTally(created=14)
    assert not job.tally.is_complete


def test_a_corrected_label_updates_its_entry_and_a_grown_file_adds_its_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "a,2024-01-01,Shop,1,EUR,food", "b,2024-01-02,Shop,2,EUR,food")
    with tenants_in(tmp_path / "data") as tenants:
        BulkImport(EngineSink(tenants), tenant="t").run(sources_of(path))
        written(
            path,
            "a,2024-01-01,Shop,1,EUR,food",
            "b,2024-01-02,Shop,2,EUR,rent",
            "c,2024-01-03,Shop,2,EUR,rent",
        )
        tally = BulkImport(EngineSink(tenants), tenant="t").run(sources_of(path))
        assert tally.total == TenantTally(created=1, updated=1, unchanged=1)
        assert entries_of(tenants, "t")["b"][1] == {"category": "rent"}


def test_overlapping_exports_are_one_history_however_they_are_named(tmp_path: Path) -> None:
    january, february = numbered(tmp_path / "1.csv", 30), numbered(tmp_path / "2.csv", 30, first=15)
    with tenants_in(tmp_path / "data") as tenants:
        tally = BulkImport(EngineSink(tenants), tenant="t").run(sources_of(january, february))
        assert tally.total == TenantTally(created=45, unchanged=15)
        again = BulkImport(EngineSink(tenants), tenant="t").run(sources_of(february))
        assert again.total == TenantTally(unchanged=30)


def test_rows_of_many_tenants_go_to_their_own(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv",
        "ada,1,Shop,food",
        "bob,1,Shop,rent",
        "ada,2,Shop,food",
        ",3,Shop,food",
        f"{'x' * 81},3,Shop,food",
        "ada,3,Shop,",
        header="whose,id,payee,category",
    )
    rejects = Rejects()
    with tenants_in(tmp_path / "data") as tenants:
        job = BulkImport(EngineSink(tenants), on_rejected=rejects)
        tally = job.run(sources_of(path, tenant_column="whose"))
        assert tenants.ids() == ["ada", "bob"]
        assert entries_of(tenants, "ada").keys() == {"1", "2"}
        assert entries_of(tenants, "bob")["1"][1] == {"category": "rent"}
    assert tally.tenants == {
        "ada": TenantTally(created=2, skipped=1),
        "bob": TenantTally(created=1),
        "": TenantTally(rejected=2),
    }
    assert rejects.reasons == [
        (5, "whose", "is required"),
        (6, "whose", "has 81 bytes of UTF-8; at most 80 are allowed"),
    ]
    assert rejects.rows[1].values[0] == "x" * 81


def test_unknown_tenants_are_created_only_where_that_is_allowed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "ada,1,Shop,food", "bob,1,Shop,rent", header="whose,id,payee,category")
    rejects = Rejects()
    with tenants_in(tmp_path / "data") as tenants:
        tenants.create("bob")
        sink = EngineSink(tenants, creates=False)
        tally = BulkImport(sink, on_rejected=rejects).run(sources_of(path, tenant_column="whose"))
        assert tally.tenants == {"ada": TenantTally(rejected=1), "bob": TenantTally(created=1)}
        assert rejects.reasons == [(2, "whose", "there is no tenant 'ada': create it first")]
        with pytest.raises(TenantNotFound):
            BulkImport(sink, tenant="ada").run(sources_of(path))
        with pytest.raises(InvalidInput):
            BulkImport(sink, tenant="bell\a").run(sources_of(path))


def test_what_is_wrong_is_told_by_row_column_reason_and_original_values(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv",
        "a,2024-02-30,Shop,1,EUR,food",
        "b,2024-02-01,Shop,lots,EUR,food",
        "c,2024-02-01,Shop,1,euros,food",
        f"d,2024-02-01,{'x' * 513},1,EUR,food",
        f"e,2024-02-01,Shop,1,EUR,{'y' * 129}",
        "f,2024-02-01,,1,EUR,food",
        "g,2024-02-01,Shop,1",
        "h,2024-02-01,Shop,12345678901234567,EUR,food",
        "i,2024-02-01,Shop,1,EUR,food",
        "i,2024-02-01,Shop,2,EUR,food",
    )
    rejects = Rejects()
    with tenants_in(tmp_path / "data") as tenants:
        tally = BulkImport(EngineSink(tenants), tenant="t", on_rejected=rejects).run(sources_of(path))
        assert entries_of(tenants, "t").keys() == {"i"}
    assert tally.total == TenantTally(created=1, rejected=9)
    told = {row: (column, reason) for row, column, reason in rejects.reasons}
    assert {row: column for row, (column, _) in told.items()} == {
        2: "date",
        3: "amount",
        4: "currency",
        5: "payee",
        6: "category",
        7: "payee",
        8: "",
        9: "amount",
        11: "id",
    }
    assert told[3][1] == "'lots' is not an amount"
    assert told[4][1] == "is not an ISO 4217 code such as EUR"
    assert told[6][1] == "has 129 characters; at most 128 are allowed"
    assert told[8][1] == "has 4 fields where the header has 6"
    originals = {rejected.row: rejected.values for rejected in rejects.rows}
    columns = sources_of(path)[0].plan.used
    assert dict(zip(columns, originals[2], strict=True)) == dict(
        zip(HEADER.split(","), ["a", "2024-02-30", "Shop", "1", "EUR", "food"], strict=True)
    )


def test_what_only_the_tenant_refuses_is_told_the_same_way(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "a,2024-01-01,Shop,1,EUR,food", "b,2024-01-01,Shop,1,EUR,fodo")
    rejects = Rejects()
    with tenants_in(tmp_path / "data") as tenants:
        BulkImport(EngineSink(tenants), tenant="t").run(sources_of(path))
        with tenants.use("t") as ledger:
            ledger.update(closed_chart=True)
        written(path, "c,2024-01-01,Shop,1,EUR,drink", "d,2024-01-01,Shop,1,EUR,food")
        tally = BulkImport(EngineSink(tenants), tenant="t", on_rejected=rejects).run(sources_of(path))
    assert tally.total == TenantTally(created=1, rejected=1)
    assert rejects.reasons == [(2, "category", "'drink' is not in the chart, which the policy keeps closed")]


def test_misunderstood_columns_stop_the_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_ALL_REJECTED_ROWS_MAX", 20)
    bad = [f"{n},2024-01-01,Shop,none at all,EUR,food" for n in range(50)]
    path = written(tmp_path / "a.csv", *bad)
    job = BulkImport(CountingSink(), tenant="t")
    with pytest.raises(AllRejected, match=r"first 20 rows were all rejected.*amount.*--map"):
        job.run(sources_of(path))
    # One row that is right, wherever it stands in the batch, shows that the columns are understood.
    written(path, *bad, "x,2024-01-01,Shop,1,EUR,food")
    assert BulkImport(CountingSink(), tenant="t").run(sources_of(path)).total == TenantTally(
        created=1, rejected=50
    )


@pytest.mark.usefixtures("small_batches")
def test_no_more_rows_wait_than_the_limit_says(tmp_path: Path) -> None:
    lines = [f"t{n % 13},{n},Shop,food" for n in range(500)]
    path = written(tmp_path / "a.csv", *lines, header="whose,id,payee,category")
    sink, waiting = CountingSink(), []

    def note(progress: Progress) -> None:
        waiting.append(progress.rows - sink.rows)

    tally = BulkImport(sink, on_progress=note).run(sources_of(path, tenant_column="whose"))
    assert tally.total == TenantTally(created=500)
    assert 10 < max(waiting) <= 30
    assert max(rows for _, rows in sink.batches) <= 7


@pytest.mark.usefixtures("small_batches")
def test_long_rows_are_not_held_by_the_thousand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "IMPORT_BATCH_ROWS", 1_000)
    monkeypatch.setattr(limits, "IMPORT_BUFFERED_ROWS_MAX", 1_000)
    monkeypatch.setattr(limits, "IMPORT_BUFFERED_BYTES_MAX", 40_000)
    lines = [f"{n},{'long ' * 200},food" for n in range(200)]
    sink = CountingSink()
    BulkImport(sink, tenant="t").run(
        sources_of(written(tmp_path / "a.csv", *lines, header="id,payee,category"))
    )
    assert sink.rows == 200
    assert max(rows for _, rows in sink.batches) == 30


def test_progress_goes_from_nothing_to_all_bytes_of_all_files(tmp_path: Path) -> None:
    paths = [numbered(tmp_path / f"{n}.csv", 20) for n in range(3)]
    seen: list[Progress] = []
    BulkImport(CountingSink(), tenant="t", on_progress=seen.append).run(sources_of(*paths))
    total = sum(path.stat().st_size for path in paths)
    assert [progress.bytes_read for progress in seen] == sorted(progress.bytes_read for progress in seen)
    assert seen[-1] == Progress(total, total, 60)


def test_checking_finds_what_the_engine_would_refuse_and_keeps_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "a,2024-01-01,Shop,1,EUR,food", "b,2024-01-01,Shop,1,euros,food")
    rejects = Rejects()
    tally = BulkImport(CheckingSink(), tenant="t", on_rejected=rejects).run(sources_of(path))
    assert tally.total == TenantTally(created=1, rejected=1)
    assert rejects.reasons == [(3, "currency", "is not an ISO 4217 code such as EUR")]


def test_a_stray_nul_or_an_open_quote_spoils_its_own_row(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.csv",
        "a,2024-01-01,Sh\0op,1,EUR,food",
        "b,2024-01-01,Shop,1,EUR,food",
        'c,2024-01-01,"Shop,1,EUR,food',
        "d,2024-01-01,Shop,1,EUR,food",
    )
    rejects = Rejects()
    tally = BulkImport(CheckingSink(), tenant="t", on_rejected=rejects).run(sources_of(path))
    assert tally.total == TenantTally(created=1, rejected=2)
    assert {row: reason.partition(":")[2].strip() for row, _, reason in rejects.reasons} == {
        2: "it is not valid text",
        4: "is a quote not closed?",
    }
