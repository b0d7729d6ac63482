import numpy as np
from numpy.typing import NDArray

def vectors_of(
    token_rows: NDArray[np.int8],
    ngram_rows: NDArray[np.int8],
    token_ids: NDArray[np.int32],
    ngram_ids: NDArray[np.int32],
) -> NDArray[np.float32]: ...
def are_unit(vectors: NDArray[np.float32], tolerance: float) -> bool: ...
