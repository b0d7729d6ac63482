from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LENGTH_MAX: int

def ids_of(texts: Sequence[str], length_max: int, buckets_log2: int) -> NDArray[np.int32]: ...
