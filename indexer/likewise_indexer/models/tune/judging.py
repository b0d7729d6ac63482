"""What a student is judged by while it is tuned: tenants whose books it does not see, and words held out."""

import hashlib
from collections.abc import Sequence
from statistics import fmean
from typing import Final

from sentence_transformers import SentenceTransformer

from likewise_indexer.backtest import Book
from likewise_indexer.models.tune.measures import (
    Encode,
    found_across_languages,
    found_spoilt,
    recall_of,
    texts_of_book,
)
from likewise_indexer.models.tune.student import encode_of
from likewise_indexer.models.tune.training import Score
from likewise_indexer.models.tune.words import Concept

_HELD_OUT_ONE_IN: Final = 8
_SPOILT_TEXTS_MIN: Final = 50
"""Among fewer texts, any encoder finds a spoilt one."""


def is_held_out(book: Book) -> bool:
    """Whether a tenant's book judges, and is not trained on: a matter of the name alone."""
    return hashlib.sha256(book.tenant.encode()).digest()[0] % _HELD_OUT_ONE_IN == 0


def scored(books: Sequence[Book], texts: Sequence[str], concepts: Sequence[Concept]) -> Score:
    """Return what scores a student: the mean of its measures, each the mean over books or languages.

    Args:
        books: held out; may be empty.
        texts: that are spoilt and looked for beside the books' own.
        concepts: of which the words held out are asked; may be empty.
    """

    def score(student: SentenceTransformer) -> float:
        return fmean(measures_of(encode_of(student), books, texts, concepts).values())

    return score


def measures_of(
    encode: Encode, books: Sequence[Book], texts: Sequence[str], concepts: Sequence[Concept]
) -> dict[str, float]:
    """The measures by name, of those for which there is something to ask."""
    recalls = [recall_of(encode, book) for book in books]
    of_books = [texts_of_book(book) for book in books]
    asked = [each for each in (*of_books, texts) if len(each) >= _SPOILT_TEXTS_MIN]
    measures = {
        "unseen payees": [recall.unseen_payees for recall in recalls if recall.unseen_payees is not None],
        "first labels": [recall.first_labels for recall in recalls if recall.first_labels is not None],
        "spoilt": [fmean(found_spoilt(encode, each).values()) for each in asked],
    }
    if concepts:
        measures["across languages"] = list(found_across_languages(encode, concepts, held_out=True).values())
    return {name: fmean(shares) for name, shares in measures.items() if shares}
