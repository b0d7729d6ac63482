"""The canonical workload: who the tenants are, how much they are asked, and for what."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.index.texts import EXACT_TEXTS_MAX

SIZES_SIGMA: Final = 1.3
"""Standard deviation of the logarithm of a tenant's labels: of 1,000 tenants with a median of 1,500 labels,
four have more than 50,000."""
NEW_TEXT_SHARE: Final = 0.1
"""Of the texts that are asked about, the share that the tenant has never seen."""
IMPORT_ROWS: Final = 200
"""Transactions of one import batch: a day or a week of a business's bank statement."""
_CONNECTIONS_PER_WORKER: Final = 8


class Kind(StrEnum):
    """What is timed."""

    CLASSIFY = "classify"
    LEARN = "learn"
    COLD = "cold"
    """A Classify that is the first that the server hears of a tenant."""
    IMPORT = "import"
    ECHO = "echo"
    """The floor: the same server stack, and nothing behind it."""


CANONICAL: Final[Mapping[Kind, float]] = {
    Kind.CLASSIFY: 0.88,
    Kind.LEARN: 0.10,
    Kind.COLD: 0.01,
    Kind.IMPORT: 0.01,
}
CLASSIFY_ONLY: Final[Mapping[Kind, float]] = {Kind.CLASSIFY: 1.0}
ECHO_ONLY: Final[Mapping[Kind, float]] = {Kind.ECHO: 1.0}


@dataclass(frozen=True)
class Workload:
    """What the data folder holds; the same value gives the same folder.

    Attributes:
        tenants: how many are asked and taught.
        labels_median: of their sizes, which are log-normal.
        largest: labels of the largest.
        cold_labels: labels of each tenant that is touched cold.
        build_texts: texts, and labels, of each tenant whose graph is built meanwhile; 0 for no build.
        seed: of all that is drawn.
    """

    tenants: int = 1_000
    labels_median: int = 1_500
    largest: int = 200_000
    cold_labels: int = 10_000
    build_texts: int = 100_000
    seed: int = 1

    def __post_init__(self) -> None:
        if min(self.tenants, self.labels_median, self.largest, self.cold_labels) < 1 or self.build_texts < 0:
            raise ValueError("tenants and their labels are counted from 1")
        if 0 < self.build_texts <= EXACT_TEXTS_MAX:
            raise ValueError(f"no graph is built of {EXACT_TEXTS_MAX} texts or fewer: give 0 for no build")


@dataclass(frozen=True)
class Load:
    """What is done to the server.

    Attributes:
        rate_hz: calls a second that are due on average.
        seconds: measured.
        warmup_s: of the same load before, which is not measured.
        workers: processes of the server.
        classify_only: nothing but Classify of warm tenants, and no graph is built meanwhile.
    """

    rate_hz: float = 300.0
    seconds: float = 60.0
    warmup_s: float = 10.0
    workers: int = 1
    classify_only: bool = False

    def __post_init__(self) -> None:
        if min(self.rate_hz, self.seconds, self.workers) <= 0 or self.warmup_s < 0:
            raise ValueError("a load has a rate and lasts some time")

    @property
    def connections(self) -> int:
        """By which calls come. The system deals connections out to workers: of many, each has its share."""
        return 1 if self.workers == 1 else _CONNECTIONS_PER_WORKER * self.workers

    @property
    def mix(self) -> Mapping[Kind, float]:
        """Shares of the kinds of calls."""
        return CLASSIFY_ONLY if self.classify_only else CANONICAL

    @property
    def lasts_s(self) -> float:
        """Seconds with the warm-up."""
        return self.warmup_s + self.seconds


def tenant_id(number: int) -> str:
    """Of a tenant that is asked and taught."""
    return f"tenant-{number:05}"


def sizes(workload: Workload) -> list[int]:
    """Labels of each tenant, in the order of their numbers.

    Quantiles of the log-normal distribution, not draws from it: the median is what was asked for, and there
    is the same tail, whatever the seed. The seed says which tenant has which.
    """
    normal = NormalDist(math.log(workload.labels_median), SIZES_SIGMA)
    quantiles = ((number + 0.5) / workload.tenants for number in range(workload.tenants))
    labels = [max(1, round(math.exp(normal.inv_cdf(quantile)))) for quantile in quantiles]
    labels = [min(size, workload.largest) for size in labels[:-1]] + [workload.largest]
    random.Random(f"{workload.seed}/sizes").shuffle(labels)
    return labels


def popularity(tenants: int, seed: int) -> NDArray[np.float64]:
    """Float64 ``(tenants,)``: each tenant's share of calls, by its number. Zipf with exponent 1.

    A tenant's size says nothing of its popularity.
    """
    ranks = np.random.default_rng([seed, 1]).permutation(tenants) + 1
    shares: NDArray[np.float64] = 1.0 / ranks / np.sum(1.0 / ranks)
    return shares
