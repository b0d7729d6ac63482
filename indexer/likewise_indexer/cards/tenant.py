"""The card of a tenant's own memory: what it holds, how well it did, what is kept and how it is erased.

Counts and the chart's own names; no wording of an entry, unless it is asked for. Its language is not guessed.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from likewise_engine import limits
from likewise_engine.calibration import Outcomes
from likewise_engine.chart import Category
from likewise_engine.decision import file_threshold
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.view import UNLABELLED, View
from likewise_engine.store.standing import Standing

RARE_LABELS_MAX: Final = 4
"""A category with so many labels or fewer is rare, as a backtest has it."""
CATEGORIES_SHOWN_MAX: Final = 500
WORDINGS_SHOWN_MAX: Final = 20


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CategoryStanding(_Value):
    """A category of the chart, and how often it was found.

    Attributes:
        id: of it.
        name: for people.
        active: whether it is proposed.
        labels: that it has.
        outcomes: kept answers to what was labelled with it.
        right: of these, where it came first.
        filed: of these, FILEd as they came; what was learned in bulk is asked about afterwards, and never is.
        filed_right: of those, as it.
    """

    id: str
    name: str
    active: bool
    labels: int
    outcomes: int
    right: int
    filed: int
    filed_right: int


class DimensionStanding(_Value):
    """A dimension: its chart and its record.

    Attributes:
        name: of it.
        labels: entries that have one.
        categories: of the chart, the most used first, CATEGORIES_SHOWN_MAX at most.
        categories_total: of the chart.
        rare: active categories that have labels, RARE_LABELS_MAX at most.
        unused: active categories without a label.
        outcomes: kept answers; the latest, 1,000 at most.
        right: share of these whose first candidate was right; None where there are none.
        filed: of these, how many were FILEd as they came; what was learned in bulk is asked about afterwards,
            and never is.
        filed_right: of those, how many rightly: the realised precision.
        filed_wanted: share that ought to be, by the policy.
        threshold: probability from which on it FILEs now; None where it FILEs nothing.
        above: share of the answers that reach this threshold as they are calibrated now; None where there is
            no answer or no threshold. These very answers have set it, and candidates that the books have both
            ways, which are not FILEd, are among them: so it flatters a little.
        above_right: share of those that was right.
        head_labels: labels that its own trained classifier has seen; 0 where there is none yet.
    """

    name: str
    labels: int
    categories: tuple[CategoryStanding, ...]
    categories_total: int
    rare: int
    unused: int
    outcomes: int
    right: float | None
    filed: int
    filed_right: int
    filed_wanted: float
    threshold: float | None
    above: float | None
    above_right: float | None
    head_labels: int


class Kept(_Value):
    """Something that is kept of a tenant: what, how long, and what erases it."""

    what: str
    how_long: str
    erased_by: str


class TenantCard(_Value):
    """The card's record.

    Attributes:
        format: of this record.
        tenant: id.
        display_name: for people.
        written: day, ISO.
        created: day that the tenant was, ISO.
        revision: that the card tells of.
        entries: labelled transactions.
        texts: distinct wordings among them.
        corrections: labels given where another was predicted.
        first_day: of its dated entries, ISO; None where none is dated.
        last_day: likewise.
        currencies: codes, each with its entries.
        disk_bytes: of its file.
        closed_chart: whether labels outside the chart are refused.
        rules: how many there are.
        encoder_fingerprint: of what its vectors are of.
        vote_fingerprint: of what weighs its evidence.
        dimensions: in the order of their names.
        kept: what is kept, and how it is erased.
        wordings: the most frequent texts, each with its entries; None where they were not asked for.
    """

    format: Literal[1] = 1
    tenant: str
    display_name: str
    written: str
    created: str
    revision: int
    entries: int
    texts: int
    corrections: int
    first_day: str | None
    last_day: str | None
    currencies: dict[str, int]
    disk_bytes: int
    closed_chart: bool
    rules: int
    encoder_fingerprint: str
    vote_fingerprint: str
    dimensions: tuple[DimensionStanding, ...]
    kept: tuple[Kept, ...]
    wordings: tuple[tuple[str, int], ...] | None


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the server keeps what is not the tenant's to say: recorded answers, in number and days."""

    predictions_max: int = limits.PREDICTIONS_KEPT_DEFAULT
    prediction_days_max: int = limits.PREDICTION_DAYS_KEPT_DEFAULT


