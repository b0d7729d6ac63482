"""What an import has come to so far."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field
from operator import add

from likewise_engine.ledger.outcomes import ImportOutcome


@dataclass(slots=True)
class TenantTally:
    """Rows of one tenant.

    Attributes:
        created: entries that are new.
        updated: entries that replaced an earlier one of the same id.
        unchanged: entries that were there already, exactly so.
        kept: entries left as they are, since somebody of more authority labelled them.
        skipped: rows without a label.
        rejected: rows that are wrong.
        inactive_labels: labels of the created and updated entries whose category is not active.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0
    skipped: int = 0
    rejected: int = 0
    inactive_labels: int = 0

    def add(self, outcome: ImportOutcome) -> None:
        """Count what came of a batch."""
        learned = outcome.learned
        self.created += learned.created
        self.updated += learned.updated
        self.unchanged += learned.unchanged
        self.kept += learned.kept
        self.inactive_labels += learned.inactive_labels

    @property
    def committed(self) -> int:
        """Rows that are in the tenant's ledger."""
        return self.created + self.updated + self.unchanged + self.kept

    @property
    def rows(self) -> int:
        """All rows."""
        return self.committed + self.skipped + self.rejected


@dataclass(slots=True)
class Tally:
    """Rows of all tenants.

    Attributes:
        tenants: by id; the empty id has the rejected rows that could not be told whose they are.
        is_complete: whether all files were read to their end.
    """

    tenants: defaultdict[str, TenantTally] = field(default_factory=lambda: defaultdict(TenantTally))
    is_complete: bool = False

    @property
    def total(self) -> TenantTally:
        """The sums over all tenants."""
        return TenantTally(*map(sum, zip(*self._counts(), strict=True)))

    def include(self, other: "Tally") -> None:
        """Add the rows of another one."""
        for tenant, counts in other.tenants.items():
            self.tenants[tenant] = TenantTally(*map(add, astuple(self.tenants[tenant]), astuple(counts)))

    def _counts(self) -> Iterator[tuple[int, ...]]:
        yield astuple(TenantTally())
        yield from map(astuple, self.tenants.values())
