"""A tenant that comes and goes: it is there whole or not at all, and its name is free once it is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from crash_side import wordings
from crash_side.calls import Calls, Refused
from crash_side.deeds import Finding
from crash_side.load import Hand
from likewise.v1.ledger_service_pb2 import LearnRequest
from likewise.v1.tenant_service_pb2 import Category, CreateTenantRequest, DeleteTenantRequest, Tenant

Stay: TypeAlias = tuple[str, int]
"""How a lodger is there: by its display name, which no other has, and how many labels it has."""
_LABELS_MAX: Final = 3


@dataclass(slots=True)
class Lodger:
    """One tenant that is created, taught and deleted, again and again, by one thread.

    What was not answered may have happened or not, and what is seen of it after a kill may be gone after a
    power cut: until there is an answer, both may be.

    Attributes:
        tenant: its id.
    """

    tenant: str
    _may_be: set[Stay | None] = field(default_factory=lambda: {None})
    _is: Stay | None = None

    def turn(self, hand: Hand) -> None:
        """Take the next step. Raises Gone, Refused, ServerFailed."""
        calls, random = hand.calls, hand.random
        if self._is is None:
            mark = wordings.marker(random)
            chart = [Category(dimension="category", id=name) for name in wordings.CATEGORIES]
            asked = Tenant(id=self.tenant, display_name=mark, chart=chart)
            with self._becoming((mark, 0)):
                calls.call("TenantService.CreateTenant", CreateTenantRequest(tenant=asked))
        elif self._is[1] < _LABELS_MAX and random.random() < 0.7:
            mark, first = self._is
            last = first + random.randint(1, _LABELS_MAX)
            items = [
                wordings.labelled(
                    random, wordings.transaction(random, f"{mark}-{number}"), wordings.CATEGORIES
                )
                for number in range(first, last)
            ]
            with self._becoming((mark, last)):
                calls.call("LedgerService.Learn", LearnRequest(tenant=self.tenant, transactions=items))
        else:
            with self._becoming(None):
                calls.call("TenantService.DeleteTenant", DeleteTenantRequest(tenant=self.tenant))

    def check(self, calls: Calls, is_there: bool) -> list[Finding]:
        """What must not be, after a crash. Raises Gone, Refused, ServerFailed."""
        self._is = None
        if is_there:
            found = calls.tenant(self.tenant)
            self._is = (found.display_name, found.statistics.labels)
            if len(found.chart) != len(wordings.CATEGORIES):
                return [Finding("divergent", self.tenant, "half of its chart is there")]
        if self._is in self._may_be:
            return []
        what = "phantom" if self._may_be == {None} else "lost"
        message = f"is there as {self._is}, and may be there as {self._may_be}"
        return [Finding(what, self.tenant, message)]

    @contextmanager
    def _becoming(self, stay: Stay | None) -> Iterator[None]:
        """Ask for another stay within: it may be so from then on, and is so once that is answered."""
        before = set(self._may_be)
        self._may_be.add(stay)
        try:
            yield
        except Refused:
            self._may_be = before
            raise
        self._may_be, self._is = {stay}, stay
