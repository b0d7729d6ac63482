"""What is known of a tenant without teaching or asking it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from likewise_engine.audit import Counts
from likewise_engine.calibration import Calibration, Outcomes
from likewise_engine.chart import Category
from likewise_engine.encoder.base import Encoder
from likewise_engine.ledger.hindsight import Hindsight
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.store.base import StoreStatistics, TenantRecord, TenantStore
from likewise_engine.vote import Vote


def everything(statistics: StoreStatistics) -> Counts:
    """What is erased with a tenant."""
    return Counts(
        entries=statistics.labels,
        texts=statistics.texts,
        vectors=statistics.texts,
        corrections=statistics.corrections,
        outcomes=statistics.outcomes,
        categories=statistics.categories,
    )


@dataclass(frozen=True, slots=True)
class TenantDescription:
    """A tenant as it is described to people.

    Attributes:
        record: the tenant itself.
        chart: its categories, by number.
        statistics: its counts.
        calibrations: by dimension of its chart, in the order of their names.
        memory_bytes: of its loaded ledger; 0 where it is not loaded.
        has_graph: whether its loaded index has a graph; None where it is not loaded.
    """

    record: TenantRecord
    chart: Sequence[Category]
    statistics: StoreStatistics
    calibrations: Mapping[str, Calibration]
    memory_bytes: int
    has_graph: bool | None

    @classmethod
    def of(cls, store: TenantStore, ledger: Ledger | None, encoder: Encoder, vote: Vote) -> Self:
        """Describe a tenant.

        Args:
            store: of the tenant.
            ledger: over that store, if it is loaded.
            encoder: that serves.
            vote: that serves.

        Raises:
            StoreFault.
        """
        record, chart = store.record(), store.chart()
        # As the ledger has them, or would: outcomes of other models tell nothing of these.
        is_of_these = record.outcomes_fingerprint == Hindsight(encoder, vote).fingerprint
        outcomes = store.outcomes() if is_of_these else {}
        calibrations = {
            dimension: Calibration.of(
                vote.pooled, outcomes.get(dimension, Outcomes.none()), record.policy.target_precision
            )
            for dimension in sorted({c.dimension for c in chart if not c.is_purged})
        }
        return cls(
            record,
            chart,
            store.statistics(),
            calibrations,
            0 if ledger is None else ledger.memory_bytes,
            None if ledger is None else ledger.view.index.graph is not None,
        )
