from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

def labelled_rows(
    labels: NDArray[np.int32],
    alive: NDArray[np.bool_],
    order_day: NDArray[np.int32],
    first_day: int,
) -> Ints: ...
def habits_of(
    labels: NDArray[np.int32], amounts: Floats, categories: int
) -> tuple[tuple[Floats, Floats, Floats, Floats, Floats, Floats], float, float]: ...
def successions_of(
    labels: NDArray[np.int32], whose: Ints, categories: int
) -> tuple[Floats, Ints, Ints, Floats]: ...
