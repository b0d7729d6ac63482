"""What the engine's tests share: small books, ledgers on real files, and an oracle that remembers naively.

The oracle keeps plain dictionaries, scans everything for every question, and works the kernel out one row at
a time with :mod:`math`. It shares with the engine the normalisation of texts and the encoder, nothing else.
"""

import math
import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from likewise_engine import limits
from likewise_engine.answers import Classification, ClassifyOptions
from likewise_engine.cache_file import GRAPH_NAME, HEADS_NAME, SNAPSHOT_NAME
from likewise_engine.chart import Policy
from likewise_engine.encoder.base import Encoder
from likewise_engine.encoder.hashing import HashingEncoder
from likewise_engine.evidence import TAU
from likewise_engine.folder import STORE_NAME
from likewise_engine.keys import KeyFile, MasterKeys, TenantKey
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.outcomes import LearnOutcome
from likewise_engine.sealed import unseal
from likewise_engine.store.base import Entry, TenantRecord
from likewise_engine.store.connection import Connection, connect
from likewise_engine.store.predictions import PREDICTIONS_NAME
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.text import text_of
from likewise_engine.transaction import Authority, LabelledTransaction, Transaction
from likewise_engine.vote import KernelVote
from plain_bytes import plain_pages

ENCODER = HashingEncoder(64)
KEY = TenantKey("acme", bytes(range(32)))
"""Of the stores that :func:`create_store` makes."""
ALL_NEIGHBOURS = ClassifyOptions(neighbours_max=limits.NEIGHBOURS_MAX, candidates_max=limits.CANDIDATES_MAX)


def labelled(
    transaction_id: str,
    payee: str = "Corner Bakery",
    category: str = "food",
    *,
    authority: Authority = Authority.PERSON,
    labels: Mapping[str, str] | None = None,
    predicted: Mapping[str, str] | None = None,
    **fields: Any,
) -> LabelledTransaction:
    """A labelled transaction with what a test does not care about filled in."""
    transaction = Transaction(id=transaction_id, payee=payee, **fields)
    return LabelledTransaction(transaction, labels or {"category": category}, authority, predicted or {})


def create_store(folder: Path, encoder: Encoder = ENCODER, policy: Policy | None = None) -> None:
    """An empty tenant's store in a folder."""
    record = TenantRecord("acme", "Acme", policy or Policy(), datetime.now(UTC), 0, encoder.fingerprint)
    SqliteStore.create(folder / STORE_NAME, KEY, record).close()


def raw_store(folder: Path) -> Connection:
    """A connection to a folder's store, to look at it, or to damage it; made where there is none."""
    (folder / STORE_NAME).touch()
    connection = connect(folder / STORE_NAME, key_of(folder / STORE_NAME).of_pages())
    connection.execute("PRAGMA foreign_keys = OFF")
    return connection


def load_ledger(folder: Path, encoder: Encoder = ENCODER) -> Ledger:
    """The ledger of a folder's store."""
    return Ledger(SqliteStore(folder / STORE_NAME, KEY), encoder, KernelVote(), folder)


@contextmanager
def open_ledger(folder: Path, encoder: Encoder = ENCODER, policy: Policy | None = None) -> Iterator[Ledger]:
    """A ledger in a folder, created where there is none, closed at the end."""
    if not (folder / STORE_NAME).exists():
        create_store(folder, encoder, policy)
    ledger = load_ledger(folder, encoder)
    try:
        yield ledger
    finally:
        ledger.close()


def ask(ledger: Ledger, payee: str, **fields: Any) -> Classification:
    """What the ledger makes of a transaction, with as many neighbours as there may be."""
    return ledger.classify(Transaction(payee=payee, **fields), ALL_NEIGHBOURS)


def essence(answer: Classification) -> tuple[object, ...]:
    """All of an answer that must be equal wherever the same was taught: all but revision and times."""
    return answer.answers, answer.neighbours, answer.text


