"""Writes the cards of the sample books, data/CARD.md, and of the words of business, data/words/CARD.md, with
their records: counted anew from the files.

python scripts/data_card.py
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from likewise_engine.encoder import load_encoder
from likewise_engine.text import text_of
from likewise_engine.transaction import CATEGORY_DIMENSION
from likewise_indexer.backtest import Book
from likewise_indexer.cards import CardKind, CardRecord, FileRecord, Section, Table, files_of, write_card
from likewise_indexer.models.tune.measures import found_across_languages
from likewise_indexer.models.tune.words import Concept, read_words
from likewise_server.cli.building import books_of_sources

DATA: Final = Path(__file__).resolve().parents[1] / "data"
LANGUAGES: Final = {"tischlerei-voss": "German"}
"""Of those that are not in English."""
RARE_LABELS_MAX: Final = 4
WORD_LANGUAGES: Final = {
    "en": "English",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "pl": "Polish",
    "cs": "Czech",
    "sv": "Swedish",
    "da": "Danish",
    "no": "Norwegian",
    "fi": "Finnish",
    "hu": "Hungarian",
    "ro": "Romanian",
}
"""In the order of the columns."""


def record_of_books() -> CardRecord:
    """The record, from the files as they are."""
    names = sorted(path.relative_to(DATA).as_posix() for path in (DATA / "books").iterdir() if path.is_file())
    files = files_of(DATA, [name for name in names if not name.endswith(".md")])
    books = [book for file in files for book in books_of_sources([DATA / file.name], "")]
    columns = ("book", "language", "rows", "from", "to", "distinct texts", "categories", "of these rare")
    table = Table(columns=columns, rows=tuple(map(_row, books)))
    return CardRecord(
        kind=CardKind.DATA,
        name="likewise-sample-books",
        fingerprint=f"likewise-sample-books@{_digest(files)}",
        summary="Two years of the books of seven businesses that never were, with how each one's bookkeeper"
        " filed them: to show, and to test.",
        licence="Apache-2.0, as the project",
        files=files,
        intended_use=Section(text=_INTENDED_USE),
        data=Section(text=_DATA),
        measured=Section(text=_MEASURED, tables=(table,)),
        limits=Section(text=_LIMITS),
        how=Section(text="`cd data && python -m sample_books` writes the same bytes on any machine."),
    )


def record_of_words() -> CardRecord:
    """The record of the words of business, from the file as it is and by the encoder that is shipped."""
    files = files_of(DATA / "words", ["business-words.tsv"])
    concepts = read_words(DATA / "words" / files[0].name)
    encode = load_encoder().encode
    found = [found_across_languages(encode, concepts, held_out=held_out) for held_out in (True, False)]
    columns = (
        "language",
        "cells",
        "words",
        "of several words",
        "cells held out",
        "found, held out",
        "found, trained",
    )
    rows = [_language(concepts, language, *found) for language in WORD_LANGUAGES]
    return CardRecord(
        kind=CardKind.DATA,
        name="business-words",
        fingerprint=f"business-words@{_digest(files)}",
        summary=f"What {len(concepts)} kinds of business, expense and income are called in"
        f" {len(WORD_LANGUAGES)} languages of Europe: to teach an encoder which words mean one thing.",
        licence="Apache-2.0, as the project",
        files=files,
        intended_use=Section(text=_WORDS_INTENDED_USE),
        data=Section(text=_WORDS_DATA),
        measured=Section(
            text=_WORDS_MEASURED.format(
                words=sum(len(words) for concept in concepts for words in concept.words.values()),
                concepts=len(concepts),
                kinds=len({kind for concept in concepts for kind in concept.kinds}),
                placed=sum(bool(concept.kinds) for concept in concepts),
            ),
            tables=(Table(columns=columns, rows=tuple(rows)),),
        ),
        limits=Section(text=_WORDS_LIMITS.format(weak=_weakest(found[0]))),
        how=Section(text=_WORDS_HOW),
    )


def _language(
    concepts: Sequence[Concept], code: str, held_out: Mapping[str, float], trained: Mapping[str, float]
) -> tuple[str, int, int, int, int, float | None, float | None]:
    """What there is of a language, and how far the shipped encoder finds its words among the concepts."""
    cells = [concept for concept in concepts if code in concept.words]
    words = [word for concept in cells for word in concept.words[code]]
    return (
        f"{WORD_LANGUAGES[code]} ({code})",
        len(cells),
        len(words),
        sum(" " in word for word in words),
        sum(concept.is_held_out(code) for concept in cells),
        held_out.get(code),
        trained.get(code),
    )


def _weakest(held_out: Mapping[str, float]) -> str:
    """The three languages of whose words held out the fewest are found, the weakest first."""
    weakest = sorted(held_out, key=lambda code: held_out[code])[:3]
    return ", ".join(f"{WORD_LANGUAGES[code]} ({held_out[code]:.0%})" for code in weakest)


def _digest(files: Sequence[FileRecord]) -> str:
    named = "".join(f"{file.name}{file.sha256}" for file in files)
    return hashlib.sha256(named.encode()).hexdigest()[:16]


def _row(book: Book) -> tuple[str, str, int, str, str, int, int, int]:
    texts = {text_of(i.transaction.payee, i.transaction.description) for i in book.items}
    days = [item.transaction.date for item in book.items if item.transaction.date]
    labels = [item.labels[CATEGORY_DIMENSION] for item in book.items if CATEGORY_DIMENSION in item.labels]
    _, counts = np.unique(labels, return_counts=True)
    rare = int(np.count_nonzero(counts <= RARE_LABELS_MAX))
    language = LANGUAGES.get(book.tenant, "English")
    period = min(days).isoformat(), max(days).isoformat()
    return book.tenant, language, len(book.items), *period, len(texts), len(counts), rare


_INTENDED_USE: Final = """The demo, the tests, and examples that anybody may repeat. They say nothing of
how well anything works on real books: they repeat themselves more, and their bookkeepers err by a rule."""
_DATA: Final = """Nothing was collected: businesses, people and small suppliers are invented, well-known
names are payees because everybody's statements have them, and no row comes from real books. `README.md`
says what was put in on purpose."""
_MEASURED: Final = """Counted in the files as `likewise index` reads them; texts are what is left of a
wording when what varies is masked; a category with four labels or fewer is rare."""
_LIMITS: Final = """- Six of seven are British and in English, one is German: no other language, law or
  currency.
