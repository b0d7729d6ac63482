from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Integers: TypeAlias = NDArray[np.int64]

def descend(
    weights: Floats,
    squares: Floats,
    starts: Integers,
    buckets: Integers,
    values: Floats,
    targets: Integers,
    order: Integers,
    rate: float,
) -> None: ...
