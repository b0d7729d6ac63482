"""Whether an encoder finds alike what a teacher finds alike. Their vectors may be of other lengths."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_indexer.compare.result import Agreement

NEIGHBOURS: Final = 10
_PAIRS: Final = 20_000
"""Drawn for the correlation: with so many its standard error is below .01."""

Vectors = NDArray[np.float32]


def agreement_of(vectors: Vectors, teacher: Vectors, seed: int) -> Agreement:
    """Hold unit vectors against a teacher's of the same n texts.

    Args:
        vectors: float32 ``(n, d)``.
        teacher: float32 ``(n, t)``; n is above NEIGHBOURS.
        seed: of the pairs that are drawn.
    """
    count = len(vectors)
    ours, theirs = _nearest(vectors), _nearest(teacher)
    shared = [len(np.intersect1d(a, b, assume_unique=True)) for a, b in zip(ours, theirs, strict=True)]
    first, second = np.random.default_rng(seed).integers(0, count, (2, _PAIRS))
    first, second = first[first != second], second[first != second]
    cosines = [np.einsum("ij,ij->i", of[first], of[second]) for of in (vectors, teacher)]
    ranks = np.argsort(np.argsort(cosines, axis=1, kind="stable"), axis=1, kind="stable")
    return Agreement(
        texts=count,
        neighbours_shared=float(np.mean(shared)) / NEIGHBOURS,
        rank_correlation=float(np.asarray(np.corrcoef(ranks.astype(np.float64)))[0, 1]),
    )


def _nearest(vectors: Vectors) -> NDArray[np.int64]:
    """The NEIGHBOURS nearest of each, ``(n, NEIGHBOURS)``; of equals the first."""
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    return np.argsort(-cosines, axis=1, kind="stable")[:, :NEIGHBOURS]
