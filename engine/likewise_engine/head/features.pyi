import numpy as np
from numpy.typing import NDArray

def hashed_features(
    text: str, payee: str | None, amount: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Hash a transaction.

    Args:
        text: normalised.
        payee: normalised; None where it is nobody in particular.
        amount: NaN where it is not known.

    Returns:
        int64 ``(f,)`` hashes and float32 ``(f,)`` weights.
    """
