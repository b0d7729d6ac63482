from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Places: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]

def packed(
    weights: NDArray[np.float32], step: float
) -> tuple[NDArray[np.int32], Places, NDArray[np.int8]]: ...
def log_probabilities(
    starts: NDArray[np.int32],
    places: Places,
    levels: NDArray[np.int8],
    step: float,
    categories: int,
    buckets: NDArray[np.int64],
    values: NDArray[np.float32],
) -> NDArray[np.float64]: ...
