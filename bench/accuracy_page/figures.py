"""What is compared: figures by name, and who has the best of each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import isnan
from typing import Final

import numpy as np

from likewise_engine import limits
from likewise_indexer.backtest import LEARNING_SIZES, LIKEWISE, SLICES, Backtest, Performance
from likewise_indexer.backtest.measures import calibration_error

NAN: Final = float("nan")
_DRAWS: Final = 200


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a performance.

    Attributes:
        title: on the page.
        of: the figure; NaN where there is none.
        lowest_is_best: as of an error.
    """

    title: str
    of: Callable[[Performance], float]
    lowest_is_best: bool = False

    def lead(self, ours: float, theirs: float) -> float:
        """By how much ours is better; below 0 where it is worse."""
        return theirs - ours if self.lowest_is_best else ours - theirs


def after(size: int | None) -> Figure:
    """Top-1 after so many labels; None for all but the last ones, which were asked about."""
    return Figure(
        "after all" if size is None else f"after {size:,}",
        lambda p: next((point.top1 for point in p.learning if point.size == size), NAN),
    )


def of_slice(name: str) -> tuple[Figure, Figure]:
    """Top-1 and coverage of one of SLICES, if it has rows enough to say anything."""

    def known(performance: Performance, field: str) -> float:
        within = performance.slices[name]
        return float(getattr(within, field)) if within.rows >= limits.BACKTEST_ASKED_ROWS_MIN else NAN

    return (
        Figure(f"top-1, {SLICES[name]}", partial(known, field="top1")),
        Figure(f"coverage at 95 %, {SLICES[name]}", partial(known, field="coverage_at_95")),
    )


TOP1: Final = Figure("top-1", lambda p: p.measures.top1)
COVERAGE_AT_95: Final = Figure("coverage at 95 %", lambda p: p.measures.coverage_at_95)
COVERAGE_AT_98: Final = Figure("coverage at 98 %", lambda p: p.measures.coverage_at_98)
ECE: Final = Figure("calibration error", lambda p: p.measures.ece, lowest_is_best=True)
UNSEEN: Final = Figure("payee unseen", lambda p: p.slices["payee_unseen"].top1)

MAIN: Final = (TOP1, COVERAGE_AT_95, COVERAGE_AT_98, ECE)
STANDING: Final = (*MAIN, UNSEEN, *map(after, LEARNING_SIZES))
"""The columns of the table that has everybody."""
ALL: Final = (
    *MAIN,
    Figure("top-3", lambda p: p.measures.top3),
    *(figure for name in SLICES for figure in of_slice(name)),
    *map(after, (*LEARNING_SIZES, None)),
)
"""Where a peer is looked for that is ahead."""


def best_peer(performances: Mapping[str, Performance], figure: Figure) -> tuple[str, float]:
    """The peer that is best by a figure, with its figure; an empty name and NaN where no peer has any."""
    best, highest = "", NAN
    for who, performance in performances.items():
        theirs = figure.of(performance)
        if who != LIKEWISE and not isnan(theirs) and (not best or figure.lead(theirs, highest) > 0):
            best, highest = who, theirs
    return best, highest


def error_by_chance(backtest: Backtest) -> float:
    """The calibration error that probabilities which are exactly right would show, with as few rows.

    The average over tenants and draws: in each bin as many rows are right as chance has it.
    """
    rng = np.random.default_rng(0)
    errors = []
    for tenant in backtest.tenants:
        said = tenant.performance[LIKEWISE].reliability
        rows = np.rint(said.rows * len(tenant.asked)).astype(np.int64)
        probability = np.nan_to_num(said.probability)
        drawn = rng.binomial(rows, probability, (_DRAWS, len(rows))) / np.maximum(rows, 1)
        errors += [calibration_error(replace(said, right=right)) for right in drawn]
    return float(np.mean(errors))
