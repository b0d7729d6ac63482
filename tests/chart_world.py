"""What the tests of a chart share: small books of two dimensions, and short names for what is done."""

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

from engine_world import ask, labelled
from likewise_engine import limits
from likewise_engine.chart import Category
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.reshape import Activation, Merge, Rename, Split
from likewise_engine.selection import Selection
from likewise_engine.transaction import LabelledTransaction

# id, date, payee, description, amount, category, tax
_BOOKS = """
b1 2025-01-03 Corner_Bakery   rolls        -4.20   food   t7
b2 2025-01-09 Corner_Bakery   cake        -31.00   food   t7
b3 2025-02-11 Corner_Bakery   -            -4.20   food   -
f1 2025-02-12 Süd_Tankstelle  Diesel      -61.50   fuel   t19
f2 2025-03-01 Süd_Tankstelle  Wäsche       -9.00   fuel   t19
g1 2025-03-02 Gulf_Garage     Diesel      -55.00   petrol t19
r1 -          Landlord        rent       -900.00   rent   -
"""


def _row(line: str) -> LabelledTransaction:
    """A line of the books."""
    cells = ["" if cell == "-" else cell.replace("_", " ") for cell in line.split()]
    transaction_id, day, payee, description, amount, category, tax = cells
    return labelled(
        transaction_id,
        payee,
        labels={"category": category} | ({"tax": tax} if tax else {}),
        date=date.fromisoformat(day) if day else None,
        description=description,
        amount=Decimal(amount),
        currency="EUR",
    )


ROWS = {item.transaction.id: item for item in map(_row, _BOOKS.strip().splitlines())}
"""The books, by transaction id."""


def rename(
    category: str, new_id: str = "", name: str | None = None, description: str | None = None
) -> Rename:
    return Rename("category", category, new_id, name, description)


def merge(*categories: str, into: str) -> Merge:
    return Merge("category", categories, into)


def split(category: str, into: str, *ids: str, **selection: Any) -> Split:
    return Split("category", category, into, Selection(ids, **selection))


def deactivate(category: str) -> Activation:
    return Activation("category", category, active=False)


def activate(category: str) -> Activation:
    return Activation("category", category, active=True)


def labels(ledger: Ledger, dimension: str = "category") -> dict[str, str]:
    """Category by transaction id, as the store has it; memory counts the same."""
    entries = ledger.store.entries_after(-1, limits.BATCH_ITEMS_MAX)
    found = {e.transaction.id: e.labels[dimension] for e in entries if dimension in e.labels}
    view = ledger.view
    counted = {
        category.id: count
        for category, count in zip(view.chart.categories, view.category_counts.tolist(), strict=True)
        if category.dimension == dimension and count
    }
    assert counted == dict(Counter(found.values()))
    return found


def category(ledger: Ledger, category_id: str) -> Category:
    """A category of the chart in memory, which is the store's."""
    chart = ledger.view.chart
    assert list(chart.categories) == list(ledger.store.chart())
    return chart.categories[chart.numbers["category", category_id]]


def answered(ledger: Ledger, payee: str, **asked: Any) -> list[str]:
    """The candidates for a payee, the likeliest first."""
    return [c.category for c in ask(ledger, payee, **asked).answer("category").candidates]
