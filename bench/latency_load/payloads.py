"""The messages of a schedule, made and serialised before the first is sent."""

import random
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from latency_load.folder import COLD, Prepared
from latency_load.invented import InventedTenant, Row
from latency_load.schedule import KINDS, Schedule
from latency_load.workload import IMPORT_ROWS, Kind, Workload, popularity, sizes, tenant_id
from likewise.v1.classifier_service_pb2 import ClassifyRequest
from likewise.v1.ledger_service_pb2 import ImportTransactionsRequest, LearnRequest

ECHOED: Final = b"\x0a\x0ctenant-00000" + bytes(60)
"""As long as a ClassifyRequest."""


class Payloads:
    """Makes the messages of one run; the same workload makes the same.

    Args:
        workload: whose tenants are asked and taught.
        prepared: the folder that they lie in.
    """

    def __init__(self, workload: Workload, prepared: Prepared) -> None:
        self._tenants = [
            InventedTenant.of_size(tenant_id(number), labels, workload.seed)
            for number, labels in enumerate(sizes(workload))
        ]
        self._shares = list(accumulate(popularity(workload.tenants, workload.seed).tolist()))
        self._cold_original = InventedTenant.of_size(COLD, workload.cold_labels, workload.seed)
        self._prepared = prepared
        self._rng = random.Random(f"{workload.seed}/payloads")

    def first_touches(self) -> list[bytes]:
        """A Classify for each tenant that is not to be touched cold, those that are due a graph last."""
        warm = [classify_message(tenant.id, tenant.row("", self._rng)) for tenant in self._tenants]
        return warm + [
            classify_message(tenant, self._cold_original.row("", self._rng))
            for tenant in self._prepared.builds
        ]

    def of(self, schedule: Schedule) -> list[bytes]:
        """The message of each call of a schedule, in its order."""
        cold = iter(self._prepared.cold)
        payloads = []
        for number, kind in enumerate(schedule.kinds):
            if KINDS[kind] is Kind.COLD:
                payloads.append(classify_message(next(cold), self._cold_original.row("", self._rng)))
            else:
                payloads.append(self._of_warm(KINDS[kind], f"run-{number}"))
        return payloads

    def _of_warm(self, kind: Kind, request_id: str) -> bytes:
        tenant = self._rng.choices(self._tenants, cum_weights=self._shares)[0]
        match kind:
            case Kind.CLASSIFY:
                return classify_message(tenant.id, tenant.asked_row(self._rng))
            case Kind.LEARN:
                learned = [tenant.row(request_id, self._rng).message()]
                return LearnRequest(
                    tenant=tenant.id, transactions=learned, request_id=request_id
                ).SerializeToString()
            case Kind.IMPORT:
                rows = [tenant.row(f"{request_id}-{part}", self._rng) for part in range(IMPORT_ROWS)]
                return _imported(tenant.id, rows)
            case _:
                raise ValueError(f"{kind} is not asked of a warm tenant")


def classify_message(tenant: str, row: Row) -> bytes:
    """A ClassifyRequest for a row, serialised."""
    return ClassifyRequest(tenant=tenant, transaction=row.question()).SerializeToString()


def _imported(tenant: str, rows: Sequence[Row]) -> bytes:
    messages = [row.message() for row in rows]
    return ImportTransactionsRequest(tenant=tenant, transactions=messages).SerializeToString()
