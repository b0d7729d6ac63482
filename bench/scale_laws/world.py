"""What all parts share: tenants of given sizes, made once, and Classify as its callers see it."""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Final

import grpc
import numpy as np
from numpy.typing import NDArray

from latency_load import generator
from latency_load.figures import errors_of, lag_ms_of
from latency_load.folder import copy_tenant, make_tenants
from latency_load.generator import LAG_MS_P99_MAX, METHODS, Samples, metadata_of
from latency_load.invented import InventedTenant
from latency_load.payloads import classify_message
from latency_load.processes import Served, ServerFailed
from latency_load.schedule import schedule
from latency_load.workload import CLASSIFY_ONLY, Kind
from likewise_engine.folder import DataFolder
from scale_laws.sizes import Sizes

UNLIMITED: Final = ("--memory-mib-max", str(64 * 1024))
"""For ``likewise serve``: nothing is evicted while it is measured."""
_WARMUP_S: Final = 1.0
_TOUCH_DEADLINE_S: Final = 120.0
"""Longer than the largest tenant takes to load, on a busy machine too."""
_QUESTIONS_MAX: Final = 1_000
"""Different questions of one tenant; beyond, they come again."""


class World:
    """The place of a run: its folder, its sizes, and the generator's process.

    Args:
        root: made if it is not there. What it holds already is not made again.
        sizes: of all parts.
        pool: of one process, for the generator.
    """

    def __init__(self, root: Path, sizes: Sizes, pool: ProcessPoolExecutor) -> None:
        self.root = root
        self.sizes = sizes
        self.pool = pool
        self._tenants: dict[int, InventedTenant] = {}
        self.doubts: list[str] = []
        """Why figures are not what they say; empty where they may be believed."""
        self.originals = root / f"originals-{sizes.seed}"
        """Data folder of the tenants that have been made."""

    def tenants_of(self, labels: Sequence[int]) -> list[InventedTenant]:
        """Tenants with so many labels each, made where they are not there."""
        missing = [size for size in dict.fromkeys(labels) if size not in self._tenants]
        made = [InventedTenant.of_size(f"labels-{size:07}", size, self.sizes.seed) for size in missing]
        if made:
            make_tenants(self.originals, made)
        self._tenants |= zip(missing, made, strict=True)
        return [self._tenants[size] for size in labels]

    def copied(self, originals: Sequence[InventedTenant], ids: Sequence[str], data: Path) -> None:
        """Put copies into a data folder, each under the id at its place, but for those that are there."""
        with closing(DataFolder(self.originals)) as source, closing(DataFolder(data)) as folder:
            known = set(folder.tenants())
            for original, copy in zip(originals, ids, strict=True):
                if copy not in known:
                    copy_tenant(source.store_path(original.id).parent, folder, copy)

    def questions_of(self, tenant: InventedTenant, asked: str) -> list[bytes]:
        """Messages of Classify, serialised: as many as a round can need of one tenant.

        Args:
            tenant: whose texts are asked about, and as many new ones as under load.
            asked: id of the tenant that is asked: itself, or a copy.
        """
        rng = random.Random(f"{self.sizes.seed}/{asked}/questions")
        return [classify_message(asked, tenant.asked_row(rng)) for _ in range(_QUESTIONS_MAX)]

    def classify_ms(
        self, server: Served, questions: Sequence[Sequence[bytes]], seed: int
    ) -> list[NDArray[np.float64]]:
        """Ask in open loop for the length of a round, now this tenant and now that.

        Args:
            server: with all tenants loaded.
            questions: of each tenant.
            seed: of this round.

        Returns:
            Milliseconds of each call that was measured and answered, by tenant.
        """
        sizes = self.sizes
        due = schedule(CLASSIFY_ONLY, sizes.rate_hz, sizes.seconds, seed, warmup_s=_WARMUP_S)
        whom = np.random.default_rng([seed, 2]).integers(len(questions), size=len(due))
        of_tenant = [cycle(each) for each in questions]
        sent = [next(of_tenant[tenant]) for tenant in whom]
        samples = self.pool.submit(generator.send, server.address, due, sent).result()
        self._note_doubts(samples)
        latency_ms, counted = samples.latency_ns / 1e6, due.is_measured & samples.is_ok
        return [latency_ms[counted & (whom == tenant)] for tenant in range(len(questions))]

    def _note_doubts(self, samples: Samples) -> None:
        if errors := errors_of(samples):
            failed = ", ".join(f"{count} {code}" for code, count in errors.items())
            self.doubts.append(f"calls failed: {failed}")
        lag_ms = lag_ms_of(samples, 99)
        if lag_ms > LAG_MS_P99_MAX:
            self.doubts.append(f"calls were sent {lag_ms:.1f} ms late (p99), not {LAG_MS_P99_MAX} at most")


def touches_ms(address: str, messages: Sequence[bytes]) -> list[float]:
    """Ask one after another; how long each took, in milliseconds. Raises grpc.RpcError where one fails."""
    took_ms = []
    with grpc.insecure_channel(address) as channel:
        classify: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHODS[Kind.CLASSIFY])
        for message in messages:
            started_ns = time.perf_counter_ns()
            classify(message, timeout=_TOUCH_DEADLINE_S, metadata=metadata_of(message))
            took_ms.append((time.perf_counter_ns() - started_ns) / 1e6)
    return took_ms


def quantiles_ms(latency_ms: NDArray[np.float64] | Sequence[float]) -> dict[str, float | int]:
    """Median and 99th percentile, as they are written, and of how many calls. Raises ServerFailed: none."""
    if not len(latency_ms):
        raise ServerFailed("no call was answered")
    p50_ms, p99_ms = np.percentile(latency_ms, (50, 99)).tolist()
    return {"calls": len(latency_ms), "p50_ms": p50_ms, "p99_ms": p99_ms}
