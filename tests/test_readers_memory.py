"""Memory does not grow with the file."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

GROWTH_MIB_MAX = 64
"""Allocators keep 20 to 30 on the way; files read whole would take 150 to 200 more."""

PROGRAM = """
import re, sys
from pathlib import Path
from likewise_indexer.readers import (
    ColumnWishes, Occurrences, RowConverter, TextOptions, find_conventions, open_reader, recognise
)

def peak_mib_after(path):
    reader = open_reader(Path(path), TextOptions())
    plan = recognise(reader.columns, ColumnWishes(), labelled=True, tenants=False)
    conventions = find_conventions(reader, plan)
    with Occurrences() as occurrences:
        converter = RowConverter(plan, conventions, occurrences)
        rows = sum(len(converter.convert(batch).transactions) for batch in reader.batches(plan.used))
    # Not ru_maxrss, which begins with what the process that started this one had.
    return rows, int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) // 1024

small, large = (peak_mib_after(path) for path in sys.argv[1:])
print(*small, *large)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
@pytest.mark.parametrize("suffix", ["csv", "ndjson", "parquet"])
def test_a_file_three_times_as_long_takes_no_more_memory(tmp_path: Path, suffix: str) -> None:
    paths = []
    for rows in (20_000, 60_000):
        frame = pl.DataFrame(
            {
                "date": ["2024-01-31"] * rows,
                "payee": [f"Shop {n % 500}" for n in range(rows)],
                "description": [
                    f"card payment {n:012d} {'and what is said about it ' * 40}" for n in range(rows)
                ],
                "amount": [n / 100 for n in range(rows)],
                "category": "food",
            }
        )
        path = tmp_path / f"{rows}.{suffix}"
        getattr(frame, f"write_{suffix}")(path)
        paths.append(path)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, paths)], check=True, capture_output=True, text=True
    )
    small_rows, small_mib, large_rows, large_mib = map(int, done.stdout.split())
    assert (small_rows, large_rows) == (20_000, 60_000)
    assert large_mib - small_mib < GROWTH_MIB_MAX
