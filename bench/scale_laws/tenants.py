"""Tenants on disk: whether the start of a server, its memory and its warm tenants know how many there are.

Some tenants are asked, and the others lie there: copies of one small tenant, each with files of its own. For
each number of tenants there is a folder, and each round starts a server over each folder.
"""

import os
import time
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

import likewise
from latency_load.processes import likewise_served
from likewise_engine.folder import DataFolder
from scale_laws.law import laws_of
from scale_laws.sizes import WARM_TENANTS
from scale_laws.world import World, quantiles_ms, touches_ms

LAWS: Final = ("ready_s", "memory_bytes_at_start", "list_ms", "p50_ms", "p99_ms")
OTHER_LABELS: Final = 10
_WARM: Final = tuple(f"warm-{number}" for number in range(WARM_TENANTS))
_BLOCK_BYTES: Final = 512
"""Of st_blocks, whatever the file system's own are."""
_LISTED: Final = 10
"""Tenants on the page that is asked for."""


def measure(world: World) -> dict[str, Any]:
    """The part of the document."""
    sizes = world.sizes
    folders = {count: _folder(world, count) for count in sizes.tenants}
    starts: dict[int, list[dict[str, float]]] = defaultdict(list)
    latency_ms: dict[int, list[NDArray[np.float64]]] = defaultdict(list)
    for number in range(sizes.rounds):
        for count, data in folders.items():
            start, calls_ms = _round(world, data, sizes.seed + number)
            starts[count].append(start)
            latency_ms[count].append(calls_ms)
    steps = [
        {"tenants": count, "starts": len(starts[count])}
        | {name: float(np.median([start[name] for start in starts[count]])) for name in starts[count][0]}
        | quantiles_ms(np.concatenate(latency_ms[count]))
        for count in sizes.tenants
    ]
    return {
        "over": "tenants",
        "steps": steps,
        "laws": laws_of(steps, "tenants", LAWS),
        "warm": {"tenants": WARM_TENANTS, "labels": sizes.warm_labels},
        "labels_of_others": OTHER_LABELS,
        "disk": _disk_of(folders[sizes.tenants[0]]),
    }


def _folder(world: World, count: int) -> Path:
    """A data folder of so many tenants."""
    warm, other = world.tenants_of((world.sizes.warm_labels, OTHER_LABELS))
    data = world.root / f"tenants-{count:07}"
    others = [f"other-{number:07}" for number in range(count - len(_WARM))]
    world.copied([*[warm] * len(_WARM), *[other] * len(others)], [*_WARM, *others], data)
    return data


def _disk_of(data: Path) -> dict[str, int]:
    """What a warm tenant takes of the disk, and what the disk has."""
    with closing(DataFolder(data)) as opened:
        folder = opened.store_path(_WARM[0]).parent
    taken = [path.stat() for path in (folder, *folder.iterdir())]
    system = os.statvfs(data)
    return {
        "bytes_per_tenant": sum(each.st_blocks for each in taken) * _BLOCK_BYTES,
        "inodes_per_tenant": len(taken),
        "bytes": system.f_blocks * system.f_frsize,
        "inodes": system.f_files,
    }


def _round(world: World, data: Path, seed: int) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Start a server, and ask its warm tenants; what the start took, and milliseconds of the calls."""
    (warm,) = world.tenants_of((world.sizes.warm_labels,))
    questions = [world.questions_of(warm, tenant) for tenant in _WARM]
    with likewise_served(data) as server:
        memory_bytes = server.usage().memory_bytes
        with likewise.Client(server.address) as client:
            started = time.perf_counter()
            next(client.list_tenants(page_size=_LISTED, deadline_ms=None))
            list_ms = (time.perf_counter() - started) * 1e3
        touches_ms(server.address, [of_tenant[0] for of_tenant in questions])
        latency_ms = np.concatenate(world.classify_ms(server, questions, seed))
    start = {"ready_s": server.ready_s, "memory_bytes_at_start": memory_bytes, "list_ms": list_ms}
    return start, latency_ms
