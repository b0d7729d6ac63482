"""Categories of one dimension whose names are alike, but for those that a number tells apart.

Charts of projects or rooms have thousands of names that differ by a number alone, which texts leave out. So
texts are compared, each once; and categories of one text, or of two that are alike, by their numbers.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice, product
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise_engine.review.history import History
from likewise_engine.text import text_of_name

NAMES_ALIKE_MIN: Final = 0.93
"""Cosine of the names' vectors. By hand, on the charts of real books: less finds pairs that only rhyme."""
PAIRS_MAX: Final = 10_000
"""Pairs that are told. Where more names are alike, likeness says nothing."""
_LOOKED_AT_MAX: Final = 50_000
"""Pairs of texts of near vectors that are looked at more closely: 2 microseconds each."""
_AT_ONCE: Final = 128

_ByNumber: TypeAlias = Mapping[str, Sequence[int]]
"""Categories of one text, by the digits of their names."""


def alike_names(history: History, active: NDArray[np.int64]) -> dict[tuple[int, int], float]:
    """Cosines of the names of categories, where they are alike and do not differ by a number alone.

    Args:
        history: of the dimension.
        active: int64 ``(c,)``, numbers of the categories.

    Returns:
        By pairs of numbers, the lower first; PAIRS_MAX at most.
    """
    of_text: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for category in active.tolist():
        title = history.view.chart.categories[category].title
        of_text[text_of_name(title)]["".join(filter(str.isdigit, title))].append(category)
    alike = _alike(history, of_text)
    return {(min(pair), max(pair)): cosine for *pair, cosine in islice(alike, PAIRS_MAX)}


def _alike(history: History, of_text: Mapping[str, _ByNumber]) -> Iterator[tuple[int, int, float]]:
    for by_number in of_text.values():
        for categories in by_number.values():
            yield from ((a, b, 1.0) for a, b in combinations(categories, 2))
    texts = list(of_text)
    # Of one text all names have the same vector.
    first = [next(iter(of_text[text].values()))[0] for text in texts]
    words = [frozenset(text.split()) for text in texts]
    for left, right, cosine in islice(_near(history.view.name_vectors[first]), _LOOKED_AT_MAX):
        # "Room 1a", "Room 2b": whoever numbers things tells them apart.
        if not all(any(map(str.isdigit, word)) for word in words[left] ^ words[right]):
            pairs = _of_one_number(of_text[texts[left]], of_text[texts[right]])
            yield from ((a, b, cosine) for a, b in pairs)


def _of_one_number(left: _ByNumber, right: _ByNumber) -> Iterator[tuple[int, int]]:
    """Pairs across two texts of which either has no number, or both have the same."""
    for number, of_left in left.items():
        numbers = right if not number else {number: right.get(number, ()), "": right.get("", ())}
        for of_right in numbers.values():
            yield from product(of_left, of_right)


def _near(stored: NDArray[np.float16]) -> Iterator[tuple[int, int, float]]:
    """Pairs of positions whose vectors are near, the lower first, with their cosines."""
    vectors = stored.astype(np.float32)
    for start in range(0, len(vectors), _AT_ONCE):
        cosines = vectors[start : start + _AT_ONCE] @ vectors[start:].T
        found = np.nonzero(np.triu(cosines, 1) >= NAMES_ALIKE_MIN)
        for left, right in zip(*found, strict=True):
            yield start + int(left), start + int(right), float(cosines[left, right])
