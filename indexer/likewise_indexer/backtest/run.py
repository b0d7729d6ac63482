"""A backtest of many tenants: each is a job, the largest first, on as many processes as there are cores.

Processes are spawned, not forked: polars has threads, and a forked child would wait for them for ever. They
are told to end by an event that they look at after each question, so that their temporary folders are gone
before the backtest is.
"""

import platform
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final

from threadpoolctl import threadpool_limits

from likewise_engine import limits
from likewise_engine.errors import EngineFault, LikewiseError
from likewise_indexer.backtest.books import Book
from likewise_indexer.backtest.confusions import costliest
from likewise_indexer.backtest.contest import Contest, Contestants
from likewise_indexer.backtest.measures import macro, mean_of
from likewise_indexer.backtest.result import (
    LIKEWISE,
    Backtest,
    BacktestSettings,
    Behind,
    LeftOut,
    Performance,
    TenantBehind,
    TenantResult,
)
from likewise_indexer.backtest.tenant import backtest_tenant, questions_of
from likewise_indexer.interrupts import without_interrupts

_LOOK_EVERY_S: Final = 0.2
"""How often progress is told, and whether to go on is asked."""
_VERSIONS_OF: Final = ("likewise", "numpy", "onnxruntime")


class BacktestStopped(Exception):
    """Whoever runs the backtest wants it to end."""


class WorkerLost(EngineFault):
    """A process of the backtest ended before its work was done."""

    reason = "WORKER_LOST"


@dataclass(frozen=True, slots=True)
class BacktestProgress:
    """How far a backtest is.

    Attributes:
        asked: questions that were asked, those of learning curves included.
        asked_total: that will be.
        tenants: tenants that are done.
        tenants_total: that will be.
    """

    asked: int
    asked_total: int
    tenants: int
    tenants_total: int


_Outcome = TenantResult | LeftOut
_OnProgress = Callable[[int, int], None]
"""Called now and then with the questions asked and the tenants done; may raise BacktestStopped."""


def run_backtest(
    books: Sequence[Book],
    settings: BacktestSettings,
    contest: Contest,
    *,
    jobs: int = 1,
    on_progress: Callable[[BacktestProgress], None] = lambda _progress: None,
    keep_on: Callable[[], bool] = lambda: True,
) -> Backtest:
    """Replay books and measure.

    Args:
        books: each of another tenant.
        settings: how to replay.
        contest: who answers.
        jobs: processes to use; with 1, this one.
        on_progress: called now and then.
        keep_on: asked now and then; the backtest ends when it says no.

    Raises:
        BacktestStopped: it was told to end.
        InvalidInput: a setting is out of bounds.
        ModelFault: the encoder or the vote cannot be loaded.
        WorkerLost: a process was killed, for want of memory, say.
    """
    started = time.monotonic()
    settings.check()
    contestants = contest.load(settings)
    questions = {
        book.tenant: [len(asking.asked) for asking in questions_of(book, settings)] for book in books
    }
    few = {tenant for tenant, (asked, *_) in questions.items() if asked < limits.BACKTEST_ASKED_ROWS_MIN}
    enough = [book for book in books if book.tenant not in few]
    asked_total = sum(sum(questions[book.tenant]) for book in enough)

    def report(asked: int, done: int) -> None:
        on_progress(BacktestProgress(asked, asked_total, done, len(enough)))
        if not keep_on():
            raise BacktestStopped

    largest_first = sorted(enough, key=lambda book: -sum(questions[book.tenant]))
    if min(jobs, len(enough)) > 1:
        found = _in_processes(largest_first, settings, contest, min(jobs, len(enough)), report)
    else:
        found = _in_this_process(largest_first, settings, contestants, report)
    outcomes = {outcome.tenant: outcome for outcome in found}
    ordered = [outcomes[book.tenant] for book in enough]
    too_few = [_too_few(book, settings, questions[book.tenant][0]) for book in books if book.tenant in few]
    tenants = [outcome for outcome in ordered if isinstance(outcome, TenantResult)]
    return Backtest(
        settings=settings,
        titles=contestants.titles,
        tenants=tuple(tenants),
        macro=macro_of(tenants),
        behind=behind_of(tenants) if tenants and contestants.peers else None,
        confusions=costliest((c for t in tenants for c in t.confusions), settings.confusions_max),
        left_out=(*too_few, *(outcome for outcome in ordered if isinstance(outcome, LeftOut))),
        peers_missing=contest.missing,
        encoder_fingerprint=contestants.encoder.fingerprint,
        vote_fingerprint=contestants.vote.fingerprint,
        versions={"python": platform.python_version(), **{name: version(name) for name in _VERSIONS_OF}},
        seconds=time.monotonic() - started,
        by_file=_by_file(tenants),
    )


