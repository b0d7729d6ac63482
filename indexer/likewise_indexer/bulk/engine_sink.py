"""Straight into the ledgers of a data folder, which this process holds."""

from collections.abc import Sequence

from likewise_engine.errors import TenantNotFound
from likewise_engine.ledger.outcomes import ImportOutcome
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.bulk.chart import TenantChart


class EngineSink:
    """Imports into a data folder.

    Args:
        tenants: of the folder; whoever opened them closes them.
        creates: whether tenants that do not exist are created.
    """

    def __init__(self, tenants: Tenants, *, creates: bool = True) -> None:
        self._tenants = tenants
        self._creates = creates

    def prepare(self, tenant: str, chart: TenantChart) -> None:
        """See :meth:`Sink.prepare`."""
        if not self._tenants.exists(tenant):
            if not self._creates:
                raise TenantNotFound(tenant)
            self._tenants.create(tenant, chart.display_name, categories=chart.categories)
            return
        known = self._tenants.describe(tenant)
        changed = [category for category in chart.categories if category not in set(known.chart)]
        renamed = chart.display_name not in ("", known.record.display_name)
        if changed or renamed:
            with self._tenants.use(tenant) as ledger:
                ledger.update(display_name=chart.display_name or None, categories=changed)

    def take(self, tenant: str, items: Sequence[LabelledTransaction]) -> ImportOutcome:
        """See :meth:`Sink.take`."""
        with self._tenants.use(tenant) as ledger:
            return ledger.import_batch(items)

    def finish(self) -> None:
        """Wait until the graphs that are due are built."""
        self._tenants.settle()
