"""Scaling laws: what grows with a tenant's labels, with the tenants on disk, and with the rows of an import.

Four parts, each at steps of its size: Classify, its recall and memory against the labels of one tenant;
start and Classify against the tenants on disk; the first touch of a cold tenant against its labels;
``likewise index`` against rows. Servers and commands are the real ones, each a process of its own; Classify
is asked in open loop. How a figure grows is fitted as a power of the size, with an interval.

    python bench/scale.py [--parts labels tenants cold bulk] [--folder KEPT] [--json OUT] [--plots FOLDER]
    python bench/scale.py --parts bulk --rows 1000000 10000000
    python bench/scale.py --small

--folder keeps the tenants, for runs to come, and may be of any sizes; making the largest takes minutes, and
100,000 folders ten more and 8 GB. The parts labels, tenants and cold then take a quarter of an hour together.
--small takes half a minute and says nothing of speed: it shows that all works, and does not fail where calls
were sent too late for its figures to be the server's.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, Final

import grpc
from rich.console import Console

import likewise
from latency_load import generator
from latency_load.figures import machine
from latency_load.processes import ServerFailed
from likewise_engine.errors import LikewiseError
from scale_laws import bulk, cold, labels, tenants
from scale_laws.plots import write_plots
from scale_laws.report import print_part
from scale_laws.sizes import SMALL, Sizes
from scale_laws.world import World

PARTS: Final[Mapping[str, Callable[[World], dict[str, Any]]]] = {
    "labels": labels.measure,
    "tenants": tenants.measure,
    "cold": cold.measure,
    "bulk": bulk.measure,
}
_OPTIONS: Final = {
    "labels": "of the one tenant that is asked",
    "tenants": "on disk",
    "cold_labels": "of the tenants that are touched cold",
    "rows": "of the books that are indexed",
    "rows_per_tenant": "of these books",
    "settled_rows_max": "of books that are also trained on",
    "rate_hz": "calls a second",
    "seconds": "of each round of calls",
    "rounds": "in which all steps are asked",
    "cold_tenants": "of each size, touched at each start",
    "cold_starts": "of a server",
    "warm_labels": "of each tenant that is asked while there are others on disk",
    "questions": "that are searched for by graph and by exact scan",
    "seed": "of all that is drawn",
}
"""Fields of Sizes: what they are."""


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line; sizes that are not given are None."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    add("--small", action="store_true", help="smallest sizes, where none are given")
    for field in fields(Sizes):
        is_steps = isinstance(field.default, tuple)
        kind = int if is_steps else type(field.default)
        shown = str(field.default).strip("()").replace(",", "")
        add(
            f"--{field.name.removesuffix('_hz').replace('_', '-')}",
            dest=field.name,
            type=kind,
            nargs="+" if is_steps else None,
            help=f"{_OPTIONS[field.name]}; {shown}",
        )
    add("--folder", type=Path, help="keeps the tenants, for runs to come")
    add("--json", type=Path, help="where the figures are written")
    add("--plots", type=Path, help="folder for a drawing of each part")
    return parser.parse_args(arguments)


def sizes_of(given: argparse.Namespace) -> Sizes:
    """The sizes that are asked for. Raises ValueError where they cannot be."""
    wanted: dict[str, Any] = {field.name: getattr(given, field.name) for field in fields(Sizes)}
    named: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in wanted.items()
        if value is not None
    }
    return replace(SMALL if given.small else Sizes(), **named)


def benchmark(given: argparse.Namespace) -> dict[str, Any]:
    """All parts that are asked for, as they are written."""
    sizes, console = sizes_of(given), Console()
    with ExitStack() as stack:
        root = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        world = World(root, sizes, stack.enter_context(generator.own_process()))
        parts = {}
        for name in given.parts:
            parts[name] = PARTS[name](world)
            print_part(name, parts[name], console)
    for doubt in world.doubts:
        console.print(f"[bold red]not valid:[/] {doubt}")
    return {
        "parts": parts,
        "is_valid": not world.doubts,
        "doubts": world.doubts,
        "sizes": asdict(sizes),
        "machine": machine(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, report."""
    given = arguments_of(arguments)
    try:
        document = benchmark(given)
    except (
        LikewiseError,
        OSError,
        ServerFailed,
        ValueError,
        bulk.NotIndexed,
        grpc.RpcError,
        likewise.Error,
    ) as error:
        sys.exit(f"scale: {error}")
    if given.json:
        given.json.write_text(json.dumps(document, indent=2), encoding="utf-8")
    if given.plots:
        write_plots(document, given.plots)
    if not document["is_valid"] and not given.small:
        sys.exit("scale: these figures are not valid, see above")


if __name__ == "__main__":
    main()
