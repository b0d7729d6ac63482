"""An import by several processes: as one would do it, whatever becomes of them."""

import os
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from bulk_world import entries_of, sources_of, written
from conftest import LIKEWISE
from likewise_engine import limits
from likewise_engine.encoder import load_encoder
from likewise_engine.errors import DataFolderInUse
from likewise_engine.folder import STORE_NAME, DataFolder
from likewise_engine.tenants import Tenants
from likewise_indexer.bulk import Progress, Share, Source, shares_of
from likewise_indexer.readers import texts_of
from likewise_server.cli.app import app
from likewise_server.cli.index_report import ProgressLine

RUNNER = CliRunner(env={"COLUMNS": "100"})
HEADER = "whose,id,date,amount,payee,category"
ENDING_S = 20.0
"""Until a process has ended that was told to, on a busy machine."""


def index(data: Path, *arguments: str | Path) -> Result:
    """Index files of many tenants by two processes."""
    options = ("--data", data, "--tenant-column", "whose", "--jobs", "2", "--no-upkeep")
    return RUNNER.invoke(app, ["index", *map(str, (*options, *arguments))])


def lines(tenants: int, rows: int) -> list[str]:
    """Rows of some tenants, who come by turns."""
    return [f"t{n % tenants},{n},2024-01-{1 + n % 28:02},{n}.5,Shop {n % 9},c{n % 4}" for n in range(rows)]


def books(path: Path, tenants: int, rows: int) -> Path:
    """A Parquet file of as many rows: it is read in several batches, the first of a thousand."""
    cells = [line.split(",") for line in lines(tenants, rows)]
    pl.DataFrame(cells, schema=HEADER.split(","), orient="row").write_parquet(path)
    return path


def all_of(data: Path) -> dict[str, dict[str, tuple[object, ...]]]:
    """All entries of all tenants."""
    with Tenants.open_folder(data, load_encoder()) as tenants:
        return {tenant: entries_of(tenants, tenant) for tenant in tenants.ids()}


