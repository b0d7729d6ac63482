import numpy as np
from numpy.typing import NDArray

def rows_by_text(
    texts: NDArray[np.int32],
    order_days: NDArray[np.int32],
    alive: NDArray[np.bool_],
    texts_count: int,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]: ...
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
