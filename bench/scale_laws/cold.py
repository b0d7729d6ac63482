"""The first touch of a cold tenant against its labels.

Each server is touched by one caller, one call after another, once for each tenant: copies of one tenant of
each size, in a random order. What is read may be in the operating system's cache: a tenant is cold to the
server, not to the disk. The first touch of all, of a tenant that is not measured, warms up the server itself.
"""

import random
from collections import defaultdict
from typing import Any, Final

from latency_load.payloads import classify_message
from latency_load.processes import likewise_served
from scale_laws.law import laws_of
from scale_laws.world import UNLIMITED, World, quantiles_ms, touches_ms

LAWS: Final = ("p50_ms", "p99_ms")
_WARM_UP: Final = "warm-up"


def measure(world: World) -> dict[str, Any]:
    """The part of the document."""
    sizes = world.sizes
    originals = world.tenants_of(sizes.cold_labels)
    copies = [
        (tenant, f"cold-{tenant.labels}-{n}") for n in range(sizes.cold_tenants) for tenant in originals
    ]
    data = world.root / "cold"
    tenants = [originals[0], *(tenant for tenant, _ in copies)]
    world.copied(tenants, [_WARM_UP, *(copy for _, copy in copies)], data)
    rng = random.Random(f"{sizes.seed}/cold")
    warm_up = classify_message(_WARM_UP, originals[0].row("", rng))
    took_ms: dict[int, list[float]] = defaultdict(list)
    for _ in range(sizes.cold_starts):
        rng.shuffle(copies)
        messages = [classify_message(copy, tenant.row("", rng)) for tenant, copy in copies]
        with likewise_served(data, UNLIMITED) as server:
            _, *of_start = touches_ms(server.address, [warm_up, *messages])
        for (tenant, _), touch_ms in zip(copies, of_start, strict=True):
            took_ms[tenant.labels].append(touch_ms)
    steps = [{"labels": labels} | quantiles_ms(took_ms[labels]) for labels in sizes.cold_labels]
    return {"over": "labels", "steps": steps, "laws": laws_of(steps, "labels", LAWS)}
