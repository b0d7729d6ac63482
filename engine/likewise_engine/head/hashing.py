"""What the head reads of a transaction: words, pieces of words, payee and amount, hashed to buckets.

Feature hashing (Weinberger et al. 2009, arXiv:0902.2206) needs no vocabulary: whatever comes has a place.
There are three groups, and each weighs the same however many features a transaction has in it: words; payee,
amount and both together, at several grains, which is how a bookkeeper tells two habits of one payee apart;
and character n-grams, for spellings and words never met.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, log1p, sqrt
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from likewise_engine.encoder.ngrams import NgramHash
from likewise_engine.text import NO_PAYEES, SEPARATOR

_WEIGHTS: Final = (1.0, 1.5, 0.7)
"""Of words, of payee and amount, of n-grams. By hand, on real books."""
_NGRAMS: Final = NgramHash(length_max=4, buckets_log2=15)
_ROUND_AMOUNT: Final = 5.0
"""Multiples of it are round: somebody chose them."""


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
    words = ["w" + word for word in text.replace(SEPARATOR, " ").split()]
    of_payee = _of_payee(text, payee, amount)
    named = np.array([crc32(feature.encode()) for feature in (*words, *of_payee)], dtype=np.int64)
    ngrams = _NGRAMS.ids([text])[0]
    lengths = (len(words), len(of_payee), len(ngrams))
    values = np.array([weight / sqrt(length or 1) for weight, length in zip(_WEIGHTS, lengths, strict=True)])
    return Hashed(np.concatenate((named, ngrams)), np.repeat(values, lengths).astype(np.float32))


def _of_payee(text: str, payee: str, amount: float) -> Sequence[str]:
    who = ["t" + text]
    if payee not in NO_PAYEES:
        who.append("p" + payee)
    if isnan(amount):
        return who
    log_amount, sign = log1p(abs(amount)), "-" if amount < 0 else "+"
    is_round = amount % _ROUND_AMOUNT == 0.0
    grains = (f"a{round(2 * log_amount)}", f"x{amount:.2f}")
    both = (f"{one} {grain}" for one in who for grain in grains)
    finer = (f"{who[-1]} {grain}" for grain in (f"c{round(log_amount)}", f"f{round(6 * log_amount)}", sign))
    return [*who, sign, f"r{is_round}", f"{who[-1]} r{is_round}", *grains, *both, *finer]