def at_first_progress(monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Do something in the middle of an import."""
    left = [do]

    def update(_line: ProgressLine, _progress: Progress) -> None:
        if left:
            left.pop()()

    monkeypatch.setattr(ProgressLine, "update", update)


def importers() -> list[psutil.Process]:
    return [
        child for child in psutil.Process().children() if "likewise_indexer.bulk.process" in child.cmdline()
    ]


def test_several_processes_do_as_one_does(data_folder: Path, tmp_path: Path) -> None:
    bad = ["t1,x,2024-02-30,1,Shop,c", ",y,2024-02-01,1,Shop,c", "t2,z,2024-02-01,much,Shop,c", "t1,x"]
    good = lines(7, 600)
    one = written(tmp_path / "1.csv", *good[:300], *bad, *good[300:500], good[3], header=HEADER)
    two = written(tmp_path / "2.csv", *good[450:], bad[0], f"t4,w,2024-02-01,1,{'x' * 600},c", header=HEADER)
    rejects = tmp_path / "rejects.csv"
    done = index(data_folder, one, two, "--rejects", rejects)
    assert done.exit_code == 1, done.output
    options = ("--data", tmp_path / "alone", "--tenant-column", "whose", "--jobs", "1", "--no-upkeep")
    paths = ("--rejects", tmp_path / "alone.csv", one, two)
    alone = RUNNER.invoke(app, ["index", *map(str, (*options, *paths))])
    tables = [
        [line for line in result.stdout.splitlines() if line.startswith("│")] for result in (done, alone)
    ]
    assert tables[0] == tables[1], done.output
    assert rejects.read_bytes() == (tmp_path / "alone.csv").read_bytes()
    assert [line.split(",")[1] for line in rejects.read_text().splitlines()[1:]] == [
        *("302", "303", "304", "305", "506"),
        *("152", "153"),
    ]
    assert all_of(data_folder) == all_of(tmp_path / "alone")
    assert not importers()


def test_upkeep_follows_in_each_process(data_folder: Path, tmp_path: Path) -> None:
    path = books(tmp_path / "a.parquet", 4, 400)
    done = RUNNER.invoke(
        app, ["index", "--data", str(data_folder), "--tenant-column", "whose", "--jobs", "2", str(path)]
    )
    assert done.exit_code == 0, done.output
    with Tenants.open_folder(data_folder, load_encoder()) as tenants:
        assert tenants.ids() == ["t0", "t1", "t2", "t3"]
        for tenant in tenants.ids():
            with tenants.use(tenant) as ledger:
                assert (ledger.view.live_count, ledger.are_heads_due) == (100, False)


def test_a_killed_process_is_told_of_and_the_same_command_goes_on(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = books(tmp_path / "a.parquet", 6, 12_000)
    with monkeypatch.context() as cut:
        at_first_progress(cut, lambda: importers()[0].kill())
        done = index(data_folder, path)
    assert done.exit_code == 1, done.output
    assert "was ended by SIGKILL: run the same command again" in " ".join(done.output.split())
    assert not importers()
    again = index(data_folder, path)
    assert again.exit_code == 0, again.output
    assert {tenant: len(entries) for tenant, entries in all_of(data_folder).items()} == {
        f"t{n}": 2_000 for n in range(6)
    }


def test_interrupted_all_processes_stop_and_the_same_command_goes_on(
    data_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = books(tmp_path / "a.parquet", 6, 12_000)
    with monkeypatch.context() as cut:
        at_first_progress(cut, lambda: signal.raise_signal(signal.SIGINT))
        done = index(data_folder, path)
    assert done.exit_code == 130, done.output
    assert "the same command again goes on from there" in " ".join(done.stdout.split())
    assert not importers()
    again = index(data_folder, path)
    assert again.exit_code == 0, again.output
    assert sum(map(len, all_of(data_folder).values())) == 12_000


def test_no_process_outlives_the_one_that_started_it(data_folder: Path, tmp_path: Path) -> None:
    path = books(tmp_path / "a.parquet", 6, 60_000)
    arguments = ["index", "--data", data_folder, "--tenant-column", "whose", "--jobs", "2", path]
    command = subprocess.Popen(
        [*LIKEWISE, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    with command:
        _until(lambda: any((data_folder / "tenants").glob(f"*/*/{STORE_NAME}")))
        children = psutil.Process(command.pid).children()
        assert len(children) == 2
        with pytest.raises(DataFolderInUse):
            DataFolder(data_folder)
        command.kill()
        command.wait()
        gone, alive = psutil.wait_procs(children, ENDING_S)
    assert (len(gone), alive) == (2, [])
    DataFolder(data_folder).close()


def test_what_fails_in_one_process_ends_the_import(data_folder: Path, tmp_path: Path) -> None:
    path = books(tmp_path / "a.parquet", 6, 600)
    with Tenants.open_folder(data_folder, load_encoder()) as tenants:
        tenants.create("t3")
    [store] = data_folder.glob(f"tenants/*/t3/{STORE_NAME}")
    store.write_bytes(b"no database at all" * 100)
    done = index(data_folder, path)
    assert done.exit_code == 1
    assert "the store is damaged" in done.output
    assert not importers()


def test_columns_are_misunderstood_only_if_no_process_takes_a_row(data_folder: Path, tmp_path: Path) -> None:
    count = 2 * limits.IMPORT_ALL_REJECTED_ROWS_MAX
    bad = [f"t{n % 2},{n},2024-01-01,lots,Shop,c" for n in range(count)]
    path = written(tmp_path / "a.csv", *bad, header=HEADER)
    done = index(data_folder, path)
    assert done.exit_code == 1
    assert "Is a column misunderstood?" in " ".join(done.output.split())
    of_one = [line for line in bad if line.startswith("t0")]
    done = index(data_folder, written(path, *of_one, "t1,x,2024-01-01,1,Shop,c", header=HEADER))
    assert done.exit_code == 1
    assert "Is a column misunderstood?" not in done.output
    assert all_of(data_folder).keys() == {"t1"}


def test_another_process_that_has_the_folder_is_told_of(data_folder: Path, tmp_path: Path) -> None:
    path = books(tmp_path / "a.parquet", 6, 60)
    with Tenants.open_folder(data_folder, load_encoder()):
        done = index(data_folder, path)
    assert done.exit_code == 1
    assert "another process uses" in done.output


@given(
    tenants=st.lists(st.text(max_size=3), min_size=1, max_size=60),
    jobs=st.integers(min_value=2, max_value=limits.IMPORT_PROCESSES_MAX),
)
def test_shares_are_all_rows_once_and_each_tenant_has_one(
    tmp_path_factory: pytest.TempPathFactory, tenants: Sequence[str], jobs: int
) -> None:
    path = tmp_path_factory.mktemp("shares") / "a.parquet"
    numbers = [str(n) for n in range(len(tenants))]
    pl.DataFrame({"whose": tenants, "id": numbers, "payee": numbers, "category": numbers}).write_parquet(path)
    [source] = sources_of(path, tenant_column="whose")
    shares = shares_of([source], jobs)
    owners: defaultdict[str, set[int]] = defaultdict(set)
    rows: list[int] = []
    for share in shares:
        for batch in source.reader.batches(source.plan.used):
            own = share.of(batch, "whose")
            rows += own.rows
            assert own.frame["id"].to_list() == [str(row - 1) for row in own.rows]
            for tenant in texts_of(own.frame["whose"]):
                owners[tenant].add(share.number)
    assert sorted(rows) == list(range(1, len(tenants) + 1))
    assert all(len(numbers) == 1 for numbers in owners.values())
    assert len(shares) <= max(1, len(owners))


def test_shares_are_of_about_as_many_rows(tmp_path: Path) -> None:
    sizes = [40, 1, 1, 7, 20, 10, 3, 18]
    rows = [f"t{n},{n}-{m},2024-01-01,1,Shop,c" for n, size in enumerate(sizes) for m in range(size)]
    [source] = sources_of(written(tmp_path / "a.csv", *rows, header=HEADER), tenant_column="whose")
    assert _rows_of(shares_of([source], 2), source) == [50, 50]
    assert sorted(_rows_of(shares_of([source], 3), source)) == [30, 30, 40]


def test_few_rows_and_one_tenant_are_one_process_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [source] = sources_of(books(tmp_path / "a.parquet", 5, 100), tenant_column="whose")
    [alone] = sources_of(books(tmp_path / "b.parquet", 1, 100), tenant_column="whose")
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert len(shares_of([source], None)) == 1
    monkeypatch.setattr(limits, "IMPORT_ROWS_PER_PROCESS_MIN", 50)
    assert len(shares_of([source], None)) == 2
    monkeypatch.setattr(limits, "IMPORT_ROWS_DEALT_MAX", 20)
    monkeypatch.setattr(limits, "FILE_BATCH_ROWS", 20)
    assert len(shares_of([source], None)) == 3
    assert len(shares_of([source], 1)) == 1
    monkeypatch.setattr(limits, "IMPORT_ROWS_DEALT_MAX", 1_000)
    assert len(shares_of([alone], 3)) == 1


def _rows_of(shares: Sequence[Share], source: Source) -> list[int]:
    batches = list(source.reader.batches(source.plan.used))
    return [sum(len(share.of(batch, "whose").rows) for batch in batches) for share in shares]


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + ENDING_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
