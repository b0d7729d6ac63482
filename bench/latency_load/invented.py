"""An invented tenant: its texts, how it files them, and what it may be asked. All follow from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import accumulate
from typing import Final, NamedTuple

import likewise
from latency_load.workload import NEW_TEXT_SHARE
from likewise.v1 import transaction_pb2 as pb
from likewise_engine.transaction import CATEGORY_DIMENSION, LabelledTransaction, Transaction
from recall import generated

LABELS_PER_TEXT: Final = 8
"""Of the real books 12.6 % of the rows have a text of their own."""
_CATEGORIES: Final = 40
_SLIPS: Final = 0.04
"""Share of rows that are filed elsewhere than the text's other rows."""
_FIRST_DAY: Final = date(2024, 7, 1)
_DAYS: Final = 730
_POPULARITY_OFFSET: Final = 10
"""The nth text is found as often as 1 / (n + this): the most frequent is not a tenth of all rows."""


class Row(NamedTuple):
    """A transaction with its label."""

    id: str
    day: date
    amount: Decimal
    payee: str
    category: str

    def of_engine(self) -> LabelledTransaction:
        """As the engine takes it."""
        transaction = Transaction(id=self.id, date=self.day, amount=self.amount, payee=self.payee)
        return LabelledTransaction(transaction, {CATEGORY_DIMENSION: self.category})

    def message(self) -> pb.LabelledTransaction:
        """As the contract has it."""
        return likewise.labelled(self.question(id=self.id), self.category)

    def question(self, id: str = "") -> pb.Transaction:  # noqa: A002 - the field's name in the contract
        """Without the label."""
        return likewise.transaction(id=id, date=self.day, amount=self.amount, payee=self.payee)


@dataclass(frozen=True)
class InventedTenant:
    """A tenant that nobody has.

    Attributes:
        id: of the tenant, and what its texts follow from.
        labels: that it has to begin with.
        texts_count: distinct texts among them, at most.
        seed: of the workload.
    """

    id: str
    labels: int
    texts_count: int
    seed: int

    @classmethod
    def of_size(cls, tenant: str, labels: int, seed: int) -> "InventedTenant":
        """With as many texts as real books of that size have."""
        return cls(tenant, labels, -(-labels // LABELS_PER_TEXT), seed)

    @cached_property
    def texts(self) -> list[str]:
        """Distinct, the most frequent first."""
        return generated(self.texts_count, random.Random(f"{self.seed}/{self.id}/texts"))

    @cached_property
    def _cumulative_weights(self) -> list[float]:
        return list(accumulate(1 / (number + _POPULARITY_OFFSET) for number in range(self.texts_count)))

    def history(self) -> Iterator[Row]:
        """What it was taught to begin with, in the order of time.

        Where there are as many texts as labels, each text has its row.
        """
        rng = random.Random(f"{self.seed}/{self.id}/history")
        is_each_once = self.texts_count == self.labels
        for number in range(self.labels):
            text = number if is_each_once else self._text(rng)
            yield self._row(
                f"h{number}", text, _FIRST_DAY + timedelta(days=number * _DAYS // self.labels), rng
            )

    def row(self, transaction_id: str, rng: random.Random) -> Row:
        """A further transaction, of a text that it knows."""
        return self._row(transaction_id, self._text(rng), _FIRST_DAY + timedelta(days=_DAYS), rng)

    def asked_row(self, rng: random.Random) -> Row:
        """A transaction that it is asked about, some of them of a text that it has never seen."""
        row = self.row("", rng)
        return row._replace(payee=self.new_text(rng)) if rng.random() < NEW_TEXT_SHARE else row

    def new_text(self, rng: random.Random) -> str:
        """One that it has never seen."""
        while (text := " ".join(generated(2, rng))) in self._known:
            pass
        return text

    @cached_property
    def _known(self) -> frozenset[str]:
        return frozenset(self.texts)

    def _text(self, rng: random.Random) -> int:
        return rng.choices(range(self.texts_count), cum_weights=self._cumulative_weights)[0]

    def _row(self, transaction_id: str, text: int, day: date, rng: random.Random) -> Row:
        category = rng.randrange(_CATEGORIES) if rng.random() < _SLIPS else text % _CATEGORIES
        return Row(
            transaction_id,
            day,
            Decimal(-rng.randrange(100, 100_000)) / 100,
            self.texts[text],
            f"category-{category:02}",
        )
