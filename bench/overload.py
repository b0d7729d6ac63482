"""More than a server can do: five times its capacity for a minute, and one tenant's import beside the others.

Of the overload: whether those who are let in are answered in time, whether as many as ever are, and how soon
all is well afterwards. Of the import of a million rows: what it does to the p99 of the other tenants. The
tenants are those of bench/latency.py, whose folder can be used; Classify alone is sent, in open loop, by a
generator that is cheap enough for it (overload_load/flood.py).

    python bench/overload.py [--folder KEPT] [--json OUT] [--capacity RATE] [--parts overload import]
    python bench/overload.py --small

Without --capacity it is looked for first, with the same generator. --small says nothing of speed, and does
not fail where calls were sent too late for its figures to be the server's.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import grpc
from rich.console import Console

from latency_load.figures import machine
from latency_load.folder import BenchFolder, OtherWorkload
from latency_load.processes import ServerFailed
from latency_load.workload import Workload
from likewise_engine.errors import LikewiseError
from overload_load import imports, overload
from overload_load.flood import FloodFailed
from overload_load.imports import ImportFailed
from overload_load.place import place
from overload_load.report import print_import, print_overload

PARTS: Final = ("overload", "import")
_SMALL_WORKLOAD: Final = Workload(tenants=4, labels_median=30, largest=60, cold_labels=20, build_texts=0)
_SMALL: Final = {"capacity": 40.0, "seconds": 1.0, "rows": 300, "quiet_s": 1.0}


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    add("--capacity", type=float, help="calls a second that the server can answer; looked for if not given")
    add("--times", type=float, default=5.0, help="the capacity, for the overload")
    add("--seconds", type=float, default=60.0, help="of the overload")
    add("--rows", type=int, default=1_000_000, help="that are imported")
    add("--quiet-s", type=float, default=30.0, help="seconds of calls before the import, and after it")
    add("--folder", type=Path, help="of bench/latency.py, or one that is kept for it")
    add("--json", type=Path, help="where the figures are written")
    add("--small", action="store_true", help="little of everything, where nothing else is said")
    given = parser.parse_args(arguments)
    if given.small:
        parser.set_defaults(**_SMALL)
        given = parser.parse_args(arguments)
    return given


def benchmark(given: argparse.Namespace) -> dict[str, Any]:
    """The parts that are asked for, as they are written."""
    workload, console = _SMALL_WORKLOAD if given.small else Workload(), Console()
    document: dict[str, Any] = {}
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = BenchFolder(given.folder or scratch / "folder", workload)
        there = stack.enter_context(place(folder, workload))
        capacity_hz = given.capacity or overload.capacity_of(there, start_hz=300.0, seconds=10.0)
        if not capacity_hz:
            raise ValueError("the server answers nothing within the budget: there is no capacity to exceed")
        if "overload" in given.parts:
            document["overload"] = overload.measure(there, capacity_hz, given.times, given.seconds)
            print_overload(document["overload"], console)
        if "import" in given.parts:
            books = scratch / "books"
            document["import"] = imports.measure(there, given.rows, capacity_hz / 4, given.quiet_s, books)
            print_import(document["import"], console)
        doubts = there.doubts
    for doubt in doubts:
        console.print(f"[bold red]not valid:[/] {doubt}")
    return document | {"is_valid": not doubts, "doubts": doubts, "machine": machine()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, report."""
    given = arguments_of(arguments)
    try:
        document = benchmark(given)
    except (
        LikewiseError,
        FloodFailed,
        ImportFailed,
        OSError,
        OtherWorkload,
        ServerFailed,
        ValueError,
        grpc.RpcError,
    ) as error:
        sys.exit(f"overload: {error}")
    if given.json:
        given.json.write_text(json.dumps(document, indent=2), encoding="utf-8")
    if not document["is_valid"] and not given.small:
        sys.exit("overload: these figures are not valid, see above")


if __name__ == "__main__":
    main()
