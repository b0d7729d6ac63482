"""How a vote does on sources that it was not trained on: figures, averaged over tenants."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.vote import Pooled
from likewise_indexer.backtest.measures import calibration_error, coverage, reliability
from likewise_indexer.models.vote.pairs import Firsts, Floats, Questions
from likewise_indexer.models.vote.replay import RENAMED_CHART, WHOLE_BOOK

_QUESTIONS_MIN: Final = 20
"""Questions of a tenant below which its figures would be noise."""
_POOLED_BINS: Final = 40


@dataclass(frozen=True, slots=True)
class Figures:
    """Plain averages over tenants; of no tenant, NaN.

    Attributes:
        tenants: that have enough questions.
        top1: share whose first candidate is right.
        coverage_at_95: largest share that a threshold on the probability answers at 95 % precision.
        coverage_at_98: the same at 98 %.
        ece: expected calibration error of the first candidate's probability.
        log_loss: natural; of the right candidate, or of there being none.
    """

    tenants: int
    top1: float
    coverage_at_95: float
    coverage_at_98: float
    ece: float
    log_loss: float

    @property
    def shares(self) -> tuple[float, float, float, float]:
        """What is between 0 and 1: top-1, both coverages and the calibration error."""
        return self.top1, self.coverage_at_95, self.coverage_at_98, self.ece


Chosen = Callable[[Questions], NDArray[np.bool_]]
"""Says which of q questions are meant: bool ``(q,)``."""


def _after(fewest: int, most: int) -> Chosen:
    return lambda q: q.is_whole & (q.young_labels >= fewest) & (q.young_labels <= most)


def second_half(questions: Questions) -> NDArray[np.bool_]:
    """Whole questions from the second half of a book, with all before them as history."""
    return questions.is_whole & np.equal(questions.young_labels, WHOLE_BOOK)


SECOND_HALF: Final = "second half of the books"
PAYEE_UNSEEN: Final = "- payee never seen"
AFTER_10: Final = "10 labels"
SLICES: Final[Mapping[str, Chosen]] = {
    SECOND_HALF: second_half,
    PAYEE_UNSEEN: lambda q: second_half(q) & (q.payee_labels == 0),
    "- payee seen with several": lambda q: second_half(q) & (q.payee_labels > 1),
    "up to 3 labels": _after(0, 3),
    AFTER_10: _after(10, 10),
    "30 labels": _after(30, 30),
    "100 labels": _after(100, 100),
    "300 labels": _after(300, 300),
    "a chart being renamed": lambda q: q.is_whole & np.equal(q.young_labels, RENAMED_CHART),
    "amount, date or words missing": lambda q: ~q.is_whole,
}
"""Parts of the questions by what they are."""


def figures_of(questions: Questions, firsts: Firsts, chosen: NDArray[np.bool_]) -> Figures:
    """The figures of some questions."""
    of_tenants = []
    for tenant in range(len(questions.tenants)):
        within = chosen & (questions.tenant == tenant)
        if np.count_nonzero(within) < _QUESTIONS_MIN:
            continue
        right, probability = firsts.is_right[within], firsts.probability[within]
        of_tenants.append(
            (
                right.mean(),
                coverage(right, probability, 0.95),
                coverage(right, probability, 0.98),
                calibration_error(reliability(right, probability)),
                firsts.log_loss[within].mean(),
            )
        )
    means = np.mean(of_tenants, axis=0) if of_tenants else np.full(5, np.nan)
    return Figures(len(of_tenants), *means.tolist())


def pooled_of(questions: Questions, firsts: Firsts, chosen: NDArray[np.bool_]) -> Pooled:
    """The outcomes of some questions, in bins of equal weight.

    Of those that are whole, have candidates, and are of books whose chart is not being renamed: new tenants
    are calibrated for ordinary days.
    """
    chosen = chosen & questions.is_whole & (questions.young_labels != RENAMED_CHART) & (questions.pairs > 0)
    probability, right = firsts.probability[chosen], firsts.is_right[chosen]
    weight = questions.weight[chosen]
    order = np.argsort(probability, kind="stable")
    middles = (np.cumsum(weight[order]) - weight[order] / 2) / weight.sum()
    bins = (middles * _POOLED_BINS).astype(np.int64)
    of_bin = [order[bins == number] for number in np.unique(bins)]

    def mean(values: Floats) -> tuple[float, ...]:
        return tuple(round(float(np.average(values[rows], weights=weight[rows])), 6) for rows in of_bin)

    return Pooled(mean(probability), mean(right.astype(np.float64)), tuple(len(rows) for rows in of_bin))
