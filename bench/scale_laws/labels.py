"""One tenant's labels: what Classify, memory, the first touch and recall cost and are worth as they grow.

All tenants lie in one folder and are asked in one run, now the small and now the large: what else the machine
does meets them all. The first touch of each is that of a process that has touched another one before.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

import likewise
from latency_load.invented import InventedTenant
from latency_load.processes import Served, likewise_served
from latency_load.run import echo
from likewise_engine.encoder import load_encoder
from likewise_engine.tenants import Tenants
from likewise_engine.text import text_of
from likewise_engine.vote import load_vote
from recall import searched, vectors_of
from scale_laws.law import laws_of
from scale_laws.world import UNLIMITED, World, quantiles_ms, touches_ms

LAWS: Final = ("p50_ms", "p99_ms", "first_touch_ms", "memory_bytes", "exact_us_p50", "search_us_p50")
_WARM_UP_LABELS: Final = 100
"""Of the tenant that is touched before all others."""


def measure(world: World) -> dict[str, Any]:
    """The part of the document."""
    sizes = world.sizes
    warm_up, *tenants = world.tenants_of((_WARM_UP_LABELS, *sizes.labels))
    found = _recalls(world.originals, tenants, sizes.questions, sizes.seed)
    with likewise_served(world.originals, UNLIMITED) as server:
        touches_ms(server.address, world.questions_of(warm_up, warm_up.id)[:1])
        questions = [world.questions_of(tenant, tenant.id) for tenant in tenants]
        loaded = [_loaded(server, tenant, asked) for tenant, asked in zip(tenants, questions, strict=True)]
        rounds = [world.classify_ms(server, questions, sizes.seed + n) for n in range(sizes.rounds)]
    floor = echo(world.pool, sizes.rate_hz, sizes.seconds, sizes.seed)
    steps = [
        {"labels": tenant.labels, "texts": tenant.texts_count}
        | quantiles_ms(np.concatenate([of_round[number] for of_round in rounds]))
        | loaded[number]
        | found[number]
        for number, tenant in enumerate(tenants)
    ]
    return {
        "over": "labels",
        "steps": steps,
        "laws": laws_of(steps, "labels", LAWS),
        "echo": quantiles_ms(floor.latency_ns[floor.schedule.is_measured] / 1e6),
    }


def _loaded(server: Served, tenant: InventedTenant, questions: Sequence[bytes]) -> dict[str, float]:
    """Touch a tenant for the first time."""
    before_bytes = server.usage().memory_bytes
    (first_touch_ms,) = touches_ms(server.address, questions[:1])
    resident_bytes = server.usage().memory_bytes - before_bytes
    with likewise.Client(server.address) as client:
        counted_bytes = client.get_tenant(tenant.id).statistics.memory_bytes
    return {
        "first_touch_ms": first_touch_ms,
        "memory_bytes": counted_bytes,
        "memory_bytes_per_label": counted_bytes / tenant.labels,
        "resident_bytes_per_label": resident_bytes / tenant.labels,
    }


def _recalls(
    data: Path, tenants: Sequence[InventedTenant], questions: int, seed: int
) -> list[dict[str, float]]:
    """What the index of each tenant finds, and how long that takes, against the exact scan."""
    encoder = load_encoder()
    found = []
    with threadpool_limits(1), Tenants.open_folder(data, encoder, vote=load_vote()) as opened:
        for tenant in tenants:
            rng = random.Random(f"{seed}/{tenant.id}/recall")
            new = [text_of(tenant.new_text(rng), "") for _ in range(-(-questions // 2))]
            known = [text_of(text, "") for text in rng.sample(tenant.texts, min(len(new), len(tenant.texts)))]
            with opened.use(tenant.id) as ledger:
                index = ledger.view.index
            asked = vectors_of(encoder, [*new, *known]).astype(np.float32)
            recall, search_us, exact_us = np.array(list(searched(index, asked))).T
            found.append(
                {
                    "has_graph": index.graph is not None,
                    "recall": float(recall.mean()),
                    "recall_of_new": float(recall[: len(new)].mean()),
                    "search_us_p50": float(np.median(search_us)),
                    "exact_us_p50": float(np.median(exact_us)),
                }
            )
    return found
