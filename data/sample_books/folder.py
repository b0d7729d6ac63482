"""The folder of the sample books: what is written where.

- ``TENANT.csv`` or the like: the history, as the business exports it;
- ``charts/TENANT.json``: its chart, all dimensions;
- ``new/TENANT.csv``: unlabelled transactions of the month after;
- ``answers/TENANT.csv``: how those are rightly filed, by id;
- ``BUSINESSES.md``: who they are.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from sample_books.books import Books, books_of
from sample_books.business import Business
from sample_books.businesses import BUSINESSES
from sample_books.exports import Delimited, currency, description, identity, iso, label, payee, signed
from sample_books.rows import CATEGORY

_NEW: Final = Delimited(
    (
        ("id", identity),
        ("date", iso),
        ("payee", payee),
        ("description", description),
        ("amount", signed),
        ("currency", currency),
    )
)


def write_folder(folder: Path) -> None:
    """Write the books of all businesses; files of the same names are replaced."""
    for part in (folder, folder / "charts", folder / "new", folder / "answers"):
        part.mkdir(parents=True, exist_ok=True)
    all_books = [books_of(business) for business in BUSINESSES]
    for books in all_books:
        business = books.business
        business.export.write(books.history, folder / f"{business.tenant}{business.export.suffix}")
        (folder / "charts" / f"{business.tenant}.json").write_bytes(_chart(business).encode())
        _NEW.write(books.new, folder / "new" / f"{business.tenant}.csv")
        answers = Delimited((("id", identity), *((name, label(name)) for name in business.dimensions)))
        answers.write(books.new, folder / "answers" / f"{business.tenant}.csv")
    (folder / "BUSINESSES.md").write_bytes(_card(all_books).encode())


def _chart(business: Business) -> str:
    categories = [
        {"dimension": entry.dimension, "id": entry.id, "name": entry.name, "description": entry.description}
        for entry in business.chart
    ]
    chart = {"tenant": business.tenant, "name": business.name, "categories": categories}
    return json.dumps(chart, ensure_ascii=False, indent=2) + "\n"


def _card(all_books: Iterable[Books]) -> str:
    parts = ["# The businesses", "", "Written by `python -m sample_books`; change it there.", ""]
    for books in all_books:
        business = books.business
        file_name = f"{business.tenant}{business.export.suffix}"
        counted = f"{len(books.history):,} rows in {business.currency}"
        categories = len({row.labels[CATEGORY] for row in books.history})
        dimensions = ", ".join(name.replace("_", " ") for name in business.dimensions)
        parts += [f"## {business.name}", ""]
        parts += [f"`{file_name}`: {counted}, {categories} categories; labels: {dimensions}.", ""]
        parts += [business.story, ""]
    return "\n".join(parts)
