"""Texts to build models by: lines of a file, as the engine words them."""

from collections.abc import Sequence

import numpy as np

from likewise_engine.text import text_of

TEXTS_MAX = 100_000
"""More than any of what is done with them needs; the rest is left out, drawn at random."""


def texts_of(lines: Sequence[str], seed: int = 0) -> list[str]:
    """Distinct normalised texts in an order drawn at random, so that a part of them is like all.

    Args:
        lines: wordings, one of a transaction each.
        seed: of the order.
    """
    texts = list(dict.fromkeys(text_of(line, "") for line in lines))
    order = np.random.default_rng(seed).permutation(len(texts))[:TEXTS_MAX]
    return [texts[number] for number in order.tolist()]
