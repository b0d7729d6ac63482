"""Figures of answers: plain functions on columns of n rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from math import isnan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.answers import Decision
from likewise_indexer.backtest.result import (
    SLICES,
    Answers,
    CoverageCurve,
    Floats,
    LearningPoint,
    Measures,
    Performance,
    Reliability,
    SliceMeasures,
)

BINS: Final = 10
_CURVE_POINTS: Final = 100
_NAN: Final = float("nan")

Bools = NDArray[np.bool_]


def performance_of(
    answers: Answers,
    slices: Mapping[str, Bools],
    learning: Sequence[LearningPoint],
    target_precision: float,
) -> Performance:
    """How well somebody answered the rows of one tenant, of which there is at least one."""
    right, probability = answers.right, answers.probability
    return Performance(
        measures=measures_of(answers, target_precision),
        reliability=reliability(right, probability),
        curve=coverage_curve(right, probability),
        slices={name: _slice(right[within], probability[within]) for name, within in slices.items()},
        learning=tuple(learning),
    )


def measures_of(answers: Answers, target_precision: float) -> Measures:
    """The figures of at least one answer."""
    right, probability, decision = answers.right, answers.probability, answers.decision
    decides = bool(decision.any())
    filed = decision == Decision.FILE

    def share(wanted: Decision) -> float:
        return float(np.mean(decision == wanted)) if decides else _NAN

    return Measures(
        top1=float(right.mean()),
        top3=float(np.mean((answers.rank >= 0) & (answers.rank < 3))),
        coverage_at_95=coverage(right, probability, 0.95),
        coverage_at_98=coverage(right, probability, 0.98),
        ece=calibration_error(reliability(right, probability)),
        filed_share=share(Decision.FILE),
        suggested_share=share(Decision.SUGGEST),
        asked_share=share(Decision.ASK),
        filed_precision=float(right[filed].mean()) if filed.any() else _NAN,
        hindsight_share=coverage(right, probability, target_precision) if decides else _NAN,
        seconds_p50=float(np.quantile(answers.seconds, 0.5)),
        seconds_p99=float(np.quantile(answers.seconds, 0.99)),
    )


def coverage(right: Bools, probability: Floats, precision: float) -> float:
    """Largest share of the rows that some threshold on the probability answers at a precision.

    A threshold cannot part rows of equal probability, and answers none of probability 0.
    """
    order = np.argsort(-probability, kind="stable")
    is_precise = np.cumsum(right[order]) / np.arange(1, len(right) + 1) >= precision
    ends = _ends_of_equals(probability[order])
    possible = np.flatnonzero(is_precise & ends & (probability[order] > 0))
    return float((possible[-1] + 1) / len(right)) if len(possible) else 0.0


def coverage_curve(right: Bools, probability: Floats) -> CoverageCurve:
    """How precise the surest share of the answers is, for each per cent of them."""
    order = np.argsort(-probability, kind="stable")
    ends = np.flatnonzero(_ends_of_equals(probability[order]))
    counts = np.concatenate([[0], ends + 1])
    rights = np.concatenate([[0], np.cumsum(right[order])[ends]])
    share = np.arange(1, _CURVE_POINTS + 1) / _CURVE_POINTS
    asked = share * len(right)
    # A straight line between two thresholds is the average over all orders of the rows between them.
    return CoverageCurve(share, np.interp(asked, counts, rights) / asked)


def reliability(right: Bools, probability: Floats) -> Reliability:
    """What was said and what was right, over ten bins of equal width."""
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(bins, minlength=BINS).astype(np.float64)

    def mean(values: Floats) -> Floats:
        return _ratio(np.bincount(bins, values, minlength=BINS).astype(np.float64), counts)

    return Reliability(counts / len(right), mean(probability), mean(right.astype(np.float64)))


def calibration_error(bins: Reliability) -> float:
    """Expected calibration error over bins of equal width (Naeini, Cooper, Hauskrecht 2015)."""
    return float(np.nansum(bins.rows * np.abs(bins.right - bins.probability)))


def learning_point(size: int | None, labels: int, answers: Answers) -> LearningPoint:
    """What so many labels were worth at one tenant."""
    right = answers.right
    return LearningPoint(
        size=size,
        labels=float(labels),
        rows=len(right),
        tenants=1,
        top1=float(right.mean()),
        top3=float(np.mean((answers.rank >= 0) & (answers.rank < 3))),
        coverage_at_95=coverage(right, answers.probability, 0.95),
    )


def macro(performances: Sequence[Performance]) -> Performance:
    """Plain averages over at least one tenant; a figure that a tenant lacks does not count there."""
    return Performance(
        measures=Measures(*map(mean_of, zip(*(astuple(p.measures) for p in performances), strict=True))),
        reliability=_macro_reliability([p.reliability for p in performances]),
        curve=CoverageCurve(
            performances[0].curve.coverage,
            np.mean([p.curve.precision for p in performances], axis=0),
        ),
        slices={name: _macro_slice([p.slices[name] for p in performances]) for name in SLICES},
        learning=_macro_learning([point for p in performances for point in p.learning]),
    )


def mean_of(values: Iterable[float]) -> float:
    """The average of those that are figures; NaN where none is."""
    known = [value for value in values if not isnan(value)]
    return float(np.mean(known)) if known else _NAN


def _ratio(sums: Floats, weights: Floats) -> Floats:
    """Sums over weights; NaN where there is no weight."""
    means = np.full(len(sums), np.nan)
    np.divide(sums, weights, out=means, where=weights > 0)
    return means


def _ends_of_equals(probability: Floats) -> Bools:
    """Where the last of each run of equals is."""
    return np.append(np.diff(probability) != 0, True)


def _slice(right: Bools, probability: Floats) -> SliceMeasures:
    if not len(right):
        return SliceMeasures(0, 0, _NAN, _NAN)
    return SliceMeasures(len(right), 1, float(right.mean()), coverage(right, probability, 0.95))


def _macro_reliability(tenants: Sequence[Reliability]) -> Reliability:
    """All tenants in one diagram, each of the same weight however many rows it has."""
    weights = np.array([r.rows for r in tenants])
    rows = weights.mean(axis=0)

    def mean(columns: Sequence[Floats]) -> Floats:
        return _ratio(np.nansum(weights * np.array(columns), axis=0) / len(tenants), rows)

    return Reliability(rows, mean([r.probability for r in tenants]), mean([r.right for r in tenants]))


def _macro_slice(tenants: Sequence[SliceMeasures]) -> SliceMeasures:
    return SliceMeasures(
        sum(t.rows for t in tenants),
        sum(t.tenants for t in tenants),
        mean_of(t.top1 for t in tenants),
        mean_of(t.coverage_at_95 for t in tenants),
    )


def _macro_learning(points: Sequence[LearningPoint]) -> tuple[LearningPoint, ...]:
    sizes = sorted({p.size for p in points}, key=lambda size: (size is None, size or 0))
    found = []
    for size in sizes:
        of_size = [p for p in points if p.size == size]
        averages = {
            field.name: mean_of(getattr(p, field.name) for p in of_size)
            for field in fields(LearningPoint)
            if field.name not in ("size", "rows", "tenants")
        }
        found.append(
            LearningPoint(
                size=size,
                rows=sum(p.rows for p in of_size),
                tenants=len(of_size),
                **averages,
            )
        )
    return tuple(found)
