"""An encoder without a model: for tests, of ours and of those who build on Likewise."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.encoder.base import check_texts
from likewise_engine.encoder.ngrams import NgramHash
from likewise_engine.text import TEXT_VERSION

_NGRAMS: Final = NgramHash(buckets_log2=20)
_TEXTS_PER_RUN: Final = 256
"""Bounds memory: 256 of the longest texts have 245,000 n-grams."""


class HashingEncoder:
    """Counts hashed character n-grams with a hashed sign (Weinberger et al. 2009), and scales to unit length.

    Like wordings come out near each other; words of one meaning do not. Needs no file and no warm-up.
    """

    def __init__(self, dimensions: int = 128) -> None:
        if not 1 <= dimensions <= limits.VECTOR_DIMENSIONS_MAX:
            raise ValueError(f"{dimensions} dimensions are outside 1 to {limits.VECTOR_DIMENSIONS_MAX}")
        self._dimensions = dimensions

    def __repr__(self) -> str:
        return f"HashingEncoder(dimensions={self._dimensions})"

    @property
    def fingerprint(self) -> str:
        """Names the way of hashing and the version of the texts."""
        return f"hashing-{self._dimensions}+text{TEXT_VERSION}"

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._dimensions

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode normalised texts; see :meth:`likewise_engine.encoder.base.Encoder.encode`.

        Raises:
            InvalidInput: a text is what no text can be.
        """
        check_texts(texts)
        vectors = np.empty((len(texts), self._dimensions), np.float32)
        for start in range(0, len(texts), _TEXTS_PER_RUN):
            vectors[start : start + _TEXTS_PER_RUN] = self._encode(texts[start : start + _TEXTS_PER_RUN])
        return vectors

    def _encode(self, texts: Sequence[str]) -> NDArray[np.float64]:
        ids = _NGRAMS.ids(texts)
        row, column = np.nonzero(ids != _NGRAMS.padding_id)
        hashed = ids[row, column]
        cells = row * self._dimensions + (hashed >> 1) % self._dimensions
        signs = (hashed & 1) * 2.0 - 1
        sums = np.bincount(cells, signs, minlength=len(texts) * self._dimensions).reshape(len(texts), -1)
        sums[~sums.any(axis=1), 0] = 1  # All signs cancelled out.
        lengths: NDArray[np.float64] = np.linalg.norm(sums, axis=1, keepdims=True)
        return sums / lengths
