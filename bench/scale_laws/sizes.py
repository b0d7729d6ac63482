"""The sizes at which each part is measured, and for how long."""

from dataclasses import dataclass
from typing import Final

WARM_TENANTS: Final = 10
"""Of the tenants on disk, those that are asked."""


@dataclass(frozen=True)
class Sizes:
    """Steps of all parts, each in ascending order.

    Attributes:
        labels: of the one tenant that is asked.
        tenants: on disk.
        cold_labels: of tenants that are touched cold.
        rows: of the books that are indexed in bulk.
        rows_per_tenant: of these books.
        settled_rows_max: books of more rows are not trained on, calibrated and given graphs.
        rate_hz: calls of Classify a second, in all.
        seconds: of each round of Classify.
        rounds: in which all steps of a part are measured, one after another: what else the machine does
            changes from minute to minute, and so it meets them all.
        cold_tenants: of each size, touched once after each start of a server.
        cold_starts: of a server.
        warm_labels: of each tenant that is asked while there are others on disk.
        questions: that are searched for by graph and by exact scan, half of them of new texts.
        seed: of all that is drawn.
    """

    labels: tuple[int, ...] = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
    tenants: tuple[int, ...] = (10, 100, 1_000, 10_000, 100_000)
    cold_labels: tuple[int, ...] = (1_000, 3_000, 10_000, 30_000, 100_000)
    rows: tuple[int, ...] = (10_000, 30_000, 100_000, 300_000, 1_000_000)
    rows_per_tenant: int = 1_500
    settled_rows_max: int = 30_000
    rate_hz: float = 100.0
    seconds: float = 30.0
    rounds: int = 3
    cold_tenants: int = 20
    cold_starts: int = 10
    warm_labels: int = 1_000
    questions: int = 1_000
    seed: int = 1

    def __post_init__(self) -> None:
        steps = (self.labels, self.tenants, self.cold_labels, self.rows)
        if any(not each or list(each) != sorted(set(each)) or each[0] < 1 for each in steps):
            raise ValueError("steps ascend, from 1")
        if self.tenants[0] < WARM_TENANTS:
            raise ValueError(f"{WARM_TENANTS} tenants are asked: there cannot be fewer on disk")
        counts = (
            *(self.rows_per_tenant, self.rounds, self.cold_tenants, self.cold_starts),
            *(self.warm_labels, self.questions),
        )
        if min(*counts, self.rate_hz, self.seconds) <= 0:
            raise ValueError("whatever is measured takes some calls and some time")


SMALL: Final = Sizes(
    labels=(20, 60),
    tenants=(10, 30),
    cold_labels=(20, 60),
    rows=(200, 600),
    rows_per_tenant=100,
    seconds=1.0,
    rounds=1,
    cold_tenants=3,
    cold_starts=1,
    warm_labels=20,
    questions=20,
)
"""A minute at most: it shows that all parts work, and says nothing of speed."""
