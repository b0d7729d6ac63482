"""All that a student is tuned on, and what of it is kept back to see how it does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from likewise_indexer.models.tune.background import Brand
from likewise_indexer.models.tune.filed import FiledBook, all_texts
from likewise_indexer.models.tune.groups import (
    Group,
    of_book,
    of_brands,
    of_merchant_categories,
    of_noise,
    of_words,
)
from likewise_indexer.models.tune.measures import Encode
from likewise_indexer.models.tune.negatives import mined
from likewise_indexer.models.tune.words import PIVOT, Concept


@dataclass(frozen=True, slots=True)
class Weights:
    """How many of the pairs are of which kind; what there is no source of falls away.

    The default is what did best on sources left out, see docs/encoder.md.
    """

    books: float = 0.6
    noise: float = 0.1
    brands: float = 0.08
    merchant_categories: float = 0.02
    words: float = 0.2


@dataclass(frozen=True, slots=True)
class Sources:
    """What there is to learn from; any of it may be missing.

    Attributes:
        books: tenants' texts by category.
        brands: with the kind of business that they are.
        merchant_categories: descriptions by code.
        concepts: what is called how in which language.
    """

    books: Sequence[FiledBook] = ()
    brands: Sequence[Brand] = ()
    merchant_categories: Mapping[str, Sequence[str]] = field(default_factory=dict)
    concepts: Sequence[Concept] = ()

    def texts(self) -> list[str]:
        """All texts that may be trained on, each once."""
        texts = [*(brand.text for brand in self.brands), *all_texts(self.books)]
        texts += [text for described in self.merchant_categories.values() for text in described]
        texts += [word for concept in self.concepts for words in concept.trained().values() for word in words]
        return list(dict.fromkeys(texts))

    def taught(self) -> list[str]:
        """The texts that a teacher of English has something to say of: all but the words of other
        languages."""
        foreign = {
            word
            for concept in self.concepts
            for language, words in concept.words.items()
            if language != PIVOT
            for word in words
        }
        return [text for text in self.texts() if text not in foreign]

    def groups(self, weights: Weights, encode: Encode | None = None) -> list[Group]:
        """Where pairs are drawn from; empty where there is nothing.

        Args:
            weights: of the kinds of pairs.
            encode: the student, to find hard negatives by; None for pairs without.
        """
        texts = self.texts()
        groups = [of_noise(weights.noise, texts)] if texts else []
        if self.brands:
            groups.append(of_brands(weights.brands, self.brands))
        if self.merchant_categories:
            groups.append(of_merchant_categories(weights.merchant_categories, self.merchant_categories))
        if self.concepts:
            groups.append(of_words(weights.words, self.concepts, self.brands))
        # A tenant with four times the texts has twice the pairs: the large should not drown the small.
        shares = [len(book.texts) ** 0.5 for book in self.books]
        return groups + [
            of_book(
                book.name,
                weights.books * share / sum(shares),
                book.categories,
                None if encode is None else mined(encode, book),
            )
            for book, share in zip(self.books, shares, strict=True)
        ]
