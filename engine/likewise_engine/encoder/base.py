"""The protocol that every encoder of texts fulfils."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.errors import InvalidInput


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
            InvalidInput: a text is what no text can be, as :func:`check_texts` has it.
            ModelFault: the model failed, or returned what is not a finite unit vector.
        """


def check_texts(texts: Sequence[str]) -> None:
    """Check what no normalised text can be, before it meets a tokeniser.

    Raises:
        InvalidInput: a text is longer than TEXT_CHARS_MAX, or holds a NUL or a lone surrogate.
    """
    for text in texts:
        if len(text) > limits.TEXT_CHARS_MAX:
            limit = limits.TEXT_CHARS_MAX
            raise InvalidInput.of("text", f"has {len(text)} characters; at most {limit} are allowed")
        if "\0" in text or (not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)):
            raise InvalidInput.of("text", "holds a NUL or a lone surrogate: it is not valid text")
