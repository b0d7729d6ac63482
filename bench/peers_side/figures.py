"""The figures of a run as they are written, and who is ahead in which."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np

from latency_load.figures import machine
from peers_side.catalogue import OURS
from peers_side.run import Kind, Measured, Run


class Figure(NamedTuple):
    """A figure that systems are compared by.

    Attributes:
        name: in words.
        unit: of its values.
        values: by system; without those that have none.
    """

    name: str
    unit: str
    values: Mapping[str, float]

    @property
    def ahead(self) -> list[str]:
        """The peers that are better than Likewise, the best first."""
        ours = self.values.get(OURS)
        if ours is None:
            return []
        sign = -1 if self.unit == "rows/s" else 1  # the only one of which more is better
        ranked = sorted(self.values, key=lambda name: sign * self.values[name])
        return [name for name in ranked if sign * self.values[name] < sign * ours]


def document_of(run: Run, skipped: Mapping[str, str]) -> dict[str, Any]:
    """All figures of a run, ready to be written as JSON. What could not be measured is None.

    Args:
        run: what came of it.
        skipped: why, by the name of a peer that was not measured.
    """
    document: dict[str, Any] = {
        "systems": {name: _of_system(measured, run) for name, measured in run.systems.items()},
        "skipped": dict(skipped),
        "workload": asdict(run.workload) | {"rows": run.rows, "embed_s": run.embed_s},
        "machine": machine(),
    }
    document["peers_ahead"] = [
        {"figure": figure.name, "unit": figure.unit, "values": dict(figure.values), "ahead": figure.ahead}
        for figure in figures(document)
        if figure.ahead
    ]
    document["peer_ready_over_ours_embedded"] = _ratios(document)
    return document


def figures(document: Mapping[str, Any]) -> Iterator[Figure]:
    """All that systems are compared by, of a document."""
    systems = document["systems"]

    def figure(name: str, unit: str, *path: str) -> Figure:
        values = {system: _at(of_system, path) for system, of_system in systems.items()}
        return Figure(name, unit, {system: value for system, value in values.items() if value is not None})

    for size in document["workload"]["sizes"]:
        for kind, words in ((Kind.VECTOR_READY, "vector ready"), (Kind.EMBEDDED, "embedding included")):
            for quantile in ("p50", "p99"):
                name = f"query {quantile}, {size:,} labels, {words}"
                yield figure(name, "ms", "query", str(size), kind, f"{quantile}_ms")
        yield figure(f"correction visible p50, {size:,} labels", "ms", "correction", str(size), "p50_ms")
    yield figure("processor time of a question, sizes and kinds mixed", "ms", "cpu_ms_per_question")
    yield figure("loading, embedding included", "rows/s", "load", "rows_per_s", Kind.EMBEDDED)
    yield figure("loading, until at rest", "rows/s", "load", "settled_rows_per_s")
    yield figure("memory that the rows take", "bytes/row", "memory", "bytes_per_row")
    yield figure("memory in all", "MiB", "memory", "loaded_mib")
    yield figure("restart until the first answer", "s", "restart_s")


def _of_system(measured: Measured, run: Run) -> dict[str, Any]:
    return {
        "settings": dict(measured.settings),
        "query": {
            str(size): {kind.value: _latency(measured.latency_ms[size, kind]) for kind in Kind}
            | {"recall": float(np.mean(measured.recall[size])) if measured.recall else None}
            for size in run.workload.sizes
        },
        "cpu_ms_per_question": measured.cpu_ms_per_question,
        "load": _load(measured, run),
        "memory": {
            "empty_mib": measured.empty_bytes / 2**20,
            "loaded_mib": measured.loaded_bytes / 2**20,
            "bytes_per_row": (measured.loaded_bytes - measured.empty_bytes) / run.rows,
        },
        "correction": {
            str(size): _correction(visible_ms) for size, visible_ms in measured.corrections_ms.items()
        },
        "restart_s": float(np.median(measured.restarts_s)),
    }


def _load(measured: Measured, run: Run) -> dict[str, Any]:
    """Likewise embeds what it is taught; peers are handed vectors, and the encoder's time is added."""
    is_ours = not measured.recall
    load_s = measured.load_s if is_ours else measured.load_s + run.embed_s
    return {
        "rows_per_s": {
            Kind.VECTOR_READY.value: None if is_ours else run.rows / measured.load_s,
            Kind.EMBEDDED.value: run.rows / load_s,
        },
        "settle_s": measured.settle_s,
        "settled_rows_per_s": run.rows / (load_s + measured.settle_s),
    }


def _latency(latency_ms: Sequence[float]) -> dict[str, float]:
    p50, p90, p99 = np.percentile(latency_ms, (50, 90, 99)).tolist()
    return {"questions": len(latency_ms), "p50_ms": p50, "p90_ms": p90, "p99_ms": p99}


def _correction(visible_ms: Sequence[float | None]) -> dict[str, Any]:
    seen = [milliseconds for milliseconds in visible_ms if milliseconds is not None]
    p50, slowest = (float(np.median(seen)), max(seen)) if seen else (None, None)
    return {
        "corrections": len(visible_ms),
        "never_visible": len(visible_ms) - len(seen),
        "p50_ms": p50,
        "max_ms": slowest,
    }


def _ratios(document: Mapping[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """How many times as long a peer takes *without* embedding as Likewise *with* it, by peer and size."""
    systems = document["systems"]
    if OURS not in systems:
        return {}
    return {
        name: {
            size: {
                quantile: of_size[Kind.VECTOR_READY][quantile]
                / systems[OURS]["query"][size][Kind.EMBEDDED][quantile]
                for quantile in ("p50_ms", "p99_ms")
            }
            for size, of_size in of_system["query"].items()
        }
        for name, of_system in systems.items()
        if name != OURS
    }


def _at(document: Any, path: Sequence[str]) -> float | None:
    for key in path:
        document = document.get(key) if document is not None else None
    value: float | None = document
    return value