def _too_few(book: Book, settings: BacktestSettings, asked: int) -> LeftOut:
    reason = (
        f"of its {len(book.items):,} rows, {asked:,} would be asked for a label of {settings.dimension!r},"
        f" and at least {limits.BACKTEST_ASKED_ROWS_MIN} are needed"
    )
    return LeftOut(book.tenant, len(book.items), reason, failed=False)


def macro_of(tenants: Sequence[TenantResult]) -> dict[str, Performance]:
    """The averages of all who answered; of nobody where there is no tenant."""
    if not tenants:
        return {}
    return {who: macro([tenant.performance[who] for tenant in tenants]) for who in tenants[0].performance}


def _by_file(tenants: Sequence[TenantResult]) -> dict[Path, dict[str, Performance]]:
    groups: dict[Path, list[TenantResult]] = {}
    for tenant in tenants:
        if len(tenant.files) == 1:
            groups.setdefault(tenant.files[0], []).append(tenant)
    if not 1 < len(groups) < len(tenants):
        return {}
    return {file: macro_of(of_file) for file, of_file in groups.items()}


def behind_of(tenants: Sequence[TenantResult]) -> Behind:
    """Where the best of all peers is better; there is at least one tenant and one peer."""
    found = []
    for tenant in tenants:
        top1 = {who: performance.measures.top1 for who, performance in tenant.performance.items()}
        ours = top1.pop(LIKEWISE)
        best = max(top1, key=top1.__getitem__)
        if top1[best] > ours:
            found.append(TenantBehind(tenant.tenant, best, top1[best] - ours))
    found.sort(key=lambda behind: -behind.gap)
    gaps = [behind.gap for behind in found]
    return Behind(
        tuple(found),
        share=len(found) / len(tenants),
        gap_mean=mean_of(gaps) if gaps else 0.0,
        gap_max=max(gaps, default=0.0),
    )


def _outcome_of(
    book: Book, contestants: Contestants, settings: BacktestSettings, on_asked: Callable[[], None]
) -> _Outcome:
    """A tenant's result; one that fails is left out, and does not stop the others."""
    try:
        return backtest_tenant(book, contestants, settings, on_asked)
    except (LikewiseError, OSError) as error:
        return LeftOut(book.tenant, len(book.items), f"it could not be replayed: {error}", failed=True)


def _in_this_process(
    books: Sequence[Book], settings: BacktestSettings, contestants: Contestants, report: _OnProgress
) -> list[_Outcome]:
    asked, told, found = 0, time.monotonic(), list[_Outcome]()

    def on_asked() -> None:
        nonlocal asked, told
        asked += 1
        if time.monotonic() - told >= _LOOK_EVERY_S:
            told = time.monotonic()
            report(asked, len(found))

    with threadpool_limits(1):
        for book in books:
            found.append(_outcome_of(book, contestants, settings, on_asked))
            report(asked, len(found))
    return found


def _in_processes(
    books: Sequence[Book], settings: BacktestSettings, contest: Contest, jobs: int, report: _OnProgress
) -> list[_Outcome]:
    context = get_context("spawn")
    stopped, asked = context.Event(), context.Value("q", 0)
    with ProcessPoolExecutor(jobs, context, _Worker.start, (contest, settings, stopped, asked)) as pool:
        found: list[_Outcome] = []
        try:
            with without_interrupts():
                waiting: set[Future[_Outcome]] = {pool.submit(_Worker.work, book) for book in books}
            while waiting:
                finished, waiting = wait(waiting, _LOOK_EVERY_S, FIRST_COMPLETED)
                found += (future.result() for future in finished)
                report(asked.value, len(found))
            return found
        except BrokenProcessPool as error:
            message = "a process of the backtest was killed, for want of memory perhaps: try fewer --jobs"
            raise WorkerLost(message) from error
        except BaseException:
            stopped.set()
            pool.shutdown(cancel_futures=True)
            raise


class _Worker:
    """One process of a backtest. Jobs bring nothing but their book: all else is the process's own."""

    _current: "_Worker"

    def __init__(
        self, contest: Contest, settings: BacktestSettings, stopped: Event, asked: "Synchronized[int]"
    ) -> None:
        self._contestants = contest.load(settings)
        self._settings = settings
        self._stopped = stopped
        self._asked = asked

    @classmethod
    def start(
        cls, contest: Contest, settings: BacktestSettings, stopped: Event, asked: "Synchronized[int]"
    ) -> None:
        """Make this process a worker."""
        threadpool_limits(1)
        cls._current = cls(contest, settings, stopped, asked)

    @classmethod
    def work(cls, book: Book) -> _Outcome:
        """Do one job."""
        return cls._current.outcome_of(book)

    def outcome_of(self, book: Book) -> _Outcome:
        """Replay a tenant. Raises BacktestStopped."""
        return _outcome_of(book, self._contestants, self._settings, self._on_asked)

    def _on_asked(self) -> None:
        with self._asked.get_lock():
            self._asked.value += 1
        if self._stopped.is_set():
            raise BacktestStopped
