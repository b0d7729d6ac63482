"""What the engine would answer for entries of the books, had it never seen them: out-of-sample probabilities.

Each label is asked about by the road that serves, from a view in which its entry is masked, and so are the
entries of the same payee and day: the lines of one invoice stand together, and the mistake in one of them is
mostly in all. Later entries stay, for whoever looks back knows them.

What else has learned from the entry: the heads, so there are FOLDS of them, each trained without a part of
the entries and asked about these alone (cross-validation; Stone 1974); and the calibration, in which one of
up to a thousand outcomes may be the entry's. It stays as it is: it is monotonic, so it changes no ranking of
candidates, and whoever ranks by it here sets thresholds from the very same probabilities.

Entries are asked about in a random order, so that those asked by the time the budget ends are a fair sample.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.classify import judge, question_of
from likewise_engine.encoder.base import Encoder
from likewise_engine.head import Heads
from likewise_engine.ledger.head_training import train_heads
from likewise_engine.ledger.masking import Masking
from likewise_engine.ledger.view import UNLABELLED, View
from likewise_engine.review.pace import Pace
from likewise_engine.store.base import Entry
from likewise_engine.transaction import Transaction
from likewise_engine.vote import Vote

FOLDS: Final = 5
"""Parts of the entries that each have heads which did not learn from them. With 10 the ranking of planted
mistakes is no better, and the training takes twice as long."""
_READ_GROUPS: Final = 500
"""Groups whose entries are read from the store at once."""
_SEED: Final = 20_211


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Judgements of n labels of one dimension, each made without its entry. Candidates are ragged.

    Attributes:
        rows: int64 ``(n,)``, of the view.
        given: int64 ``(n,)``, the category numbers that they have.
        starts: int64 ``(n + 1,)``: where the candidates of each begin.
        candidates: int64 ``(m,)``, category numbers, the likeliest first.
        probabilities: float64 ``(m,)``, calibrated, of these.
    """

    rows: NDArray[np.int64]
    given: NDArray[np.int64]
    starts: NDArray[np.int64]
    candidates: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    def __len__(self) -> int:
        """Labels."""
        return len(self.rows)

    @property
    def entry_of(self) -> NDArray[np.int64]:
        """Of each candidate which label's it is, int64 ``(m,)``."""
        return np.repeat(np.arange(len(self.rows)), np.diff(self.starts))


class HeldOutJudge:
    """Asks about the entries of one view."""

    def __init__(self, view: View, encoder: Encoder, vote: Vote) -> None:
        self._masking = Masking(view)
        self._encoder = encoder
        self._vote = vote

    def judged(
        self,
        dimensions: Sequence[str],
        entries_of: Callable[[Sequence[str]], Mapping[str, Entry]],
        labels_max: int,
        pace: Pace,
    ) -> dict[str, HeldOut]:
        """Ask about entries, in a random order, until all or enough were asked or the pace says no.

        Args:
            dimensions: in which.
            entries_of: reads entries by their ids, as the store has them.
            labels_max: labels that are asked about at most.
            pace: is told how far it is.

        Returns:
            What was judged, by dimension.

        Raises:
            ModelFault, StoreFault.
        """
        view = self._masking.view
        wanted = {dimension: judgeable(view, dimension) for dimension in dimensions}
        pace.goal = min(labels_max, sum(int(np.count_nonzero(mask)) for mask in wanted.values()))
        groups = _groups(view, np.flatnonzero(np.any([view.alive & False, *wanted.values()], axis=0)))
        found: dict[str, list[_Judged]] = {dimension: [] for dimension in dimensions}
        # Fold by fold, so that heads are trained when they are needed: a small sample trains one.
        for fold in range(FOLDS):
            mine = groups[fold::FOLDS]
            if pace.has_enough() or not mine or not pace.keep_on():
                break
            heads = train_heads(self._masking.without(np.concatenate(mine)), pace.keep_on)
            if heads is None:
                break
            for start in range(0, len(mine), _READ_GROUPS):
                some = mine[start : start + _READ_GROUPS]
                entries = entries_of([view.transaction_ids[row] for row in np.concatenate(some).tolist()])
                for rows in some:
                    if pace.has_enough() or not pace.keep_on():
                        break
                    self._group(rows, heads, entries, wanted, found, pace)
        return {dimension: _packed(view, dimension, of) for dimension, of in found.items()}

    def _group(
        self,
        rows: NDArray[np.int64],
        heads: Heads,
        entries: Mapping[str, Entry],
        wanted: Mapping[str, NDArray[np.bool_]],
        found: Mapping[str, list["_Judged"]],
        pace: Pace,
    ) -> None:
        """Ask about the rows of one group. All of a payee and a day may be tens of thousands."""
        view = self._masking.without(rows, heads)
        for row in rows.tolist():
            if pace.has_enough() or not pace.keep_on():
                return
            entry = entries.get(view.transaction_ids[row])
            if entry is None:  # forgotten since
                continue
            asked = [dimension for dimension, mask in wanted.items() if mask[row]]
            for dimension, candidates, probabilities in self._answers(view, entry.transaction, asked):
                found[dimension].append(_Judged(row, candidates, probabilities))
                pace.done += 1

    def _answers(
        self, view: View, transaction: Transaction, dimensions: Sequence[str]
    ) -> list[tuple[str, NDArray[np.int64], NDArray[np.float64]]]:
        question = question_of(view, self._encoder, transaction, dimensions)
        judgements = ((dimension, judge(view, self._vote, question, dimension)) for dimension in dimensions)
        return [(dimension, j.candidates, j.probabilities) for dimension, j in judgements]


@dataclass(frozen=True, slots=True)
class _Judged:
    row: int
    candidates: NDArray[np.int64]
    probabilities: NDArray[np.float64]


def judgeable(view: View, dimension: str) -> NDArray[np.bool_]:
    """Whether each row's label can be judged: its category is active, and others have it too.

    Without another entry no answer could be right, however right the label is.
    """
    labels = view.labels[dimension]
    mask = view.alive & (labels != UNLABELLED)
    mask[mask] = view.category_active[labels[mask]] & (view.category_counts[labels[mask]] > 1)
    return np.asarray(mask)


def _groups(view: View, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Rows of one payee (of one text where that is nobody) and one day together, in a random order.

    What has no date counts for the day on which it was taught, which says nothing of invoices.
    """
    if not len(rows):
        return []
    keys = np.stack((view.whose(rows), view.order_day[rows], np.where(view.is_dated[rows], -1, rows)))
    _, group, sizes = np.unique(keys, axis=1, return_inverse=True, return_counts=True)
    in_order = rows[np.argsort(group.reshape(-1), kind="stable")]
    groups = np.split(in_order, np.cumsum(sizes)[:-1])
    order = np.random.default_rng(_SEED).permutation(len(groups))
    return [groups[position] for position in order.tolist()]


def _packed(view: View, dimension: str, judged: Sequence[_Judged]) -> HeldOut:
    rows = np.array([one.row for one in judged], dtype=np.int64)
    lengths = np.array([len(one.candidates) for one in judged], dtype=np.int64)
    return HeldOut(
        rows=rows,
        given=view.labels[dimension][rows].astype(np.int64),
        starts=np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        candidates=np.concatenate([np.empty(0, np.int64), *(one.candidates for one in judged)]),
        probabilities=np.concatenate([np.empty(0), *(one.probabilities for one in judged)]),
    )
