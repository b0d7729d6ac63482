"""Successions: what a payee was filed under next, after it had been filed under a category.

A chart that is renamed by relabelling, a category that is split or given up: the first payees that change
tell what the others will be called, long before each has entries of its own to tell it by. Each payee speaks
once for each category, with what followed its latest entry there; so one that goes to and fro between two
does not outshout those that stay.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FADING: Final = 0.8
"""What a succession weighs against the one after it, of the same category: the latest five say two thirds."""
_PRIOR_STAY: Final = 1.0
"""Successions by which every category is taken to be its own successor, until others are seen."""
_NO_KEY: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Successions:
    """Of one dimension; s pairs of categories, ordered by the earlier and then by the later one.

    Attributes:
        stay: float64 ``(categories,)``, the share of what followed each that is the category itself; 1 where
            nothing followed.
        before: int64 ``(s,)``, category numbers.
        after: int64 ``(s,)``, category numbers, others than ``before``.
        share: float64 ``(s,)``, within (0, 1): of what followed ``before``, how much was ``after``.
    """

    stay: Floats
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    share: Floats

    @classmethod
    def of(cls, labels: NDArray[np.int32], whose: NDArray[np.int64], categories: int) -> Self:
        """The successions of these labels.

        Args:
            labels: int32 ``(k,)``, category numbers, the latest last.
            whose: int64 ``(k,)``, equal for labels of the same payee.
            categories: how many there are.
        """
        order = _stable_order(whose)
        follows = np.flatnonzero(whose[order[1:]] == whose[order[:-1]])
        earlier, later = order[follows], order[follows + 1]
        before, after = labels[earlier].astype(np.int64), labels[later].astype(np.int64)
        # The latest succession of each payee and category; those of a payee are in order of time already.
        whose_before = whose[earlier] * categories + before
        by_both = _stable_order(whose_before)
        latest = by_both[np.diff(whose_before[by_both], append=_NO_KEY) != 0]
        latest = latest[_stable_order(before[latest] * len(labels) - later[latest])]
        before, after = before[latest], after[latest]
        firsts = np.flatnonzero(np.diff(before, prepend=-1))
        rank = np.arange(len(before)) - np.repeat(firsts, np.diff(firsts, append=len(before)))
        return cls._weighed(before, after, np.power(_FADING, rank, dtype=np.float64), categories)

    @classmethod
    def _weighed(
        cls, before: NDArray[np.int64], after: NDArray[np.int64], weight: Floats, categories: int
    ) -> Self:
        total = np.bincount(before, weight, minlength=categories) + _PRIOR_STAY
        pairs = before * categories + after
        by_pair = _stable_order(pairs)
        starts = np.flatnonzero(np.diff(pairs[by_pair], prepend=-1))
        before, after = before[by_pair[starts]], after[by_pair[starts]]
        summed = np.add.reduceat(weight[by_pair], starts) if len(starts) else weight
        share = np.asarray(summed / total[before])
        stay, stays = np.asarray(_PRIOR_STAY / total), before == after
        stay[before[stays]] += share[stays]
        return cls(stay, before[~stays], after[~stays], share[~stays])

    def successors(self, category: int) -> tuple[NDArray[np.int64], Floats]:
        """What followed a category besides itself, int64 ``(m,)``, with the share of each."""
        start, end = np.searchsorted(self.before, (category, category + 1))
        return self.after[start:end], self.share[start:end]

    def passed_on(self, held: Floats, candidates: NDArray[np.int64]) -> Floats:
        """What candidates hold, float64 ``(c,)``, once each has passed on to its successors what they take.

        Args:
            held: float64 ``(c,)``, before.
            candidates: int64 ``(c,)``, category numbers, ascending; what others would get is lost.
        """
        position = np.full(len(self.stay), -1)
        position[candidates] = np.arange(len(candidates))
        giver, taker = position[self.before], position[self.after]
        among = (giver >= 0) & (taker >= 0)
        given, taker = held[giver[among]] * self.share[among], taker[among]
        in_order = np.argsort(given)  # The same sum to the last bit, however categories are numbered.
        moved = np.bincount(taker[in_order], given[in_order], len(candidates))
        return np.asarray(held * self.stay[candidates] + moved)


def _stable_order(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """As a stable argsort, for keys far from the ends of their type: plain sorting is much faster."""
    count = max(1, len(keys))
    return np.sort(keys * count + np.arange(len(keys))) % count
