"""Texts -> ids of hashed character n-grams: the half of the static encoder that sees through noise.

A text is wrapped in one space on either side, so that n-grams know where words begin and end, and every run of
``length_min`` to ``length_max`` code points is hashed to a bucket: no vocabulary, hence no unknown wording in any
script (the "hashing trick"; Weinberger et al. 2009, Bojanowski et al. 2017). The same function serves the encoder at run time and the building of
models, for a model is only as good as the agreement of the two.

All n-grams of all texts are hashed by a dozen array operations, whatever their number: a rolling polynomial in
uint32, then the finaliser of MurmurHash3, for the upper bits to depend on every character.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

PADDING_ID: Final = 0
"""Fills rows of shorter texts up. Buckets are counted from 1."""

_POLYNOMIAL: Final = np.uint32(0x9E3779B1)
"""The odd number next to 2**32 / golden ratio, by which neighbouring code points end far apart."""
_MIX: Final = np.uint32(0x85EBCA6B)


@dataclass(frozen=True, slots=True)
class NgramHash:
    """How character n-grams become ids. Part of a model: another one needs another table.

    Attributes:
        length_min: code points of the shortest n-gram; at least 2, so that the empty text has one.
        length_max: code points of the longest.
        buckets_log2: binary logarithm of the number of buckets.
    """

    length_min: int = 2
    length_max: int = 4
    buckets_log2: int = 15

    def __post_init__(self) -> None:
        if not 2 <= self.length_min <= self.length_max <= 8:
            raise ValueError(f"n-gram lengths {self.length_min} to {self.length_max} are outside 2 to 8")
        if not 1 <= self.buckets_log2 <= 24:
            raise ValueError(f"2**{self.buckets_log2} buckets are outside 2 to 2**24")

    @property
    def ids_max(self) -> int:
        """The largest id: a table for these ids has one row more, for PADDING_ID."""
        return 1 << self.buckets_log2

    def ids(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Hash the n-grams of texts.

        Returns:
            int32 array of shape ``(len(texts), width)``: ids from 1 to :attr:`ids_max`, and PADDING_ID
            wherever a text has no n-gram. Every text has at least one. Equal n-grams have equal ids,
            and occur as often as in the text.
        """
        width = max(map(len, texts), default=0) + 2
        wrapped = "".join([f" {text} ".ljust(width, "\0") for text in texts])
        codes = np.frombuffer(wrapped.encode("utf-32-le", "surrogatepass"), np.uint32).reshape(
            len(texts), width
        )
        rolling, hashes, ends = codes, [], []
        for length in range(2, min(self.length_max, width) + 1):
            rolling = rolling[:, :-1] * _POLYNOMIAL + codes[:, length - 1 :]
            if length >= self.length_min:
                hashes.append(rolling)
                ends.append(codes[:, length - 1 :])
        hashed = np.concatenate(hashes, axis=1)
        hashed ^= hashed >> np.uint32(16)
        hashed *= _MIX
        hashed >>= np.uint32(32 - self.buckets_log2)
        hashed += np.uint32(1)
        if len(texts) > 1:
            hashed *= np.concatenate(ends, axis=1) != 0
        return hashed.view(np.int32)
