"""Straight into the ledgers of a data folder, which this process holds."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final, Self

from likewise_engine.errors import TenantNotFound
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.outcomes import ImportOutcome
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.bulk.chart import TenantChart

_ACTOR: Final = "local"
"""In the audit trail: whoever may write to the data folder itself."""


class EngineSink:
    """Imports into a data folder; a context manager.

    Graphs, heads and calibrations have to wait until it is finished. The tenant of the latest batch is in use
    until another one's comes: one that is larger than all memory for tenants is loaded once all the same.

    Args:
        tenants: of the folder; whoever opened them closes them.
        creates: whether tenants that do not exist are created.
    """

    def __init__(self, tenants: Tenants, *, creates: bool = True) -> None:
        self._tenants = tenants
        self._creates = creates
        self._use = ExitStack()
        self._used: tuple[str, Ledger] | None = None
        tenants.defer_upkeep()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._let_go()

    def prepare(self, tenant: str, chart: TenantChart) -> None:
        """See :meth:`Sink.prepare`."""
        if not self._tenants.exists(tenant):
            if not self._creates:
                raise TenantNotFound(tenant)
            self._tenants.create(tenant, chart.display_name, categories=chart.categories, actor=_ACTOR)
            return
        known = self._tenants.describe(tenant)
        changed = [category for category in chart.categories if category not in set(known.chart)]
        renamed = chart.display_name not in ("", known.record.display_name)
        if changed or renamed:
            with self._tenants.use(tenant) as ledger:
                ledger.update(display_name=chart.display_name or None, categories=changed, actor=_ACTOR)

    def take(self, tenant: str, items: Sequence[LabelledTransaction]) -> ImportOutcome:
        """See :meth:`Sink.take`."""
        if self._used is None or self._used[0] != tenant:
            self._let_go()
            self._used = tenant, self._use.enter_context(self._tenants.use(tenant))
        return self._used[1].import_batch(items, actor=_ACTOR)

    def finish(self) -> None:
        """Wait until graphs are built, heads trained, and the history replayed that calibrates."""
        self._let_go()
        self._tenants.settle()

    def _let_go(self) -> None:
        """Use no tenant any more."""
        self._used = None
        self._use.close()
