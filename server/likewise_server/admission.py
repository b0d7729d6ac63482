"""Whether a call is let in: by how long it would wait, not by how many wait.

A queue that is as long as it may be gives its full length to the latency of everybody, for as long as there
is more work than can be done; so what bounds a queue must be time (K. Nichols and V. Jacobson, "Controlling
Queue Delay", ACM Queue 2012; RFC 8289). CoDel drops at the head what has waited for too long. Here it is
known when a call comes how many are before it and what one takes, so it can be refused at once, when that
costs least and its caller can still go elsewhere.

As in CoDel, and in what B. Maurer made of it for servers ("Fail at Scale", ACM Queue 2015), a burst is not
an overload: in quiet times calls may wait for longer. They tell the two by whether the queue has lately been
empty; a queue that is bounded runs empty now and then at one and a half times its capacity, too. So here it
is a refusal that ends the quiet, and a second without one that brings it back.

Two things are left out on purpose. A call's own deadline: gRPC shows it to the thread that answers, not when
the call comes; it is checked when its turn has come. And last in, first out under load, for what waits
some milliseconds at most need not be turned round.
"""

import random
from typing import Final

from likewise_engine import limits

_SERVICE_NS_FIRST: Final = 1_000_000
"""Assumed until the first call is done."""
_SERVICE_WEIGHT: Final = 1 / 16
"""Of the latest call in the moving average of what one takes."""
_SERVICE_OUTLIER: Final = 4
"""What takes longer than so many times the average counts as so many: a merge of ten seconds says nothing of
the next call."""
_QUIET_NS: Final = 1_000_000_000
"""Without a refusal, after which there is no overload any more."""
_NS_PER_MS: Final = 1_000_000


class Admission:
    """Knows how long calls take, and how long one may wait. Not safe for threads.

    Args:
        places: calls that are worked on at once.
        wait_ms_max: how long a call may wait while others are refused.
        burst_wait_ms_max: how long in quiet times.
    """

    def __init__(self, places: int, wait_ms_max: float, burst_wait_ms_max: float) -> None:
        self._places = places
        self._wait_ns_max = round(wait_ms_max * _NS_PER_MS)
        self._burst_wait_ns_max = round(max(wait_ms_max, burst_wait_ms_max) * _NS_PER_MS)
        self._service_ns: float = _SERVICE_NS_FIRST
        self._overloaded_since_ns: int | None = None
        self._refused_ns = 0

    @property
    def service_ms(self) -> float:
        """Milliseconds that a call takes of its place, of late."""
        return self._service_ns / _NS_PER_MS

    def served(self, service_ns: int) -> None:
        """A call took so long."""
        counted_ns = min(service_ns, _SERVICE_OUTLIER * self._service_ns)
        self._service_ns += (counted_ns - self._service_ns) * _SERVICE_WEIGHT

    def wait_ns(self, ahead: int, still_ns: int) -> float:
        """How long a call would wait.

        Args:
            ahead: calls that come before it.
            still_ns: since the last call was begun or done: where all places are taken by something long,
                the average says too little.
        """
        return max((ahead + 1) * self._service_ns / self._places, float(still_ns))

    def is_too_long(self, wait_ns: float, now_ns: int) -> bool:
        """Whether nobody is to wait so long now."""
        is_quiet = self._overloaded_since_ns is None or now_ns - self._refused_ns > _QUIET_NS
        return wait_ns > (self._burst_wait_ns_max if is_quiet else self._wait_ns_max)

    def refuse(self, wait_ns: float, now_ns: int) -> int:
        """Note a refusal.

        Returns:
            Milliseconds after which to come again: when what waits is worked off, and after half as long
            again as the overload has lasted already, for then it may last on. Spread at random, so that those
            who are refused together do not come again together.
        """
        if self._overloaded_since_ns is None or now_ns - self._refused_ns > _QUIET_NS:
            self._overloaded_since_ns = now_ns
        self._refused_ns = now_ns
        delay_ms = max(wait_ns, (now_ns - self._overloaded_since_ns) / 2) / _NS_PER_MS
        spread_ms = delay_ms * random.uniform(0.75, 1.25)  # noqa: S311 - nothing depends on its being guessed
        return round(min(max(spread_ms, limits.RETRY_AFTER_MS_MIN), limits.RETRY_AFTER_MS_MAX))
