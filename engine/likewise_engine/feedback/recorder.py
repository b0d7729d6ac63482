"""Recording what was answered, aside from answering.

Who answers puts a reference to the answer into a queue, and is done: 2 µs in a loop of nothing else, 7 within
a call. What waits there keeps its memory, some 20 KB an answer, so the next ones are worked out in memory
that the processor's caches do not hold: while the queue grows an answer takes 4 to 6 % longer, and beside a
full one no longer than without.

One thread a process makes records of them and writes them, a batch a tenant, and ties the labels that come
later to what was answered. A record takes .25 ms of processor time, nearly as much as an answer; so the
thread rests after each piece of work for so long that it takes RECORDER_SHARE of a processor at most, however
many answers there are. What does not find room in the queue meanwhile is counted and not recorded: calls
never wait for it. A person's work is recorded to the last answer; of ten thousand answers in one stream some
hundreds are.

What is in the queue when a process is killed is lost. A stop writes it first.
"""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Final, TypeAlias

from likewise_engine import limits
from likewise_engine.answers import Classification, ClassifyOptions
from likewise_engine.chart import Chart
from likewise_engine.errors import LikewiseError, TenantNotFound
from likewise_engine.feedback.prediction import Prediction, new_prediction_id
from likewise_engine.keys import TenantKey
from likewise_engine.store.predictions import Keeping, PredictionFile, PredictionRow
from likewise_engine.store.verdicts import Given
from likewise_engine.transaction import Authority, LabelledTransaction, Transaction

RECORDER_SHARE: Final = 0.02
"""Of one processor, at most."""
_EVERY_S: Final = 0.25
"""How often the queue is looked at."""
_TIED_AT_ONCE: Final = 500
"""Labels in one commit: some 20 ms, in which no other process can record of that tenant."""
_RETRIES: Final = 2
"""Labels whose answer is not known are looked for so many times more: another process may be about to write
it."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer on its way. ``key`` tells the tenant from another one of its name that came after it."""

    tenant: str
    key: TenantKey
    prediction_id: str
    time_ns: int
    transaction: Transaction
    options: ClassifyOptions
    answer: Classification

    def row(self) -> PredictionRow:
        time = datetime.fromtimestamp(self.time_ns / 1e9, UTC)
        return PredictionRow.of(
            Prediction.of(self.prediction_id, time, self.transaction, self.options, self.answer)
        )


@dataclass(frozen=True, slots=True)
class _Labelled:
    """Labels on their way, by the chart as it was when they were learned."""

    tenant: str
    key: TenantKey
    chart: Chart
    items: Sequence[LabelledTransaction]
    revision: int
    tries_left: int = _RETRIES

    def given(self) -> Iterator[Given]:
        heirs = {
            number: category.merged_into
            for number, category in enumerate(self.chart.categories)
            if category.merged_into is not None
        }
        for item in self.items:
            numbers = {name: self.chart.meant(name, category) for name, category in item.labels.items()}
            labels = {dimension: number for dimension, number in numbers.items() if number is not None}
            yield Given(item.transaction.id, item.prediction_id, labels, self.revision, heirs)


_Item: TypeAlias = _Answered | _Labelled


@dataclass(frozen=True, slots=True)
class RecorderCounts:
    """What became of answers and labels in this process.

    Attributes:
        recorded: answers that are recorded.
        dropped: for which there was no room.
        outdated: that saw what was erased before they were written.
        failed: answers and labels that could not be written.
        tied: labelled transactions whose answer is known.
        untied: whose answer is not.
    """

    recorded: int = 0
    dropped: int = 0
    outdated: int = 0
    failed: int = 0
    tied: int = 0
    untied: int = 0


