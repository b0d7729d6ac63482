"""Writes the card of the sample books, data/CARD.md, and its record: counted anew from the files.

python scripts/data_card.py
"""

import hashlib
from pathlib import Path
from typing import Final

import numpy as np

from likewise_engine.text import text_of
from likewise_engine.transaction import CATEGORY_DIMENSION
from likewise_indexer.backtest import Book
from likewise_indexer.cards import CardKind, CardRecord, Section, Table, files_of, write_card
from likewise_server.cli.building import books_of_sources

DATA: Final = Path(__file__).resolve().parents[1] / "data"
LANGUAGES: Final = {"tischlerei-voss": "German"}
"""Of those that are not in English."""
RARE_LABELS_MAX: Final = 4


def record_of_books() -> CardRecord:
    """The record, from the files as they are."""
    names = sorted(path.relative_to(DATA).as_posix() for path in (DATA / "books").iterdir() if path.is_file())
    files = files_of(DATA, [name for name in names if not name.endswith(".md")])
    digest = hashlib.sha256("".join(f"{file.name}{file.sha256}" for file in files).encode()).hexdigest()
    books = [book for file in files for book in books_of_sources([DATA / file.name], "")]
    columns = ("book", "language", "rows", "from", "to", "distinct texts", "categories", "of these rare")
    table = Table(columns=columns, rows=tuple(map(_row, books)))
    return CardRecord(
        kind=CardKind.DATA,
        name="likewise-sample-books",
        fingerprint=f"likewise-sample-books@{digest[:16]}",
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


if __name__ == "__main__":
    write_card(DATA, record_of_books())
