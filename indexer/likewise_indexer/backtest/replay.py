"""The replay of one tenant: every row is asked about before its label is taught.

It is the engine that serves which answers, and all who answer walk through the same rows at the same moments.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.backtest.answerers import Answer, Answerer
from likewise_indexer.backtest.result import NO_LABEL, Answers
from likewise_indexer.backtest.seen import Seen
from likewise_indexer.backtest.timeline import Timeline

Observer = Callable[[int, Mapping[str, Answer]], None]
"""Called after each question, before its label is taught: the row's position and what all answered."""


class Labels:
    """Numbers for the categories of a dimension, in the order in which they turn up."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, label: str) -> int:
        """The number of a category."""
        return self._numbers.setdefault(label, len(self._numbers))

    @property
    def names(self) -> tuple[str, ...]:
        """The categories by number."""
        return tuple(self._numbers)


@dataclass(slots=True)
class _Columns:
    """Answers as they come in."""

    rank: list[int] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    probability: list[float] = field(default_factory=list)
    decision: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, answer: Answer, true: str, labels: Labels, seconds: float) -> None:
        self.rank.append(answer.labels.index(true) if true in answer.labels else NO_LABEL)
        self.answered.append(labels.number(answer.labels[0]) if answer.labels else NO_LABEL)
        self.probability.append(answer.probability)
        self.decision.append(answer.decision)
        self.seconds.append(seconds)

    def frozen(self) -> Answers:
        return Answers(
            rank=np.array(self.rank, dtype=np.int64),
            answered=np.array(self.answered, dtype=np.int64),
            probability=np.array(self.probability, dtype=np.float64),
            decision=np.array(self.decision, dtype=np.int64),
            seconds=np.array(self.seconds, dtype=np.float64),
        )


def replay(
    items: Sequence[LabelledTransaction],
    timeline: Timeline,
    answerers: Mapping[str, Answerer],
    dimension: str,
    labels: Labels,
    *,
    seen: Seen | None = None,
    observe: Observer = lambda _row, _answers: None,
) -> dict[str, Answers]:
    """Walk through a tenant's rows: teach what is visible, ask, and go on.

    Args:
        items: rows in order of time.
        timeline: which are asked, and what is visible to each.
        answerers: fresh ones, by name.
        dimension: what is asked for; all asked rows have a label of it.
        labels: numbers the answers.
        seen: told what is visible and asked, as the answerers are.
        observe: called after each question.

    Returns:
        By name of the answerer, one answer for each row of ``timeline.asked``.
    """
    columns = {name: _Columns() for name in answerers}
    taught = int(timeline.visible[0]) if len(timeline.asked) else 0
    history = items[:taught]
    for answerer in answerers.values():
        answerer.learn_history(history)
    if seen is not None:
        seen.learn(history)
    for row, visible in zip(timeline.asked.tolist(), timeline.visible.tolist(), strict=True):
        if visible > taught:
            lesson = items[taught:visible]
            for answerer in answerers.values():
                answerer.learn(lesson)
            if seen is not None:
                seen.learn(lesson)
            taught = visible
        item = items[row]
        if seen is not None:
            seen.ask(item)
        answers = {}
        for name, answerer in answerers.items():
            started = time.perf_counter()
            answer = answers[name] = answerer.ask(item.transaction)
            seconds = time.perf_counter() - started
            columns[name].add(answer, item.labels[dimension], labels, seconds)
        observe(row, answers)
    return {name: column.frozen() for name, column in columns.items()}
