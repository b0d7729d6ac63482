"""Which rows of a book are asked to train on, and what its ledger knows when they are.

A *run* is a fresh ledger that is taught a stretch of the book and asked about rows of it, in the order of
time. A label is visible from the day after its date: the lines of one invoice carry the same text and label,
and letting line 2 see line 1 would flatter whoever copies.

One run has the whole book and is asked about its second half. Many short ones have a beginning elsewhere in
the book, with as few labels as a tenant has in its first days, for a vote must be right then too. And some
questions lack what not every software sends: the amount, the date, the payee or the description.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_indexer.backtest.timeline import visible_counts

YOUNG_LABELS: Final = (0, 1, 3, 10, 30, 100, 300)
"""Labels that a young ledger has when it is first asked."""
YOUNG_QUESTIONS: Final = 90
"""Of a tenant, for each of these numbers of labels, over all its runs."""
_ASKED_PER_RUN_MIN: Final = 6
_ASKED_PER_RUN_MAX: Final = 45
"""A run goes on to learn while it is asked, so with few labels it is over soon; with many, it need not."""
FULL_QUESTIONS_MAX: Final = 1_500
"""Of the second half of a book, drawn at random: more of one tenant say little more."""
FULL_ROWS_MAX: Final = 20_000
"""The latest rows of a book that are replayed."""
_CHART_SHARE: Final = 0.5
"""Of the young runs, those whose tenant has handed in its chart beforehand."""


class Lacks(IntEnum):
    """What a question does not have, as a record's number."""

    NOTHING = 0
    AMOUNT = 1
    DATE = 2
    PAYEE = 3
    DESCRIPTION = 4


_LACKS_SHARES: Final = {Lacks.AMOUNT: 0.06, Lacks.DATE: 0.04, Lacks.PAYEE: 0.03, Lacks.DESCRIPTION: 0.03}
"""Of all questions. Who never sends an amount has no amounts in the books either, which comes to the same."""


@dataclass(frozen=True, slots=True)
class Run:
    """One fresh ledger.

    Attributes:
        start: the first row that is taught.
        asked: int64 ``(q,)``, ascending: the rows that are asked.
        lacks: int64 ``(q,)``, a Lacks for each.
        young_labels: labels at the first question, one of YOUNG_LABELS; -1 for the run over the whole book.
        has_chart: whether the ledger knows the tenant's whole chart from the beginning.
    """

    start: int
    asked: NDArray[np.int64]
    lacks: NDArray[np.int64]
    young_labels: int
    has_chart: bool


def runs_of(items: Sequence[LabelledTransaction], rng: np.random.Generator) -> list[Run]:
    """All runs over a book, whose rows are in order of time. The same generator state gives the same runs."""
    count = len(items)
    start = max(0, count - FULL_ROWS_MAX)
    later = np.arange(start + (count - start) // 2, count)
    asked = np.sort(rng.choice(later, min(len(later), FULL_QUESTIONS_MAX), replace=False))
    runs = [Run(start, asked, _lacks(len(asked), rng), young_labels=-1, has_chart=False)]
    visible = visible_counts(items)
    for labels in YOUNG_LABELS:
        per_run = min(max(labels, _ASKED_PER_RUN_MIN), _ASKED_PER_RUN_MAX)
        firsts = np.flatnonzero(visible[: max(0, count - per_run + 1)] >= labels)
        runs_count = min(-(-YOUNG_QUESTIONS // per_run), len(firsts))
        for first in np.sort(rng.choice(firsts, runs_count, replace=False)):
            asked = np.arange(first, first + per_run)
            has_chart = labels == 0 or bool(rng.random() < _CHART_SHARE)
            runs.append(
                Run(int(visible[first]) - labels, asked, _lacks(per_run, rng), labels, has_chart=has_chart)
            )
    return runs


def without(transaction: Transaction, lacks: Lacks) -> Transaction:
    """The transaction as asked by software that sends less. A payee or description is kept if it is alone."""
    match lacks:
        case Lacks.AMOUNT:
            return replace(transaction, amount=None, currency="")
        case Lacks.DATE:
            return replace(transaction, date=None)
        case Lacks.PAYEE if transaction.description.strip():
            return replace(transaction, payee="")
        case Lacks.DESCRIPTION if transaction.payee.strip():
            return replace(transaction, description="")
    return transaction


def _lacks(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    shares = [1.0 - sum(_LACKS_SHARES.values()), *_LACKS_SHARES.values()]
    return rng.choice(np.array([Lacks.NOTHING, *_LACKS_SHARES]), count, p=shares)
