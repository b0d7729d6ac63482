"""The statistics of feedback, each with what it promises and where it is from. No state, no clock.

A day is the unit throughout: rows of one day come in batches and go wrong together, so tests that take rows
for independent cry wolf. Where days are exchangeable, whatever happens within one, these keep their promise.
Days of books are not quite: what is paid comes in runs of days, too. :func:`surpassing` asks how much the
books change anyway.
"""

from math import atan, cos, log, pi, sin, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

PERMUTATIONS: Final = 1_999
"""The least p is then .0005: a tenth of what five tests at once need at .01. Some ms."""
_WILSON_Z: Final = 1.959964
"""95 %, two-sided."""
_ALTERNATIVES: Final = (1.5, 2.0, 3.0, 5.0)
"""Error rates that are looked for, as multiples of what the target allows."""
_ERROR_MAX: Final = 0.9
_ROUNDING: Final = 1e-12
_SMOOTHING: Final = 0.5
"""Added to each bin (Jeffreys), so that an empty one is not infinitely surprising."""


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """A 95 % interval of a share, (0, 1) where nothing was counted.

    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
    """
    if not count:
        return 0.0, 1.0
    share, z2 = right / count, _WILSON_Z**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    margin = _WILSON_Z * sqrt(share * (1 - share) / count + z2 / (4 * count**2)) / (1 + z2 / count)
    # Where all or none were right an end is exact, which rounding would miss.
    return (0.0 if not right else centre - margin), (1.0 if right == count else centre + margin)


def stability_index(reference: Counts, recent: Counts) -> float:
    """Population stability index of two histograms of b bins: the symmetric Kullback-Leibler divergence.

    Below .1 it is custom to speak of no change, above .25 of a large one (Siddiqi 2006, "Credit Risk
    Scorecards"). It says how much, not how surely: it grows with chance where counts are small (Yurdakul
    2018), so it stands beside a test.
    """
    p, q = _shares(reference), _shares(recent)
    return float(((p - q) * np.log(p / q)).sum())


def homogeneity(
    days: Counts, recent_days: int, seed: int = 0, permutations: int = PERMUTATIONS
) -> tuple[float, float]:
    """Whether the latest days differ from those before: how likely by chance, and by how much.

    A permutation test (Pitman 1937; Davison and Hinkley 1997, section 4.3) of the Jensen-Shannon divergence
    (Lin 1991, IEEE Trans. Information Theory 37) between the two stretches, days being dealt to them at
    random. Where days are exchangeable, P(p <= a) is at most a, for any counts.

    Args:
        days: int64 ``(d, b)``, counts in b bins by day, the latest last.
        recent_days: how many of the days are the latest stretch, at least 1 and less than d.
        seed: of the permutations; the same counts give the same answer.
        permutations: how many there are: p is no less than one in so many and one.

    Returns:
        p, and by how many bits the divergence exceeds what it comes to on average where days are dealt.
    """
    rng = np.random.default_rng(seed)
    days = days[:, days.any(axis=0)]
    position = np.argsort(rng.random((permutations, len(days))), axis=1)
    observed = np.arange(len(days))[None] >= len(days) - recent_days
    is_recent = np.concatenate((observed, position < recent_days)).astype(np.float64)
    recent = is_recent @ days
    apart = _divergences(days.sum(axis=0) - recent, recent)
    p = float(np.count_nonzero(apart >= apart[0] - _ROUNDING)) / (permutations + 1)
    return p, float(apart[0] - apart[1:].mean())


def surpassing(value: float, earlier: Floats) -> float:
    """How likely a further value of the kind of earlier ones is so large: by Student's prediction interval.

    As if they were independent draws of one normal distribution; Geisser (1993), "Predictive inference".

    Args:
        value: the further one.
        earlier: at least two of them.
    """
    count = len(earlier)
    spread = float(earlier.std(ddof=1)) * sqrt(1.0 + 1.0 / count)
    above = value - float(earlier.mean())
    if spread == 0.0:
        return 0.0 if above > 0.0 else 1.0
    return _student_beyond(above / spread, count - 1)


