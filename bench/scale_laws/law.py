"""Power laws: how fast a figure grows with what it is measured against.

``figure = factor * size ** exponent``, fitted as a straight line through the logarithms by least squares,
with Student's interval of its slope. It is the law of the whole range, whose small end is often a cost that
does not grow: so the exponent between the two largest steps alone stands beside it, which is what comes next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import exp, log, sqrt
from typing import Any, Final

import numpy as np
from scipy import stats

CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Law:
    """How a figure grows.

    Attributes:
        exponent: 0 where it does not grow, 1 where it grows as much as the size.
        low: lower end of the exponent's interval; None where there are too few steps for one.
        high: upper end.
        factor: the figure at size 1, by the law.
        last_exponent: between the two largest sizes alone.
    """

    exponent: float
    low: float | None
    high: float | None
    factor: float
    last_exponent: float

    def at(self, size: float) -> float:
        """The figure at a size, by the law."""
        return self.factor * exp(self.exponent * log(size))


def law_of(sizes: Sequence[float], figures: Sequence[float | None]) -> Law | None:
    """Fit a law through figures at sizes, in ascending order of these.

    Returns:
        The law; None where fewer than two sizes have a figure, or one is not positive.
    """
    known = [(size, figure) for size, figure in zip(sizes, figures, strict=True) if figure is not None]
    if len(known) < 2 or any(figure <= 0 for _, figure in known):
        return None
    x, y = np.log(np.array(known)).T
    from_mean = x - x.mean()
    spread = float(from_mean @ from_mean)
    exponent, low, high = float(from_mean @ y) / spread, None, None
    # Not scipy's linregress: of figures that are all equal it has no interval.
    freedom = len(known) - 2
    if freedom:
        missed = y - y.mean() - exponent * from_mean
        error = sqrt(float(missed @ missed) / freedom / spread)
        margin = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
        low, high = exponent - margin, exponent + margin
    factor = exp(float(y.mean()) - exponent * float(x.mean()))
    return Law(exponent, low, high, factor, float((y[-1] - y[-2]) / (x[-1] - x[-2])))


def laws_of(
    steps: Sequence[Mapping[str, Any]], over: str, names: Sequence[str]
) -> dict[str, dict[str, Any] | None]:
    """The laws of some figures of steps, as they are written.

    Args:
        steps: each with its size and its figures, the smallest first.
        over: name of the size.
        names: of the figures.
    """
    sizes = [step[over] for step in steps]
    laws = {name: law_of(sizes, [step[name] for step in steps]) for name in names}
    return {name: None if law is None else asdict(law) for name, law in laws.items()}
