from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence.surroundings import Surroundings

REGRESSION_FEATURES: Final[tuple[str, ...]]
ROWS_MAX: Final[int]

def regression_of(
    around: Surroundings, rows: NDArray[np.int64], cosines: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]: ...
def fill_regression(
    around: Surroundings,
    rows: NDArray[np.int64],
    of_row: NDArray[np.int64],
    cosines: NDArray[np.float32],
    features: NDArray[np.float64],
) -> None: ...
