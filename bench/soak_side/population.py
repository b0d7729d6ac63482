"""Tenants that come, grow and go: which there are, and what each may be asked."""

import itertools
import random
import threading
from dataclasses import dataclass, field
from typing import Final

from latency_load.invented import InventedTenant

_LABELS: Final = (50, 200, 200, 600, 1_500)
"""That a tenant comes with. The last two are worth a head, a calibration and a snapshot."""


@dataclass(frozen=True, slots=True)
class Member:
    """A tenant that is there.

    Attributes:
        invented: its texts, and how it files them.
        taught: ids that it was taught beyond its history, the latest last; guarded by the population's lock.
    """

    invented: InventedTenant
    taught: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Of the tenant."""
        return self.invented.id


class Population:
    """The tenants that there are by now. Safe to use from many threads."""

    def __init__(self, size: int, seed: int) -> None:
        """Make ready; nobody is there yet.

        Args:
            size: tenants that there are to be, on average.
            seed: of the tenants.
        """
        self._size = size
        self._seed = seed
        self._numbers = itertools.count()
        self._members: dict[str, Member] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._members)

    def newcomer(self, rng: random.Random) -> Member:
        """One that is not among the others yet: :meth:`join`."""
        tenant = f"tenant-{next(self._numbers):06}"
        return Member(InventedTenant.of_size(tenant, rng.choice(_LABELS), self._seed))

    def join(self, member: Member) -> None:
        """Let it be drawn from now on."""
        with self._lock:
            self._members[member.id] = member

    def drawn(self, rng: random.Random) -> Member:
        """One of them; the older ones less often, so that some are evicted before they are asked again."""
        with self._lock:
            members = list(self._members.values())
        return members[-1 - min(int(rng.expovariate(3 / len(members))), len(members) - 1)]

    def leaver(self, rng: random.Random) -> Member | None:
        """One that is to go, and is drawn no more; None where there are too few."""
        with self._lock:
            if len(self._members) < self._size:
                return None
            return self._members.pop(rng.choice(list(self._members)))

    def note_taught(self, member: Member, transaction_id: str) -> None:
        """It may be forgotten later."""
        with self._lock:
            member.taught.append(transaction_id)

    def to_forget(self, member: Member, count: int) -> list[str]:
        """Some that it was taught, the oldest, and that it knows no more then."""
        with self._lock:
            ids, member.taught[:] = member.taught[:count], member.taught[count:]
        return ids
