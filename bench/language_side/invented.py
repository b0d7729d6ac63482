"""Books that are the same in every language but for their words.

A payee is a word for what it sells, with an invented name that is of no language: "bäckerei tolvaru".
Everything else (who is paid when, how much, how often, and what is filed where) is drawn without a look at
the words, so the books of two languages differ in nothing else.
"""

import datetime
import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from likewise_engine.chart import Category
from likewise_engine.transaction import CATEGORY_DIMENSION, LabelledTransaction, Transaction
from likewise_indexer.backtest import Book
from likewise_indexer.models.tune.words import Concept

CATEGORIES: Final = 24
_PAYEES_MAX: Final = 8
_TWO_WAYS_SHARE: Final = 0.1
"""Of payees that are filed in two ways, by amount."""
_FIRST_DAY: Final = datetime.date(2024, 1, 1)
_DAYS: Final = 730
_CONSONANTS: Final = "bdfgklmnprstvz"
_VOWELS: Final = "aeiou"


@dataclass(frozen=True, slots=True)
class _Payee:
    category: int
    word: float
    name: str
    often: float
    amount: float
    other: int | None


def book_of(language: str, concepts: Sequence[Concept], rows: int, seed: int) -> Book:
    """One tenant's books.

    Args:
        language: of its words; all concepts have some.
        concepts: to draw the tenant's categories from; more than CATEGORIES.
        rows: of the books.
        seed: the same seed gives the same books in every language.
    """
    rng = random.Random(f"languages/{seed}")
    chosen = rng.sample(range(len(concepts)), CATEGORIES)
    payees = [payee for category in range(CATEGORIES) for payee in _payees(category, rng)]
    often = [payee.often for payee in payees]
    days = sorted(rng.randrange(_DAYS) for _ in range(rows))
    items = []
    for number, day in enumerate(days):
        payee = rng.choices(payees, often)[0]
        amount = payee.amount * rng.lognormvariate(0, 0.3)
        category = payee.category
        if payee.other is not None and rng.random() < 0.5:
            category, amount = payee.other, amount * 6
        words = concepts[chosen[payee.category]].words[language]
        transaction = Transaction(
            id=f"{seed}-{number}",
            date=_FIRST_DAY + datetime.timedelta(days=day),
            amount=Decimal(f"{-amount:.2f}"),
            payee=f"{words[int(payee.word * len(words))]} {payee.name}",
            fields={},  # plain, to be sent to another process
        )
        items.append(LabelledTransaction(transaction, {CATEGORY_DIMENSION: f"c{category:02}"}, predicted={}))
    categories = tuple(
        _category(number, concepts[concept].words[language]) for number, concept in enumerate(chosen)
    )
    return Book(f"{language}-{seed}", (Path(language),), items, categories)


def _category(number: int, words: Sequence[str]) -> Category:
    return Category(id=f"c{number:02}", name=words[0], description=", ".join(words[1:]))


def _payees(category: int, rng: random.Random) -> list[_Payee]:
    usual = rng.lognormvariate(4, 1)
    return [
        _Payee(
            category=category,
            word=rng.random(),
            name="".join(rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(3)),
            often=rng.paretovariate(1.2),
            amount=usual * rng.lognormvariate(0, 0.5),
            other=rng.randrange(CATEGORIES) if rng.random() < _TWO_WAYS_SHARE else None,
        )
        for _ in range(rng.randint(1, _PAYEES_MAX))
    ]