def _student_beyond(t: float, freedom: int) -> float:
    """P(T > t) of Student's distribution, of whole degrees of freedom: Abramowitz and Stegun 26.7.3 and 4."""
    angle = atan(t / sqrt(freedom))
    total = term = cos(angle) if freedom % 2 else 1.0
    for position in range(2 + freedom % 2, freedom - 1, 2):
        term *= cos(angle) ** 2 * (position - 1) / position
        total += term
    if freedom % 2:
        within = 2.0 / pi * (angle + (sin(angle) * total if freedom > 1 else 0.0))
    else:
        within = sin(angle) * total
    return (1.0 - within) / 2.0


def rejections(p_values: Floats, level: float) -> NDArray[np.bool_]:
    """Which of several hypotheses are rejected so that P(any is rejected falsely) is at most ``level``.

    Holm (1979), "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6. However
    the tests depend on each other.
    """
    order = np.argsort(p_values)
    holds = p_values[order] <= level / np.arange(len(p_values), 0, -1)
    rejected = np.zeros(len(p_values), dtype=np.bool_)
    rejected[order[: len(holds) if holds.all() else int(np.argmin(holds))]] = True
    return rejected


def surprise_of_errors(wrong: Counts, count: Counts, allowed: float) -> Floats:
    """How much speaks, day by day, for errors having become more frequent than allowed at some day.

    An e-detector of Shiryaev-Roberts kind (Shin, Ramdas and Rinaldo 2023, "E-detectors: a nonparametric
    framework for sequential change detection"): each day's likelihood ratio, of an error rate above the
    allowed one against that, is an e-value where errors are allowed or rarer given all that was before; the
    sum over all days at which it may have begun is at most d in expectation on day d. So until it first
    reaches c there pass c days on average, at least, if nothing is amiss: however errors of a day go
    together with those before, and however often one looks.

    Args:
        wrong: int64 ``(d,)``, errors by day, the latest last.
        count: int64 ``(d,)``, errors and others.
        allowed: share of errors that is allowed, within (0, 1).

    Returns:
        float64 ``(d,)``, natural logarithms of the detector after each day.
    """
    rates = [rate for times in _ALTERNATIVES if (rate := allowed * times) < _ERROR_MAX] or [
        (1.0 + allowed) / 2.0
    ]
    logs = np.full(len(rates), -np.inf)
    detector = np.empty(len(wrong))
    of_wrong = np.array([log(rate / allowed) for rate in rates])
    of_right = np.array([log((1.0 - rate) / (1.0 - allowed)) for rate in rates])
    for day, (errors, all_) in enumerate(zip(wrong.tolist(), count.tolist(), strict=True)):
        logs = np.logaddexp(logs, 0.0) + errors * of_wrong + (all_ - errors) * of_right
        detector[day] = np.logaddexp.reduce(logs) - log(len(rates))
    return detector


def likeliest_start(wrong: Counts, count: Counts, allowed: float) -> int:
    """The day since which errors are likeliest to be more frequent than allowed: where the CUSUM was last 0.

    Page (1954), "Continuous inspection schemes", Biometrika 41.
    """
    excess = np.cumsum(wrong - allowed * count)
    return int(np.argmin(np.concatenate(([0.0], excess[:-1]))))


def _shares(counts: Counts) -> Floats:
    smoothed = counts + _SMOOTHING
    return np.asarray(smoothed / smoothed.sum(axis=-1, keepdims=True))


def _divergences(reference: Floats, recent: Floats) -> Floats:
    """Of each row, ``(n, b)`` and ``(n, b)`` to ``(n,)``; 0 where one is empty."""
    p, q = (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0) for counts in (reference, recent))
    mean = (p + q) / 2.0
    return np.asarray((_times_log(p, mean) + _times_log(q, mean)).sum(axis=1) / 2.0)


def _times_log(p: Floats, mean: Floats) -> Floats:
    ratio = np.divide(p, mean, out=np.ones_like(p), where=p > 0.0)
    return np.asarray(p * np.log2(ratio))
