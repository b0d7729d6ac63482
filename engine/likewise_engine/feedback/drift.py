"""Alerts: a tenant is no longer what it was, and what to do about it.

- **Precision**: what was FILEd is wrong more often than the target allows. A detector that may be looked at
  every day: a false alarm comes after PRECISION_DAYS days on average at the earliest, by dimension.
- **Population**: questions are distributed otherwise than before: how near the nearest entry is, how many
  payees are known, amounts.
- **Chart**: labels are: categories that are new, that nobody uses any more, or a shift between them. By the
  dates of the books themselves, imported ones too.

Of the last two kinds, together, a look is falsely alarmed with a probability of LOOK_LEVEL at most, where
days are exchangeable; see :mod:`likewise_engine.feedback.statistics`. Real books are not quite: they have
seasons, and runs of days that go together. So an alert needs a change that is large, too; and one of a chart
has to be larger than what the same books show from one such stretch to the next anyway, of which there must
have been EARLIER_MIN. It says that something has changed, and not that this is bad.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from itertools import accumulate
from math import exp, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.feedback import statistics
from likewise_engine.feedback.profile import AMOUNT, EDGES, PAYEE, SIMILARITY
from likewise_engine.feedback.report import Counts, Tally, filed, grouped, tallies_of
from likewise_engine.ledger.view import UNLABELLED, View
from likewise_engine.store.predictions import PredictionFile

PRECISION_DAYS: Final = 1_000.0
"""Days until a false alarm, on average, at least: some three years."""
LOOK_LEVEL: Final = 0.01
STABILITY_INDEX_MIN: Final = 0.1
"""By custom: below it nothing has changed that matters."""
DIVERGENCE_MIN: Final = 0.05
"""Bits beyond chance, of labels. A category with a tenth of all labels that takes another id comes to .1."""
RECENT_MIN: Final = 100
"""Questions, or labels, of the latest stretch; and three times as many of the one before."""
_REFERENCE_TIMES: Final = 3
RECENT_DAYS_MIN: Final = 5
"""Days of the latest stretch; and three times as many before. Fewer cannot be dealt anew in enough ways."""
EARLIER_MIN: Final = 3
"""Stretches of the books before, by which it is told how much labels differ anyway. With fewer, no alert: of
books so short, or with so few days, half of all looks rang, and nobody could say at what."""
_EARLIER_MAX: Final = 40
_EARLIER_PERMUTATIONS: Final = 99
"""Enough for a mean."""
_CHART_DAYS_MAX: Final = 1_000
"""Days of the books that are looked at; those who need more have a label a month."""
_NAMED_MAX: Final = 5
"""Categories that an alert names."""


class AlertKind(IntEnum):
    """What has changed. Numbered as in the contract."""

    PRECISION = 1
    POPULATION = 2
    CHART = 3


@dataclass(frozen=True, slots=True)
class Alert:
    """Something has changed.

    Attributes:
        kind: what.
        dimension: in which dimension; empty where it is of all.
        measure: what was measured: ``filed precision``, ``similarity``, ``payee``, ``amount``, ``labels``.
        since: the first day of the stretch that is not as before.
        strength: of the change: how far the precision lies below the target; the stability index; the
            divergence beyond chance, in bits.
        surprise: of the detector, for precision: 1,000 is its threshold. Else 1 / p, of a chart the larger p.
        message: what has changed, as a sentence for a person.
        advice: what to do.
    """

    kind: AlertKind
    dimension: str
    measure: str
    since: date
    strength: float
    surprise: float
    message: str
    advice: str


@dataclass(frozen=True, slots=True, eq=False)
class Days:
    """Counts by day, the latest last, split into the latest stretch and the one before.

    Attributes:
        days: int64 ``(d,)``, proleptic ordinals, ascending.
        counts: int64 ``(d, b)``.
        recent: how many days the latest stretch has.
        earlier: by how many bits more than chance stretches of that kind differed from what was before each,
            the latest first; empty where nobody asks.
    """

    days: NDArray[np.int64]
    counts: NDArray[np.int64]
    recent: int
    earlier: Sequence[float] = ()

    @classmethod
    def split(cls, days: NDArray[np.int64], counts: NDArray[np.int64]) -> "Days | None":
        """As many of the latest days as are enough, and the days before; None where there are too few.

        Args:
            days: int64 ``(d,)``, ascending.
            counts: int64 ``(d, b)``.
        """
        of_day = counts.sum(axis=1)[::-1].tolist()
        recent = _days_for(of_day, RECENT_MIN, RECENT_DAYS_MIN)
        if recent is None:
            return None
        before = _days_for(
            of_day[recent:],
            _REFERENCE_TIMES * sum(of_day[:recent]),
            _REFERENCE_TIMES * recent,
        )
        if before is None:
            return None
        kept = slice(len(days) - recent - before, None)
        return cls(days[kept], counts[kept], recent)

    @classmethod
    def with_earlier(cls, days: NDArray[np.int64], counts: NDArray[np.int64]) -> "Days | None":
        """As :meth:`split`, and the same for what was before it, stretch by stretch."""
        latest = cls.split(days, counts)
        if latest is None:
            return None
        earlier, end = list[float](), len(days) - latest.recent
        while len(earlier) < _EARLIER_MAX and (one := cls.split(days[:end], counts[:end])) is not None:
            _, excess = statistics.homogeneity(one.counts, one.recent, permutations=_EARLIER_PERMUTATIONS)
            earlier.append(excess)
            end -= one.recent
        return replace(latest, earlier=earlier)

    @property
    def reference_sums(self) -> NDArray[np.int64]:
        """int64 ``(b,)``, of the stretch before."""
        sums: NDArray[np.int64] = self.counts[: -self.recent].sum(axis=0)
        return sums

    @property
    def recent_sums(self) -> NDArray[np.int64]:
        """int64 ``(b,)``, of the latest stretch."""
        sums: NDArray[np.int64] = self.counts[-self.recent :].sum(axis=0)
        return sums

    @property
    def since(self) -> date:
        """The first day of the latest stretch."""
        return date.fromordinal(int(self.days[-self.recent]))


def _days_for(of_day: Sequence[int], count_min: int, days_min: int) -> int | None:
    """How many days it takes, from the first on, to have so much; None where all are too few."""
    for days, count in enumerate(accumulate(of_day), 1):
        if days >= days_min and count >= count_min:
            return days
    return None


def precision_alerts(tallies: Sequence[Tally], target_precision: float) -> list[Alert]:
    """Whether FILE is wrong more often than it may be, by dimension."""
    alerts = []
    for dimension in sorted({tally.dimension for tally in tallies}):
        by_day = grouped(filed(tallies, dimension), lambda tally: tally.day)
        judged = [(day, counts) for day, counts in by_day.items() if counts.judged]
        if judged:
            alerts += _precision_alert(dimension, judged, target_precision)
    return alerts


def _precision_alert(
    dimension: str, judged: Sequence[tuple[date, Counts]], target_precision: float
) -> list[Alert]:
    wrong = np.array([counts.corrected for _, counts in judged])
    count = np.array([counts.judged for _, counts in judged])
    allowed = 1.0 - target_precision
    surprise = float(statistics.surprise_of_errors(wrong, count, allowed)[-1])
    if surprise < log(PRECISION_DAYS):
        return []
    first = statistics.likeliest_start(wrong, count, allowed)
    errors, all_ = int(wrong[first:].sum()), int(count[first:].sum())
    low, high = statistics.wilson_interval(all_ - errors, all_)
    precision = 1.0 - errors / all_
    since = judged[first][0]
    message = (
        f"Of {all_:,} filed since {since}, {errors:,} were corrected: {precision:.1%} were right"
        f" ({low:.1%} to {high:.1%}), and {target_precision:.1%} are asked for."
    )
    advice = (
        "See which categories and witnesses were corrected. Check whether what was right is taught too;"
        " file less by a higher target until it holds again; look for a change of the chart."
    )
    strength = target_precision - precision
    return [
        Alert(
            AlertKind.PRECISION,
            dimension,
            "filed precision",
            since,
            strength,
            exp(min(surprise, 700.0)),
            message,
            advice,
        )
    ]


_MEASURES: Final = {
    SIMILARITY: ("how near the nearest entry is", "new kinds of business or another wording of statements"),
    PAYEE: ("how many payees are known", "new payees, or another wording of old ones"),
    AMOUNT: ("amounts", "another currency, sign or unit; or another account"),
}


def population_days(rows: Sequence[tuple[int, str, int, int]]) -> dict[str, Days]:
    """By measure, the days of profiles that can be compared.

    Args:
        rows: day, measure, bin, count.
    """
    found = {}
    for measure, edges in EDGES.items():
        of_measure = [(day, bin_, count) for day, named, bin_, count in rows if named == measure]
        days = np.array(sorted({day for day, _, _ in of_measure}), dtype=np.int64)
        counts = np.zeros((len(days), len(edges) + 1), dtype=np.int64)
        for day, bin_, count in of_measure:
            counts[np.searchsorted(days, day), bin_] += count
        split = Days.split(days, counts)
        if split is not None:
            found[measure] = split
    return found


def label_days(view: View, dimension: str) -> Days | None:
    """The days of a dimension's labels that can be compared, in the books' own time; a bin a category."""
    if dimension not in view.labels:
        return None
    rows = np.flatnonzero(view.alive & (view.labels[dimension] != UNLABELLED) & view.is_dated)
    days, positions = np.unique(view.order_day[rows], return_inverse=True)
    kept = positions >= len(days) - _CHART_DAYS_MAX
    first = max(0, len(days) - _CHART_DAYS_MAX)
    counts = np.zeros((len(days) - first, len(view.category_counts)), dtype=np.int64)
    np.add.at(counts, (positions[kept] - first, view.labels[dimension][rows[kept]]), 1)
    return Days.with_earlier(days[first:].astype(np.int64), counts)


def shift_alerts(
    population: dict[str, Days], charts: dict[str, Days], names: Sequence[str] = ()
) -> list[Alert]:
    """Whether questions or labels are distributed otherwise than before.

    Args:
        population: by measure.
        charts: labels by dimension.
        names: of the categories, by number, where there are charts.
    """
    compared = [*population.items(), *charts.items()]
    if not compared:
        return []
    tested = [statistics.homogeneity(days.counts, days.recent) for _, days in compared]
    rejected = statistics.rejections(np.array([p for p, _ in tested]), LOOK_LEVEL)
    alerts: list[Alert] = []
    for position, (name, days) in enumerate(compared):
        p, excess = tested[position]
        if rejected[position]:
            if position < len(population):
                alerts += _measure_alert(name, days, 1.0 / p)
            else:
                alerts += _chart_alert(name, days, excess, 1.0 / p, names)
    return alerts


def _measure_alert(measure: str, days: Days, surprise: float) -> list[Alert]:
    index = statistics.stability_index(days.reference_sums, days.recent_sums)
    if index < STABILITY_INDEX_MIN:
        return []
    told, causes = _MEASURES[measure]
    message = (
        f"Since {days.since} questions differ in {told}: the stability index of {days.recent_sums.sum():,}"
        f" against the {days.reference_sums.sum():,} before is {index:.2f}."
    )
    advice = f"Look for {causes}; label some of what is new, for answers follow at once."
    return [Alert(AlertKind.POPULATION, "", measure, days.since, index, surprise, message, advice)]


def _chart_alert(
    dimension: str, days: Days, excess: float, surprise: float, names: Sequence[str]
) -> list[Alert]:
    if excess < DIVERGENCE_MIN or len(days.earlier) < EARLIER_MIN:
        return []
    anyway = statistics.surpassing(excess, np.array(days.earlier))
    if anyway > LOOK_LEVEL:
        return []
    before, recent = days.reference_sums, days.recent_sums
    risen = np.flatnonzero((before == 0) & (recent > 0))
    fallen = np.flatnonzero((recent == 0) & (before * recent.sum() >= 10 * before.sum()))
    told = [f"Since {days.since} labels differ from those before by {excess:.2f} bits more than chance."]
    if len(risen):
        share = recent[risen].sum() / recent.sum()
        told.append(f"{share:.0%} are in categories that are new: {_named(risen, recent, names)}.")
    if len(fallen):
        told.append(f"Not used any more: {_named(fallen, before, names)}.")
    if not len(risen) and not len(fallen):
        change = np.abs(recent / recent.sum() - before / before.sum())
        told.append(f"The most in {_named(np.flatnonzero(change), change, names)}.")
    advice = (
        "If categories were renamed or merged, do so with RenameCategory or MergeCategories: history follows"
        " at once. Deactivate what is not used any more."
    )
    surprise = min(surprise, 1.0 / anyway) if anyway else surprise
    return [Alert(AlertKind.CHART, dimension, "labels", days.since, excess, surprise, " ".join(told), advice)]


def _named(
    numbers: NDArray[np.int64], weight: NDArray[np.int64] | NDArray[np.float64], names: Sequence[str]
) -> str:
    """Names of the weightiest categories."""
    order = numbers[np.argsort(-weight[numbers], kind="stable")][:_NAMED_MAX].tolist()
    more = len(numbers) - len(order)
    return ", ".join(repr(names[number]) for number in order) + (f" and {more} more" if more else "")


def alerts_of(file: PredictionFile, target_precision: float, view: View | None = None) -> list[Alert]:
    """All alerts there are on a tenant.

    Args:
        file: what it was answered.
        target_precision: the tenant's own.
        view: of its books; None to leave them out.

    Raises:
        StoreFault: what it was answered could not be read.
    """
    population = population_days(file.rows("SELECT day, measure, bin, count FROM profiles"))
    charts = {}
    if view is not None:
        found = {dimension: label_days(view, dimension) for dimension in view.chart.dimensions}
        charts = {dimension: days for dimension, days in found.items() if days is not None}
    names = [] if view is None else [category.title for category in view.chart.categories]
    return precision_alerts(tallies_of(file), target_precision) + shift_alerts(population, charts, names)
