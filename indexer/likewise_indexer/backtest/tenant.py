"""The backtest of one tenant: its replay, its learning curve, and the figures of all who answered."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from likewise_engine.chart import Policy
from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.backtest.answerers import Answer, Answerer, LedgerAnswerer, open_ledger
from likewise_indexer.backtest.books import Book
from likewise_indexer.backtest.confusions import Confusions
from likewise_indexer.backtest.contest import Contestants
from likewise_indexer.backtest.measures import learning_point, performance_of
from likewise_indexer.backtest.replay import Labels, replay
from likewise_indexer.backtest.result import (
    LEARNING_SIZES,
    LIKEWISE,
    Answers,
    AskedRows,
    BacktestSettings,
    LearningPoint,
    TenantResult,
    Visibility,
)
from likewise_indexer.backtest.seen import Seen, payee_of
from likewise_indexer.backtest.timeline import (
    Timeline,
    labels_before_last,
    learning_timeline,
    replay_timeline,
)

OnAsked = Callable[[], None]
"""Called after each question; it may raise to end the backtest."""


def history_rows(rows: int, settings: BacktestSettings) -> int:
    """How many of a tenant's rows are history."""
    return int(rows * settings.history_share)


def questions_of(book: Book, settings: BacktestSettings) -> list[Timeline]:
    """All that a tenant is asked: first the replay, then the points of its learning curve."""
    rows = history_rows(len(book.items), settings)
    main = replay_timeline(book.items, settings.dimension, settings.visibility, rows)
    return [main, *(timeline for _, _, timeline in _lessons(book, settings))]


def backtest_tenant(
    book: Book,
    contestants: Contestants,
    settings: BacktestSettings,
    on_asked: OnAsked = lambda: None,
) -> TenantResult:
    """Replay a tenant's rows and measure.

    Args:
        book: its rows, of which some are asked about.
        contestants: who answers.
        settings: how to replay.
        on_asked: called after each question.

    Raises:
        LikewiseError: the engine failed.
        OSError: there is no room for temporary files.
    """
    items, dimension = book.items, settings.dimension
    rows = history_rows(len(items), settings)
    timeline = replay_timeline(items, dimension, settings.visibility, rows)
    labels, seen = Labels(), Seen(dimension)
    with _opened(book, contestants, settings) as (ledger, answerers):
        confusions = Confusions(items, ledger, dimension) if settings.confusions_max else None

        def observe(row: int, answers: Mapping[str, Answer]) -> None:
            if confusions is not None:
                confusions(row, answers)
            on_asked()

        answers = replay(items, timeline, answerers, dimension, labels, seen=seen, observe=observe)
    learning = _learning(book, contestants, settings, on_asked)
    asked = _asked_rows([items[row] for row in timeline.asked.tolist()], timeline, dimension, labels, seen)
    return TenantResult(
        tenant=book.tenant,
        files=book.files,
        rows=len(items),
        history=rows,
        undated=all(item.transaction.date is None for item in items),
        asked=asked,
        answers=answers,
        performance={
            name: performance_of(given, asked.slices, learning[name], settings.target_precision)
            for name, given in answers.items()
        },
        confusions=confusions.costliest(book.tenant, settings.confusions_max) if confusions else (),
    )


@contextmanager
def _opened(
    book: Book, contestants: Contestants, settings: BacktestSettings
) -> Iterator[tuple[LedgerAnswerer, dict[str, Answerer]]]:
    """A fresh ledger and fresh peers, the ledger among all who answer."""
    policy = Policy(target_precision=settings.target_precision)
    with open_ledger(
        contestants.encoder, contestants.vote, settings.dimension, policy, book.categories
    ) as ledger:
        answerers: dict[str, Answerer] = {LIKEWISE: ledger}
        for name, make in contestants.peers.items():
            answerers[name] = make()
        yield ledger, answerers


def _lessons(book: Book, settings: BacktestSettings) -> list[tuple[int | None, int, Timeline]]:
    """The points of a learning curve for which there are enough rows: size, labels taught, what is asked."""
    if not settings.learning:
        return []
    immediate = settings.visibility is Visibility.IMMEDIATE
    found = []
    for size in (*LEARNING_SIZES, None):
        count = labels_before_last(book.items, settings.dimension) if size is None else size
        timeline = learning_timeline(book.items, settings.dimension, count, immediate=immediate)
        if timeline is not None:
            found.append((size, count, timeline))
    return found


def _learning(
    book: Book, contestants: Contestants, settings: BacktestSettings, on_asked: OnAsked
) -> dict[str, list[LearningPoint]]:
    """The learning curve of all who answer: for each point they begin anew."""
    points: dict[str, list[LearningPoint]] = {name: [] for name in (LIKEWISE, *contestants.peers)}
    for size, count, timeline in _lessons(book, settings):
        with _opened(book, contestants, settings) as (_, answerers):
            answers: Mapping[str, Answers] = replay(
                book.items,
                timeline,
                answerers,
                settings.dimension,
                Labels(),
                observe=lambda _row, _answers: on_asked(),
            )
        for name, given in answers.items():
            points[name].append(learning_point(size, count, given))
    return points


def _asked_rows(
    asked: Sequence[LabelledTransaction], timeline: Timeline, dimension: str, labels: Labels, seen: Seen
) -> AskedRows:
    transactions = [item.transaction for item in asked]
    amount = np.array([np.nan if t.amount is None else float(t.amount) for t in transactions])
    numbers = [labels.number(item.labels[dimension]) for item in asked]
    return AskedRows(
        position=timeline.asked,
        day=np.array([t.date.toordinal() if t.date else 0 for t in transactions], dtype=np.int64),
        amount=amount,
        label=np.array(numbers, dtype=np.int64),
        labels=labels.names,
        payees=tuple(payee_of(item) for item in asked),
        slices=seen.slices(amount),
        category_labels=seen.category_labels,
    )