class Recorder:
    """Records the answers of one process. Safe to use from many threads; its thread starts with the first."""

    def __init__(
        self,
        use: Callable[[str], AbstractContextManager[PredictionFile]],
        tenants: Callable[[], Iterable[str]],
        keeping: Keeping | None = None,
        sampled: float = 1.0,
        now_ns: Callable[[], int] = time.time_ns,
        look: Callable[[str, PredictionFile], None] = lambda _tenant, _file: None,
    ) -> None:
        """Make ready.

        Args:
            use: gives a tenant's predictions for the length of a ``with``.
            tenants: ids of all.
            keeping: how many are kept of a tenant, and for how long.
            sampled: share of the answers that are recorded, 0 to 1; 0 records nothing.
            now_ns: the time, in nanoseconds since 1970.
            look: called once a day with each tenant of whom something is recorded.
        """
        self._use = use
        self._tenants = tenants
        self._keeping = keeping or Keeping()
        self._sampled = sampled
        self._now_ns = now_ns
        self._look = look
        self._queue: deque[_Item] = deque()
        self._changed = threading.Condition()
        self._hurries = 0
        self._is_busy = False
        self._is_closing = False
        self._is_ended = False
        self._thread: threading.Thread | None = None
        self._dropped = 0
        self._labels_queued = 0
        self._counts = RecorderCounts()
        self._swept_day = 0

    @property
    def is_on(self) -> bool:
        """Whether anything is recorded."""
        return self._sampled > 0.0

    def counts(self) -> RecorderCounts:
        """What became of answers and labels so far."""
        return replace(self._counts, dropped=self._dropped)

    def note(
        self,
        tenant: str,
        key: TenantKey,
        transaction: Transaction,
        options: ClassifyOptions,
        answer: Classification,
    ) -> str:
        """Have an answer recorded, soon. What that costs the caller stands at the head of the module.

        Args:
            tenant: whose it is.
            key: the tenant's.
            transaction: that was asked about.
            options: how.
            answer: with its grounds.

        Returns:
            The id of the prediction; empty where it is not recorded.
        """
        if not self._sampled or (self._sampled < 1.0 and random.random() >= self._sampled):  # noqa: S311
            return ""
        if len(self._queue) >= limits.PREDICTIONS_QUEUED_MAX:
            self._dropped += 1  # of two at once one may not be counted
            return ""
        prediction_id = new_prediction_id()
        self._put(_Answered(tenant, key, prediction_id, self._now_ns(), transaction, options, answer))
        return prediction_id

    def note_labels(
        self,
        tenant: str,
        key: TenantKey,
        chart: Chart,
        items: Sequence[LabelledTransaction],
        revision: int,
    ) -> None:
        """Have labels tied to what was answered, soon. Only persons say what was right.

        Args:
            tenant: whose they are.
            key: the tenant's.
            chart: that has their categories.
            items: that were learned.
            revision: with which.
        """
        by_people = [item for item in items if item.authority is Authority.PERSON]
        if not (self._sampled and by_people):
            return
        if self._labels_queued + len(by_people) > limits.LABELS_QUEUED_MAX:
            self._dropped += len(by_people)
            return
        self._put(_Labelled(tenant, key, chart, by_people, revision))

    def note_imported(
        self,
        tenant: str,
        file: PredictionFile,
        key: TenantKey,
        chart: Chart,
        items: Sequence[LabelledTransaction],
        revision: int,
    ) -> None:
        """As :meth:`note_labels`, of history: only what has an answer already takes room in the queue.

        Args:
            tenant: whose they are.
            file: its predictions. Where nothing was ever recorded, that costs the caller 3 µs; else a query.
            key: the tenant's.
            chart: that has their categories.
            items: that were imported.
            revision: with which.
        """
        if not (self._sampled and items and file.exists):
            return
        try:
            answered = file.answered(items)
        except LikewiseError as error:
            self._counts = replace(self._counts, failed=self._counts.failed + len(items))
            _log.warning("labels of an import were not tied to answers: %s", error.message)
            return
        self.note_labels(tenant, key, chart, answered, revision)

    @contextmanager
    def dropping(self, tenant: str) -> Iterator[None]:
        """Erase something of a tenant within; then what of its answers is on its way is let go of."""
        try:
            yield
        finally:
            with self._changed:
                for item in list(self._taken()):
                    if item.tenant != tenant:
                        self._put(item)

    def flush(self) -> None:
        """Wait until all that is on its way is written."""
        with self._changed:
            if self._thread is None:
                return
            self._hurries += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_ended or not (self._queue or self._is_busy))
            self._hurries -= 1

    def close(self) -> None:
        """Write what is on its way, and stop."""
        self.flush()
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _put(self, item: _Item) -> None:
        if isinstance(item, _Labelled):
            self._labels_queued += len(item.items)  # by estimate: two threads may do so at once
        self._queue.append(item)
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            while not self._is_closing:
                self._work()
        finally:
            with self._changed:
                self._is_ended = True
                self._changed.notify_all()

    def _work(self) -> None:
        """Wait a moment, and write what there is by then."""
        with self._changed:
            self._is_busy = False
            self._changed.notify_all()
            self._changed.wait_for(self._is_urgent, _EVERY_S)
            self._is_busy = True
            items = list(self._taken())
        for tenant, of_tenant in groupby(sorted(items, key=attrgetter("tenant")), attrgetter("tenant")):
            of_this = list(of_tenant)
            try:
                self._write(tenant, of_this)
            except Exception:  # noqa: BLE001 - it is logged, and what comes next is recorded still
                self._counts = replace(self._counts, failed=self._counts.failed + len(of_this))
                _log.warning("%d answers and labels were not recorded", len(of_this), exc_info=True)
        self._sweep()

    def _is_urgent(self) -> bool:
        return self._is_closing or bool(self._hurries and self._queue)

    def _taken(self) -> Iterator[_Item]:
        """Take what is in the queue, while others may add to it."""
        for _ in range(len(self._queue)):
            item = self._queue.popleft()
            if isinstance(item, _Labelled):
                self._labels_queued -= len(item.items)
            yield item

    def _write(self, tenant: str, items: Sequence[_Item]) -> None:
        """Write what there is of one tenant. What cannot be written is counted and logged."""
        rows = []
        for item in items:
            if isinstance(item, _Answered):
                with self._resting():
                    rows.append((item.key, item.row()))
        labelled = [item for item in items if isinstance(item, _Labelled)]
        try:
            for some in _in_pieces(labelled) or [[]]:
                with self._resting(), self._use(tenant) as file:
                    self._record(rows, some, file)
                rows = []
        except TenantNotFound:
            return  # deleted since

    def _record(
        self,
        rows: Sequence[tuple[TenantKey, PredictionRow]],
        labelled: Sequence[_Labelled],
        file: PredictionFile,
    ) -> None:
        """Write answers and labels of a tenant, in one commit. Labels without an answer are tried again."""
        of_this = [row for key, row in rows if file.is_of(key)]
        meant = [each for each in labelled if file.is_of(each.key)]
        given = [list(each.given()) for each in meant]
        count, untied = file.record(of_this, self._keeping, [one for of_one in given for one in of_one])
        are_untied, is_known = {id(one) for one in untied}, file.exists
        tied = again = 0
        for each, of_one in zip(meant, given, strict=True):
            left = [item for item, one in zip(each.items, of_one, strict=True) if id(one) in are_untied]
            tied += len(each.items) - len(left)
            if left and each.tries_left and is_known:
                self._put(replace(each, items=left, tries_left=each.tries_left - 1))
                again += len(left)
        counts = self._counts
        self._counts = replace(
            counts,
            recorded=counts.recorded + count,
            outdated=counts.outdated + len(of_this) - count,
            tied=counts.tied + tied,
            untied=counts.untied + len(untied) - again,
        )

    def _sweep(self) -> None:
        """Once a day, let go of what is too old, also where nobody asks any more; and look at the rest."""
        today = datetime.fromtimestamp(self._now_ns() / 1e9, UTC).toordinal()
        if today == self._swept_day:
            return
        for tenant in self._all_tenants():
            if self._is_closing or self._hurries:
                return  # and begin anew
            try:
                with self._resting(), self._use(tenant) as file:
                    if file.exists:
                        file.expire(self._keeping)
                        self._look(tenant, file)
            except LikewiseError as error:
                _log.warning("the recorded answers of a tenant were not looked at: %s", error.message)
            except Exception:  # noqa: BLE001 - it is logged, and answers are recorded still
                _log.warning("the recorded answers of a tenant were not looked at", exc_info=True)
        self._swept_day = today

    def _all_tenants(self) -> list[str]:
        """Their ids; none where they cannot be listed, which is tried again on the next day."""
        try:
            return list(self._tenants())
        except LikewiseError as error:
            _log.warning("no recorded answers were looked at: %s", error.message)
            return []

    @contextmanager
    def _resting(self) -> Iterator[None]:
        """Rest, after what is done within, for so long that the share is kept; unless somebody waits."""
        begun_ns = time.thread_time_ns()
        try:
            yield
        finally:
            rest_s = (time.thread_time_ns() - begun_ns) / 1e9 * (1.0 / RECORDER_SHARE - 1.0)
            with self._changed:
                self._changed.wait_for(lambda: self._hurries or self._is_closing, rest_s)


def _in_pieces(labelled: Iterable[_Labelled]) -> list[list[_Labelled]]:
    """Labels, by as many as are tied in one commit, or as many as came together."""
    pieces: list[list[_Labelled]] = []
    left = 0
    for each in labelled:
        if left < len(each.items):
            pieces.append([])
            left = _TIED_AT_ONCE
        pieces[-1].append(each)
        left -= len(each.items)
    return pieces
