"""Short forms to write down habits, a line each: who, when, how much, and where it is filed."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TypedDict, Unpack

from sample_books.amounts import Amount
from sample_books.business import HISTORY_FIRST, NEW_LAST, Channel, Habit
from sample_books.rows import CATEGORY
from sample_books.schedules import Schedule
from sample_books.steps import Steps


class Further(TypedDict, total=False):
    """What can be said of a habit besides: see :class:`sample_books.business.Habit`."""

    memos: Sequence[str]
    refunds: float
    since: str
    until: str
    labels: Mapping[str, str | Steps]


Names = str | Sequence[str]


def card(
    names: Names, when: Schedule, amount: Amount, category: str | Steps, **more: Unpack[Further]
) -> Habit:
    """Paid by card."""
    return _habit(Channel.CARD, names, when, amount, category, more)


def debit(
    names: Names, when: Schedule, amount: Amount, category: str | Steps, **more: Unpack[Further]
) -> Habit:
    """Collected by direct debit."""
    return _habit(Channel.DEBIT, names, when, amount, category, more)


def order(
    names: Names, when: Schedule, amount: Amount, category: str | Steps, **more: Unpack[Further]
) -> Habit:
    """Paid by standing order."""
    return _habit(Channel.ORDER, names, when, amount, category, more)


def payment(
    names: Names, when: Schedule, amount: Amount, category: str | Steps, **more: Unpack[Further]
) -> Habit:
    """Transferred to somebody, by hand."""
    return _habit(Channel.PAYMENT, names, when, amount, category, more)


def receipt(
    names: Names, when: Schedule, amount: Amount, category: str | Steps, **more: Unpack[Further]
) -> Habit:
    """Transferred to the business by somebody."""
    return _habit(Channel.RECEIPT, names, when, amount, category, more)


def payout(
    names: Names, when: Schedule, amount: Amount, category: str | Steps, **more: Unpack[Further]
) -> Habit:
    """Paid out to the business by those who take payments for it."""
    return _habit(Channel.PAYOUT, names, when, amount, category, more)


def counter(
    names: Names, when: Schedule, amount: Amount, category: str | Steps, **more: Unpack[Further]
) -> Habit:
    """Paid in over the counter."""
    return _habit(Channel.COUNTER, names, when, amount, category, more)


def fee(
    names: Names, when: Schedule, amount: Amount, category: str | Steps, **more: Unpack[Further]
) -> Habit:
    """Taken by the bank itself."""
    return _habit(Channel.FEE, names, when, amount, category, more)


def _habit(
    channel: Channel, names: Names, when: Schedule, amount: Amount, category: str | Steps, more: Further
) -> Habit:
    labels = {CATEGORY: category, **more.get("labels", {})}
    return Habit(
        names=(names,) if isinstance(names, str) else tuple(names),
        when=when,
        amount=amount,
        labels={name: Steps.of(label) if isinstance(label, str) else label for name, label in labels.items()},
        channel=channel,
        memos=tuple(more.get("memos", ("",))),
        refunds=more.get("refunds", 0.0),
        since=date.fromisoformat(more["since"]) if "since" in more else HISTORY_FIRST,
        until=date.fromisoformat(more["until"]) if "until" in more else NEW_LAST,
    )
