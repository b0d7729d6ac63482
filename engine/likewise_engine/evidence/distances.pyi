from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

TAU: Final[float]
EXACT: Final[float]

def distances(
    rows: NDArray[np.int64],
    ranks: NDArray[np.int64],
    texts: NDArray[np.int64],
    text_similarities: NDArray[np.float32],
    columns: tuple[NDArray[np.int32], NDArray[np.int32], Floats, NDArray[np.int8]],
    day_ranks: tuple[NDArray[np.int32], NDArray[np.int64]],
    text: int,
    payee: int,
    amount: float,
    flow: float,
    asked_day: int,
) -> tuple[
    int, tuple[Floats, Bools, Bools, Bools, Floats, Floats, Floats, NDArray[np.int64], Floats, Floats]
]: ...
