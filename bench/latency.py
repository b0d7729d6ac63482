"""Latency under load, as callers see it: open loop, against a server that is a process of its own.

The canonical workload: 1,000 tenants of log-normal sizes (median 1,500 labels, the largest 200,000), asked
by Zipf; 88 % Classify, a tenth of it on texts never seen, 10 % Learn, 1 % Classify of a tenant that is not
loaded (10,000 labels), 1 % imports of 200 transactions, while graphs of 100,000 texts are built one after
another. Calls are due at random moments (a Poisson process) and their latency counts from there; before and
after the load the same generator measures an echo on the same server stack, which nobody can be faster than.
What the load reads may be in the operating system's cache: a tenant is cold to the server, not to the disk.

    python bench/latency.py [--rate 300] [--seconds 60] [--folder KEPT] [--json OUT] [--plots FOLDER]
    python bench/latency.py --find-capacity --budget-ms 10 [--classify-only]
    python bench/latency.py --small

--find-capacity starts at the rate and looks for the largest that keeps Classify's p99 within the budget; the
figures are then those of half of it. To make a folder takes 3 s or more of processor time a tenant, for each
has its heads trained and is calibrated: an hour for the canonical one. --folder keeps it, and an interrupted
beginning of it. Fails where the generator was too late for its figures to be the server's; --small, which
takes seconds and says nothing of speed, does not.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import grpc
from rich.console import Console

from latency_load.capacity import RATE_HZ_MIN, Step, find_capacity, step_of
from latency_load.figures import document_of
from latency_load.folder import BenchFolder, OtherWorkload
from latency_load.plots import write_plots
from latency_load.processes import ServerFailed
from latency_load.report import print_capacity, print_run
from latency_load.run import Run, run
from latency_load.workload import Load, Workload
from likewise_engine.errors import LikewiseError

BUDGET_MS_DEFAULT = 10.0
_SMALL: Final = {
    "tenants": 4,
    "labels_median": 30,
    "largest": 60,
    "cold_labels": 20,
    "build_texts": 0,
    "rate": 60.0,
    "seconds": 3.0,
    "warmup_s": 0.5,
}


class Benchmark:
    """Runs loads of one workload, and says what came of them."""

    def __init__(self, folder: BenchFolder, workload: Workload, console: Console) -> None:
        self._folder = folder
        self._workload = workload
        self._console = console

    def measured(self, load: Load) -> tuple[Run, dict[str, Any]]:
        """One run, and its figures."""
        done = run(self._folder, self._workload, load)
        document = document_of(done, self._workload)
        print_run(document, self._console)
        return done, document

    def capacity(self, load: Load, budget_ms: float) -> dict[str, Any]:
        """What rate the server takes, as it is written."""

        def attempt(rate_hz: float) -> Step:
            _, document = self.measured(replace(load, rate_hz=rate_hz))
            return step_of(rate_hz, document, budget_ms)

        rate_hz, steps = find_capacity(attempt, load.rate_hz)
        print_capacity(rate_hz, steps, budget_ms, self._console)
        return {"budget_ms": budget_ms, "rate_hz": rate_hz, "steps": [asdict(step) for step in steps]}


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--tenants", type=int, default=Workload.tenants)
    add("--labels-median", type=int, default=Workload.labels_median)
    add("--largest", type=int, default=Workload.largest, help="labels of the largest tenant")
    add("--cold-labels", type=int, default=Workload.cold_labels, help="labels of each tenant touched cold")
    add(
        "--build-texts",
        type=int,
        default=Workload.build_texts,
        help="of each graph built; 0: no build",
    )
    add("--seed", type=int, default=Workload.seed)
    add("--rate", type=float, default=Load.rate_hz, help="calls a second, on average")
    add("--seconds", type=float, default=Load.seconds, help="that are measured")
    add("--warmup-s", type=float, default=Load.warmup_s, help="of the same load before, not measured")
    add("--workers", type=int, default=Load.workers, help="processes of the server")
    add("--classify-only", action="store_true", help="only Classify of loaded tenants, and no build")
    add("--find-capacity", action="store_true", help="look for the largest rate within the budget")
    add("--budget-ms", type=float, default=BUDGET_MS_DEFAULT, help="for the p99 of Classify")
    add("--folder", type=Path, help="keeps the tenants, for runs to come")
    add("--json", type=Path, help="where the figures are written")
    add("--plots", type=Path, help="folder for plots by percentile and over time")
    add("--small", action="store_true", help="little of everything, where nothing else is said")
    given = parser.parse_args(arguments)
    if given.small:
        parser.set_defaults(**_SMALL)
        given = parser.parse_args(arguments)
    return given


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the folder, run, report."""
    given = arguments_of(arguments)
    try:
        document = benchmark(given)
    except (LikewiseError, OSError, OtherWorkload, ServerFailed, ValueError, grpc.RpcError) as error:
        sys.exit(f"latency: {error}")
    if given.json:
        given.json.write_text(json.dumps(document, indent=2), encoding="utf-8")
    if not document["is_valid"] and not given.small:
        sys.exit("latency: these figures are not valid, see above")


def benchmark(given: argparse.Namespace) -> dict[str, Any]:
    """All that is asked for; the figures, as they are written."""
    workload = Workload(
        tenants=given.tenants,
        labels_median=given.labels_median,
        largest=given.largest,
        cold_labels=given.cold_labels,
        build_texts=given.build_texts,
        seed=given.seed,
    )
    load = Load(given.rate, given.seconds, given.warmup_s, given.workers, given.classify_only)
    with ExitStack() as stack:
        root = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        bench = Benchmark(BenchFolder(root, workload), workload, Console())
        found = {}
        if given.find_capacity:
            found["capacity"] = bench.capacity(load, given.budget_ms)
            load = replace(load, rate_hz=max(RATE_HZ_MIN, found["capacity"]["rate_hz"] / 2))
        done, document = bench.measured(load)
    if given.plots:
        write_plots(done, given.plots)
    return document | found


if __name__ == "__main__":
    main()
