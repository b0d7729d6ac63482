"""The figures of a run: quantiles by HdrHistogram, what it cost, and whether it may be believed."""

import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np
import psutil
from hdrh.histogram import HdrHistogram

from latency_load.generator import LAG_MS_P99_MAX, Samples
from latency_load.run import Run
from latency_load.workload import Kind, Workload

_LOWEST_NS: Final = 1_000
_HIGHEST_NS: Final = 120_000_000_000
"""Beyond the longest that a call may take."""
_DIGITS: Final = 3
PERCENTILES: Final[Mapping[str, float]] = {
    "p50_ms": 50.0,
    "p90_ms": 90.0,
    "p99_ms": 99.0,
    "p99_9_ms": 99.9,
    "max_ms": 100.0,
}
BUILD_SHARE_MIN: Final = 0.9
"""Of the measured time: with less of it, the build that is said to run beside the calls did not."""
LOADED: Final = (Kind.CLASSIFY, Kind.LEARN, Kind.COLD, Kind.IMPORT)
_PACKAGES: Final = ("grpcio", "protobuf", "numpy", "onnxruntime", "hnswlib")
_CODES: Final = {code.value[0]: code.name for code in grpc.StatusCode}


def histogram_of(kind: Kind, all_samples: Iterable[Samples]) -> HdrHistogram:
    """Latencies in nanoseconds of the measured calls of a kind that were answered, of one or more phases.

    What failed is not among them: a refusal is quick. It is counted as an error.
    """
    histogram = HdrHistogram(_LOWEST_NS, _HIGHEST_NS, _DIGITS)
    for samples in all_samples:
        wanted = samples.schedule.is_of(kind) & samples.schedule.is_measured & samples.is_ok
        for latency_ns in samples.latency_ns[wanted].tolist():
            histogram.record_value(latency_ns)
    return histogram


def histograms_of(run: Run) -> dict[Kind, HdrHistogram]:
    """Of every kind, the echo's included."""
    return {
        Kind.ECHO: histogram_of(Kind.ECHO, run.echoes),
        **{kind: histogram_of(kind, [run.samples]) for kind in LOADED},
    }


def document_of(run: Run, workload: Workload) -> dict[str, Any]:
    """All figures of a run, ready to be written as JSON. What there were no calls of has None for figures."""
    quantiles = {kind: _quantiles(histogram) for kind, histogram in histograms_of(run).items()}
    echo = quantiles[Kind.ECHO]
    loaded = {
        kind.value: quantiles[kind]
        | {f"{name}_over_echo": _ratio(quantiles[kind][name], echo[name]) for name in PERCENTILES}
        for kind in LOADED
    }
    errors = errors_of(run.samples)
    doubts = doubts_of(run, workload)
    return {
        Kind.ECHO.value: echo,
        **loaded,
        "rate_hz": _rate_hz(run),
        "errors": sum(errors.values()),
        "errors_by_code": errors,
        "is_valid": not doubts,
        "doubts": doubts,
        "generator": _of_generator(run.samples),
        "server": _of_server(run),
        "index_build": {"texts": workload.build_texts, "share_of_time": run.build_share},
        "load": asdict(run.load),
        "workload": asdict(workload),
        "machine": machine(),
    }


def errors_of(samples: Samples) -> dict[str, int]:
    """How many measured calls failed, by the name of their status code."""
    failed = samples.codes[samples.schedule.is_measured & ~samples.is_ok]
    return {_CODES[code]: count for code, count in sorted(Counter(failed.tolist()).items())}


def doubts_of(run: Run, workload: Workload) -> list[str]:
    """Why the figures are not what they say; empty where they may be believed."""
    doubts = []
    for what, samples in (("the load", run.samples), *(("the echo", echoes) for echoes in run.echoes)):
        lag_ms = lag_ms_of(samples, 99)
        if lag_ms > LAG_MS_P99_MAX:
            doubts.append(
                f"calls of {what} were sent {lag_ms:.1f} ms late (p99), not {LAG_MS_P99_MAX} at most"
            )
    if workload.build_texts and not run.load.classify_only and run.build_share < BUILD_SHARE_MIN:
        doubts.append(f"graphs were due in {run.build_share:.0%} of the time only")
    return doubts


def machine() -> dict[str, str | int]:
    """What it ran on, and with."""
    return {
        "cores": psutil.cpu_count() or 0,
        "memory_bytes": psutil.virtual_memory().total,
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def _processor() -> str:
    """Its name, as Linux tells it."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _quantiles(histogram: HdrHistogram) -> dict[str, Any]:
    calls = histogram.get_total_count()
    at = {
        name: histogram.get_value_at_percentile(percentile) / 1e6 if calls else None
        for name, percentile in PERCENTILES.items()
    }
    return {"calls": calls, **at}


def _ratio(value: float | None, floor: float | None) -> float | None:
    return value / floor if value and floor else None


def _rate_hz(run: Run) -> float:
    """Calls answered a second. Where answers lag behind, they are over later than the calls were due."""
    samples = run.samples
    answered = samples.schedule.is_measured & samples.is_ok
    if not answered.any():
        return 0.0
    seconds = (int(samples.done_ns[answered].max()) - samples.schedule.warmup_ns) / 1e9
    return int(np.count_nonzero(answered)) / max(seconds, run.load.seconds)


def lag_ms_of(samples: Samples, percentile: float) -> float:
    """How late calls were sent, in milliseconds."""
    measured = samples.lag_ns[samples.schedule.is_measured]
    return float(np.percentile(measured, percentile)) / 1e6 if len(measured) else 0.0


def _of_generator(samples: Samples) -> dict[str, float]:
    return {
        "lag_p50_ms": lag_ms_of(samples, 50),
        "lag_p99_ms": lag_ms_of(samples, 99),
        "lag_max_ms": lag_ms_of(samples, 100),
        "cpu_us_per_call": samples.cpu_s * 1e6 / max(1, len(samples.schedule)),
    }


def _of_server(run: Run) -> dict[str, float]:
    """What the server took while it was measured, the builds beside the calls included."""
    first, last = run.usages[0], run.usages[-1]
    seconds = (last.at_ns - first.at_ns) / 1e9
    cpu_s = last.cpu_s - first.cpu_s
    calls = int(np.count_nonzero(run.samples.schedule.is_measured))
    return {
        "ready_s": run.ready_s,
        "cpu_s": cpu_s,
        "cores_used": cpu_s / seconds if seconds else 0.0,
        "cpu_ms_per_call": cpu_s * 1e3 / max(1, calls),
        "memory_bytes": last.memory_bytes,
        "memory_bytes_max": max(usage.memory_bytes for usage in run.usages),
    }
