"""What a tenant was told, and what became of each: the journal that answers are checked against.

A *deed* is one change that a server was asked for: a Learn, a piece of an import, a ForgetTransactions, a
change of the chart or of the settings. Each that changes anything has a revision of its own, so the revisions
put them in order, whoever asked for them and however they were interleaved. Most say theirs in the answer. Of
those without an answer, Learns and pieces have an *anchor*, an id that nothing else ever has: the entry of it
says the revision, or that nothing happened. All others a tenant is told by one thread, in turn; so what they
came to follows from the revisions that nobody else has.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from google.protobuf.message import Message


class Kind(Enum):
    """What is asked for; the value is the method of the service."""

    LEARN = "LedgerService.Learn"
    PIECE = "LedgerService.ImportTransactions"
    FORGET = "LedgerService.ForgetTransactions"
    UPDATE = "TenantService.UpdateTenant"
    RENAME = "TenantService.RenameCategory"
    MERGE = "TenantService.MergeCategories"
    DEACTIVATE = "TenantService.DeactivateCategory"


class Fate(Enum):
    """What became of a deed, as far as its caller knows."""

    OPEN = "it has no answer"
    ACKNOWLEDGED = "it was answered with success"
    REFUSED = "it was answered with an error, so nothing came of it"
    IDLE = "it was answered with success, and there was nothing to change"


@dataclass(eq=False, slots=True)
class Deed:
    """One change that was asked for.

    Attributes:
        kind: of it.
        request: as it was sent.
        anchor: id of an entry that this alone makes; "" for none.
        fate: of it.
        revision: that it led to, once known; 0 before, and where it changed nothing.
        response: the answer, if it has one.
        is_settled: whether what became of it was found after a crash, and it is in order among others.
    """

    kind: Kind
    request: Message
    anchor: str = ""
    fate: Fate = Fate.OPEN
    revision: int = 0
    response: Message | None = None
    is_settled: bool = False

    @property
    def may_have_happened(self) -> bool:
        """Whether it may have led to a revision."""
        return self.fate in (Fate.OPEN, Fate.ACKNOWLEDGED)

    @property
    def ids(self) -> list[str]:
        """Ids of the entries that it writes."""
        items: Iterable[Any] = getattr(self.request, "transactions", ())
        return [item.transaction.id for item in items]

    @property
    def forgotten_ids(self) -> list[str]:
        """Ids of the entries that it erases."""
        return list(getattr(self.request, "transaction_ids", ()))


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be.

    Attributes:
        what: "lost", "phantom", "divergent" or "failed".
        tenant: whose.
        message: what exactly.
    """

    what: str
    tenant: str
    message: str


@dataclass(slots=True)
class Book:
    """The journal of one tenant. Threads may add deeds at the same time; the rest is for one of them.

    Attributes:
        tenant: its id.
        revision: as of which everything is settled.
        deeds: those that are not, in the order in which they were begun.
        present: ids of entries as of that revision.
        marks: words that only one entry has, by its id.
    """

    tenant: str
    revision: int = 0
    deeds: list[Deed] = field(default_factory=list)
    present: set[str] = field(default_factory=set)
    marks: dict[str, str] = field(default_factory=dict)

    def begin(self, kind: Kind, request: Message, anchor: str = "") -> Deed:
        """Note a deed, before it is asked for."""
        deed = Deed(kind, request, anchor)
        self.deeds.append(deed)
        return deed

    def order(self, revision: int, entries: Mapping[str, int]) -> "Order":
        """Put what happened in order.

        Args:
            revision: of the tenant, as it is found.
            entries: the revision of each entry, by id.
        """
        order = Order([], [])
        of_revision: dict[int, Deed] = {}
        for deed in self.deeds:
            number = deed.revision
            if deed.anchor and not number and deed.may_have_happened:
                number = entries.get(deed.anchor, 0)
                if not number and deed.fate is Fate.ACKNOWLEDGED:
                    order.findings.append(Finding("lost", self.tenant, f"{_named(deed)} is not there"))
            if number > revision:
                order.findings.append(
                    Finding("lost", self.tenant, f"{_named(deed)}, revision {number}, is beyond {revision}")
                )
            elif number:
                if number in of_revision:
                    message = f"{_named(deed)} and {_named(of_revision[number])} both have revision {number}"
                    order.findings.append(Finding("divergent", self.tenant, message))
                of_revision[number] = deed
        self._fill_gaps(revision, of_revision, order)
        order.happened = sorted(of_revision.items())
        order.findings += _cut_imports(self.tenant, self.deeds, of_revision.values())
        return order

    def _fill_gaps(self, revision: int, of_revision: dict[int, Deed], order: "Order") -> None:
        """Give the revisions that nobody has to those that do not know theirs, in turn."""
        gaps = [number for number in range(self.revision + 1, revision + 1) if number not in of_revision]
        unknown = [
            deed for deed in self.deeds if not deed.anchor and not deed.revision and deed.may_have_happened
        ]
        missing = [deed for deed in unknown[len(gaps) :] if deed.fate is Fate.ACKNOWLEDGED]
        order.findings += [
            Finding("lost", self.tenant, f"{_named(deed)} left no revision") for deed in missing
        ]
        order.findings += [
            Finding("phantom", self.tenant, f"nobody asked for revision {number}")
            for number in gaps[len(unknown) :]
        ]
        of_revision.update(zip(gaps, unknown, strict=False))

    def check_presence(self, order: "Order", entries: Collection[str]) -> list[Finding]:
        """Compare the ids that should be there with those that are."""
        expected = set(self.present)
        for _, deed in order.happened:
            expected.update(deed.ids)
            expected.difference_update(deed.forgotten_ids)
        expected = {name for name in expected if not name.startswith(REJECTED)}
        lost, phantom = expected.difference(entries), set(entries).difference(expected)
        return [Finding("lost", self.tenant, f"entry {name} is not there") for name in sorted(lost)] + [
            Finding("phantom", self.tenant, f"entry {name} is there") for name in sorted(phantom)
        ]

    def settle(self, order: "Order", revision: int) -> list[Deed]:
        """Take an order for granted. Returns what happened since the last time, in order."""
        for number, deed in order.happened:
            deed.revision, deed.is_settled = number, True
            self.present.update(name for name in deed.ids if not name.startswith(REJECTED))
            self.present.difference_update(deed.forgotten_ids)
        self.revision = revision
        self.deeds = []
        return [deed for _, deed in order.happened]


@dataclass(slots=True)
class Order:
    """What happened to a tenant since it was last settled.

    Attributes:
        happened: deeds by revision, ascending.
        findings: what does not fit.
    """

    happened: list[tuple[int, Deed]]
    findings: list[Finding]


REJECTED = "wrong-"
"""How ids of transactions begin that are refused."""


def _named(deed: Deed) -> str:
    return f"{deed.fate.name.lower()} {deed.kind.name.lower()} {deed.anchor}".strip()


def _cut_imports(tenant: str, deeds: Sequence[Deed], happened: Collection[Deed]) -> list[Finding]:
    """An import is taken piece by piece, from the first on: none after one that did not happen."""
    findings, missing = [], dict[str, Deed]()
    there = set(map(id, happened))
    for deed in deeds:
        if deed.kind is Kind.PIECE:
            before = missing.get(stem(deed.anchor))
            if id(deed) not in there:
                missing[stem(deed.anchor)] = deed
            elif before is not None:
                findings.append(Finding("lost", tenant, f"{_named(before)} is not there, a later piece is"))
    return findings


def stem(anchor: str) -> str:
    """What the anchors of one import have in common."""
    return anchor.rpartition("#")[0]
