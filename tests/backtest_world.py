"""What the tests of the backtest share: books that repeat themselves, and who answers without a model."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from likewise_engine.encoder import HashingEncoder
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_engine.vote import KernelVote
from likewise_indexer.backtest import BacktestSettings, Book, TenantResult, Visibility
from likewise_indexer.backtest.answerers import Answer, Answerer
from likewise_indexer.backtest.contest import Contestants
from likewise_indexer.backtest.result import NO_DECISION
from likewise_indexer.backtest.tenant import backtest_tenant

FIRST_DAY = date(2024, 1, 1)
HEADER = "date,payee,amount,currency,category,tax,tenant"


def item(
    row: int, day: int | None, payee: str, label: str, amount: int | None = 5, **labels: str
) -> LabelledTransaction:
    """A labelled row; days are counted from 1, and None is no date."""
    when = None if day is None else FIRST_DAY + timedelta(days=day - 1)
    money = None if amount is None else Decimal(amount)
    transaction = Transaction(str(row), when, money, "EUR", payee, fields={})
    return LabelledTransaction(transaction, {"category": label, **labels}, predicted={})


def habits(rows: int, seed: int = 1, *, dated: bool = True) -> list[LabelledTransaction]:
    """Books with habits: a payee's category depends on the amount, mostly; three rows a day."""
    rng = random.Random(seed)
    found = []
    for row in range(rows):
        payee, amount = rng.randrange(12), rng.randrange(1, 4) * 10
        label = f"c{(payee + amount) % 5 if rng.random() < 0.85 else rng.randrange(7)}"
        day = row // 3 + 1 if dated else None
        found.append(item(row, day, f"Payee {payee}", label, amount, tax=f"t{payee % 2}"))
    return found


def book(items: Sequence[LabelledTransaction], tenant: str = "acme") -> Book:
    """A tenant's book."""
    return Book(tenant, (Path("books.csv"),), tuple(items))


def contestants(peers: Mapping[str, Callable[[], Answerer]] | None = None) -> Contestants:
    """An engine that needs no model; and peers."""
    return Contestants(HashingEncoder(64), KernelVote(), dict(peers or {}))


def backtested(items: Sequence[LabelledTransaction], **settings: Any) -> TenantResult:
    """What comes of the backtest of one tenant; without a learning curve unless it is asked for."""
    wanted = BacktestSettings(**{"learning": False, **settings})
    return backtest_tenant(book(items), contestants(), wanted)


class Spy:
    """Knows nothing, and remembers what it was taught before each question."""

    def __init__(self) -> None:
        self.taught: list[LabelledTransaction] = []
        self.asked: list[tuple[Transaction, tuple[LabelledTransaction, ...]]] = []

    def learn_history(self, items: Sequence[LabelledTransaction]) -> None:
        assert not self.taught
        self.taught += items

    def learn(self, items: Sequence[LabelledTransaction]) -> None:
        assert items
        self.taught += items

    def ask(self, transaction: Transaction) -> Answer:
        self.asked.append((transaction, tuple(self.taught)))
        return Answer((), 0.0, NO_DECISION)


def written(path: Path, items: Sequence[LabelledTransaction], tenant: str = "acme", *more: str) -> Path:
    """The rows as a CSV file, and lines after them; added to it where it is there."""
    lines = [] if path.exists() else [HEADER]
    for one in items:
        t = one.transaction
        cells = (t.date or "", t.payee, t.amount or "", t.currency, one.labels["category"])
        lines.append(",".join(map(str, (*cells, one.labels.get("tax", ""), tenant))))
    with path.open("a") as file:
        file.write("\n".join((*lines, *more)) + "\n")
    return path


MODES = tuple(Visibility)
