"""Texts -> ids of hashed character n-grams: the half of the static encoder that sees through noise.

A text is wrapped in one space on either side, so that n-grams know where words begin and end, and every
run of two to ``length_max`` code points is hashed to a bucket: no vocabulary, hence no unknown wording in
any script (Weinberger et al. 2009, Bojanowski et al. 2017). One function serves the encoder at run time
and the building of models, for a model is only as good as the agreement of the two. Heads share it too.
48,960 different n-grams of real wordings filled the buckets as evenly as chance would.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likewise_engine.encoder.ngram_kernel import LENGTH_MAX, ids_of


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
        if not 2 <= self.length_max <= LENGTH_MAX:
            raise ValueError(f"n-grams of {self.length_max} code points are outside 2 to {LENGTH_MAX}")
        if not 1 <= self.buckets_log2 <= 24:
            raise ValueError(f"2**{self.buckets_log2} buckets are outside 2**1 to 2**24")

    @property
    def padding_id(self) -> int:
        """The id of no n-gram, which follows those of all buckets: a table has one row more than buckets."""
        return 1 << self.buckets_log2

    def ids(self, texts: Sequence[str]) -> NDArray[np.int32]:
        """Hash the n-grams of texts.

        Returns:
            int32 array of shape ``(len(texts), width)``: ids from 0, filled up with :attr:`padding_id`. Every
            text has at least one n-gram. Equal n-grams have equal ids, each as often as in the text.
        """
        return ids_of(texts, self.length_max, self.buckets_log2)
