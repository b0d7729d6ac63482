"""What waits, tenant after tenant: a bounded queue in which nobody's flood delays another's call.

Round robin over the tenants that have something waiting (J. Nagle, "On Packet Switches with Infinite
Storage", RFC 970, 1985): a tenant with nothing waiting comes next but for one call of each other tenant,
however many those have. Deficit round robin (M. Shreedhar and G. Varghese, SIGCOMM 1995) counts a turn in
bytes, so that large packets cost more; the calls of one lane cost about the same, so here a turn is one call.

A tenant may also be kept from having more than so many at work at once: where calls last long, round robin
alone lets one tenant hold all places until the first of its calls ends.

Not safe for threads; no clock.
"""

from collections import Counter, OrderedDict, deque
from typing import Final, Generic, TypeVar

T = TypeVar("T")

NOBODY: Final = ""
"""The tenant of calls that do not say whose they are: they share one turn, and have no bound of their own."""


class FairQueue(Generic[T]):
    """Takes items of tenants in their order, gives them out by turns.

    Args:
        at_work_max: items of one tenant that may be given out and not done at once.
    """

    def __init__(self, at_work_max: int) -> None:
        self._at_work_max = at_work_max
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        self._at_work: Counter[str] = Counter()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, tenant: str, item: T) -> None:
        """Put an item behind its tenant's others."""
        items = self._waiting.get(tenant)
        if items is None:
            items = self._waiting[tenant] = deque()
        items.append(item)
        self._length += 1

    def next(self) -> T | None:
        """Give out the next item; None where nothing waits that may be given out."""
        tenant = next(filter(self.is_allowed, self._waiting), None)
        if tenant is None:
            return None
        items = self._waiting[tenant]
        item = items.popleft()
        if items:
            self._waiting.move_to_end(tenant)
        else:
            del self._waiting[tenant]
        self._length -= 1
        self._at_work[tenant] += 1
        return item

    def done(self, tenant: str) -> None:
        """An item of the tenant that was given out is done."""
        self._at_work[tenant] -= 1
        if not self._at_work[tenant]:
            del self._at_work[tenant]

    def is_allowed(self, tenant: str) -> bool:
        """Whether the tenant may have one more at work."""
        return tenant == NOBODY or self._at_work[tenant] < self._at_work_max

    def ahead_of(self, tenant: str) -> int:
        """Items that are given out before one of this tenant that came now, at most."""
        rounds = len(self._waiting.get(tenant, ())) + 1
        others = len(self._waiting) - (tenant in self._waiting)
        return min(self._length, rounds - 1 + rounds * others)
