"""What the tests of reviews and explanations share: books without a mistake, and mistakes planted."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from likewise_engine.ledger.ledger import Ledger
from likewise_engine.review import Finding, FindingKind, Review, ReviewOptions, review
from likewise_engine.transaction import LabelledTransaction, Transaction
from shipped_world import shipped_models

FIRST_DAY = date(2024, 1, 1)
_NAMES = ("Corner", "Harbour", "Maple", "Silver", "Castle", "River")
_TRADES = ("Bakery", "Garage", "Power", "Taxi", "Hotel", "Print", "Books", "Water")


def clean_books(rows: int, seed: int = 1) -> list[LabelledTransaction]:
    """Books without a mistake: 48 payees, some dear and cheap under two categories, 20 categories in all."""
    rng = random.Random(seed)
    payees = [f"{name} {trade}" for name in _NAMES for trade in _TRADES]
    categories = [f"c{number}" for number in range(20)]
    home = {payee: rng.choice(categories) for payee in payees}
    dear = {payee: rng.choice(categories) for payee in payees if rng.random() < 0.2}
    weights = [1 / (1 + rank) for rank in range(len(payees))]
    books = []
    for number in range(rows):
        payee = rng.choices(payees, weights)[0]
        is_dear = payee in dear and rng.random() < 0.4
        cents = rng.randrange(50_000, 90_000) if is_dear else rng.randrange(500, 9_000)
        label = (dear if is_dear else home)[payee]
        worded = f"{payee} {rng.randrange(1_000, 9_999)}"
        day = FIRST_DAY + timedelta(days=number * 700 // rows)
        transaction = Transaction(f"t{number}", day, Decimal(cents) / 100, "EUR", worded)
        books.append(LabelledTransaction(transaction, {"category": label}))
    return books


def planted(
    books: Sequence[LabelledTransaction], share: float, seed: int = 2
) -> tuple[list[LabelledTransaction], set[str]]:
    """The books with some labels replaced by those of other rows, and the ids of these."""
    rng = random.Random(seed)
    labels = [item.labels["category"] for item in books]
    wrong = set(rng.sample(range(len(books)), round(share * len(books))))
    changed = []
    for number, item in enumerate(books):
        label = labels[number]
        while number in wrong and label == labels[number]:
            label = rng.choice(labels)
        changed.append(replace(item, labels={"category": label}))
    return changed, {books[number].transaction.id for number in wrong}


def row(number: int, day: int, payee: str, category: str, amount: str = "10.00") -> LabelledTransaction:
    """A labelled row of a day, counted from 0."""
    when = FIRST_DAY + timedelta(days=day)
    return LabelledTransaction(
        Transaction(f"r{number}", when, Decimal(amount), "EUR", payee), {"category": category}
    )


def reviewed(ledger: Ledger, *kinds: FindingKind, **options: int) -> Review:
    """What a review finds in a ledger, by the models that are shipped."""
    encoder, vote = shipped_models()
    wanted = ReviewOptions(kinds=kinds, **options)  # type: ignore[arg-type]
    found = review(ledger.view, encoder, vote, ledger.store.entries_by_id, wanted, lambda _done, _goal: True)
    assert found is not None
    assert Review.from_json(found.to_json()) == found
    return found


def of_kind(found: Review, kind: FindingKind) -> list[Finding]:
    """The findings of one kind."""
    return [finding for finding in found.findings if finding.kind is kind]


def taught(ledger: Ledger, items: Iterable[LabelledTransaction]) -> None:
    """Teach items in bulk."""
    outcome = ledger.import_batch(list(items))
    assert not outcome.rejections


def books_folder(folder: Path, name: str) -> Path:
    """A folder of a test's own beneath another."""
    made = folder / name
    made.mkdir()
    return made
