from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

PROBABILITY_MIN: Final[float]

def with_outside_option(scores: NDArray[np.float32]) -> Floats: ...
def calibrated(voted: Floats, slope: float, intercept: float) -> Floats: ...
def ranking(probabilities: Floats, candidates: Ints, usage: Ints) -> Ints: ...
