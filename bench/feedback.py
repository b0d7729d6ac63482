"""What recording takes: Classify and Learn of a server that records its answers, beside one that does not.

Two servers of this tree over books of their own, taught alike over gRPC, are called in turns, a few calls at
a time, so that what the machine does meanwhile befalls both. Their ratios count.

    python bench/feedback.py [--rounds N] [--labels N ...] [--json OUT]
    python bench/feedback.py --small    # whether it works
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from rich.console import Console

import likewise
from latency_load.figures import machine
from latency_load.invented import InventedTenant
from latency_load.processes import ServerFailed, likewise_served
from safety import figures_of, measured, print_figures, teach
from safety_side.sides import Side

OFF: Final = "not recording"
ON: Final = "recording"
_SEED: Final = 5
_SAMPLED: Final = {OFF: 0.0, ON: 1.0}
_SMALL: Final = {"rounds": 1, "labels": [40]}


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60, help="of 40 questions and 15 lessons a server")
    parser.add_argument("--labels", type=int, nargs="+", default=[500, 2_000, 10_000], help="of each tenant")
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
        kept = sum(sides[-1].client.feedback.get(tenant.id).predictions for tenant in tenants)
        files = list((scratch / ON).rglob("predictions.sqlite3*"))
        disk_bytes = sum(path.stat().st_size for path in files)
    return {
        "sides": {name: figures_of(samples[name], samples[OFF]) for name in _SAMPLED},
        "predictions": kept,
        "disk_bytes": disk_bytes,
        "labels": given.labels,
        "rounds": given.rounds,
        "machine": machine(),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, report."""
    given, console = arguments_of(arguments), Console()
    try:
        document = benchmark(given, console)
    except (likewise.Error, OSError, ServerFailed) as error:
        sys.exit(f"feedback: {error}")
    print_figures(document, console)
    console.print(
        f"{document['predictions']:,} answers kept, {document['disk_bytes'] / 2**20:.1f} MiB on disk"
    )
    if given.json:
        given.json.write_text(json.dumps(document, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