- All are small businesses of seven trades; none has a thousand categories, or ten labels.
- The wordings are those of a few banks and card terminals, as one author imitates them."""

_WORDS_INTENDED_USE: Final = """`likewise model tune --words` trains on it, so that *boulangerie*,
*Bäckerei* and *bakery* are near each other, and brands of that kind are near all three;
`bench/encoders.py` and the judging of a training ask what is held out.

It is no dictionary: not for translating, and not for telling what a word means elsewhere."""
_WORDS_DATA: Final = """Written by this project from general knowledge in November 2026; no dictionary
was copied, no row of anybody's books is in it. The kinds of places beside a concept are tags of
OpenStreetMap, as names only. A cell holds words or short phrases of one meaning, parted by
semicolons."""
_WORDS_MEASURED: Final = """{words:,} words and phrases of {concepts} concepts; {placed} of these are
about {kinds} kinds of places. Words are counted as the engine reads them: in small letters, without
accents. A fifth of the cells outside English, by a hash of concept and language, is held out: never
trained on.

*Found* is the share of words whose nearest of all concepts, by their English words, is their own, by
the encoder that is shipped; words that are spelled as in English, or as a word trained on in another
language, are not asked. It chose its best step by the words held out, so they flatter a little."""
_WORDS_LIMITS: Final = """- Checked by nobody whose mother tongue most of these are: a good draft, to be
  mended.
- What it teaches of a language is these words and their relatives. Held out, the fewest are found in
  {weak}: words there look least like those of the others.
- Regional words (Austria, Switzerland, Latin America, Belgium), brands and inflected forms are missing;
  a word of several meanings stands where it is most often meant.
- Fifteen languages, all in Latin script: no Greek, no Bulgarian, nothing from beyond Europe."""
_WORDS_HOW: Final = """By hand, in an editor. The held-out cells are no column of the file:
`Concept.is_held_out` tells them by their names."""


if __name__ == "__main__":
    write_card(DATA, record_of_books())
    write_card(DATA / "words", record_of_words())
