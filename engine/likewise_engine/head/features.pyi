import numpy as np
from numpy.typing import NDArray

def hashed_features(
    text: str, payee: str | None, amount: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]: ...
