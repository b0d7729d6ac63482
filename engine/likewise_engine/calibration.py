"""Calibration: what a tenant's own outcomes say of the vote's probabilities, and what may be FILEd on them.

Learned from the latest outcomes of one tenant in one dimension: the probability that the vote gave its first
candidate, and whether that was right.

- **Probabilities.** Platt scaling (Platt 1999), ``logit q = a logit p + b + c``, with a normal prior around
  what fits the books of many tenants (``Pooled``): a tenant without outcomes gets the pooled map, one with
  many its own. An outcome weighs half as much every HALF_LIFE, for habits and charts change; and c is how the
  latest ones differ from those before, for a busy month goes better or worse than others.
- **A threshold.** A target precision is the share of FILEd transactions that is to be right: what counts is
  the precision of all that would be FILEd, not each single probability. With alpha = 1 - target, it is the
  lowest threshold at which

      (1 + wrong) / (1 + filed)  <=  alpha - tightening

  among the outcomes and PRIOR_OUTCOMES pooled ones, where ``wrong`` is at least what was counted.

What is guaranteed. Let a new transaction and the n outcomes be exchangeable (no drift). Let R be the share
that counting alone would FILE, were the new transaction's own outcome among those it counts. Then

      P(FILE and wrong)  <=  alpha (R + PRIOR_OUTCOMES / (n + 1)),

in expectation over the outcomes, for any n, any vote, and however wrong the pooled outcomes are. Proof: the 1
above stands for the new transaction, taken to be wrong. So if it is wrong and FILEd, it is also FILEd by the
rule that counts all n + 1; that rule treats them alike, and lets at most alpha of what it FILEs be wrong. It
is the device of conformal risk control (Angelopoulos et al. 2022) and of selection by conformal p-values (Jin
and Candès 2023), for a ratio. The bound is on an expectation: the precision of one month scatters about it.

Under drift nothing of the kind can hold before the drift shows. So every wrong FILE tightens at once, and
every right one loosens: adaptive conformal inference (Gibbs and Candès 2021), one-sided as a CUSUM is (Page
1954), for a good record buys no leave to be worse than the target. And outcomes from before a change, for the
worse or for the better, are left out once it is plain, as ADWIN does (Bifet and Gavaldà 2007): what remains
is calibrated as if the tenant were new. It takes many days to be plain: rows of one day go wrong together.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from math import inf, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import fitting, limits
from likewise_engine.probabilities import calibrated

Floats = NDArray[np.float64]

HALF_LIFE: Final = 300.0
"""Outcomes until one weighs half. On real books 150 to 600 do equally well."""
PRIOR_OUTCOMES: Final = 60.0
"""What the pooled outcomes count for in the threshold. With 30 a tenant FILEs half as much of its first fifty
transactions; with 100 those that differ from the pool are let down."""
EXCESS_SIGMAS_MAX: Final = 5.0
"""Nothing is FILEd once errors exceed what the target allows by so many standard deviations of chance. With 4
a hundredth less is FILEd on real books; with 7 a fifth more is in the fifty after a drift."""
CHANGE_SIGMAS: Final = 7.0
"""Outcomes before and after a change differ in their mean surprise by so many standard errors, with days as
what is drawn. Real books are then as if nobody looked for changes, and two weeks of labels without reason are
still found. With rows as what is drawn, a bad day passed for a change even at 10: a hundredth of the coverage
at 98 % precision was lost."""
_STRETCH_MIN: Final = 30
_STRETCH_DAYS_MIN: Final = 5
"""Outcomes on either side of a change, at least, and days that they are of."""
_SURPRISE_VARIANCE_MIN: Final = 0.01
"""Of a stretch that was always right: one in a hundred might have been wrong."""
RECENT_FILED: Final = 40
"""FILEd outcomes that are spoken of when they fall short."""

_PRIOR_SCALE: Final = (0.25, 0.3, 0.2)
"""Standard deviations of the prior on a, b and c. So far do tenants of the real books differ in a and b, by a
hierarchical model of them all: whichever source is left out, it is .21 to .32 and .26 to .32, and where the
logit is near 0 the two are independent. With (.7, .7) chance shuffles the surest answers of different months:
half a hundredth of the coverage is lost. Without c the calibration error is .041 instead of .039, and a
thousandth more is covered; with .3 nothing is gained over .2."""
_LATELY_HALF_LIFE: Final = 60.0
"""Outcomes until what is special about the latest ones has half gone. 15 and 30 do no better."""
_SLOPE_MIN: Final = 0.05
"""Surer must stay likelier, so that the order of candidates and of questions never changes."""
_POOLED_SCALE: Final = 10.0
"""Standard deviation of the prior on the pooled map itself: next to none."""
_ROUNDING: Final = 1e-9
"""One probability calibrated alone and among others may differ in the last bits."""
_TARGETS_REMEMBERED_MAX: Final = 8
"""Thresholds that are at hand: a tenant has one target, and callers may ask for others."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """How often first candidates were right, over books of many tenants that the vote had not learned from.

    What a tenant is calibrated with until it has outcomes of its own. Every tenant weighs the same.

    Attributes:
        probability: ``(b,)``, ascending: the mean probability given to the first candidates of each bin; the
            bins are quantiles, so each has about as many questions.
        right: ``(b,)``, the share of them that was right.
        questions: ``(b,)``, how many there were.
    """

    probability: tuple[float, ...]
    right: tuple[float, ...]
    questions: tuple[int, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.probability), len(self.right), len(self.questions)}
        if len(lengths) != 1 or not 1 <= len(self.probability) <= limits.POOLED_BINS_MAX:
            raise ValueError(
                f"pooled outcomes are not 1 to {limits.POOLED_BINS_MAX} bins, the same number of each"
            )
        # Asked for what is right, not for what is wrong: every comparison with NaN is false.
        if not all(0 <= share <= 1 for share in (*self.probability, *self.right)):
            raise ValueError("a pooled probability or share is outside 0 to 1")
        if not all(before <= after for before, after in pairwise(self.probability)):
            raise ValueError("pooled probabilities are not ascending")
        if not all(count >= 1 for count in self.questions):
            raise ValueError("a bin of pooled outcomes has no questions")


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """What became of n answers in one dimension, oldest first.

    Attributes:
        probability: float64 ``(n,)``, within (0, 1]: what the vote gave the first candidate.
        right: bool ``(n,)``.
        filed: bool ``(n,)``: the transaction would have been FILEd at the tenant's own target.
        day: int32 ``(n,)``, ascending: the day that its entry counts for.
    """

    probability: Floats
    right: NDArray[np.bool_]
    filed: NDArray[np.bool_]
    day: NDArray[np.int32]

    @classmethod
    def none(cls) -> "Outcomes":
        """No outcomes."""
        nobody = np.empty(0, dtype=np.bool_)
        return cls(np.empty(0), nobody, nobody, np.empty(0, dtype=np.int32))

    def since_change(self, pooled_map: tuple[float, float]) -> "Outcomes":
        """The latest of them, as far back as they are of one kind.

        Args:
            pooled_map: slope and intercept of what makes an outcome no surprise.
        """
        expected = fitting.sigmoids(fitting.logits(self.probability), *pooled_map)
        first = fitting.latest_change(
            self.right - expected,
            self.day,
            CHANGE_SIGMAS,
            _STRETCH_MIN,
            _STRETCH_DAYS_MIN,
            _SURPRISE_VARIANCE_MIN,
        )
        if not first:
            return self
        return Outcomes(self.probability[first:], self.right[first:], self.filed[first:], self.day[first:])


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What outcomes teach of one tenant's probabilities in one dimension. Immutable; made by :meth:`of`.

    Attributes:
        outcomes: how many it was made of; those from before a change are not among them.
        filed: how many of the latest RECENT_FILED FILEd outcomes there are.
        filed_wrong: how many of those were wrong.
        excess_sigmas: how far errors among FILEd outcomes exceed the tenant's target, in standard deviations.
        slope: a of the map.
        intercept: b + c of the map.
        reached: float64 ``(k,)``, descending: thresholds at which FILEing could end.
        error_rate: float64 ``(k,)``, the bounded share of wrong FILEs at each.
    """

    outcomes: int
    filed: int
    filed_wrong: int
    excess_sigmas: float
    slope: float
    intercept: float
    reached: Floats
    error_rate: Floats
    _thresholds: dict[float, float] = field(init=False, default_factory=dict, repr=False)

    @classmethod
    def of(cls, pooled: Pooled, outcomes: Outcomes, target_precision: float) -> "Calibration":
        """Learn from outcomes.

        Args:
            pooled: the vote's.
            outcomes: the tenant's latest, in one dimension.
            target_precision: the tenant's own, which its FILEd outcomes are held to.
        """
        pooled_logit, pooled_weight, pooled_map = _prior(pooled)
        outcomes = outcomes.since_change(pooled_map)
        count, right = len(outcomes.right), outcomes.right.astype(np.float64)
        logit = fitting.logits(outcomes.probability)
        lately, weight = (_faded(count, half_life) for half_life in (_LATELY_HALF_LIFE, HALF_LIFE))
        design = np.stack((logit, np.ones(count), lately))
        fitted = fitting.posterior_mode(design, right, weight, (*pooled_map, 0.0), _PRIOR_SCALE)
        slope, intercept = max(fitted[0], _SLOPE_MIN), fitted[1] + fitted[2]
        expected, pooled_expected = (fitting.sigmoids(x, slope, intercept) for x in (logit, pooled_logit))
        reached, error_rate = fitting.error_rates(expected, right, pooled_expected, pooled_weight)
        recent = outcomes.right[outcomes.filed][-RECENT_FILED:]
        return cls(
            outcomes=count,
            filed=len(recent),
            filed_wrong=len(recent) - int(np.count_nonzero(recent)),
            excess_sigmas=_excess_sigmas(right, outcomes.filed, 1.0 - target_precision),
            slope=slope,
            intercept=intercept,
            reached=reached,
            error_rate=error_rate,
        )

    def probabilities(self, voted: Floats) -> Floats:
        """Calibrate the vote's probabilities of one question.

        Args:
            voted: float64 ``(c,)``, within 0 to 1, their sum at most 1.

        Returns:
            float64 ``(c,)``, likewise, in the same order; the same for candidates in any order.
        """
        return calibrated(voted, self.slope, self.intercept)

    def threshold(self, target_precision: float) -> float:
        """The least calibrated probability of a first candidate to FILE on; inf where none will do."""
        threshold = self._thresholds.get(target_precision)
        if threshold is None:
            last = self._last(target_precision)
            threshold = float(self.reached.item(last.item())) - _ROUNDING if len(last) else inf
            if len(self._thresholds) < _TARGETS_REMEMBERED_MAX:
                self._thresholds[target_precision] = threshold
        return threshold

    def narrowed(self, target_precision: float) -> "Calibration":
        """As much of it as one target needs: its map, and of the thresholds the one that holds."""
        last = self._last(target_precision)
        return replace(self, reached=self.reached[last], error_rate=self.error_rate[last])

    def _last(self, target_precision: float) -> NDArray[np.int64]:
        """Position of the threshold that holds, int64 ``(1,)``; ``(0,)`` where none does."""
        allowed = (1.0 - target_precision) * max(0.0, 1.0 - self.excess_sigmas / EXCESS_SIGMAS_MAX)
        return (self.error_rate <= allowed).nonzero()[0][-1:]


@lru_cache(maxsize=8)
def _prior(pooled: Pooled) -> tuple[Floats, Floats, tuple[float, float]]:
    """Logits and weights of the pooled outcomes, and the map of all tenants together: a, b."""
    logit, bins = fitting.logits(np.array(pooled.probability)), len(pooled.right)
    weight = np.full(bins, PRIOR_OUTCOMES / bins)
    design = np.stack((logit, np.ones(bins)))
    slope, intercept = fitting.posterior_mode(
        design, np.array(pooled.right), weight, (1.0, 0.0), (_POOLED_SCALE,) * 2
    )
    return logit, weight, (slope, intercept)


def _faded(count: int, half_life: float) -> Floats:
    """What outcomes weigh, the oldest first."""
    return np.asarray(0.5 ** (np.arange(count - 1, -1, -1) / half_life))


def _excess_sigmas(right: Floats, filed: NDArray[np.bool_], allowed: float) -> float:
    """How far errors among FILEd outcomes exceed ``allowed``: a CUSUM that fades with HALF_LIFE."""
    fade = 0.5 ** (1.0 / HALF_LIFE)
    return fitting.excess(right, filed, allowed, fade) / sqrt(allowed * (1.0 - allowed) / (1.0 - fade))