def bytes_on_disk(folder: Path) -> bytes:
    """The content of every file beneath a folder, once its encryption is undone."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    stores = [path for path in files if path.name == STORE_NAME]
    plain = [plain_pages(path, key_of(path).of_pages()) for path in stores]
    answers = [path for path in files if path.name == PREDICTIONS_NAME]
    plain += [plain_pages(path, key_of(path.with_name(STORE_NAME)).of_predictions()) for path in answers]
    caches = [path for path in files if path.name in (GRAPH_NAME, HEADS_NAME, SNAPSHOT_NAME)]
    plain += [
        bytes(unseal(key_of(path.with_name(STORE_NAME)), path.name, path.read_bytes())) for path in caches
    ]
    known = (STORE_NAME, PREDICTIONS_NAME)  # their logs and indexes of logs, too
    others = [path for path in files if path not in caches and not any(name in path.name for name in known)]
    return b"\0".join([*plain, *(path.read_bytes() for path in others)])


def key_of(store: Path) -> TenantKey:
    """The key of a store: that of the file beside it, or the one of :func:`create_store`."""
    key_file = KeyFile.read(store.parent)
    return KEY if key_file is None else key_file.opened(unquote(store.parent.name), MasterKeys())


_NAMES = [
    "Corner",
    "Harbour",
    "Maple",
    "Silver",
    "North",
    "Old",
    "River",
    "Green",
    "Sunny",
    "Royal",
    "Castle",
    "Little",
    "Grand",
    "Blue",
    "Stone",
    "Amber",
]
_TRADES = [
    "Bakery",
    "Garage",
    "Books",
    "Power",
    "Water",
    "Studio",
    "Taxi",
    "Hotel",
    "Print",
    "Garden",
    "Cinema",
    "Bank",
    "Market",
    "Rent",
]


class Books:
    """Seeded books that repeat themselves: few payees, few amounts, several habits a payee."""

    def __init__(self, seed: int, payees: int = 45, undated_share: float = 0.1) -> None:
        self._undated_share = undated_share
        self._rng = random.Random(seed)
        rng = self._rng
        self.payees = sorted({f"{rng.choice(_NAMES)} {rng.choice(_TRADES)}" for _ in range(payees)})

    def transaction(self, transaction_id: str = "") -> Transaction:
        """A transaction as it may be asked about."""
        rng = self._rng
        day = date(2024, 1, 1) + timedelta(days=rng.randrange(400))
        return Transaction(
            id=transaction_id,
            date=None if rng.random() < self._undated_share else day,
            amount=Decimal(rng.choice([999, 1250, 4200, rng.randrange(100, 99_999)])) / 100
            if rng.random() < 0.9
            else None,
            currency=rng.choice(["EUR", "GBP", ""]),
            payee=rng.choice(self.payees),
            description=rng.choice(["", "", "card payment", "Rechnung 4711", "日本語 の メモ"]),
            fields={"note": "x"} if rng.random() < 0.1 else {},
        )

    def item(self, transaction_id: str) -> LabelledTransaction:
        """A labelled transaction; its labels follow from payee and amount, mostly."""
        rng = self._rng
        transaction = self.transaction(transaction_id)
        habit = hash_of(transaction.payee) + (transaction.amount == Decimal("42.00"))
        labels = {"category": f"c{habit % 7 if rng.random() < 0.9 else rng.randrange(7)}"}
        if rng.random() < 0.3:
            labels["tax"] = f"t{habit % 3}"
        predicted = {"category": f"c{rng.randrange(7)}"} if rng.random() < 0.2 else {}
        authority = Authority.MACHINE if rng.random() < 0.3 else Authority.PERSON
        return LabelledTransaction(transaction, labels, authority, predicted)


def hash_of(text: str) -> int:
    """A number for a string, the same in every process."""
    return sum(position * ord(char) for position, char in enumerate(text, start=1))


@dataclass
class Kept:
    """An entry as the oracle keeps it."""

    seq: int
    transaction: Transaction
    labels: dict[str, str]
    authorities: dict[str, Authority]
    revision: int
    order_day: int

    @cached_property
    def text(self) -> str:
        return text_of(self.transaction.payee, self.transaction.description)


@dataclass
class Oracle:
    """A ledger of dictionaries."""

    encoder: Encoder = ENCODER
    revision: int = 0
    seq: int = 0
    entries: dict[str, Kept] = field(default_factory=dict)
    text_ids: dict[str, int] = field(default_factory=dict)
    next_text_id: int = 1
    corrections: list[tuple[str, str, str, str]] = field(default_factory=list)
    vectors: dict[str, Any] = field(default_factory=dict)

    def learn(self, items: Sequence[LabelledTransaction]) -> LearnOutcome:
        counts = {"created": 0, "updated": 0, "unchanged": 0, "kept": 0}
        latest_day = self.last_day
        written: list[Kept] = []
        for item in items:
            old = self.entries.get(item.transaction.id)
            new = self._merged(old, item)
            if old and (new.transaction, new.labels, new.authorities) == (
                old.transaction,
                old.labels,
                old.authorities,
            ):
                same = item.transaction == old.transaction and item.labels.items() <= old.labels.items()
                counts["unchanged" if same else "kept"] += 1
                continue
            counts["updated" if old else "created"] += 1
            if new.transaction.date:
                new.order_day = new.transaction.date.toordinal()
                latest_day = max(latest_day, new.order_day)
            else:
                new.order_day = latest_day
            self.seq += 1
            new.seq, new.revision = self.seq, self.revision + 1
            for dimension, predicted in item.predicted.items():
                label = item.labels.get(dimension)
                if label not in (None, predicted) and label == new.labels[dimension]:
                    self.corrections.append((item.transaction.id, dimension, predicted, str(label)))
            self.entries.pop(item.transaction.id, None)
            self.entries[item.transaction.id] = new
            written.append(new)
        if written:
            self.revision += 1
            self._number_texts(written)
        return LearnOutcome(self.revision, **counts)

    def forget(self, transaction_ids: Sequence[str]) -> tuple[int, int]:
        gone = {i for i in transaction_ids if self.entries.pop(i, None)}
        self.corrections = [c for c in self.corrections if c[0] not in gone]
        self.revision += bool(gone)
        self._number_texts([])
        return len(gone), len(set(transaction_ids)) - len(gone)

    @property
    def last_day(self) -> int:
        return max((kept.order_day for kept in self.entries.values()), default=0)

    @property
    def category_counts(self) -> dict[tuple[str, str], int]:
        counts: dict[tuple[str, str], int] = {}
        for kept in self.entries.values():
            for label in kept.labels.items():
                counts[label] = counts.get(label, 0) + 1
        return counts

    def neighbours(self, asked: Transaction) -> list[tuple[str, float, float]]:
        """(id, similarity, weight) as Classify should show them, for as many as it may show."""
        rows, days = self._evidence(asked), sorted(kept.order_day for kept in self.entries.values())
        weights = [math.exp(self._log_weight(asked, kept, similarity, days)) for kept, similarity in rows]
        total = sum(weights)
        shown = sorted(
            (
                (kept, similarity, weight / total)
                for (kept, similarity), weight in zip(rows, weights, strict=True)
            ),
            key=lambda row: (-row[2], -row[1], -row[0].seq),
        )
        return [(kept.transaction.id, similarity, weight) for kept, similarity, weight in shown]

    def _evidence(self, asked: Transaction) -> list[tuple[Kept, float]]:
        """The latest rows of the nearest texts, within the limits of retrieval."""
        text = text_of(asked.payee, asked.description)
        question = self._vector(text)
        near = []
        for known, number in self.text_ids.items():
            cosine = _cosine(self._vector(known), question)
            near.append((known != text, -cosine, number, known))
        by_text: dict[str, list[Kept]] = defaultdict(list)
        for kept in self.entries.values():
            by_text[kept.text].append(kept)
        rows: list[tuple[Kept, float]] = []
        for is_other, negative, _, known in sorted(near)[: limits.RETRIEVED_TEXTS_MAX]:
            of_text = sorted(by_text[known], key=lambda kept: (kept.order_day, kept.seq))
            of_text = of_text[-limits.RETRIEVED_ENTRIES_PER_TEXT_MAX :]
            left = limits.RETRIEVED_ENTRIES_MAX - len(rows)
            similarity = min(-negative, 1.0) if is_other else 1.0
            rows += [(kept, similarity) for kept in of_text[max(0, len(of_text) - left) :]]
        return rows

    def _log_weight(self, asked: Transaction, kept: Kept, similarity: float, days: Sequence[int]) -> float:
        penalty = 0.0
        if asked.amount is not None and kept.transaction.amount is not None:
            difference = abs(
                math.log1p(abs(float(asked.amount))) - math.log1p(abs(float(kept.transaction.amount)))
            )
            penalty = 3.3 * (1 - math.exp(-difference / 0.5)) + 1.67 * (difference > 1e-6)
        asked_day = asked.date.toordinal() if asked.date else self.last_day
        low, high = sorted((asked_day, kept.order_day))
        age = bisect_right(days, high) - bisect_right(days, low)
        return (similarity - 1) / TAU - penalty - 0.0003 * age

    def _merged(self, old: Kept | None, item: LabelledTransaction) -> Kept:
        if old is None:
            authorities = dict.fromkeys(item.labels, item.authority)
            return Kept(0, item.transaction, dict(item.labels), authorities, 0, 0)
        labels, authorities = dict(old.labels), dict(old.authorities)
        for dimension, category in item.labels.items():
            if dimension not in authorities or item.authority >= authorities[dimension]:
                labels[dimension], authorities[dimension] = category, item.authority
        is_outranked = item.authority < max(old.authorities.values())
        transaction = old.transaction if is_outranked else item.transaction
        return replace(old, transaction=transaction, labels=labels, authorities=authorities)

    def _number_texts(self, written: Sequence[Kept]) -> None:
        live = {kept.text for kept in self.entries.values()}
        for kept in written:
            if kept.text not in self.text_ids:
                self.text_ids[kept.text] = self.next_text_id
                self.next_text_id += 1
        self.text_ids = {text: number for text, number in self.text_ids.items() if text in live}

    def _vector(self, text: str) -> Any:
        if text not in self.vectors:
            self.vectors[text] = self.encoder.encode([text])[0].astype(np.float16).astype(np.float32)
        return self.vectors[text]


def _cosine(one: Any, other: Any) -> float:
    """In the engine's own precision and order (index/dot.pxd), so that what is equal to it is equal here."""
    lanes = np.zeros(8, dtype=np.float32)
    for products in (one * other).reshape(-1, 8):
        lanes += products
    total = np.float32(0)
    for lane in lanes:
        total += lane
    return float(total)


