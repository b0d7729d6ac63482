"""Words of business in many languages: a table of concepts, each with what it is called in each of them.

A tab-separated file: ``concept``, ``kinds`` (OpenStreetMap's ``key=value`` of the places that it is about),
then a column a language, headed by its ISO 639-1 code. A cell holds words or short phrases of one meaning,
separated by semicolons.

A fifth of the cells outside English is never trained on: by them it is measured whether a student knows a
language, rather than these words.
"""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from likewise_engine.errors import InvalidInput
from likewise_engine.text import NAMELESS, normalise
from likewise_indexer.readers import UnreadableFile

PIVOT: Final = "en"
"""The language that words of the others are matched with; it has no cells held out."""

_FIXED: Final = ("concept", "kinds")
_HELD_OUT_ONE_IN: Final = 5


@dataclass(frozen=True, slots=True)
class Concept:
    """What is called something in many languages.

    Attributes:
        name: of the concept.
        kinds: of places that it is about: ``shop=bakery``.
        words: normalised, by language; no language without any.
    """

    name: str
    kinds: Sequence[str]
    words: Mapping[str, Sequence[str]]

    def is_held_out(self, language: str) -> bool:
        """Whether the words of this language are kept for measuring: a matter of the names alone."""
        digest = hashlib.sha256(f"{self.name}/{language}".encode()).digest()
        return language != PIVOT and digest[0] % _HELD_OUT_ONE_IN == 0

    def trained(self) -> dict[str, Sequence[str]]:
        """The words that may be trained on, by language."""
        return {language: words for language, words in self.words.items() if not self.is_held_out(language)}


def read_words(path: Path) -> list[Concept]:
    """Read a table of words.

    Raises:
        UnreadableFile: there is no such file, or it is not UTF-8.
        InvalidInput: it is not such a table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile(path, str(error)) from error
    if not rows or tuple(rows[0][:2]) != _FIXED or PIVOT not in rows[0]:
        raise InvalidInput.of("words", f"is headed otherwise than concept, kinds, {PIVOT} and more languages")
    languages = rows[0][2:]
    concepts = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(rows[0]):
            raise InvalidInput.of(
                "words", f"has {len(row)} cells in line {number}, {len(rows[0])} in the first"
            )
        cells = {language: _words_of(cell) for language, cell in zip(languages, row[2:], strict=True)}
        if not cells[PIVOT]:
            raise InvalidInput.of("words", f"has no word in the column {PIVOT} of line {number}")
        concepts.append(
            Concept(row[0], _parts(row[1]), {name: words for name, words in cells.items() if words})
        )
    return concepts


def _parts(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _words_of(cell: str) -> tuple[str, ...]:
    words = (normalise(part) for part in _parts(cell))
    return tuple(dict.fromkeys(word for word in words if word != NAMELESS))
