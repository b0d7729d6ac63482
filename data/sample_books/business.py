"""The words to describe a business with: its chart, its bank, its habits, and how it exports its books."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Final

from sample_books.amounts import Amount
from sample_books.exports import Export
from sample_books.rows import CATEGORY
from sample_books.schedules import Schedule
from sample_books.steps import Steps

HISTORY_FIRST: Final = date(2024, 7, 1)
HISTORY_LAST: Final = date(2026, 6, 30)
NEW_LAST: Final = date(2026, 7, 31)
"""What is new is the month after the history."""


class Channel(Enum):
    """How money moves, which decides how the bank words it."""

    CARD = "card"
    DEBIT = "direct debit"
    ORDER = "standing order"
    PAYMENT = "payment"
    RECEIPT = "receipt"
    PAYOUT = "payout"
    COUNTER = "paid in"
    FEE = "fee"


MONEY_IN: Final = frozenset({Channel.RECEIPT, Channel.PAYOUT, Channel.COUNTER})
TYPED_BY_HAND: Final = frozenset({Channel.PAYMENT, Channel.RECEIPT})


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a chart; ``implies`` has the labels of other dimensions that mostly go with it."""

    id: str
    name: str
    description: str
    dimension: str = CATEGORY
    implies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Habit:
    """Something that a business does again and again.

    Attributes:
        names: how the other party is worded, one drawn each time; placeholders as in
            :mod:`sample_books.wording`.
        when: on which days.
        amount: how much.
        labels: how the bookkeeper files it, by dimension.
        channel: how the money moves.
        memos: what is written beside the name, one drawn each time.
        refunds: share of occasions on which the money comes back.
        since: first day, if later than the books.
        until: last day, if earlier than the books.
    """

    names: tuple[str, ...]
    when: Schedule
    amount: Amount
    labels: Mapping[str, Steps]
    channel: Channel
    memos: tuple[str, ...] = ("",)
    refunds: float = 0.0
    since: date = HISTORY_FIRST
    until: date = NEW_LAST


@dataclass(frozen=True, slots=True)
class Bank:
    """How a bank words each channel.

    Attributes:
        wordings: template of payee and of description by channel.
        name_chars_max: where a name is cut.
        capitals: whether everything is in capitals.
    """

    wordings: Mapping[Channel, tuple[str, str]]
    name_chars_max: int = 40
    capitals: bool = False


@dataclass(frozen=True, slots=True)
class Business:
    """A business and how its bookkeeper sees it.

    Attributes:
        tenant: its id, and the name of its files.
        name: as it trades.
        story: what it is, and what is subjective or changes in its books; for the data card.
        currency: ISO 4217 code.
        cities: where it shops; the first most of all.
        bank: who words its transactions.
        chart: all its entries, of all dimensions.
        habits: what it does.
        slips: pairs of categories that the bookkeeper takes for each other now and then.
        export: how it exports its books.
        slip_share: share of the rows of such categories that are filed under the other.
    """

    tenant: str
    name: str
    story: str
    currency: str
    cities: tuple[str, ...]
    bank: Bank
    chart: tuple[Entry, ...]
    habits: tuple[Habit, ...]
    slips: tuple[tuple[str, str], ...]
    export: Export
    slip_share: float = 0.04

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions of its chart."""
        return tuple(dict.fromkeys(entry.dimension for entry in self.chart))
