"""A server with its tenants loaded, the generator's process, and calls to the one from the other."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from latency_load import generator
from latency_load.figures import errors_of, lag_ms_of
from latency_load.folder import BenchFolder
from latency_load.generator import LAG_MS_P99_MAX, Samples
from latency_load.payloads import Payloads
from latency_load.processes import Served, likewise_served
from latency_load.schedule import Schedule, schedule
from latency_load.workload import CLASSIFY_ONLY, Workload
from overload_load.flood import flood

_MESSAGES_MAX: Final = 20_000
"""Different ones; they come round."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where calls go, and come from.

    Attributes:
        server: with its tenants loaded.
        pool: the generator's process.
        messages: that are sent, round and round.
        seed: of when calls are due.
        doubts: why figures are not what they say; empty where they may be believed.
    """

    server: Served
    pool: Executor
    messages: Sequence[bytes]
    seed: int
    doubts: list[str]

    def sent(self, due: Schedule) -> Samples:
        """Send Classify calls of many tenants when they are due. Raises FloodFailed."""
        return self.pool.submit(flood, self.server.address, due, self.messages).result()

    def sent_at(self, rate_hz: float, seconds: float, warmup_s: float = 0.0) -> Samples:
        """Send them at a rate, at random moments."""
        return self.sent(schedule(CLASSIFY_ONLY, rate_hz, seconds, self.seed, warmup_s=warmup_s))

    def note_lag(self, what: str, samples: Sequence[Samples]) -> None:
        """Doubt figures of calls that were sent too late for them to be the server's."""
        lag_ms = max(lag_ms_of(each, 99) for each in samples)
        if lag_ms > LAG_MS_P99_MAX:
            self.doubts.append(
                f"calls {what} were sent {lag_ms:.1f} ms late (p99), not {LAG_MS_P99_MAX} at most"
            )


@contextmanager
def place(folder: BenchFolder, workload: Workload) -> Iterator[Place]:
    """Start a server over a copy of the folder, and have its tenants loaded."""
    with folder.prepared(cold=0, build_s=0) as prepared, generator.own_process() as pool:
        payloads = Payloads(workload, prepared)
        due = schedule(CLASSIFY_ONLY, _MESSAGES_MAX, 1.0, workload.seed)
        touched, messages = payloads.first_touches(), payloads.of(due)
        with likewise_served(prepared.data) as server:
            pool.submit(generator.first_touches, server.address, touched).result()
            yield Place(server, pool, messages, workload.seed, [])


def quantiles_ms(samples: Sequence[Samples]) -> dict[str, Any]:
    """Of the measured calls that were answered: how many, and quantiles; None where there are none."""
    latency_ms = np.concatenate(
        [each.latency_ns[each.schedule.is_measured & each.is_ok] / 1e6 for each in samples]
    )
    if not len(latency_ms):
        return {"calls": 0, "p50_ms": None, "p99_ms": None}
    p50_ms, p99_ms = np.percentile(latency_ms, (50, 99)).tolist()
    return {"calls": len(latency_ms), "p50_ms": p50_ms, "p99_ms": p99_ms}


def errors_in(samples: Sequence[Samples]) -> dict[str, int]:
    """Measured calls that failed, by the name of their status code."""
    total: dict[str, int] = {}
    for each in samples:
        for code, count in errors_of(each).items():
            total[code] = total.get(code, 0) + count
    return total
