"""What came of a backtest: frozen values, from which the table, the JSON and the HTML report are made.

    Backtest
    ├── tenants: TenantResult…             one a tenant that was measured
    │   ├── asked: AskedRows               what was asked: the same for all who answered
    │   ├── answers: {who: Answers}        what each of them answered, row by row
    │   └── performance: {who: Performance}
    ├── macro: {who: Performance}          plain averages over the tenants
    ├── behind, confusions                 against the peers; what it takes for what
    └── left_out, peers_missing            what was not measured, and why

``who`` is ``likewise`` or the name of a peer; ``likewise`` comes first wherever there is an order. Columns
are numpy arrays and all columns of a value have one element a row. A figure that does not exist (the
precision of what was FILEd where nothing was) is NaN.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.answers import Decision, Neighbour
from likewise_engine.chart import TARGET_PRECISION_DEFAULT, violations_of_target_precision
from likewise_engine.errors import FieldViolation, InvalidInput
from likewise_engine.transaction import CATEGORY_DIMENSION, violations_of_string

LIKEWISE: Final = "likewise"
"""Who is backtested; the others are peers."""
NO_LABEL: Final = -1
"""In place of the number of a label, or of a rank, where there is none."""
NO_DECISION: Final = 0
"""In place of a :class:`Decision`: peers rank, and decide nothing."""

SLICES: Final = {
    "payee_unseen": "payee never seen before",
    "payee_ambiguous": "payee seen with several categories",
    "category_rare": "category seen fewer than 5 times before",
    "amount_small": "smallest third of the amounts",
    "amount_medium": "middle third of the amounts",
    "amount_large": "largest third of the amounts",
    "amount_missing": "no amount",
    "age_first": "first third of the time",
    "age_middle": "middle third of the time",
    "age_last": "last third of the time",
}
"""Parts of the asked rows by their name, each with what it is."""

LEARNING_SIZES: Final = (10, 50, 200, 1_000)
"""Labels after which it is asked how much was learned; and once after all."""

Floats = NDArray[np.float64]


class Visibility(StrEnum):
    """When the label of a replayed row becomes visible to later ones."""

    NEXT_DAY = "next-day"
    IMMEDIATE = "immediate"
    BATCH = "batch"


@dataclass(frozen=True, slots=True)
class BacktestSettings:
    """How to replay.

    Attributes:
        dimension: the dimension that is measured; all that the books have are taught.
        visibility: when labels become visible. ``next-day``: when the day of their row is over, since the
            lines of one invoice carry the same text and label. ``immediate``: to the very next row.
            ``batch``: those of the history and no others.
        history_share: share of a tenant's rows that is history and not asked about, above 0 and below 1.
        rows_max: latest rows of each tenant.
        target_precision: the share of FILEd rows that is to be right.
        learning: whether learning curves are measured.
        confusions_max: confusions to list; 0 for none.
        seed: of whoever leaves something to chance.
    """

    dimension: str = CATEGORY_DIMENSION
    visibility: Visibility = Visibility.NEXT_DAY
    history_share: float = 0.5
    rows_max: int = limits.BACKTEST_ROWS_DEFAULT
    target_precision: float = TARGET_PRECISION_DEFAULT
    learning: bool = True
    confusions_max: int = 0
    seed: int = 0

    def check(self) -> None:
        """Raise InvalidInput naming every setting that is out of bounds."""
        violations = [
            *violations_of_target_precision(self.target_precision),
            *violations_of_string("dimension", self.dimension, limits.DIMENSION_CHARS_MAX),
        ]
        if not 0 < self.history_share < 1:
            message = f"is {self.history_share}: it must be above 0 and below 1"
            violations.append(FieldViolation("history", message))
        for name, value in (
            ("rows_max", self.rows_max - 1),
            ("confusions_max", self.confusions_max),
            ("seed", self.seed),
        ):
            if value < 0:
                violations.append(FieldViolation(name, "is too small"))
        if violations:
            raise InvalidInput(violations)


@dataclass(frozen=True, slots=True, eq=False)
class AskedRows:
    """The n rows of a tenant that were asked about, in the order of asking.

    Attributes:
        position: int64 ``(n,)``, of the row among the tenant's replayed rows in order of time, from 0.
        day: int64 ``(n,)``, proleptic Gregorian ordinal of its date; 0 where it has none.
        amount: float64 ``(n,)``, NaN where not known.
        label: int64 ``(n,)``, the true label: an index into ``labels``.
        labels: ids of all categories that are true or answered somewhere.
        payees: of each row, its description where it has no payee.
        slices: bool ``(n,)`` by the names of SLICES: which rows belong to it.
        category_labels: int64 ``(n,)``, labels of the true category that were visible then.
    """

    position: NDArray[np.int64]
    day: NDArray[np.int64]
    amount: Floats
    label: NDArray[np.int64]
    labels: tuple[str, ...]
    payees: tuple[str, ...]
    slices: Mapping[str, NDArray[np.bool_]]
    category_labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.position)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What somebody answered to the n asked rows of a tenant.

    Attributes:
        rank: int64 ``(n,)``, of the true label among the candidates, from 0; NO_LABEL where it is not there.
        answered: int64 ``(n,)``, the first candidate: an index into ``AskedRows.labels``, or NO_LABEL.
        probability: float64 ``(n,)``, what is said of the first candidate; 0 where there is none.
        decision: int64 ``(n,)``, a :class:`Decision` or NO_DECISION.
        seconds: float64 ``(n,)``, the time of each answer.
    """

    rank: NDArray[np.int64]
    answered: NDArray[np.int64]
    probability: Floats
    decision: NDArray[np.int64]
    seconds: Floats

    @property
    def right(self) -> NDArray[np.bool_]:
        """Bool ``(n,)``: whether the first candidate was the true label."""
        return np.equal(self.rank, 0)


