"""Bad inputs, counted: none may crash, hang, grow memory, lose a label, or end as no caller may see it.

Inputs are made by chance from a seed, each by its number, so that any of them can be made again:

    texts   wording, for the normalisation of texts and the encoder
    models  ONNX files, manifests, caches and their vouchers, damaged
    files   CSV, NDJSON, Parquet and charts of categories
    calls   every method of the service: valid, nearly valid and wild messages and metadata
    frames  bytes at the port: TLS, HTTP/1, and HTTP/2 that breaks its rules

The first three are fed within a process of their own each; the others to a server, whose memory and log are
watched. A tenant of it that nobody else knows of is verified again and again, and once more after a restart.

    python bench/fuzz.py [--inputs N] [--seed S] [--json OUT]
    python bench/fuzz.py --only calls --first 4711 --inputs 1    # one that failed, again
    python bench/fuzz.py --small
"""

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from fuzz_side.memory import memory_of
from fuzz_side.place import Sentinel, faults_in, fuzzed_server
from fuzz_side.run import LOCAL, SERVED, Found, Running, Task
from latency_load.figures import machine
from latency_load.processes import ServerFailed

_SHARES: Final = {"texts": 0.62, "models": 0.20, "files": 0.03, "calls": 0.08, "frames": 0.07}
"""Of all inputs: as many of each as take about as long."""
_SMALL: Final = {"inputs": 1_500}
_VERIFIED_EVERY_S: Final = 5.0
_IN_MEMORY: Final = "/dev/shm"  # noqa: S108 - a folder of its own is made in it


def arguments_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    add = parser.add_argument
    add("--inputs", type=int, default=1_000_000, help="how many, of all targets together")
    add("--seed", type=int, default=5, help="of all chance")
    add("--only", choices=tuple(_SHARES), help="one target, all inputs for it")
    add("--first", type=int, default=0, help="number of the first input")
    add("--json", type=Path, help="where the figures are written")
    add("--small", action="store_true", help="few inputs, where nothing else is said")
    given = parser.parse_args(arguments)
    if given.small:
        parser.set_defaults(**_SMALL)
        given = parser.parse_args(arguments)
    return given


def fuzz(given: argparse.Namespace) -> dict[str, Any]:
    """Feed all inputs, and verify what must not have changed."""
    shares = {given.only: 1.0} if given.only else _SHARES
    # Where fsync costs nothing, if there is such a place: durability is for bench/crash.py.
    in_memory = _IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=in_memory) as scratch:
        folder = Path(scratch)
        with fuzzed_server(folder) as server:
            sentinel = Sentinel.taught(server.address)
            tasks = [
                Task(
                    name,
                    given.first,
                    max(1, round(share * given.inputs)),
                    given.seed,
                    server.address,
                    folder / name,
                )
                for name, share in shares.items()
            ]
            with _verifying(sentinel, server.address) as losses:
                found = _fed(tasks)
            memory = memory_of([usage.memory_bytes for usage in server.usages])
        with fuzzed_server(folder) as restarted:
            sentinel.verify(restarted.address)
        faults = faults_in(folder)
    failures = [failure for each in found.values() for failure in each.failures] + losses + faults[:20]
    if memory.grows:
        failures.append(f"the server's memory grew by {memory.growth_bytes:,} bytes: {memory}")
    return {
        "inputs": sum(each.inputs for each in found.values()),
        "failures": failures,
        "server_log_faults": len(faults),
        "sentinel_verified": sentinel.verified,
        "server_memory": asdict(memory),
        "targets": {name: _shown(each) for name, each in found.items()},
        "seed": given.seed,
        "machine": machine(),
    }


def _fed(tasks: Sequence[Task]) -> dict[str, Found]:
    """What comes of each task: those of the server at once, and beside them the others one by one."""
    served = [Running(task) for task in tasks if task.target in SERVED]
    found = {task.target: Running(task).result() for task in tasks if task.target in LOCAL}
    return found | {running.task.target: running.result() for running in served}


@contextmanager
def _verifying(sentinel: Sentinel, address: str) -> Iterator[list[str]]:
    """Verify the sentinel for as long as the ``with`` lasts, and at its end; what is wrong is in the list."""
    losses, done = list[str](), threading.Event()

    def verify() -> None:
        while not losses:
            is_last = done.wait(_VERIFIED_EVERY_S)
            try:
                sentinel.verify(address)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told
                losses.append(f"the sentinel: {error!r}")
            if is_last:
                return

    verifier = threading.Thread(target=verify)
    verifier.start()
    try:
        yield losses
    finally:
        done.set()
        verifier.join()


def _shown(found: Found) -> dict[str, Any]:
    memory = found.memory
    return {
        "inputs": found.inputs,
        "seconds": round(found.seconds, 1),
        "slowest_ms": round(found.slowest_ms, 1),
        "memory": None if memory is None else asdict(memory),
        "outcomes": dict(found.outcomes.most_common()),
    }


def _print(document: Mapping[str, Any], console: Console) -> None:
    table = Table("target", "inputs", "seconds", "slowest", "memory grew by", "outcomes")
    for name, target in document["targets"].items():
        grown = "?" if target["memory"] is None else f"{target['memory']['growth_bytes'] / 2**20:.1f} MiB"
        slowest = f"{target['slowest_ms']:,.0f} ms"
        table.add_row(
            name,
            f"{target['inputs']:,}",
            f"{target['seconds']:g}",
            slowest,
            grown,
            str(len(target["outcomes"])),
        )
    console.print(table)
    grown = document["server_memory"]["growth_bytes"] / 2**20
    console.print(
        f"{document['inputs']:,} inputs, {len(document['failures'])} failures; the sentinel was verified"
        f" {document['sentinel_verified']} times; the server's memory grew by {grown:.1f} MiB"
    )
    for failure in document["failures"]:
        console.print(failure, markup=False, highlight=False, style="red")


def main(arguments: Sequence[str] | None = None) -> None:
    """Fuzz, report."""
    given = arguments_of(arguments)
    started = time.perf_counter()
    try:
        document = fuzz(given) | {"seconds": round(time.perf_counter() - started, 1)}
    except ServerFailed as error:
        sys.exit(f"fuzz: {error}")
    _print(document, Console())
    if given.json:
        given.json.write_text(json.dumps(document, indent=2), encoding="utf-8")
    if document["failures"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
