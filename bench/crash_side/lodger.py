"""A tenant that comes and goes: it is there whole or not at all, and its name is free once it is gone."""

from dataclasses import dataclass
from enum import Enum, auto

from crash_side import wordings
from crash_side.calls import Calls, Refused
from crash_side.deeds import Finding
from crash_side.load import Hand
from likewise.v1.ledger_service_pb2 import LearnRequest
from likewise.v1.tenant_service_pb2 import Category, CreateTenantRequest, DeleteTenantRequest, Tenant


class _Stay(Enum):
    ABSENT = auto()
    COMING = auto()
    PRESENT = auto()
    LEAVING = auto()


@dataclass(slots=True)
class Lodger:
    """One tenant that is created, taught once and deleted, again and again, by one thread.

    Attributes:
        tenant: its id.
        acknowledged: calls that were answered with success.
    """

    tenant: str
    acknowledged: int = 0
    _stay: _Stay = _Stay.ABSENT
    _mark: str = ""
    _labels: int = 0
    _labels_perhaps: int = 0

    def turn(self, hand: Hand) -> None:
        """Take the next step. Raises Gone, Refused, ServerFailed."""
        calls, random = hand.calls, hand.random
        if self._stay is _Stay.ABSENT:
            self._stay, self._mark = _Stay.COMING, wordings.marker(random)
            self._labels = self._labels_perhaps = 0
            chart = [Category(dimension="category", id=name) for name in wordings.CATEGORIES]
            asked = Tenant(id=self.tenant, display_name=self._mark, chart=chart)
            calls.call("TenantService.CreateTenant", CreateTenantRequest(tenant=asked))
            self._stay = _Stay.PRESENT
        elif self._labels < 3 and random.random() < 0.7:
            first = self._labels
            self._labels_perhaps = first + random.randint(1, 3)
            items = [
                wordings.labelled(
                    random, wordings.transaction(random, f"{self._mark}-{number}"), wordings.CATEGORIES
                )
                for number in range(first, self._labels_perhaps)
            ]
            request = LearnRequest(tenant=self.tenant, transactions=items)
            calls.call("LedgerService.Learn", request)
            self._labels = self._labels_perhaps
        else:
            self._stay = _Stay.LEAVING
            calls.call("TenantService.DeleteTenant", DeleteTenantRequest(tenant=self.tenant))
            self._stay = _Stay.ABSENT
        self.acknowledged += 1

    def check(self, calls: Calls, is_there: bool) -> list[Finding]:
        """What must not be, after a crash; what was not known before is known then. Raises Gone."""
        if not is_there:
            is_lost = self._stay is _Stay.PRESENT
            self._stay = _Stay.ABSENT
            return [Finding("lost", self.tenant, "the tenant is not there")] if is_lost else []
        if self._stay is _Stay.ABSENT:
            return [Finding("phantom", self.tenant, "the deleted tenant is there")]
        try:
            found = calls.tenant(self.tenant)
        except Refused as error:
            return [Finding("divergent", self.tenant, f"listed, and not there: {error}")]
        findings = []
        if found.display_name != self._mark or len(found.chart) != len(wordings.CATEGORIES):
            findings.append(Finding("phantom", self.tenant, "the tenant is an earlier one, or half of one"))
        labels = found.statistics.labels
        if labels not in (self._labels, self._labels_perhaps):
            what = "lost" if labels < self._labels else "phantom"
            findings.append(Finding(what, self.tenant, f"has {labels} labels, not {self._labels}"))
        self._stay, self._labels = _Stay.PRESENT, labels
        self._labels_perhaps = labels
        return findings
