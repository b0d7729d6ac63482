"""Likewise beside what one would otherwise build upon: the same job, the same texts and vectors, in one run.

The job: given a transaction's wording, find the labels of the nearest past ones among the tenant's own.
Likewise does it as ``likewise serve`` over gRPC; Chroma as a server, PostgreSQL with pgvector as a server
(searching exactly, and by HNSW), Qdrant, LanceDB and sqlite-vec within the process that asks. Each is set up
as its documentation advises for many tenants: the modules of peers_side/ say how, and which page says so.

A question about a text that is known comes with its vector: a peer only searches, and Likewise, which gets
the text, has the vector already. A question about a new text has to be embedded, by the same encoder for all:
in front of a peer, within Likewise. One caller asks one question after another, some of each system in turn:
what a quiet machine does, not one under load (that is bench/latency.py). A peer answers with its nearest rows
and their most frequent label; Likewise weighs amounts, dates and habits too and says how sure it is.

    python bench/peers.py [--peers chroma,pgvector] [--sizes 1000,10000] [--tenants 8] [--json OUT] [--small]

Also measured: processor time, of the system and of who asks it, which other work on the machine hardly
changes; loading, in rows a second, alone, with the embedding, and until the system is at rest
(Likewise trains and calibrates, indexes are built); memory (PSS) before and after; a correction until an
answer shows it; a restart until the first answer, of a server from the start of its process, of an engine
within the process from opening its files. Everything is on loopback, and telemetry is off. What is not
installed is skipped.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from peers_side.books import Workload
from peers_side.catalogue import CATALOGUE, INSTALL, OURS
from peers_side.figures import document_of
from peers_side.report import print_run
from peers_side.run import run
from peers_side.side import SideFailed

SMALL = Workload(sizes=(200, 400), tenants=2, questions=20, corrections=4, restarts=1, idle_s=0.0)


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    peers = [name for name in CATALOGUE if name != OURS]
    add("--peers", type=_names, default=peers, help=f"of {','.join(peers)}; all by default")
    add("--sizes", type=_sizes, help="labels a tenant; 1000,10000 by default")
    add("--tenants", type=int, help="of each size")
    add("--questions", type=int, help="of each size and kind")
    add("--corrections", type=int, help="of each size")
    add("--restarts", type=int)
    add("--neighbours", type=int, help="that are asked for")
    add("--seed", type=int)
    add("--small", action="store_true", help="a run of seconds, whose figures say nothing")
    add("--json", type=Path, help="where the figures are written")
    return parser.parse_args(arguments)


def workload_of(given: argparse.Namespace) -> Workload:
    """What is asked for. Raises ValueError where that cannot be done."""
    basis = SMALL if given.small else Workload()
    names = ("sizes", "tenants", "questions", "corrections", "restarts", "neighbours", "seed")
    chosen = {name: getattr(given, name) for name in names if getattr(given, name) is not None}
    return Workload(**(vars(basis) | chosen))


def benchmark(given: argparse.Namespace) -> dict[str, Any]:
    """Measure what is installed; the figures, as they are written."""
    workload = workload_of(given)
    missing = {name: CATALOGUE[name].missing for name in given.peers}
    skipped = {
        name: f"{', '.join(packages)} not installed: {INSTALL}"
        for name, packages in missing.items()
        if packages
    }
    names = [OURS, *(name for name in given.peers if name not in skipped)]
    with tempfile.TemporaryDirectory(prefix="peers-") as root:
        return document_of(run(workload, names, Path(root)), skipped)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, print, write."""
    given = arguments_of(arguments)
    try:
        document = benchmark(given)
    except (OSError, SideFailed, ValueError) as error:
        sys.exit(f"peers: {error}")
    print_run(document, Console())
    if given.json:
        given.json.write_text(json.dumps(document, indent=2), encoding="utf-8")


def _names(value: str) -> list[str]:
    names = list(dict.fromkeys(value.split(",")))
    if unknown := [name for name in names if name not in CATALOGUE or name == OURS]:
        raise argparse.ArgumentTypeError(f"no such peer: {', '.join(unknown)}")
    return names


def _sizes(value: str) -> tuple[int, ...]:
    return tuple(sorted(int(size) for size in value.split(",")))


if __name__ == "__main__":
    main()
