"""Where an import's batches go. Implementations stand beside this file; none knows another."""

from collections.abc import Sequence
from typing import Protocol

from likewise_engine.ledger.outcomes import ImportOutcome, LearnOutcome, Rejection
from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.bulk.chart import TenantChart


class Sink(Protocol):
    """Takes batches of labelled transactions, and says which items it refuses and why."""

    def prepare(self, tenant: str, chart: TenantChart) -> None:
        """See to it that there is such a tenant, with this name and these categories if any are given.

        Raises:
            TenantNotFound: there is none and none is to be created.
            LikewiseError, likewise.Error: it could not be created or updated.
        """

    def take(self, tenant: str, items: Sequence[LabelledTransaction]) -> ImportOutcome:
        """Commit what is right in a batch; when this returns, it is on disk.

        Raises:
            LikewiseError, likewise.Error: how much of the batch was committed is not known. It may be
                repeated.
        """

    def finish(self) -> None:
        """Wait until what was taken is made the most of. It could be searched before."""


class CheckingSink:
    """Checks items and keeps nothing; what is right counts as created."""

    def prepare(self, tenant: str, chart: TenantChart) -> None:
        """Nothing is to be prepared."""

    def take(self, tenant: str, items: Sequence[LabelledTransaction]) -> ImportOutcome:  # noqa: ARG002
        """Check a batch, whosever it is."""
        rejections = rejections_of(items)
        return ImportOutcome(LearnOutcome(0, created=len(items) - len(rejections)), rejections)

    def finish(self) -> None:
        """Nothing is to be waited for."""


def rejections_of(items: Sequence[LabelledTransaction]) -> tuple[Rejection, ...]:
    """The items that are out of bounds, whichever tenant takes them."""
    found = ((position, item, tuple(item.violations())) for position, item in enumerate(items))
    return tuple(
        Rejection(position, item.transaction.id, violations)
        for position, item, violations in found
        if violations
    )
