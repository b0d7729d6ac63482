"""Pairs to train on, in groups: texts that should be close, and by whose account.

A batch is of one group, so a text is told from others of its own kind: one bookkeeper's texts from those that
the same bookkeeper files elsewhere, a brand from brands. Across groups nothing is said, for two bookkeepers'
categories mean different things.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from likewise_indexer.models.tune.background import Brand, worded
from likewise_indexer.models.tune.noise import spoilt
from likewise_indexer.models.tune.words import PIVOT, Concept

T = TypeVar("T")
Pair = tuple[str | int | list[int], ...]
"""Anchor, positive, perhaps a hard negative, label: an anchor's other negatives are positives of other
labels."""
Draw = Callable[[np.random.Generator], Pair]

_SPOILT_SHARE: Final = 0.3
"""Of anchors of all groups; in the group of noise it is all."""
_NAMED_SHARE: Final = 0.15
"""Of a book's pairs that match a text with the name of its category."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Where pairs come from.

    Attributes:
        name: of the group.
        weight: its pairs among those of all groups.
        draw: a pair.
        columns: what a pair consists of.
    """

    name: str
    weight: float
    draw: Draw
    columns: Sequence[str] = ("anchor", "positive", "label")

    def rows(self, count: int, seed: int) -> list[Pair]:
        """Draw pairs; the same for the same seed."""
        rng = np.random.default_rng([seed, *self.name.encode()])
        return [self.draw(rng) for _ in range(count)]


@dataclass(frozen=True, slots=True)
class Filed:
    """A category of a book: its name, normalised, and the texts that are filed there."""

    name: str
    texts: Sequence[str]


def of_book(
    name: str,
    weight: float,
    categories: Sequence[Filed],
    negatives: Mapping[str, Sequence[str]] | None = None,
) -> Group:
    """Texts that one bookkeeper files alike, and categories' names with what is filed there.

    Args:
        name: of the book.
        weight: of its pairs.
        categories: with their texts.
        negatives: of each text, texts like it that are filed elsewhere; None for pairs without.
    """
    shares = _shares([np.sqrt(len(category.texts)) for category in categories])

    def draw(rng: np.random.Generator) -> Pair:
        label = int(rng.choice(len(categories), p=shares))
        category = categories[label]
        anchor, positive = one_of(category.texts, rng), one_of(category.texts, rng)
        if category.name and (len(category.texts) == 1 or rng.random() < _NAMED_SHARE):
            positive = category.name
        if negatives is None:
            return _perhaps_spoilt(anchor, rng), positive, label
        return _perhaps_spoilt(anchor, rng), positive, one_of(negatives[anchor], rng), label

    columns = (
        ("anchor", "positive", "label") if negatives is None else ("anchor", "positive", "negative", "label")
    )
    return Group(name, weight, draw, columns)


def of_noise(weight: float, texts: Iterable[str]) -> Group:
    """Texts and spoilt copies of them."""
    distinct = list(dict.fromkeys(texts))

    def draw(rng: np.random.Generator) -> Pair:
        label = int(rng.integers(len(distinct)))
        return distinct[label], spoilt(distinct[label], rng), label

    return Group("noise", weight, draw)


def of_brands(weight: float, brands: Sequence[Brand]) -> Group:
    """Brands of one kind of business, and what that kind is called."""
    by_kind: dict[str, list[str]] = defaultdict(list)
    for brand in brands:
        by_kind[brand.kind].append(brand.text)
    kinds = list(by_kind)
    shares = _shares([np.sqrt(len(by_kind[kind])) for kind in kinds])

    def draw(rng: np.random.Generator) -> Pair:
        label = int(rng.choice(len(kinds), p=shares))
        texts = by_kind[kinds[label]]
        positive = worded(kinds[label]) if rng.random() < 0.5 else one_of(texts, rng)
        return _perhaps_spoilt(one_of(texts, rng), rng), positive, label

    return Group("brands", weight, draw)


def of_merchant_categories(weight: float, codes: Mapping[str, Sequence[str]]) -> Group:
    """Descriptions of one merchant category code."""
    descriptions = list(codes.values())

    def draw(rng: np.random.Generator) -> Pair:
        label = int(rng.integers(len(descriptions)))
        anchor, positive = rng.choice(len(descriptions[label]), size=2, replace=False)
        return _perhaps_spoilt(descriptions[label][anchor], rng), descriptions[label][positive], label

    return Group("merchant categories", weight, draw)


def of_words(weight: float, concepts: Sequence[Concept], brands: Sequence[Brand]) -> Group:
    """Words of one meaning in two languages, and brands with what their kind is called where they are."""
    trained = [concept.trained() for concept in concepts]
    branded = _branded(concepts, brands)

    def draw(rng: np.random.Generator) -> Pair:
        label = int(rng.integers(len(concepts)))
        words = trained[label]
        languages = list(words)
        anchor, other = one_of(words[one_of(languages, rng)], rng), one_of(languages, rng)
        if branded[label] and rng.random() < 0.25:
            anchor, home = one_of(branded[label], rng)
            other = home if home in words and rng.random() < 0.6 else PIVOT
        elif rng.random() < 0.5:
            other = PIVOT
        return _perhaps_spoilt(anchor, rng), one_of(words.get(other, words[PIVOT]), rng), label

    return Group("words", weight, draw)


def one_of(choices: Sequence[T], rng: np.random.Generator) -> T:
    """Draw one."""
    return choices[int(rng.integers(len(choices)))]


_LANGUAGES: Final = {
    "at": "de", "be": "nl", "br": "pt", "ch": "de", "cz": "cs", "dk": "da", "se": "sv", "mx": "es",
    "ar": "es", "co": "es", "cl": "es",
}  # fmt: skip
"""Of countries whose code is not that of a language that most there speak."""


def _branded(concepts: Sequence[Concept], brands: Sequence[Brand]) -> list[list[tuple[str, str]]]:
    """The brands of each concept's kinds, with the language of their first country."""
    by_kind: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for brand in brands:
        country = brand.countries[0] if brand.countries else ""
        by_kind[brand.kind].append((brand.text, _LANGUAGES.get(country, country)))
    return [[brand for kind in concept.kinds for brand in by_kind[kind]] for concept in concepts]


def _perhaps_spoilt(text: str, rng: np.random.Generator) -> str:
    return spoilt(text, rng) if rng.random() < _SPOILT_SHARE else text


def _shares(weights: Sequence[float]) -> NDArray[np.float64]:
    shares = np.array(weights, dtype=np.float64)
    shares /= shares.sum()
    return shares