@dataclass(frozen=True, slots=True)
class Measures:
    """Figures of some answers; of several tenants, their plain averages. Shares are of all asked rows.

    Attributes:
        top1: share whose first candidate is right.
        top3: share whose true label is among the first three.
        coverage_at_95: largest share that some threshold on the probability answers at 95 % precision.
        coverage_at_98: the same at 98 %.
        ece: expected calibration error of the first candidate's probability, over ten bins.
        filed_share: share FILEd at the target precision. NaN, as all that follows to
            ``filed_precision``, of who decides nothing.
        suggested_share: share SUGGESTed.
        asked_share: share ASKed.
        filed_precision: share of the FILEd that is right; NaN where nothing was FILEd.
        hindsight_share: share that the best threshold FILEs at the target precision, had it been known.
        seconds_p50: median time of an answer.
        seconds_p99: its 99th percentile.
    """

    top1: float
    top3: float
    coverage_at_95: float
    coverage_at_98: float
    ece: float
    filed_share: float
    suggested_share: float
    asked_share: float
    filed_precision: float
    hindsight_share: float
    seconds_p50: float
    seconds_p99: float


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Is 80 % said where 80 % is right? Ten bins of equal width over the first candidate's probability.

    Attributes:
        rows: float64 ``(10,)``, share of the rows in each bin.
        probability: float64 ``(10,)``, mean probability said; NaN where a bin is empty.
        right: float64 ``(10,)``, share that was right; NaN where a bin is empty.
    """

    rows: Floats
    probability: Floats
    right: Floats


@dataclass(frozen=True, slots=True, eq=False)
class CoverageCurve:
    """How precise are the surest answers? Points to plot, surest answers first.

    Attributes:
        coverage: float64 ``(100,)``, share of the rows that are answered: .01 to 1.
        precision: float64 ``(100,)``, share of those answers that is right; among equal probabilities, on
            average over their orders.
    """

    coverage: Floats
    precision: Floats


@dataclass(frozen=True, slots=True)
class SliceMeasures:
    """Figures of a part of the asked rows.

    Attributes:
        rows: asked rows that belong to it, of all tenants together.
        tenants: tenants that have such rows; the figures are averages over these.
        top1: as in :class:`Measures`; NaN where there are no rows.
        coverage_at_95: as in :class:`Measures`, of these rows by themselves; NaN where there are none.
    """

    rows: int
    tenants: int
    top1: float
    coverage_at_95: float


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """How good one is who was taught so many labels and no more.

    Attributes:
        size: labels taught, one of LEARNING_SIZES; None for all but the last rows, which were asked about.
        labels: labels taught, on average over the tenants.
        rows: rows asked about, of all tenants together.
        tenants: tenants that have enough rows; the figures are averages over these.
        top1: as in :class:`Measures`.
        top3: as in :class:`Measures`.
        coverage_at_95: as in :class:`Measures`.
    """

    size: int | None
    labels: float
    rows: int
    tenants: int
    top1: float
    top3: float
    coverage_at_95: float


@dataclass(frozen=True, slots=True, eq=False)
class Performance:
    """How well somebody answered one tenant's rows, or on average those of all.

    Attributes:
        measures: the figures.
        reliability: of the probabilities.
        curve: coverage and precision.
        slices: by the names of SLICES; a slice without rows is there, with NaN.
        learning: in order of size; sizes that no tenant has enough rows for are left out.
    """

    measures: Measures
    reliability: Reliability
    curve: CoverageCurve
    slices: Mapping[str, SliceMeasures]
    learning: tuple[LearningPoint, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong answer of ours, and what misled it.

    Attributes:
        position: of the row among the tenant's replayed rows in order of time, from 0.
        date: the row's, where known.
        payee: the row's, or its description.
        amount: the row's, where known.
        currency: ISO 4217 code, or empty.
        probability: that the wrong label was given.
        decision: what was to be done with it.
        neighbours: the weightiest past entries that have the wrong label, and those that have the true one.
    """

    position: int
    date: date | None
    payee: str
    amount: Decimal | None
    currency: str
    probability: float
    decision: Decision
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class Confusion:
    """A category of a tenant that we take for another one.

    Attributes:
        tenant: whose.
        label: the true category.
        answered: the category that came first instead.
        count: how often.
        filed: how often it was FILEd, and so would have gone unseen.
        amounts: sum of the absolute amounts, as far as they are known, by currency (empty where that is not
            known); the largest first.
        mistakes: some of them, one of a payee: FILEd ones first, then the largest amounts.
    """

    tenant: str
    label: str
    answered: str
    count: int
    filed: int
    amounts: Mapping[str, Decimal]
    mistakes: tuple[Mistake, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TenantResult:
    """What came of one tenant.

    Attributes:
        tenant: its name.
        files: where its rows came from.
        rows: rows that were replayed.
        history: rows of these that were history.
        undated: whether no row has a date: labels then become visible row by row.
        asked: the rows that were asked about.
        answers: by who answered.
        performance: by who answered.
        confusions: the costliest of ours, as many as were wanted.
    """

    tenant: str
    files: tuple[Path, ...]
    rows: int
    history: int
    undated: bool
    asked: AskedRows
    answers: Mapping[str, Answers]
    performance: Mapping[str, Performance]
    confusions: tuple[Confusion, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A tenant that was not measured.

    Attributes:
        tenant: its name.
        rows: its rows.
        reason: why, as a sentence for a person, without its subject and full stop.
        failed: whether something went wrong; otherwise it has too few rows.
    """

    tenant: str
    rows: int
    reason: str
    failed: bool


@dataclass(frozen=True, slots=True)
class TenantBehind:
    """A tenant where some peer is better: the best of them, and by how much its top-1 is higher."""

    tenant: str
    peer: str
    gap: float


@dataclass(frozen=True, slots=True)
class Behind:
    """Where we are behind the best of all peers, each tenant's best picked with hindsight.

    Attributes:
        tenants: the furthest behind first.
        share: of all measured tenants.
        gap_mean: average gap of these in top-1; 0 where there are none.
        gap_max: the largest; 0 where there are none.
    """

    tenants: tuple[TenantBehind, ...]
    share: float
    gap_mean: float
    gap_max: float


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """What came of a backtest.

    Attributes:
        settings: how it was replayed.
        titles: who answered, by name, each with its title for people; ``likewise`` first.
        tenants: those measured, in the order of their first rows.
        macro: plain averages over the tenants, by who answered; nothing where no tenant was measured.
        behind: against the best of all peers; None where there are none.
        confusions: the costliest of all tenants, costliest first: those FILEd, then the most frequent, then
            the largest amounts.
        left_out: tenants that were not measured.
        peers_missing: peers that could not run here, each with the reason.
        encoder_fingerprint: of the encoder that compared texts.
        vote_fingerprint: of the vote that weighed evidence.
        versions: of Likewise, Python and what the figures depend on.
        seconds: how long it took.
        by_file: averages over the tenants of one file alone, by file and by who answered; nothing where each
            tenant has a file of its own, or there is but one file.
    """

    settings: BacktestSettings
    titles: Mapping[str, str]
    tenants: tuple[TenantResult, ...]
    macro: Mapping[str, Performance]
    behind: Behind | None
    confusions: tuple[Confusion, ...]
    left_out: tuple[LeftOut, ...]
    peers_missing: Mapping[str, str]
    encoder_fingerprint: str
    vote_fingerprint: str
    versions: Mapping[str, str]
    seconds: float
    by_file: Mapping[Path, Mapping[str, Performance]] = field(default_factory=dict)
