"""What safety costs: Classify and Learn of this tree beside those of an earlier one, in one run.

A server of each runs over books of its own, which it was taught over gRPC; a third is this tree's with TLS, a
token, and keys wrapped by a master key. They are called in turns, a few calls at a time, so that what the
machine does meanwhile befalls all of them alike. Their ratios count.

    python bench/safety.py --before CHECKOUT [--rounds N] [--json OUT]    # its kernels built in place
    python bench/safety.py --small    # this tree against itself: whether it works
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Table

import likewise
from latency_load.figures import machine
from latency_load.invented import InventedTenant
from latency_load.processes import ServerFailed
from safety_side.sides import Side, plain, secured

BEFORE: Final = "before"
AFTER: Final = "after"
SECURED: Final = "after, with all of it"
CALLS: Final = ("classify", "learn")
_SEED: Final = 5
_LABELS: Final = (500, 2_000, 2_000, 10_000)
_QUESTIONS_A_TURN: Final = 40
_LESSONS_A_TURN: Final = 15
_SETTLED_S_MAX: Final = 120.0
_WARM_UP_ROUNDS: Final = 2
_SMALL: Final = {"rounds": 1, "labels": [40]}

Samples = dict[str, dict[str, list[float]]]
"""Milliseconds of each call, by side and kind."""


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--before", type=Path, help="checkout of an earlier commit; this one if not given")
    add("--rounds", type=int, default=60, help="of 40 questions and 15 lessons a server")
    add("--labels", type=int, nargs="+", default=list(_LABELS), help="of each tenant")
    add("--json", type=Path, help="where the figures are written")
    add("--small", action="store_true", help="little of everything, where nothing else is said")
    given = parser.parse_args(arguments)
    if given.small:
        parser.set_defaults(**_SMALL)
        given = parser.parse_args(arguments)
    return given


def benchmark(given: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Measure, as it is written."""
    tenants = [
        InventedTenant.of_size(f"tenant-{number}", labels, _SEED)
        for number, labels in enumerate(given.labels)
    ]
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        before = {} if given.before is None else {"tree": given.before}
        sides = [
            stack.enter_context(plain(BEFORE, scratch / BEFORE, **before)),
            stack.enter_context(plain(AFTER, scratch / AFTER)),
            stack.enter_context(secured(SECURED, scratch / "secured", scratch / "keys")),
        ]
        for side in sides:
            for tenant in tenants:
                teach(side.client, tenant)
        samples = measured(sides, tenants, given.rounds, console)
    figures = {side.name: figures_of(samples[side.name], samples[BEFORE]) for side in sides}
    return {"sides": figures, "labels": given.labels, "rounds": given.rounds, "machine": machine()}


def teach(client: likewise.Client, tenant: InventedTenant) -> None:
    """Import a tenant's history, and wait until nothing is made of it any more in the background."""
    client.create_tenant(likewise.Tenant(id=tenant.id))
    client.import_transactions(tenant.id, (row.message() for row in tenant.history()))
    given_up_at = time.monotonic() + _SETTLED_S_MAX
    before = None
    while time.monotonic() < given_up_at:
        time.sleep(1.0)
        now = client.get_tenant(tenant.id).statistics.calibrations
        if now and now == before:
            return
        before = now


def measured(
    sides: Sequence[Side], tenants: Sequence[InventedTenant], rounds: int, console: Console
) -> Samples:
    """Call the servers in turns; each gets the same calls."""
    samples: Samples = {side.name: {kind: [] for kind in CALLS} for side in sides}
    for number in track(range(_WARM_UP_ROUNDS + rounds), "measuring", console=console, transient=True):
        for turn in range(len(sides)):
            side = sides[(number + turn) % len(sides)]
            taken = turn_of(side.client, tenants, number)
            if number >= _WARM_UP_ROUNDS:
                for kind in CALLS:
                    samples[side.name][kind] += taken[kind]
    return samples


def turn_of(
    client: likewise.Client, tenants: Sequence[InventedTenant], number: int
) -> Mapping[str, list[float]]:
    """A round's calls of one server, and the milliseconds that each took."""
    rng = random.Random(f"{_SEED}/{number}")
    chosen = [tenants[rng.randrange(len(tenants))] for _ in range(_QUESTIONS_A_TURN)]
    questions = [(tenant.id, tenant.asked_row(rng).question()) for tenant in chosen]
    lessons = [
        (tenant.id, [tenant.row(f"round-{number}-{position}", rng).message()])
        for position, tenant in enumerate(islice(chosen, _LESSONS_A_TURN))
    ]
    return {
        "classify": [_ms(partial(client.classify, *asked)) for asked in questions],
        "learn": [_ms(partial(client.learn, *taught)) for taught in lessons],
    }


def figures_of(
    samples: Mapping[str, Sequence[float]], before: Mapping[str, Sequence[float]]
) -> dict[str, Any]:
    """Percentiles of each kind of call, and how they compare with those before."""
    figures = {}
    for kind in CALLS:
        p50_ms, p99_ms = np.percentile(samples[kind], (50, 99)).tolist()
        p50_before_ms, p99_before_ms = np.percentile(before[kind], (50, 99)).tolist()
        figures[kind] = {
            "calls": len(samples[kind]),
            "p50_ms": p50_ms,
            "p99_ms": p99_ms,
            "p50_over_before": p50_ms / p50_before_ms,
            "p99_over_before": p99_ms / p99_before_ms,
        }
    return figures


def print_figures(document: Mapping[str, Any], console: Console) -> None:
    """A line a server and kind of call."""
    table = Table(title="milliseconds, and times what it was before", box=SIMPLE)
    for heading in ("", "", "calls", "p50", "p99", "p50 / before", "p99 / before"):
        table.add_column(heading, justify="right" if heading else "left")
    for side, kinds in document["sides"].items():
        for kind, f in kinds.items():
            table.add_row(
                side,
                kind,
                f"{f['calls']:,}",
                f"{f['p50_ms']:.2f}",
                f"{f['p99_ms']:.2f}",
                f"{f['p50_over_before']:.2f}",
                f"{f['p99_over_before']:.2f}",
            )
    console.print(table)


def _ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, report."""
    given, console = arguments_of(arguments), Console()
    try:
        document = benchmark(given, console)
    except (likewise.Error, OSError, ServerFailed) as error:
        sys.exit(f"safety: {error}")
    print_figures(document, console)
    if given.json:
        given.json.write_text(json.dumps(document, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
