"""One run: the floor, the load, the floor again, all on the same machine within a minute or two.

What else the machine does changes from minute to minute. So the echo is measured half before and half after,
with the same arrivals, kinds aside, and nothing else of ours at work.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

from latency_load import generator
from latency_load.folder import BenchFolder, Prepared
from latency_load.generator import Samples
from latency_load.payloads import ECHOED, Payloads
from latency_load.processes import Usage, likewise_served, served
from latency_load.schedule import schedule
from latency_load.workload import ECHO_ONLY, Kind, Load, Workload

_ECHO_SHARE: Final = 0.25
"""Seconds of each half of the echo against those of the load."""
_ECHO_WARMUP_S: Final = 1.0
_OVERHEAD_S: Final = 15.0
"""By guess: how long a graph is built before the first call of the load is due, and the like."""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one run.

    Attributes:
        load: that was put on.
        samples: of its calls.
        echoes: of the floor, before and after.
        ready_s: until the server answered.
        usages: of the server while it was measured: the first and the last are the ends of the span.
        build_share: of the measured time, the share in which graphs were due: one is built, or waits for
            other upkeep that the calls bring about.
    """

    load: Load
    samples: Samples
    echoes: Sequence[Samples]
    ready_s: float
    usages: Sequence[Usage]
    build_share: float


def run(folder: BenchFolder, workload: Workload, load: Load) -> Run:
    """Put a load on a server that has just been started and has loaded its tenants.

    Raises:
        ServerFailed: a server did not start, or did not end well.
        ConnectionError: a tenant could not be loaded.
    """
    due = schedule(load.mix, load.rate_hz, load.seconds, workload.seed, warmup_s=load.warmup_s)
    cold = int(due.is_of(Kind.COLD).sum())
    build_s = 0.0 if load.classify_only else load.lasts_s + _OVERHEAD_S
    with folder.prepared(cold, build_s) as prepared, generator.own_process() as pool:
        before = echo(pool, load.rate_hz, load.seconds * _ECHO_SHARE, workload.seed)
        payloads = Payloads(workload, prepared)
        touched, sent = payloads.first_touches(), payloads.of(due)
        with likewise_served(prepared.data, ["--workers", str(load.workers)]) as server:
            pool.submit(generator.first_touches, server.address, touched, load.connections).result()
            samples = pool.submit(generator.send, server.address, due, sent, load.connections).result()
        build_share = _build_share(prepared, samples, load)
        after = echo(pool, load.rate_hz, load.seconds * _ECHO_SHARE, workload.seed + 1)
    from_ns = samples.started_ns + due.warmup_ns
    usages = server.within(from_ns, from_ns + round(load.seconds * 1e9))
    return Run(load, samples, (before, after), server.ready_s, usages, build_share)


def echo(pool: ProcessPoolExecutor, rate_hz: float, seconds: float, seed: int) -> Samples:
    """Measure the floor: calls at a rate of the echo, sent from a process of the pool."""
    due = schedule(ECHO_ONLY, rate_hz, seconds, seed, warmup_s=_ECHO_WARMUP_S)
    with served("latency_load.echo") as server:
        return pool.submit(generator.send, server.address, due, [ECHOED] * len(due)).result()


def _build_share(prepared: Prepared, samples: Samples, load: Load) -> float:
    """The share of the measured time before the last graph was cached: they are built one after another."""
    if not prepared.graphs:
        return 0.0
    if not all(path.exists() for path in prepared.graphs):
        return 1.0
    clock_ns = time.time_ns() - time.perf_counter_ns()
    from_ns = samples.started_ns + samples.schedule.warmup_ns
    built_ns = max(path.stat().st_mtime_ns for path in prepared.graphs) - clock_ns
    return min(1.0, max(0.0, (built_ns - from_ns) / (load.seconds * 1e9)))
