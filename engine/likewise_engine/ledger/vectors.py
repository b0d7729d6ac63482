"""Vectors by the ids of texts, in the order that memory has texts in."""

import numpy as np
from numpy.typing import NDArray

from likewise_engine.encoder.base import Encoder
from likewise_engine.store.base import Vectors


def aligned(
    store_ids: NDArray[np.int64], ids: NDArray[np.int64], vectors: Vectors, encoder: Encoder
) -> tuple[Vectors, NDArray[np.int64]]:
    """Vectors in the order of texts, with rows of zeros for texts that have none.

    Args:
        store_ids: int64 ``(t,)``, of the texts.
        ids: int64 ``(k,)``, ascending, of those that have a vector.
        vectors: float16 ``(k, dimensions)``.
        encoder: whose they are.

    Returns:
        Vectors, float16 ``(t, dimensions)``, and numbers of the texts that have none, int64.
    """
    found = np.zeros((len(store_ids), encoder.dimensions), dtype=np.float16)
    if not len(ids):
        return found, np.arange(len(store_ids))
    at = np.minimum(np.searchsorted(ids, store_ids), len(ids) - 1)
    is_known = ids[at] == store_ids
    found[is_known] = vectors[at[is_known]]
    return found, np.flatnonzero(~is_known)
