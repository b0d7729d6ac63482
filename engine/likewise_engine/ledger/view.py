"""What a reader sees of a tenant's memory: one revision, whole and unchanging.

A view holds prefixes of append-only columns and references to immutable parts. The writer publishes a new
view by one assignment; a reader takes the current one by one attribute access and may keep it as long as it
likes. No lock is involved on either side. Two structures are shared with the writer while it appends, and
say themselves why that is safe: the postings' tail and the two dictionaries (a number beyond the published
length is as good as absent).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.calibration import Calibration
from likewise_engine.chart import Chart, Policy
from likewise_engine.encoder.base import Encoder
from likewise_engine.head import Heads
from likewise_engine.index.texts import TextIndex
from likewise_engine.ledger.columns import StringColumn
from likewise_engine.ledger.counterparties import Counterparties
from likewise_engine.ledger.habits import HABIT_LABELS_MAX, Habits
from likewise_engine.ledger.postings import Postings
from likewise_engine.ledger.tallies import labelled_rows
from likewise_engine.rules.rulebook import Rulebook
from likewise_engine.testimony import Testimonies
from likewise_engine.text import NO_PAYEES
from likewise_engine.transaction import flows_of

UNLABELLED: Final = -1
"""In a column of labels: the entry has none in this dimension."""
UNKNOWN: Final = -1
"""Number of a text or payee that the tenant does not know."""
_SEARCH_GROWTH: Final = 4
"""By how much more entries are searched for labels when too few of the latest have one."""


@dataclass(frozen=True, slots=True)
class DayRanks:
    """How many live entries there are up to each day: age is counted in entries, not in days.

    So that books with a hundred entries a day and books with two a week forget at the same pace.

    Attributes:
        days: int32 ``(u,)``, ascending: the days that have entries.
        counts: int64 ``(u,)``, entries up to and on each.
    """

    days: NDArray[np.int32]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, order_days: NDArray[np.int32]) -> "DayRanks":
        """The ranks of these entries' days."""
        days, counts = np.unique(order_days, return_counts=True)
        return cls(days, np.cumsum(counts))

    def changed(self, order_days: NDArray[np.int32], by: int) -> "DayRanks":
        """These ranks with entries of these days added (``by`` 1) or taken away (-1)."""
        touched, touched_counts = np.unique(order_days, return_counts=True)
        days = np.union1d(self.days, touched)
        per_day = np.zeros(len(days), dtype=np.int64)
        per_day[np.searchsorted(days, self.days)] = np.diff(self.counts, prepend=0)
        per_day[np.searchsorted(days, touched)] += by * touched_counts
        kept = per_day > 0
        return DayRanks(days[kept], np.cumsum(per_day[kept]))

    def first_day_of(self, count: int) -> int:
        """The latest day such that ``count`` entries, or all, are of it or later; 0 where there is none."""
        position = np.searchsorted(self.counts, self.total - count, side="right")
        return int(self.days[position]) if len(self.days) else 0

    @property
    def total(self) -> int:
        """All entries."""
        return int(self.counts[-1]) if len(self.counts) else 0

    @property
    def last_day(self) -> int:
        """The latest day that has an entry; 0 where there is none."""
        return int(self.days[-1]) if len(self.days) else 0


