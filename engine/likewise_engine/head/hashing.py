"""What the head reads of a transaction: words, pieces of words, payee and amount, hashed to buckets.

Feature hashing (Weinberger et al. 2009, arXiv:0902.2206) needs no vocabulary: whatever comes has a place.
There are three groups, and each weighs the same however many features a transaction has in it: words; payee,
amount and both together, at several grains, which is how a bookkeeper tells two habits of one payee apart;
and character n-grams, for spellings and words never met.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likewise_engine.head.features import hashed_features
from likewise_engine.text import NO_PAYEES


@dataclass(frozen=True, slots=True)
class Hashed:
    """A transaction as a sparse vector.

    Attributes:
        buckets: int64 ``(f,)``, at least 15 bits of hash; a head takes the lowest that it has buckets for.
        values: float32 ``(f,)``.
    """

    buckets: NDArray[np.int64]
    values: NDArray[np.float32]


def hashed_of(text: str, payee: str, amount: float) -> Hashed:
    """Hash a transaction.

    Args:
        text: normalised.
        payee: normalised; empty where there is none.
        amount: NaN where it is not known.
    """
    return Hashed(*hashed_features(text, None if payee in NO_PAYEES else payee, amount))
