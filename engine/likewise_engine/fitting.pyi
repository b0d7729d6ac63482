from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

def logits(probability: Floats) -> Floats: ...
def sigmoids(logit: Floats, slope: float, intercept: float) -> Floats: ...
def posterior_mode(
    design: Floats,
    right: Floats,
    weight: Floats,
    centre: tuple[float, ...],
    scale: tuple[float, ...],
) -> list[float]: ...
def latest_change(
    surprise: Floats,
    day: NDArray[np.int32],
    sigmas_min: float,
    stretch_min: int,
    days_min: int,
    variance_min: float,
) -> int: ...
def error_rates(
    expected: Floats, right: Floats, pooled_expected: Floats, pooled_weight: Floats
) -> tuple[Floats, Floats]: ...
def excess(right: Floats, filed: NDArray[np.bool_], allowed: float, fade: float) -> float: ...
