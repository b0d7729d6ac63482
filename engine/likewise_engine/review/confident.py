"""Which labels are probably wrong: confident learning over held-out probabilities.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels" (JAIR 2021): a
label i is a probable mistake where some category j != i is *confidently* the right one, which means at least
as probable as j is on average where it was the label. A threshold per class makes up for classes that the
model is generally more, or less, sure of.

Departures, all because there are hundreds of categories and few of them candidates: what is no candidate has
probability 0 and is never confident; a label's self-confidence is its share of what all candidates have
together, for they may sum to little; and a category of few labels borrows its threshold from all. What no
category is confidently right for, but another is likelier, follows behind: on tidy books there are mistakes
among it (a fifth of all), on untidy ones hardly any.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.review.held_out import HeldOut

Floats = NDArray[np.float64]

_THRESHOLD_PRIOR: Final = 1.0
"""Labels for which the average over all categories counts in a category's threshold: a category of two labels
has no average of its own."""
_RIVAL_WEIGHT: Final = 0.25
"""What the likeliest other counts for in the ranking. 0 is cleanlab's self-confidence, 1 its normalised
margin. Each is best on other books, by far: of k planted mistakes, .51 and .31 were among the first k in a
council's books, .16 and .26 in a hospital's. This has .42 and .30."""


@dataclass(frozen=True, slots=True)
class Suspicions:
    """What confident learning makes of n labels.

    Attributes:
        own: float64 ``(n,)``, self-confidence: the label's share of the probability of all candidates.
        likelier: int64 ``(n,)``, the likeliest of the categories that are confidently right, or else the
            likeliest other candidate; -1 where there is none.
        probability: float64 ``(n,)``, of ``likelier``.
        is_confident: bool ``(n,)``, whether it is confidently right, and likelier than the label.
        quality: float64 ``(n,)``, within 0 to 1: low where the label is probably wrong.
    """

    own: Floats
    likelier: NDArray[np.int64]
    probability: Floats
    is_confident: NDArray[np.bool_]
    quality: Floats

    @property
    def ranked(self) -> NDArray[np.int64]:
        """Positions of the probable mistakes, int64, the surest first."""
        suspected = np.flatnonzero(self.is_confident | (self.probability > self.own))
        return suspected[np.lexsort((self.quality[suspected], ~self.is_confident[suspected]))]


def suspicions_of(held_out: HeldOut, categories: int) -> Suspicions:
    """Find probable mistakes.

    Args:
        held_out: judgements without the entries.
        categories: how many there are.
    """
    count, entry, candidate = len(held_out), held_out.entry_of, held_out.candidates
    total = np.bincount(entry, weights=held_out.probabilities, minlength=count)
    share = held_out.probabilities / np.maximum(total, np.finfo(np.float64).tiny)[entry]
    is_own = candidate == held_out.given[entry]
    own = np.zeros(count)
    own[entry[is_own]] = share[is_own]
    threshold = _thresholds(own, held_out.given, categories)
    is_confident = ~is_own & (share >= threshold[candidate]) & (share > own[entry])
    rival, rival_share = _first(np.flatnonzero(~is_own), entry, candidate, share, count)
    sure, sure_share = _first(np.flatnonzero(is_confident), entry, candidate, share, count)
    quality = (own + _RIVAL_WEIGHT * (1.0 - rival_share * total)) / (1.0 + _RIVAL_WEIGHT)
    return Suspicions(
        own=own,
        likelier=np.where(sure >= 0, sure, rival),
        probability=np.where(sure >= 0, sure_share, rival_share),
        is_confident=sure >= 0,
        quality=np.clip(quality, 0.0, 1.0),
    )


def _first(
    positions: NDArray[np.int64],
    entry: NDArray[np.int64],
    candidate: NDArray[np.int64],
    share: Floats,
    count: int,
) -> tuple[NDArray[np.int64], Floats]:
    """The first, and so likeliest, of these candidates of each label, with its share; -1 and 0 for none."""
    of, first = np.unique(entry[positions], return_index=True)
    found, shares = np.full(count, -1, dtype=np.int64), np.zeros(count)
    found[of], shares[of] = candidate[positions[first]], share[positions[first]]
    return found, shares


def _thresholds(own: Floats, given: NDArray[np.int64], categories: int) -> Floats:
    """Of each category the average self-confidence of its labels, float64 ``(categories,)``."""
    counts = np.bincount(given, minlength=categories)
    sums = np.bincount(given, weights=own, minlength=categories)
    overall = own.mean() if len(own) else 1.0
    return np.asarray((sums + _THRESHOLD_PRIOR * overall) / (counts + _THRESHOLD_PRIOR))