def assert_same_state(ledger: Ledger, oracle: Oracle) -> None:
    """Entries, their order, labels, authorities, counts and revision are the oracle's."""
    entries: Sequence[Entry] = ledger.store.entries_after(-1, 1_000_000)
    kept = list(oracle.entries.values())
    assert [entry.transaction for entry in entries] == [k.transaction for k in kept]
    assert [entry.labels for entry in entries] == [k.labels for k in kept]
    assert [entry.authorities for entry in entries] == [k.authorities for k in kept]
    assert [entry.revision for entry in entries] == [k.revision for k in kept]
    statistics, view = ledger.store.statistics(), ledger.view
    assert (statistics.labels, statistics.texts) == (len(kept), len(oracle.text_ids))
    assert statistics.corrections == len(oracle.corrections)
    assert view.revision == ledger.store.record().revision == oracle.revision
    assert int(view.alive.sum()) == len(kept)
    assert int(view.index.alive.sum()) == len(oracle.text_ids)
    counts = {
        (category.dimension, category.id): count
        for category, count in zip(view.chart.categories, view.category_counts.tolist(), strict=True)
        if count
    }
    assert counts == oracle.category_counts


def assert_same_neighbours(answer: Classification, asked: Transaction, oracle: Oracle) -> None:
    """The entries shown, their order, similarities, weights and content are the oracle's."""
    expected = oracle.neighbours(asked)[: limits.NEIGHBOURS_MAX]
    assert [n.transaction_id for n in answer.neighbours] == [row[0] for row in expected]
    assert [n.similarity for n in answer.neighbours] == [row[1] for row in expected]
    np.testing.assert_allclose([n.weight for n in answer.neighbours], [row[2] for row in expected], rtol=1e-9)
    for neighbour in answer.neighbours:
        kept = oracle.entries[neighbour.transaction_id]
        assert neighbour.labels == kept.labels
        assert neighbour.text == kept.text
        asked_about = (neighbour.date, neighbour.amount, neighbour.currency)
        assert asked_about == (kept.transaction.date, kept.transaction.amount, kept.transaction.currency)
