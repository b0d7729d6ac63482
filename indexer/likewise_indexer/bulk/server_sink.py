"""Through a running server, over gRPC.

Items are checked here first: what cannot be said in the contract's messages (an amount of 30 digits) is
refused with the same words as everything else that is out of bounds.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import likewise
from likewise.errors import error_of_status
from likewise_engine import limits
from likewise_engine.chart import Category
from likewise_engine.errors import FieldViolation, TenantNotFound
from likewise_engine.ledger.outcomes import ImportOutcome, LearnOutcome, Rejection
from likewise_engine.transaction import Authority, LabelledTransaction
from likewise_indexer.bulk.chart import TenantChart
from likewise_indexer.bulk.sink import rejections_of
from likewise_indexer.messages import transaction_message

_AUTHORITIES: Final[Mapping[Authority, likewise.Authority.ValueType]] = {
    Authority.MACHINE: likewise.Authority.AUTHORITY_MACHINE,
    Authority.PERSON: likewise.Authority.AUTHORITY_PERSON,
}
_TENANT_NOT_FOUND: Final = "TENANT_NOT_FOUND"


class ServerSink:
    """Imports through a server.

    Args:
        client: of the server; whoever made it closes it.
        creates: whether tenants that do not exist are created.
    """

    def __init__(self, client: likewise.Client, *, creates: bool = True) -> None:
        self._client = client
        self._creates = creates

    def prepare(self, tenant: str, chart: TenantChart) -> None:
        """See :meth:`Sink.prepare`."""
        wanted = likewise.Tenant(
            id=tenant, display_name=chart.display_name, chart=map(_category_message, chart.categories)
        )
        try:
            known = self._client.get_tenant(tenant)
        except likewise.NotFound as error:
            if not self._creates:
                raise TenantNotFound(tenant) from error
            self._client.create_tenant(wanted)
            return
        mask = ["chart"] if chart.categories else []
        mask += ["display_name"] if chart.display_name not in ("", known.display_name) else []
        if mask:
            self._client.update_tenant(wanted, update_mask=mask)

    def take(self, tenant: str, items: Sequence[LabelledTransaction]) -> ImportOutcome:
        """See :meth:`Sink.take`."""
        refused = rejections_of(items)
        if refused:
            positions = {rejection.position for rejection in refused}
            kept = [position for position in range(len(items)) if position not in positions]
        else:
            kept = list(range(len(items)))
        outcomes = [ImportOutcome(LearnOutcome(0), refused), *self._import(tenant, items, kept)]
        learned = [outcome.learned for outcome in outcomes]
        return ImportOutcome(
            LearnOutcome(
                revision=max(one.revision for one in learned),
                created=sum(one.created for one in learned),
                updated=sum(one.updated for one in learned),
                unchanged=sum(one.unchanged for one in learned),
                kept=sum(one.kept for one in learned),
                inactive_labels=sum(one.inactive_labels for one in learned),
            ),
            tuple(rejection for outcome in outcomes for rejection in outcome.rejections),
        )

    def finish(self) -> None:
        """Nothing is waited for: the server builds what is due by itself."""

    def _import(
        self, tenant: str, items: Sequence[LabelledTransaction], positions: Sequence[int]
    ) -> Iterator[ImportOutcome]:
        """Import the items at some positions, so few at once that the server names each one it refuses."""
        for start in range(0, len(positions), limits.REJECTIONS_RETURNED_MAX):
            part = positions[start : start + limits.REJECTIONS_RETURNED_MAX]
            try:
                answer = self._client.import_transactions(tenant, [_message(items[p]) for p in part])
            except likewise.NotFound as error:
                if error.reason == _TENANT_NOT_FOUND:
                    raise TenantNotFound(tenant) from error
                raise
            yield ImportOutcome(
                LearnOutcome(
                    answer.revision,
                    answer.created,
                    answer.updated,
                    answer.unchanged,
                    answer.kept,
                    answer.inactive_labels,
                ),
                tuple(_rejection(rejected, part) for rejected in answer.rejections),
            )


def _rejection(rejected: likewise.RejectedTransaction, positions: Sequence[int]) -> Rejection:
    error = error_of_status(rejected.error)
    violations = tuple(FieldViolation(v.field, v.message) for v in error.violations)
    return Rejection(
        positions[rejected.position],
        rejected.transaction_id,
        violations or (FieldViolation("", error.message),),
    )


def _message(item: LabelledTransaction) -> likewise.LabelledTransaction:
    return likewise.labelled(
        transaction_message(item.transaction),
        labels=item.labels,
        authority=_AUTHORITIES[item.authority],
        predicted=item.predicted,
    )


def _category_message(category: Category) -> likewise.Category:
    return likewise.Category(
        dimension=category.dimension,
        id=category.id,
        name=category.name,
        description=category.description,
        active=category.active,
    )