@dataclass(frozen=True, slots=True)
class View:
    """One revision of a tenant's memory, with n rows (entries, dead ones included) and t texts.

    Attributes:
        revision: of the tenant.
        policy: how the tenant is to be answered.
        chart: its categories.
        text: int32 ``(n,)``, number of each row's text.
        payee: int32 ``(n,)``, number of its party.
        is_dated: bool ``(n,)``, whether it has a date; its ``order_day`` then.
        order_day: int32 ``(n,)``, the day it counts for, as a proleptic ordinal.
        amount: float64 ``(n,)``, as it was sent; NaN where there is none.
        direction: int8 ``(n,)``, a Direction.
        currency: int16 ``(n,)``, index into ``currencies``.
        alive: bool ``(n,)``; a row dies when its transaction is learned anew.
        labels: per dimension int32 ``(n,)``, category numbers or UNLABELLED.
        currencies: the currency codes.
        transaction_ids: by row.
        texts: by number; only the first t are this view's.
        text_numbers: number by text; numbers from t on are not this view's.
        payee_numbers: number by party: normalised payee, with identifiers where they are known.
        counterparties: the parties that have identifiers.
        postings: rows by text.
        index: of the texts.
        day_ranks: of the live rows.
        category_counts: int64 ``(categories,)``, live labels of each category.
        category_active: bool ``(categories,)``.
        category_dimension: int64 ``(categories,)``, positions in the chart's dimensions.
        encoder: that all vectors are of.
        name_vectors: float16 ``(categories, dimensions)``, of what they are called.
        description_vectors: float16 ``(k, dimensions)``, of what some are described by.
        described: int64 ``(k,)``, numbers of these categories, ascending.
        heads: trained on what there was some labels ago.
        rulebook: the tenant's rules.
        calibrations: by dimension, of the chart's and of CATEGORY_DIMENSION.
        testimonies: of a language model.
    """

    revision: int
    policy: Policy
    chart: Chart
    text: NDArray[np.int32]
    payee: NDArray[np.int32]
    is_dated: NDArray[np.bool_]
    order_day: NDArray[np.int32]
    amount: NDArray[np.float64]
    direction: NDArray[np.int8]
    currency: NDArray[np.int16]
    alive: NDArray[np.bool_]
    labels: Mapping[str, NDArray[np.int32]]
    currencies: Sequence[str]
    transaction_ids: StringColumn
    texts: Sequence[str]
    text_numbers: Mapping[str, int]
    payee_numbers: Mapping[str, int]
    counterparties: Counterparties
    postings: Postings
    index: TextIndex
    day_ranks: DayRanks
    category_counts: NDArray[np.int64]
    category_active: NDArray[np.bool_]
    category_dimension: NDArray[np.int64]
    encoder: Encoder
    name_vectors: NDArray[np.float16]
    description_vectors: NDArray[np.float16]
    described: NDArray[np.int64]
    heads: Heads
    rulebook: Rulebook
    calibrations: Mapping[str, Calibration]
    testimonies: Testimonies
    _habits: dict[str, Habits] = field(init=False, default_factory=dict, repr=False, compare=False)
    _active: dict[str, NDArray[np.int64]] = field(init=False, default_factory=dict, repr=False, compare=False)

    def text_number(self, text: str) -> int:
        """Number of a text, UNKNOWN where this view does not have it."""
        number = self.text_numbers.get(text, UNKNOWN)
        # A number may be of a later view; and as of an earlier day, a text may not have been known yet.
        return number if 0 <= number < len(self.index.alive) and self.index.alive[number] else UNKNOWN

    @property
    def live_count(self) -> int:
        """Live entries."""
        return self.day_ranks.total

    def active_categories(self, dimension: str) -> NDArray[np.int64]:
        """Numbers of a dimension's active categories, int64, ascending."""
        active = self._active.get(dimension)
        if active is None:  # Two readers may both work it out, to the same end.
            if dimension not in self.chart.dimensions:
                return np.empty(0, dtype=np.int64)
            position = self.chart.dimensions.index(dimension)
            active = np.flatnonzero(self.category_active & (self.category_dimension == position))
            self._active[dimension] = active
        return active

    def signed_amounts(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The amounts of rows, negative where money went out, ``(len(rows),)``; NaN where there is none."""
        # Worked out when asked for: a column of its own would be 8 bytes a row.
        amounts = self.amount[rows]
        return np.copysign(amounts, flows_of(amounts, self.direction[rows]))

    def habits(self, dimension: str) -> Habits:
        """What the latest labels of a dimension say. Worked out when first asked for, and kept."""
        habits = self._habits.get(dimension)
        if habits is None:  # Two readers may both work it out, to the same end.
            rows = self.latest_labelled(dimension, HABIT_LABELS_MAX)
            labels = self.labels[dimension][rows] if len(rows) else np.empty(0, dtype=np.int32)
            habits = Habits.of(labels, self.signed_amounts(rows), self.whose(rows), len(self.category_counts))
            self._habits[dimension] = habits
        return habits

    def whose(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Numbers that are equal for rows of the same payee or, where that is nobody, of the same text."""
        payees, texts = self.payee[rows].astype(np.int64), self.text[rows].astype(np.int64)
        nobody = [self.payee_numbers[name] for name in NO_PAYEES if name in self.payee_numbers]
        return np.where(np.isin(payees, nobody), -1 - texts, payees)

    def label_of(self, row: int, category: int) -> int:
        """The row's label in the dimension of a category."""
        return int(self.labels[self.chart.categories[category].dimension][row])

    def latest_labelled(self, dimension: str, count_max: int) -> NDArray[np.int64]:
        """The latest live rows with a label of a dimension, int64, by day and then by row."""
        if dimension not in self.labels:
            return np.empty(0, dtype=np.int64)
        searched = count_max
        rows = self._labelled_among_latest(dimension, searched)
        while len(rows) < count_max and searched < self.live_count:
            searched *= _SEARCH_GROWTH
            rows = self._labelled_among_latest(dimension, searched)
        return rows[-count_max:]

    def _labelled_among_latest(self, dimension: str, count: int) -> NDArray[np.int64]:
        """Live rows with a label, among those of the days that have the latest ``count`` entries; by day."""
        first_day = self.day_ranks.first_day_of(count)
        return labelled_rows(self.labels[dimension], self.alive, self.order_day, first_day)

    def as_of(self, order_day: int, first_row: int = 0) -> "View":
        """This view as if nothing of a later day had been taught, nor of this one from a row on."""
        of_day = self.order_day[:first_row] == order_day
        known = self.order_day < order_day
        known[:first_row] |= of_day
        return self.restricted(self.alive & known)

    def restricted(self, alive: NDArray[np.bool_]) -> "View":
        """This view with fewer live rows, and all that follows from them. Chart and calibrations stay.

        Args:
            alive: bool ``(n,)``, no row that is dead in this view.
        """
        texts_alive = np.zeros(len(self.index.alive), dtype=np.bool_)
        texts_alive[self.text[alive]] = True
        counts = np.zeros(len(self.category_counts), dtype=np.int64)
        for column in self.labels.values():
            labels = column[alive]
            counts += np.bincount(labels[labels != UNLABELLED], minlength=len(counts))
        return replace(
            self,
            alive=alive,
            index=replace(self.index, alive=texts_alive),
            day_ranks=DayRanks.of(self.order_day[alive]),
            category_counts=counts,
        )
