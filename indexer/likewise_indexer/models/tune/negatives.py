"""Hard negatives: what reads alike, and yet the same bookkeeper files it elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from likewise_indexer.models.tune.filed import FiledBook
from likewise_indexer.models.tune.measures import Encode

_NEGATIVES: Final = 4
_TEXTS_PER_RUN: Final = 1_024
"""Bounds the memory for cosines: 1,024 times a book's texts."""


def mined(encode: Encode, book: FiledBook) -> Mapping[str, Sequence[str]]:
    """Return for each text of a book the nearest texts of its other categories, by the student as it comes.

    Args:
        encode: the student.
        book: of at least two categories, so that every text has one.
    """
    texts = [text for category in book.categories for text in category.texts]
    labels = np.repeat(np.arange(len(book.categories)), [len(category.texts) for category in book.categories])
    vectors = encode(texts)
    negatives = {}
    for start in range(0, len(texts), _TEXTS_PER_RUN):
        cosines = vectors[start : start + _TEXTS_PER_RUN] @ vectors.T
        cosines[labels[start : start + _TEXTS_PER_RUN, np.newaxis] == labels] = -np.inf
        nearest = np.argsort(-cosines, axis=1)[:, :_NEGATIVES]
        for row, places in enumerate(nearest):
            others = [texts[at] for at in places if cosines[row, at] > -np.inf]
            negatives[texts[start + row]] = others
    return negatives
