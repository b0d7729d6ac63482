"""Questions that wait to be asked: bounded, by turns over tenants, each once, and none for too long."""

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from likewise_engine import limits
from likewise_engine.transaction import Transaction
from likewise_server.fair_queue import FairQueue
from likewise_server.language_model.breaker import Breaker
from likewise_server.language_model.budget import Allowance, Budget


class Event(StrEnum):
    """What became of a question. Counted."""

    QUEUE_FULL = "queue_full"
    BUDGET_SPENT = "budget_spent"
    ENDPOINT_DOWN = "endpoint_down"
    TOO_LATE = "too_late"
    OBSOLETE = "obsolete"
    ASKED = "asked"
    FAILED = "failed"
    INVENTED = "invented"
    NONE_FITS = "none_fits"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be asked.

    Attributes:
        tenant: whose transaction it is.
        transaction: the transaction.
        dimension: in which.
        key: names text and dimension.
        revision: of the tenant, at which it was answered with ASK.
    """

    tenant: str
    transaction: Transaction
    dimension: str
    key: str
    revision: int


class Waiting:
    """The queue, with what says whether to ask at all. For any thread; told the time, in seconds since
    1970."""

    def __init__(self, allowance: Allowance, concurrency: int, timeout_s: float) -> None:
        """Args: allowance: what may be spent; concurrency: questions at once; timeout_s: of each."""
        self._lock = threading.Lock()
        self._queue = FairQueue[tuple[Wish, float]](concurrency)
        self._waiting = Counter[str]()
        self._until_s: dict[tuple[str, str], float] = {}
        self._budget = Budget(allowance)
        self._breaker = Breaker()
        self._counts = Counter[Event]()
        self._timeout_s = timeout_s

    def offer(self, wish: Wish, now_s: float) -> tuple[float | None, bool]:
        """Take a question.

        Returns:
            Until when an answer may come, None where none will; and whether it is a new one.
        """
        whose = wish.tenant, wish.key
        with self._lock:
            if whose in self._until_s:
                return self._until_s[whose], False
            if (refusal := self._refusal(wish.tenant, now_s)) is not None:
                self._counts[refusal] += 1
                return None, False
            self._until_s[whose] = now_s + 2 * self._timeout_s
            self._waiting[wish.tenant] += 1
            self._queue.add(wish.tenant, (wish, now_s + self._timeout_s))
            return self._until_s[whose], True

    def next(self, now_s: float) -> Wish | None:
        """The next that is to be asked, which is then under way; None where there is none."""
        with self._lock:
            while (given := self._queue.next()) is not None:
                wish, begin_by_s = given
                self._waiting[wish.tenant] -= 1
                refusal = Event.TOO_LATE if now_s > begin_by_s else self._spent(wish.tenant, now_s)
                if refusal is None:
                    return wish
                self._counts[refusal] += 1
                self._done(wish)
            return None

    def begin(self, wish: Wish, tokens: int, now_s: float) -> None:
        """It is asked now, and takes so many tokens by estimate."""
        with self._lock:
            self._counts[Event.ASKED] += 1
            self._budget.take(wish.tenant, tokens, now_s)
            self._breaker.begin()

    def settle(self, wish: Wish, more_tokens: int) -> None:
        """The endpoint has answered, and it took so many tokens more than were estimated, or fewer."""
        with self._lock:
            self._budget.settle(wish.tenant, more_tokens)
            self._breaker.succeed()

    def fail(self, now_s: float) -> bool:
        """The endpoint has not; whether it is left alone from now on."""
        with self._lock:
            return self._breaker.fail(now_s)

    def done(self, wish: Wish, event: Event) -> None:
        """It is under way no longer."""
        with self._lock:
            self._counts[event] += 1
            self._done(wish)

    def is_pending(self, tenant: str, key: str) -> bool:
        """Whether a question waits, or is under way."""
        with self._lock:
            return (tenant, key) in self._until_s

    def counts(self) -> Mapping[Event, int]:
        """What became of questions so far."""
        with self._lock:
            return dict(self._counts)

    def _refusal(self, tenant: str, now_s: float) -> Event | None:
        is_full = len(self._queue) >= limits.LANGUAGE_MODEL_QUEUE_MAX
        if is_full or self._waiting[tenant] >= limits.LANGUAGE_MODEL_QUEUE_MAX // 2:
            return Event.QUEUE_FULL
        return self._spent(tenant, now_s)

    def _spent(self, tenant: str, now_s: float) -> Event | None:
        if self._breaker.is_open(now_s):
            return Event.ENDPOINT_DOWN
        return None if self._budget.is_left(tenant, now_s) else Event.BUDGET_SPENT

    def _done(self, wish: Wish) -> None:
        self._queue.done(wish.tenant)
        self._until_s.pop((wish.tenant, wish.key), None)
        if not self._waiting[wish.tenant]:
            del self._waiting[wish.tenant]
