"""Hours of mixed load beside which a server stays as it is: memory, descriptors, threads, latency.

Tenants come with their history, are asked, taught, corrected and imported into, are merged, exported and
forgotten, and go; there is less memory than they take, so they are evicted and loaded all the time. Whether
all stays flat is told from slopes after the warm-up: soak_side/verdict.py says how, and within which bounds.

    python bench/soak.py [--minutes 20] [--workers 1] [--json OUT] [--plots FOLDER]
    python bench/soak.py --small

--small says only whether it works: a run of seconds has no slope to speak of. Exit status 1: something grows,
or a call failed that should not.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

import likewise
from latency_load.figures import machine
from latency_load.processes import ServerFailed, likewise_served
from soak_side.calls import SHARES, Caller, Calls, keep_calling
from soak_side.plots import write_plots
from soak_side.population import Population
from soak_side.sampling import columns_of, sampled
from soak_side.verdict import verdicts

_SEED: Final = 5
_SAMPLES: Final = 600
"""Of a run, a second apart at least."""
_SMALL: Final = {"minutes": 0.1, "tenants": 4, "rate": 60.0, "callers": 3}


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--minutes", type=float, default=20.0, help="of load, the warm-up among them")
    add("--warmup-share", type=float, default=0.25, help="of the time, which the verdict leaves out")
    add("--rate", type=float, default=40.0, help="calls a second")
    add("--callers", type=int, default=8, help="threads that call")
    add("--tenants", type=int, default=60, help="that there are at once")
    add("--workers", type=int, default=1, help="processes of the server")
    add("--memory-mib", type=int, default=4, help="for loaded tenants: some of them, not all")
    add("--json", type=Path, help="where the figures are written")
    add("--plots", type=Path, help="folder for the plots")
    add("--small", action="store_true", help="little of everything, where nothing else is said")
    given = parser.parse_args(arguments)
    if given.small:
        parser.set_defaults(**_SMALL)
        given = parser.parse_args(arguments)
    return given


def soak(given: argparse.Namespace, data: Path) -> tuple[dict[str, Any], Calls]:
    """Run it; the figures, ready to be written as JSON, and the calls."""
    population, calls, seconds = Population(given.tenants, _SEED), Calls(), given.minutes * 60
    options = ["--workers", str(given.workers), "--memory-mib-max", str(given.memory_mib)]
    with likewise_served(data, options) as server, likewise.Client(server.address) as client:
        callers = [Caller(client, population, f"{_SEED}-{number}") for number in range(given.callers)]
        for _ in range(given.tenants):
            callers[0].come()
        started_s = time.perf_counter()
        every_s = max(min(1.0, seconds / 10), seconds / _SAMPLES)
        with sampled(server.process, data, population, started_s, every_s) as samples:
            keep_calling(callers, given.rate, seconds, started_s, calls)
    columns, warmup_s = columns_of(samples), given.warmup_share * seconds
    told = verdicts(columns, calls.samples, warmup_s, seconds)
    document = {
        "minutes": given.minutes,
        "seconds": seconds,
        "warmup_s": warmup_s,
        "rate_hz": given.rate,
        "workers": given.workers,
        "memory_mib": given.memory_mib,
        "tenants": given.tenants,
        "calls": {kind: _figures(calls, kind) for kind in SHARES},
        "refused": dict(calls.refused),
        "failed": dict(calls.failed),
        "verdicts": told,
        "is_flat": all(verdict["is_flat"] for verdict in told.values()) and not calls.failed,
        "samples": columns,
        "machine": machine(),
    }
    return document, calls


def print_soak(document: dict[str, Any], console: Console) -> None:
    """The verdicts, and what failed."""
    minutes = (document["seconds"] - document["warmup_s"]) / 60
    table = Table(title=f"over {minutes:.3g} minutes after the warm-up", box=SIMPLE)
    table.add_column("")
    for heading in ("median", "growth", "allowed", "by chance", "flat"):
        table.add_column(heading, justify="right")
    for name, told in document["verdicts"].items():
        amounts = [_amount(name, told[part]) for part in ("median", "growth", "growth_max")]
        table.add_row(name, *amounts, f"{told['chance']:.3f}", "yes" if told["is_flat"] else "[red]no[/]")
    console.print(table)
    count = sum(figures["calls"] for figures in document["calls"].values())
    console.print(f"{count:,} calls answered; refused: {document['refused'] or 'none'}")
    for what, times in document["failed"].items():
        console.print(f"failed {times} times: {what}", style="bold red", markup=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, report."""
    given, console = arguments_of(arguments), Console()
    try:
        with tempfile.TemporaryDirectory() as folder:
            document, calls = soak(given, Path(folder) / "data")
    except (likewise.Error, OSError, ServerFailed) as error:
        sys.exit(f"soak: {error}")
    print_soak(document, console)
    if given.json:
        given.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    if given.plots:
        write_plots(document, calls.samples, given.plots)
    if document["failed"] or not (document["is_flat"] or given.small):
        sys.exit("soak: it does not stay flat, see above")


def _figures(calls: Calls, kind: str) -> dict[str, Any]:
    latency_ms = [ms for _, called, ms in calls.samples if called == kind]
    if not latency_ms:
        return {"calls": 0, "p50_ms": None, "p99_ms": None}
    p50_ms, p99_ms = np.percentile(latency_ms, (50, 99)).tolist()
    return {"calls": len(latency_ms), "p50_ms": p50_ms, "p99_ms": p99_ms}


def _amount(name: str, value: float) -> str:
    return f"{value / 2**20:,.1f} MiB" if name.endswith("_bytes") else f"{value:,.2f}"


if __name__ == "__main__":
    main()
