from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence.surroundings import Surroundings

ROW_FEATURES: Final[tuple[str, ...]]

def fill_rows(
    around: Surroundings,
    order_day: NDArray[np.int32],
    rows: NDArray[np.int64],
    of_row: NDArray[np.int64],
    features: NDArray[np.float64],
    share: NDArray[np.float64],
) -> float: ...
