"""Transactions for books that are taught under fire: some texts again and again, others once."""

from datetime import date, timedelta
from random import Random
from typing import Final

import likewise
from likewise import LabelledTransaction, Transaction
from likewise.v1.transaction_pb2 import AUTHORITY_MACHINE, AUTHORITY_PERSON

_SYLLABLES: Final = ("ka", "lo", "mi", "ren", "tas", "vel", "dor", "pu", "shi", "gran", "ost", "bek")
_PAYEES: Final = tuple(
    f"{a.title()}{b} {c.title()}" for a in _SYLLABLES[:6] for b in "no" for c in _SYLLABLES[6:9]
)
_FIRST_DAY: Final = date(2025, 1, 1)
CATEGORIES: Final = tuple(f"c{n}" for n in range(8))
"""Categories that stay as they are."""
_LETTERS: Final = "bcdfghjklmnpqrstvwxz"


def marker(random: Random) -> str:
    """A word that no other text has, of letters alone: numbers are masked."""
    return "".join(random.choices(_LETTERS, k=14))


def transaction(random: Random, name: str, mark: str = "") -> Transaction:
    """A transaction of this id; with a mark its text is like no other's."""
    return likewise.transaction(
        id=name,
        date=_FIRST_DAY + timedelta(days=random.randrange(500)),
        amount=f"{random.randrange(-90_000, 20_000) / 100:.2f}",
        currency="EUR",
        payee=random.choice(_PAYEES),
        description=mark,
    )


def labelled(random: Random, item: Transaction, categories: tuple[str, ...]) -> LabelledTransaction:
    """A transaction as somebody labels it, sometimes a machine, sometimes against what was predicted."""
    category = random.choice(categories)
    return likewise.labelled(
        item,
        category,
        authority=AUTHORITY_MACHINE if random.random() < 0.15 else AUTHORITY_PERSON,
        predicted={"category": random.choice(categories)} if random.random() < 0.2 else None,
    )


def question(random: Random) -> Transaction:
    """A transaction to be asked about."""
    return transaction(random, "", marker(random)[:5] if random.random() < 0.3 else "")
