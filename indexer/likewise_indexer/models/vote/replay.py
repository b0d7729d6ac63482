"""Which rows of a book are asked to train on, and what its ledger knows when they are.

A *run* is a fresh ledger that is taught a stretch of the book and asked about rows of it, in the order of
time. A label is visible from the day after its date: the lines of one invoice carry the same text and label,
and letting line 2 see line 1 would flatter whoever copies.

One run has the whole book and is asked about its second half. Many short ones have a beginning elsewhere in
the book, with as few labels as a tenant has in its first days, for a vote must be right then too. In some the
bookkeeper has just begun to call things by other names, which the books of few years show too seldom to learn
from. And some questions lack what not every software sends: the amount, the date, the payee or the
description.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from math import exp, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.transaction import CATEGORY_DIMENSION, LabelledTransaction, Transaction
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
RENAMED_RUNS: Final = 4
"""Over a book whose chart is being renamed."""
RENAMED_LABELS: Final = (30, 4_000)
"""Labels that their ledgers have when they are first asked: anything between, for where it is always the same
few numbers, trees take these numbers for the sign of a renamed chart, and let down whoever has as many."""
_RENAMED_SINCE_MAX: Final = 150
"""Labels by new names that are among them, at most."""
_RENAMED_SHARE: Final = 0.6
"""Of the categories that get another name."""
_MERGED_SHARE: Final = 0.2
"""Of these, those that go by the name of another one from then on."""
WHOLE_BOOK: Final = -1
RENAMED_CHART: Final = -2
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
        items: the rows of the book, as this ledger's bookkeeper labels them.
        start: the first row that is taught.
        asked: int64 ``(q,)``, ascending: the rows that are asked.
        lacks: int64 ``(q,)``, a Lacks for each.
        young_labels: labels at the first question, one of YOUNG_LABELS; WHOLE_BOOK; or RENAMED_CHART.
        has_chart: whether the ledger knows the tenant's whole chart from the beginning.
    """

    items: Sequence[LabelledTransaction]
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
    runs = [Run(items, start, asked, _lacks(len(asked), rng), WHOLE_BOOK, has_chart=False)]
    visible = visible_counts(items)
    for labels in YOUNG_LABELS:
        per_run = min(max(labels, _ASKED_PER_RUN_MIN), _ASKED_PER_RUN_MAX)
        for asked in _drawn(visible, labels, per_run, -(-YOUNG_QUESTIONS // per_run), rng):
            has_chart = labels == 0 or bool(rng.random() < _CHART_SHARE)
            start = int(visible[asked[0]]) - labels
            runs.append(Run(items, start, asked, _lacks(per_run, rng), labels, has_chart=has_chart))
    for asked in _drawn(visible, RENAMED_LABELS[0], _ASKED_PER_RUN_MAX, RENAMED_RUNS, rng):
        known = int(visible[asked[0]])
        most = min(known, RENAMED_LABELS[1])
        labels = round(exp(rng.uniform(log(RENAMED_LABELS[0]), log(most))))
        since = int(rng.integers(min(labels, _RENAMED_SINCE_MAX)))
        relabelled, lacks = renamed(items, known - since, rng), _lacks(len(asked), rng)
        runs.append(Run(relabelled, known - labels, asked, lacks, RENAMED_CHART, has_chart=False))
    return runs


def renamed(
    items: Sequence[LabelledTransaction], since: int, rng: np.random.Generator
) -> list[LabelledTransaction]:
    """The rows as they would be labelled, had most categories another name from the row ``since`` on."""
    names = list(dict.fromkeys(item.labels[CATEGORY_DIMENSION] for item in items))
    is_renamed = rng.random(len(names)) < _RENAMED_SHARE
    is_merged = rng.random(len(names)) < _MERGED_SHARE
    into = rng.integers(len(names), size=len(names)).tolist()
    new_names = {
        name: names[into[number]] if is_merged[number] else f"{name} (renamed)"
        for number, name in enumerate(names)
        if is_renamed[number]
    }

    def relabelled(item: LabelledTransaction) -> LabelledTransaction:
        name = item.labels[CATEGORY_DIMENSION]
        return replace(item, labels={CATEGORY_DIMENSION: new_names.get(name, name)})

    return [*items[:since], *map(relabelled, items[since:])]


def _drawn(
    visible: NDArray[np.int64], labels: int, per_run: int, runs: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Stretches of rows that are asked: of ``per_run`` each, with at least so many labels before."""
    firsts = np.flatnonzero(visible[: max(0, len(visible) - per_run + 1)] >= labels)
    chosen = np.sort(rng.choice(firsts, min(runs, len(firsts)), replace=False)).tolist()
    return [np.arange(first, first + per_run) for first in chosen]


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
