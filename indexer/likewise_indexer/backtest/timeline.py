"""The order of a replay: which rows are asked, and what may be known when they are.

All of it is decided here, before the first row is replayed. A row's label is visible to a later row only
where ``visible_counts`` says so; nothing else hands labels on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.backtest.result import Visibility

_NO_DAY: Final = 0
_NEVER: Final = date.max.toordinal() + 1
"""Before and after every day there is."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a replay does with a tenant's rows.

    Attributes:
        asked: int64 ``(n,)``, ascending: the rows that are asked about.
        visible: int64 ``(n,)``, ascending: how many first rows are visible to each of them.
    """

    asked: NDArray[np.int64]
    visible: NDArray[np.int64]


def in_time_order(items: Iterable[LabelledTransaction]) -> list[LabelledTransaction]:
    """Rows by date; those of one day stay in their order, and undated ones behind the row they followed."""
    days, day, kept = [], 0, list(items)
    for item in kept:
        day = item.transaction.date.toordinal() if item.transaction.date else day
        days.append(day)
    return [kept[row] for row in sorted(range(len(kept)), key=days.__getitem__)]


def replay_timeline(
    items: Sequence[LabelledTransaction], dimension: str, visibility: Visibility, history_rows: int
) -> Timeline:
    """The replay of a book: the rows after the history that have a label are asked about.

    Args:
        items: rows in order of time.
        dimension: the label that is asked for.
        visibility: when labels become visible.
        history_rows: first rows that are not asked about. Those of the day that they share with the first
            row that could be become visible with the other rows of that day; but where all the history is
            of that one day, it is visible at once, since there would be nothing to go by.
    """
    asked = _labelled(items, dimension)
    asked = asked[asked >= history_rows]
    if visibility is Visibility.IMMEDIATE:
        return Timeline(asked, asked)
    visible = visible_counts(items)
    history = int(visible[history_rows]) if history_rows < len(items) else history_rows
    if history == 0:
        history = history_rows
    if visibility is Visibility.BATCH:
        return Timeline(asked, np.full(len(asked), history))
    return Timeline(asked, np.maximum(visible[asked], history))


def learning_timeline(
    items: Sequence[LabelledTransaction], dimension: str, labels: int, *, immediate: bool
) -> Timeline | None:
    """The replay that shows what so many labels are worth: the first are taught, and some next rows asked.

    Args:
        items: rows in order of time.
        dimension: the label that is asked for.
        labels: labels to teach.
        immediate: whether a row may be asked that shares its day with one that was taught.

    Returns:
        A timeline in which the same rows are visible to all; None where there are not enough rows.
    """
    labelled = _labelled(items, dimension)
    if not 0 < labels < len(labelled):
        return None
    taught = int(labelled[labels - 1]) + 1
    asked = labelled[labels:]
    if not immediate:
        asked = asked[visible_counts(items)[asked] >= taught]
    asked = asked[: limits.BACKTEST_LEARNING_ASKED_MAX]
    if len(asked) < limits.BACKTEST_ASKED_ROWS_MIN:
        return None
    return Timeline(asked, np.full(len(asked), taught))


def labels_before_last(items: Sequence[LabelledTransaction], dimension: str) -> int:
    """Labels of all rows but the last that a learning curve asks about."""
    count = len(_labelled(items, dimension))
    return count - min(limits.BACKTEST_LEARNING_ASKED_MAX, count // 2)


def visible_counts(items: Sequence[LabelledTransaction]) -> NDArray[np.int64]:
    """How many first rows are visible to each row on the day after: those before the first of its own day.

    Args:
        items: n rows in order of time.

    Returns:
        int64 ``(n,)``, ascending. An undated row is of the day that goes on behind it, or else a day of its
        own.
    """
    days = [item.transaction.date for item in items]
    latest_before = np.maximum.accumulate([_NO_DAY, *(day.toordinal() if day else _NO_DAY for day in days)])
    next_from = np.minimum.accumulate([day.toordinal() if day else _NEVER for day in reversed(days)])[::-1]
    begins = latest_before[:-1] < next_from
    return np.maximum.accumulate(np.where(begins, np.arange(len(days)), 0))


def _labelled(items: Sequence[LabelledTransaction], dimension: str) -> NDArray[np.int64]:
    rows = [row for row, item in enumerate(items) if dimension in item.labels]
    return np.array(rows, dtype=np.int64)
