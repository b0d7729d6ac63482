"""What is known of a tenant without teaching or asking it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from likewise_engine.audit import NOTHING, Counts
from likewise_engine.calibration import Calibration, Outcomes
from likewise_engine.chart import Category
from likewise_engine.errors import StoreFault
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.hindsight import models_fingerprint
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.store.base import StoreStatistics, TenantRecord, TenantStore
from likewise_engine.store.predictions import PredictionFile
from likewise_engine.store.sqlite import SqliteStore
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
        testimonies=statistics.testimonies,
    )


def contents(path: Path, key: Callable[[], TenantKey]) -> tuple[Counts, int]:
    """What a store holds, and its revision. One that is damaged, or has no key, says nothing."""
    try:
        with closing(SqliteStore(path, key())) as store:
            counts = replace(everything(store.statistics()), predictions=_answered(path.parent, store.key))
            return counts, store.record().revision
    except StoreFault:
        return NOTHING, 0


def _answered(folder: Path, key: TenantKey) -> int:
    """How many answers are recorded; 0 where the file is damaged."""
    try:
        return PredictionFile(folder, key).count()
    except StoreFault:
        return 0


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
    def of(cls, store: TenantStore, ledger: Ledger | None, vote: Vote) -> Self:
        """Describe a tenant.

        Args:
            store: of the tenant.
            ledger: over that store, if it is loaded.
            vote: that serves.

        Raises:
            StoreFault.
        """
        record, chart = store.record(), store.chart()
        # As the ledger has them, or would: outcomes of other models tell nothing of these.
        models = models_fingerprint(vote.fingerprint, record.encoder_fingerprint)
        is_of_these = record.outcomes_fingerprint == models
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
