import numpy as np
from numpy.typing import NDArray

def best_of(
    similarities: NDArray[np.float32], alive: NDArray[np.bool_], count_max: int, rounding: float
) -> NDArray[np.int64]: ...
def ranked(
    matrix: NDArray[np.float16],
    asked: NDArray[np.float32],
    texts: NDArray[np.int64],
    count_max: int,
    known: int,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...
