"""An encoder without a model: for tests, of ours and of those who build on Likewise."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.encoder.ngrams import NgramHash
from likewise_engine.text import TEXT_VERSION

_NGRAMS = NgramHash(buckets_log2=20)


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
        """Encode normalised texts: :meth:`likewise_engine.encoder.base.Encoder.encode`. Never fails."""
        vectors = np.zeros((len(texts), self._dimensions), np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            hashed = _NGRAMS.ids([text])[0]
            np.add.at(vector, (hashed >> 1) % self._dimensions, np.where(hashed & 1, 1, -1))
            length = np.linalg.norm(vector)
            if length:
                vector /= length
            else:  # All signs cancel out.
                vector[0] = 1
        return vectors
