"""The protocol that every encoder of texts fulfils."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Encoder(Protocol):
    """Maps texts to unit vectors. Implementations are immutable and safe to call from many threads."""

    @property
    def fingerprint(self) -> str:
        """Names the model and everything that its vectors depend on, down to the text version.

        Vectors of two fingerprints must never be compared.
        """

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode normalised texts.

        Args:
            texts: normalised by :func:`likewise_engine.text.normalise`; any number, also none.

        Returns:
            float32 array of shape ``(len(texts), dimensions)``, C-contiguous; each row has unit length.
            The row of a text does not depend on which others it was encoded with.

        Raises:
            ModelFault: the model failed, or returned what is not a finite unit vector.
        """
