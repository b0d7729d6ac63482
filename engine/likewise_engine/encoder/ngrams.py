"""Texts -> ids of hashed character n-grams: the half of the static encoder that sees through noise.

A text is wrapped in one space on either side, so that n-grams know where words begin and end, and every
run of two to ``length_max`` code points is hashed to a bucket: no vocabulary, hence no unknown wording in
any script (Weinberger et al. 2009, Bojanowski et al. 2017). One function serves the encoder at run time
and the building of models, for a model is only as good as the agreement of the two.

The hash is multilinear: the upper bits of the sum of each code point times the multiplier of its place,
modulo 2**32 (Lemire & Kaser 2014). All n-grams of all texts take a handful of array operations, however
many they are. 48,960 different n-grams of real wordings filled the buckets as evenly as chance would.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

MULTIPLIERS: Final = np.array(
    [0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F, 0x165667B1, 0xCC9E2D51], np.uint32
)
"""Odd, of well-mixed bits, one for each place: constants of xxHash and MurmurHash3."""


@dataclass(frozen=True, slots=True)
class NgramHash:
    """How character n-grams become ids. Part of a model: another hash needs another table.

    Attributes:
        length_max: code points of the longest n-gram; the shortest has two, so that even the empty text,
            wrapped, has one.
        buckets_log2: binary logarithm of the number of buckets.
    """

    length_max: int = 4
    buckets_log2: int = 15

    def __post_init__(self) -> None:
        if not 2 <= self.length_max <= len(MULTIPLIERS):
            raise ValueError(f"n-grams of {self.length_max} code points are outside 2 to {len(MULTIPLIERS)}")
        if not 1 <= self.buckets_log2 <= 24:
            raise ValueError(f"2**{self.buckets_log2} buckets are outside 2**1 to 2**24")

    @property
    def padding_id(self) -> int:
        """The id of no n-gram, which follows those of all buckets: a table has one row more than buckets."""
        return 1 << self.buckets_log2

    def ids(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Hash the n-grams of texts, which must hold neither NUL nor lone surrogates.

        Returns:
            int32 array of shape ``(len(texts), width)``: ids from 0, filled up with :attr:`padding_id`. Every
            text has at least one n-gram. Equal n-grams have equal ids, each as often as in the text.
        """
        width = max(map(len, texts), default=0) + 2
        wrapped = "".join([f" {text} ".ljust(width, "\0") for text in texts])
        codes = np.frombuffer(wrapped.encode("utf-32-le"), np.uint32).reshape(len(texts), width)
        terms = codes * MULTIPLIERS[: self.length_max, np.newaxis, np.newaxis]
        places = range(1, min(self.length_max, width))
        sums = [terms[0]]
        for place in places:
            sums.append(sums[-1][:, :-1] + terms[place, :, place:])
        hashed = np.concatenate(sums[1:], axis=1)
        hashed >>= np.uint32(32 - self.buckets_log2)
        if len(texts) > 1:
            beyond_end = np.concatenate([codes[:, place:] for place in places], axis=1) == 0
            hashed[beyond_end] = self.padding_id
        return hashed.view(np.int32)
