"""How good an encoder is by itself: no vote, no amounts, no dates; what is nearest decides.

Shares from 0 to 1, of anything that encodes: an encoder that serves, or a student in training. They tell
encoders apart where the whole road hardly does, for there most payees have been seen before and any encoder
finds them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.text import NO_PAYEES, text_and_payee
from likewise_engine.transaction import CATEGORY_DIMENSION
from likewise_indexer.backtest import Book
from likewise_indexer.models.tune.noise import cut_off, mistyped
from likewise_indexer.models.tune.words import PIVOT, Concept

Encode = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to unit vectors, ``(texts, dimensions)``."""

_CITIES: Final = (
    "birmingham",
    "graz",
    "lille",
    "bologna",
    "gdansk",
    "malmo",
    "turku",
    "szeged",
    "cluj",
    "braga",
)
_SPOILT_TEXTS_MAX: Final = 200
_QUESTIONS_MAX: Final = 500
_QUESTIONS_MIN: Final = 5

SPOILERS: Final[Mapping[str, Callable[[str, np.random.Generator], str]]] = {
    "cut off": cut_off,
    "store number": lambda text, rng: f"{text} store {rng.integers(10, 99)}",
    "mistyped": mistyped,
    "city": lambda text, rng: f"{text} {_CITIES[rng.integers(len(_CITIES))]}",
    "spaces lost": lambda text, _rng: text.replace(" ", ""),
}
"""Ways of spoiling a text. Cities and numbers are others than a student is trained with."""


def found_spoilt(encode: Encode, texts: Sequence[str], seed: int = 0) -> dict[str, float]:
    """Of texts that were spoilt, the share whose nearest of all texts is still the original; by way of
    spoiling.

    Args:
        encode: the encoder.
        texts: distinct, of one book; at most 200 of them are spoilt.
        seed: of the choice and of the spoiling.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(texts))[:_SPOILT_TEXTS_MAX]
    vectors = encode(texts)
    found = {}
    for way, spoil in SPOILERS.items():
        nearest = (encode([spoil(texts[at], rng) for at in chosen]) @ vectors.T).argmax(axis=1)
        found[way] = float((nearest == chosen).mean())
    return found


def found_across_languages(
    encode: Encode, concepts: Sequence[Concept], *, held_out: bool
) -> dict[str, float]:
    """Of words in another language, the share whose nearest concept, by its English words, is their own.

    Args:
        encode: the encoder.
        concepts: among which is chosen.
        held_out: ask the words that no student is trained on, rather than those that it is.

    Returns:
        By language. Words that are spelled the same in English, or that a student has seen elsewhere, are not
        asked.
    """
    centres = np.stack([encode(concept.words[PIVOT]).mean(axis=0) for concept in concepts])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    known = {word for concept in concepts for word in concept.words[PIVOT]}
    if held_out:
        known.update(word for c in concepts for words in c.trained().values() for word in words)
    asked: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for at, concept in enumerate(concepts):
        for language, words in concept.words.items():
            if language != PIVOT and concept.is_held_out(language) == held_out:
                asked[language] += [(word, at) for word in words if word not in known]
    found = {}
    for language, words_of in sorted(asked.items()):
        if words_of:
            words, right = zip(*words_of, strict=True)
            found[language] = float(((encode(words) @ centres.T).argmax(axis=1) == np.array(right)).mean())
    return found


@dataclass(frozen=True, slots=True)
class Recall:
    """How often the nearest text is filed under the right category.

    Attributes:
        unseen_payees: for payees that the first half of the book does not know; None if there are too few.
        first_labels: for the rows after the first 50.
    """

    unseen_payees: float | None
    first_labels: float | None


def recall_of(encode: Encode, book: Book, first: int = 50) -> Recall:
    """Ask a book's rows by their nearest text alone.

    Args:
        encode: the encoder.
        book: in order of time.
        first: labels that the second measure may see.
    """
    rows = [
        _Row(*text_and_payee(i.transaction.payee, i.transaction.description), i.labels) for i in book.items
    ]
    rows = [row for row in rows if row.label]
    half = len(rows) // 2
    known = {row.payee for row in rows[:half]}
    unseen = [row for row in rows[half:] if row.payee not in NO_PAYEES and row.payee not in known]
    return Recall(
        _share_right(encode, rows[:half], unseen),
        _share_right(encode, rows[:first], rows[first : first + _QUESTIONS_MAX]),
    )


class _Row:
    def __init__(self, text: str, payee: str, labels: Mapping[str, str]) -> None:
        self.text, self.payee, self.label = text, payee, labels.get(CATEGORY_DIMENSION, "")


def _share_right(encode: Encode, known: Sequence[_Row], asked: Sequence[_Row]) -> float | None:
    """The share of rows whose nearest known text is mostly filed under their own label."""
    asked = asked[:_QUESTIONS_MAX]
    if len(asked) < _QUESTIONS_MIN or not known:
        return None
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in known:
        counts[row.text][row.label] += 1
    labels = [count.most_common(1)[0][0] for count in counts.values()]
    nearest = (encode([row.text for row in asked]) @ encode(list(counts)).T).argmax(axis=1)
    return float(np.mean([labels[at] == row.label for at, row in zip(nearest, asked, strict=True)]))


def texts_of_book(book: Book) -> list[str]:
    """The distinct texts of a book."""
    texts = (text_and_payee(i.transaction.payee, i.transaction.description)[0] for i in book.items)
    return list(dict.fromkeys(texts))
