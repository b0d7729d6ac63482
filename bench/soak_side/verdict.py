"""Whether what was sampled stays flat after the warm-up.

The growth of a measure is the slope of its line by Theil and Sen (the median of the slopes between all pairs
of points, which no outlier moves) times the length of the run after the warm-up. It grows where that passes a
bound and is no chance: by the test of Mann and Kendall, of which one in a thousand flat series fails.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from math import erfc, sqrt
from typing import Any, Final

import numpy as np

from soak_side.calls import SHARES

_SPANS: Final = 40
"""Of equal length, into which the time after the warm-up is cut; a point each."""
_CALLS_PER_SPAN_MIN: Final = 5
"""Of a kind, for its latency in a span to say something."""
_CHANCE_MAX: Final = 0.001
_MIB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Bound:
    """How much a measure may grow: the larger of a share of its median and so much."""

    share: float
    absolute: float


BOUNDS: Final[Mapping[str, Bound]] = {
    "server_bytes": Bound(0.10, 16 * _MIB),
    "background_bytes": Bound(0.25, 64 * _MIB),
    "open_files": Bound(0.10, 16),
    "threads": Bound(0.0, 4),
    "disk_bytes": Bound(0.25, 16 * _MIB),
    "p50_ms": Bound(0.25, 1.0),
    "p99_ms": Bound(0.50, 10.0),
}
"""The background has its largest in each span: it comes and goes. Disk follows how many tenants there are and
of which size, which is drawn."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a measure.

    Attributes:
        median: of its points.
        growth: over the time after the warm-up, by the slope.
        growth_max: that would be none yet.
        chance: how likely a flat series has so clear a trend.
        is_flat: whether it stays flat.
    """

    median: float
    growth: float
    growth_max: float
    chance: float
    is_flat: bool


def verdict_of(points: Sequence[tuple[float, float]], bound: Bound, length_s: float) -> Verdict:
    """The verdict on a measure.

    Args:
        points: moment in seconds, and value; at least three.
        bound: how much it may grow.
        length_s: of the time after the warm-up.
    """
    at_s, values = np.array(points, dtype=np.float64).T
    growth = _slope(at_s, values) * length_s
    median = float(np.median(values))
    growth_max = max(bound.share * median, bound.absolute)
    chance = _chance(values)
    return Verdict(median, growth, growth_max, chance, growth <= growth_max or chance > _CHANCE_MAX)


def verdicts(
    columns: Mapping[str, Sequence[float]],
    calls: Sequence[tuple[float, str, float]],
    warmup_s: float,
    end_s: float,
) -> dict[str, dict[str, Any]]:
    """The verdicts on all that was measured, by name; what there are too few points of has none."""
    points: dict[str, list[tuple[float, float]]] = {}
    at_s = np.array(columns.get("at_s", ()))
    for name in ("server_bytes", "background_bytes", "open_files", "threads", "disk_bytes"):
        pick = np.max if name == "background_bytes" else np.median
        points[name] = _by_span(at_s, np.array(columns.get(name, ())), warmup_s, end_s, 1, pick)
    for kind in SHARES:
        for name, percentile in (("p50_ms", 50.0), ("p99_ms", 99.0)):
            points[f"{kind}_{name}"] = latencies(calls, kind, percentile, warmup_s, end_s)
    return {
        name: asdict(verdict_of(series, _bound(name), end_s - warmup_s))
        for name, series in points.items()
        if len(series) >= 3
    }


def latencies(
    calls: Sequence[tuple[float, str, float]], kind: str, percentile: float, from_s: float, to_s: float
) -> list[tuple[float, float]]:
    """A percentile of a kind's latency, in milliseconds, by span."""
    of_kind = np.array([(at_s, ms) for at_s, called, ms in calls if called == kind]).reshape(-1, 2)

    def pick(values: Any) -> Any:
        return np.percentile(values, percentile)

    return _by_span(of_kind[:, 0], of_kind[:, 1], from_s, to_s, _CALLS_PER_SPAN_MIN, pick)


def _bound(name: str) -> Bound:
    return BOUNDS.get(name) or BOUNDS["_".join(name.split("_")[-2:])]


def _by_span(
    at_s: Any, values: Any, from_s: float, to_s: float, count_min: int, pick: Any
) -> list[tuple[float, float]]:
    """One point for each span with enough values in it."""
    edges = np.linspace(from_s, to_s, _SPANS + 1)
    points = []
    for start_s, stop_s in pairwise(edges):
        within = values[(at_s >= start_s) & (at_s < stop_s)]
        if len(within) >= count_min:
            points.append(((start_s + stop_s) / 2, float(pick(within))))
    return points


def _slope(at_s: Any, values: Any) -> float:
    slopes = [
        (values[later] - values[earlier]) / (at_s[later] - at_s[earlier])
        for earlier, later in combinations(range(len(values)), 2)
    ]
    return float(np.median(slopes))


def _chance(values: Any) -> float:
    """Two-sided, by the normal approximation, ties counted."""
    count = len(values)
    score = sum(
        int(np.sign(values[later] - values[earlier])) for earlier, later in combinations(range(count), 2)
    )
    _, ties = np.unique(values, return_counts=True)
    variance = (
        count * (count - 1) * (2 * count + 5) - float(np.sum(ties * (ties - 1) * (2 * ties + 5)))
    ) / 18
    if variance <= 0 or score == 0:
        return 1.0
    return erfc((abs(score) - 1) / sqrt(variance) / sqrt(2))
