"""The rows of a business: all that its habits bring about in two years and a month, day by day."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from sample_books.business import HISTORY_FIRST, HISTORY_LAST, MONEY_IN, NEW_LAST, Business, Habit
from sample_books.chance import Chance
from sample_books.rows import CATEGORY, Row
from sample_books.wording import Pen

SEED: Final = "likewise sample books 1"
"""Changing it changes every row."""

_NEW_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Books:
    """What was written for one business.

    Attributes:
        business: whose books.
        history: two years of rows.
        new: at most 40 rows of the month after, rightly labelled.
    """

    business: Business
    history: tuple[Row, ...]
    new: tuple[Row, ...]


def books_of(business: Business) -> Books:
    """Write the books of a business: always the same ones."""
    rows = [row for number, habit in enumerate(business.habits) for row in _rows_of(business, number, habit)]
    rows.sort(key=lambda row: row.day)
    chance = Chance(SEED, business.tenant, "bookkeeper")
    history = [_filed(business, row, chance) for row in rows if row.day <= HISTORY_LAST]
    new = [row for row in rows if row.day > HISTORY_LAST]
    while len(new) > _NEW_MAX:
        del new[chance.below(len(new))]
    prefix = "".join(word[0] for word in business.tenant.split("-")).upper()
    numbered = [
        replace(row, id=f"{prefix}-{number:05d}") for number, row in enumerate([*history, *new], start=1)
    ]
    return Books(business, tuple(numbered[: len(history)]), tuple(numbered[len(history) :]))


def _rows_of(business: Business, number: int, habit: Habit) -> Iterator[Row]:
    chance = Chance(SEED, business.tenant, number)
    pen = Pen(business, habit, Chance(SEED, business.tenant, number, "wording"))
    implied = {entry.id: entry.implies for entry in business.chart if entry.dimension == CATEGORY}
    for day in habit.when.days(HISTORY_FIRST, NEW_LAST, chance):
        minor = habit.amount.minor(day, chance)
        is_money_in = (habit.channel in MONEY_IN) != chance.happens(habit.refunds)
        payee, description = pen.write(day)
        if habit.since <= day <= habit.until:
            labels = {dimension: steps.on(day) for dimension, steps in habit.labels.items()}
            yield Row(
                id="",
                day=day,
                kind=habit.channel.value,
                payee=payee,
                description=description,
                amount_minor=minor if is_money_in else -minor,
                currency=business.currency,
                labels={**implied[labels[CATEGORY]], **labels},
            )


def _filed(business: Business, row: Row, chance: Chance) -> Row:
    """The row as the bookkeeper, who slips now and then, filed it."""
    category = row.labels[CATEGORY]
    others = [pair[1 - pair.index(category)] for pair in business.slips if category in pair]
    if not others or not chance.happens(business.slip_share):
        return row
    return replace(row, labels={**row.labels, CATEGORY: chance.pick(others)})