def tenant_card(
    ledger: Ledger, vote_fingerprint: str, retention: Retention, *, wordings: bool = False
) -> TenantCard:
    """Write the card of a tenant.

    Args:
        ledger: of the tenant, in use meanwhile.
        vote_fingerprint: of the vote that serves.
        retention: of what the server records.
        wordings: whether to show what its entries say.

    Raises:
        StoreFault: the store failed.
    """
    view, store = ledger.view, ledger.store
    record, statistics, outcomes = store.record(), store.statistics(), store.outcomes()
    standings = {standing.category: standing for standing in store.standings()}
    dated = view.order_day[view.alive & view.is_dated]
    currencies = Counter(view.currency[view.alive].tolist())
    return TenantCard(
        tenant=record.tenant,
        display_name=record.display_name,
        written=datetime.now(UTC).date().isoformat(),
        created=record.created.date().isoformat(),
        revision=view.revision,
        entries=view.live_count,
        texts=statistics.texts,
        corrections=statistics.corrections,
        first_day=_day(int(dated.min())) if len(dated) else None,
        last_day=_day(int(dated.max())) if len(dated) else None,
        currencies={view.currencies[number] or "none": count for number, count in sorted(currencies.items())},
        disk_bytes=statistics.disk_bytes,
        closed_chart=record.policy.closed_chart,
        rules=len(view.rulebook.rules),
        encoder_fingerprint=record.encoder_fingerprint,
        vote_fingerprint=vote_fingerprint,
        dimensions=tuple(
            _dimension(view, name, standings, outcomes.get(name, Outcomes.none()))
            for name in sorted(view.chart.dimensions)
        ),
        kept=_kept(retention),
        wordings=_wordings(view) if wordings else None,
    )


def _dimension(
    view: View, name: str, standings: dict[int, Standing], outcomes: Outcomes
) -> DimensionStanding:
    chart = [(number, c) for number, c in enumerate(view.chart.categories) if c.dimension == name]
    counts = view.category_counts
    labelled = view.alive & (view.labels[name] != UNLABELLED) if name in view.labels else np.zeros(0, bool)
    active = [(number, int(counts[number])) for number, category in chart if category.active]
    ordered = sorted(chart, key=lambda one: (-int(counts[one[0]]), one[0]))[:CATEGORIES_SHOWN_MAX]
    head = view.heads.of_dimension.get(name)
    calibration = view.calibrations[name]
    threshold = file_threshold(view.policy.target_precision, calibration)
    sure = np.array([calibration.probabilities(np.array([p]))[0] for p in outcomes.probability], dtype=float)
    above = sure >= threshold
    return DimensionStanding(
        name=name,
        labels=int(np.count_nonzero(labelled)),
        categories=tuple(_category(n, c, int(counts[n]), standings.get(n)) for n, c in ordered),
        categories_total=len(chart),
        rare=sum(0 < count <= RARE_LABELS_MAX for _, count in active),
        unused=sum(count == 0 for _, count in active),
        outcomes=len(outcomes.right),
        right=_share(outcomes.right),
        filed=int(np.count_nonzero(outcomes.filed)),
        filed_right=int(np.count_nonzero(outcomes.right & outcomes.filed)),
        filed_wanted=view.policy.target_precision,
        threshold=threshold if threshold <= 1 else None,
        above=_share(above) if threshold <= 1 else None,
        above_right=_share(outcomes.right[above]),
        head_labels=view.heads.labels if head is not None else 0,
    )


def _category(number: int, category: Category, labels: int, standing: Standing | None) -> CategoryStanding:
    found = standing or Standing(number, 0, 0, 0, 0)
    return CategoryStanding(
        id=category.id,
        name=category.title,
        active=category.active,
        labels=labels,
        outcomes=found.outcomes,
        right=found.right,
        filed=found.filed,
        filed_right=found.filed_right,
    )


def _wordings(view: View) -> tuple[tuple[str, int], ...]:
    counts = Counter(view.text[view.alive].tolist()).most_common(WORDINGS_SHOWN_MAX)
    return tuple((view.texts[number], count) for number, count in counts)


def _share(column: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> float | None:
    return float(column.mean()) if len(column) else None


def _day(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


def _kept(retention: Retention) -> tuple[Kept, ...]:
    forgotten = "forgetting the transaction, purging its category, deleting the tenant"
    rows: Sequence[tuple[str, str, str]] = (
        ("entries: transactions with their labels, and their texts' vectors", "until erased", forgotten),
        ("graph and heads made of them", "until made anew", f"{forgotten}: made anew without it"),
        (
            "outcomes: what would have been answered before a label was known",
            f"the latest {limits.OUTCOMES_KEPT_MAX:,} of a dimension",
            forgotten,
        ),
        (
            "predictions: what was answered, and the evidence",
            f"the latest {retention.predictions_max:,}, {retention.prediction_days_max:,} days at most",
            forgotten,
        ),
        ("rules", "until deleted", "deleting the rule, purging its category, deleting the tenant"),
        (
            "audit trail: who did what and when, no wordings",
            f"the latest {limits.AUDIT_RECORDS_KEPT_MAX:,} records",
            "deleting the tenant",
        ),
        ("backups", "as the operator keeps them", "deleting the backup: a restore brings all back"),
    )
    return tuple(Kept(what=what, how_long=long, erased_by=by) for what, long, by in rows)
