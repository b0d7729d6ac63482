import numpy as np
from numpy.typing import NDArray

def latest_rows(
    base: NDArray[np.int32],
    starts: NDArray[np.int32],
    tail: dict[int, list[int]],
    texts: NDArray[np.int64],
    order_days: NDArray[np.int32],
    alive: NDArray[np.bool_],
    per_text_max: int,
    in_all_max: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
