"""What recording takes: Classify and Learn of a server that records its answers, beside one that does not.

Two servers of this tree over books of their own, taught alike over gRPC, are called in turns, a few calls at
a time, so that what the machine does meanwhile befalls both. Their ratios count: the median of a turn over
that of the other server's turn beside it, and between which bounds the median of these ratios lies
(bootstrap over turns). Then questions come at steady rates, and it is told how many answers were recorded.

    python bench/feedback.py [--rounds N] [--labels N ...] [--rates N ...] [--seconds N] [--json OUT]
    python bench/feedback.py --small    # whether it works
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np
from rich.console import Console

import likewise
from latency_load.figures import machine
from latency_load.invented import InventedTenant
from latency_load.processes import ServerFailed, likewise_served
from safety import Samples, figures_of, measured, print_figures, teach
from safety_side.sides import Side

OFF: Final = "not recording"
ON: Final = "recording"
_SEED: Final = 5
_SAMPLED: Final = {OFF: 0.0, ON: 1.0}
_SMALL: Final = {"rounds": 2, "labels": [40], "rates": [50], "seconds": 1.0}
_BOOTSTRAPS: Final = 2_000


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60, help="of 40 questions and 15 lessons a server")
    parser.add_argument("--labels", type=int, nargs="+", default=[500, 2_000, 10_000], help="of each tenant")
    parser.add_argument("--rates", type=int, nargs="+", default=[50, 100, 300], help="questions a second")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each rate")
    parser.add_argument("--json", type=Path, help="where the figures are written")
    parser.add_argument("--small", action="store_true", help="little of everything")
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
        sides = []
        for name, sampled in _SAMPLED.items():
            options = [f"--predictions-sampled={sampled}"]
            server = stack.enter_context(likewise_served(scratch / name, options))
            sides.append(Side(name, stack.enter_context(likewise.Client(server.address))))
        for side in sides:
            for tenant in tenants:
                teach(side.client, tenant)
        samples = measured(sides, tenants, given.rounds, console)
        recorded = {rate: kept_at(sides[-1].client, tenants, rate, given.seconds) for rate in given.rates}
        kept = sum(sides[-1].client.feedback.get(tenant.id).predictions for tenant in tenants)
        files = list((scratch / ON).rglob("predictions.sqlite3*"))
        disk_bytes = sum(path.stat().st_size for path in files)
    return {
        "sides": {name: figures_of(samples[name], samples[OFF]) for name in _SAMPLED},
        "ratios": {kind: ratio_of(samples, kind, given.rounds) for kind in samples[ON]},
        "recorded_at_rate": recorded,
        "predictions": kept,
        "disk_bytes": disk_bytes,
        "labels": given.labels,
        "rounds": given.rounds,
        "machine": machine(),
    }


def ratio_of(samples: Samples, kind: str, rounds: int) -> dict[str, float]:
    """How much longer a kind of call takes while answers are recorded: turn beside turn.

    Returns:
        The median of the ratios of turns, and a 95 % interval of it.
    """
    on, off = (np.median(np.reshape(samples[side][kind], (rounds, -1)), axis=1) for side in (ON, OFF))
    rng = np.random.default_rng(_SEED)
    drawn = rng.integers(rounds, size=(_BOOTSTRAPS, rounds))
    low, high = np.quantile(np.median((on / off)[drawn], axis=1), (0.025, 0.975))
    return {"median": float(np.median(on / off)), "low": float(low), "high": float(high)}


def kept_at(
    client: likewise.Client, tenants: Sequence[InventedTenant], rate: int, seconds: float
) -> dict[str, float]:
    """Ask so many questions a second, one after the other; which share of the answers is recorded.

    What was before has as long to be written.
    """
    rng, recorded, asked = random.Random(_SEED), 0, 0
    time.sleep(seconds)
    begun = time.perf_counter()
    while (due := asked / rate) < seconds:
        time.sleep(max(0.0, begun + due - time.perf_counter()))
        tenant = rng.choice(tenants)
        recorded += bool(client.classify(tenant.id, tenant.asked_row(rng).question()).prediction_id)
        asked += 1
    return {"asked_per_s": asked / (time.perf_counter() - begun), "recorded": recorded / asked}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, report."""
    given, console = arguments_of(arguments), Console()
    try:
        document = benchmark(given, console)
    except (likewise.Error, OSError, ServerFailed) as error:
        sys.exit(f"feedback: {error}")
    print_figures(document, console)
    for kind, ratio in document["ratios"].items():
        console.print(
            f"{kind}: {ratio['median']:.3f} times as long ({ratio['low']:.3f} to {ratio['high']:.3f})"
        )
    for rate, kept in document["recorded_at_rate"].items():
        console.print(f"{rate} a second ({kept['asked_per_s']:.0f} came): {kept['recorded']:.1%} recorded")
    console.print(
        f"{document['predictions']:,} answers kept, {document['disk_bytes'] / 2**20:.1f} MiB on disk"
    )
    if given.json:
        given.json.write_text(json.dumps(document, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
