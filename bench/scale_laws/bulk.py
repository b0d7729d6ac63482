"""Indexing in bulk, from Parquet: rows a second against rows, and memory.

The very command that a user runs, ``likewise index --tenant-column``, as a process of its own over an empty
folder. *Committed* is when it says that all rows are in the store, its own start included; *searchable* is
its end with ``--no-upkeep``: the folder is then free to be served. Afterwards a server is asked for the last
row of the first and of the last tenant, which must be among the neighbours that it gives. *Settled* is its
end without that option, with graphs, heads and calibrations: measured where there are few rows, for it takes
a second and more a tenant.
"""

import re
import resource
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
import psutil

import likewise
from latency_load.invented import InventedTenant
from latency_load.processes import likewise_served
from likewise_engine.limits import NEIGHBOURS_MAX
from scale_laws.law import laws_of
from scale_laws.world import World

LAWS: Final = ("committed_s", "searchable_s", "settled_s", "memory_bytes_max")
_ROWS_PER_FILE: Final = 500_000
_COMMITTED_LINE: Final = re.compile(r"rows in .* rows/s")
_SAMPLED_EVERY_S: Final = 0.05
_PROPORTIONAL_LINE: Final = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)


class NotIndexed(Exception):
    """The command failed, or a server does not find what it indexed."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What one run of the command took.

    Attributes:
        committed_s: from its start until all rows were committed.
        ended_s: until its end.
        cpu_s: processor time of all its processes.
        memory_bytes_max: resident at most, of all its processes together: what several of them share, such as
            the code of libraries, counts once.
    """

    committed_s: float
    ended_s: float
    cpu_s: float
    memory_bytes_max: int


def measure(world: World) -> dict[str, Any]:
    """The part of the document."""
    steps = [_step(world, rows) for rows in world.sizes.rows]
    return {
        "over": "rows",
        "steps": steps,
        "laws": laws_of(steps, "rows", LAWS),
        "rows_per_tenant": world.sizes.rows_per_tenant,
    }


def _step(world: World, rows: int) -> dict[str, Any]:
    tenants = list(_tenants_of(rows, world.sizes.rows_per_tenant, world.sizes.seed))
    books, data = world.root / f"books-{rows}", world.root / f"bulk-{rows}"
    write_books(tenants, books)
    shutil.rmtree(data, ignore_errors=True)  # of a run before this one
    indexed = index([books], data, ["--no-upkeep"])
    _check_found(data, [tenants[0], tenants[-1]])
    disk_bytes = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    shutil.rmtree(data)
    settled_s = None
    if rows <= world.sizes.settled_rows_max:
        settled_s = index([books], data).ended_s
        shutil.rmtree(data)
    return {
        "rows": rows,
        "tenants": len(tenants),
        "committed_s": indexed.committed_s,
        "committed_rows_per_s": rows / indexed.committed_s,
        "searchable_s": indexed.ended_s,
        "searchable_rows_per_s": rows / indexed.ended_s,
        "settled_s": settled_s,
        "cpu_us_per_row": indexed.cpu_s * 1e6 / rows,
        "memory_bytes_max": indexed.memory_bytes_max,
        "disk_bytes_per_row": disk_bytes / rows,
    }


def _tenants_of(rows: int, rows_per_tenant: int, seed: int) -> Iterator[InventedTenant]:
    """Tenants with so many rows together."""
    for start in range(0, rows, rows_per_tenant):
        yield InventedTenant.of_size(f"bulk-{start:08}", min(rows_per_tenant, rows - start), seed)


def write_books(tenants: list[InventedTenant], folder: Path) -> None:
    """Write the rows of tenants as Parquet files, a tenant after the other, where they are not there."""
    if folder.exists():
        return
    aside = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    frames: list[pl.DataFrame] = []
    files = rows = 0
    for tenant in tenants:
        frames.append(_frame_of(tenant))
        rows += tenant.labels
        if rows >= _ROWS_PER_FILE or tenant is tenants[-1]:
            pl.concat(frames).write_parquet(aside / f"books-{files:04}.parquet")
            files, rows = files + 1, 0
            frames.clear()
    aside.rename(folder)


def _frame_of(tenant: InventedTenant) -> pl.DataFrame:
    rows = list(tenant.history())
    return pl.DataFrame(
        {
            "tenant": [tenant.id] * len(rows),
            "id": [row.id for row in rows],
            "date": [row.day for row in rows],
            "amount": [float(row.amount) for row in rows],
            "payee": [row.payee for row in rows],
            "category": [row.category for row in rows],
        }
    )


def index(books: Sequence[Path], data: Path, options: Sequence[str] = ()) -> Indexed:
    """Run ``likewise index`` over files or folders of books. Raises NotIndexed."""
    arguments = ["index", "--data", str(data), "--tenant-column", "tenant", *options, *map(str, books)]
    cpu_before_s, started = _cpu_of_children_s(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "likewise_server", *arguments], stdout=subprocess.PIPE, text=True
    )
    committed_s = None
    assert process.stdout is not None
    with process, _most_memory(process.pid) as most_memory:
        for line in process.stdout:
            if _COMMITTED_LINE.search(line):
                committed_s = time.perf_counter() - started
    ended_s = time.perf_counter() - started
    if process.returncode or committed_s is None:
        raise NotIndexed(f"likewise index ended with exit status {process.returncode}")
    cpu_s = _cpu_of_children_s() - cpu_before_s
    return Indexed(committed_s, ended_s, cpu_s, most_memory[0])


def _check_found(data: Path, tenants: Sequence[InventedTenant]) -> None:
    """Ask for the last row of each tenant. Raises NotIndexed where it is not among its neighbours."""
    with likewise_served(data) as server, likewise.Client(server.address) as client:
        for tenant in tenants:
            *_, last = tenant.history()
            options = likewise.ClassifyOptions(max_neighbours=NEIGHBOURS_MAX)
            answer = client.classify(tenant.id, last.question(), options=options, deadline_ms=None)
            if last.id not in {neighbour.transaction_id for neighbour in answer.neighbours}:
                raise NotIndexed(f"{last.id} of {tenant.id} is not found")


def _cpu_of_children_s() -> float:
    """Processor time of all processes that this one has started and seen end, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _most_memory(pid: int) -> Iterator[list[int]]:
    """Note the most that a process and its children have taken together so far, in bytes."""
    noted = [0]
    ended = threading.Event()

    def note() -> None:
        root = psutil.Process(pid)
        while not ended.wait(_SAMPLED_EVERY_S):
            try:
                processes = [root, *root.children(recursive=True)]
                memory_bytes = sum(_proportional_bytes(process.pid) for process in processes)
            except (psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError):
                continue  # one of them ended between two looks
            noted[0] = max(noted[0], memory_bytes)

    watcher = threading.Thread(target=note)
    watcher.start()
    try:
        yield noted
    finally:
        ended.set()
        watcher.join()


def _proportional_bytes(pid: int) -> int:
    """Resident memory of a process; of pages that several have, its part of each (proc(5), smaps_rollup)."""
    match = _PROPORTIONAL_LINE.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    return int(match[1]) * 1024 if match else 0
