"""What books teach: which texts are filed alike, without the words that few of them share.

A name that only one or two bookkeepers know is that of a person or of somebody small: nothing that a model
for all should have seen. So words that fewer than ``tenants_min`` tenants use are taken out of the texts
first, and what is left is trained on.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from likewise_engine.text import NAMELESS, normalise, text_of
from likewise_engine.transaction import CATEGORY_DIMENSION
from likewise_indexer.backtest import Book
from likewise_indexer.models.tune.groups import Filed

_MAJORITY: Final = 0.6
"""Of a text's entries that one category needs: a text that is filed here and there teaches nothing."""
_SEPARATORS: Final = " |&"


@dataclass(frozen=True, slots=True)
class FiledBook:
    """A tenant's texts by category, of those categories that have any.

    Attributes:
        name: tenant and source; it tells books apart.
        source: the file, without its endings.
        categories: at least two.
    """

    name: str
    source: str
    categories: Sequence[Filed]

    @property
    def texts(self) -> list[str]:
        """All texts; each once."""
        return [text for category in self.categories for text in category.texts]


def filed_books(books: Sequence[Book], tenants_min: int) -> list[FiledBook]:
    """Read off books which texts are filed alike.

    Args:
        books: of any number of tenants.
        tenants_min: tenants that must use a word, or it is taken out.
    """
    counts = {(book.source, book.tenant): _counts(book) for book in books}
    tenants = Counter(
        word for texts in counts.values() for word in {w for text in texts for w in text.split()}
    )
    filed = []
    # By name: files do not always give their tenants in one order, and the same books should give the same.
    for (source, tenant), texts in sorted(counts.items()):
        shared: dict[str, Counter[str]] = defaultdict(Counter)
        for text, labels in texts.items():
            words = (word for word in text.split() if tenants[word] >= tenants_min)
            shared[" ".join(words).strip(_SEPARATORS)].update(labels)
        categories = _by_category(shared)
        if len(categories) > 1:
            filed.append(FiledBook(f"{source}/{tenant}", source, categories))
    return filed


def _counts(book: Book) -> Mapping[str, Counter[str]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for item in book.items:
        label = item.labels.get(CATEGORY_DIMENSION)
        if label:
            counts[text_of(item.transaction.payee, item.transaction.description)][label] += 1
    return counts


def _by_category(texts: Mapping[str, Counter[str]]) -> list[Filed]:
    by_category: dict[str, list[str]] = defaultdict(list)
    for text, labels in texts.items():
        (label, count), *_ = labels.most_common(1)
        if text not in ("", NAMELESS) and count >= _MAJORITY * labels.total():
            by_category[label].append(text)
    return [Filed(normalise(label), filed) for label, filed in by_category.items()]


def all_texts(books: Iterable[FiledBook]) -> list[str]:
    """The texts of all books; each once."""
    return list(dict.fromkeys(text for book in books for text in book.texts))
