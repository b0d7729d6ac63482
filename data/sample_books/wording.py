"""What stands on the statement: templates filled, as a bank would cut them and a person mistype them.

Placeholders: ``{d4}`` so many digits, ``{a9}`` so many capitals and digits; ``{dd} {mm} {yyyy} {mon}
{month} {monat}`` of the day, ``{hh} {mi}`` of the clock; ``{city}``; and what stays the same:
``{mandate}``, ``{customer}``, ``{tail}`` of the card, ``{store}``, one of a few branches.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import Final

from sample_books.business import TYPED_BY_HAND, Business, Habit
from sample_books.chance import Chance

_PLACEHOLDER: Final = re.compile(r"\{([a-z]+)(\d*)\}")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MONATE: Final = (
    "Januar", "Februar", "März", "April", "Mai", "Juni",
    "Juli", "August", "September", "Oktober", "November", "Dezember",
)  # fmt: skip
_TYPO_SHARE: Final = 0.02
_STORES: Final = 4
_HOME_SHARE: Final = 0.7
"""How often the first of a business's cities is the one."""


class Pen:
    """Writes the wordings of one habit of one business."""

    def __init__(self, business: Business, habit: Habit, chance: Chance) -> None:
        self._business = business
        self._habit = habit
        self._chance = chance
        # The same branches, whatever is bought there.
        branches = Chance(business.tenant, habit.names[0])
        stores = tuple(branches.digits(4) for _ in range(_STORES))
        self._kept = {
            "mandate": chance.reference(8),
            "customer": chance.digits(8),
            # One card for the whole business, whatever the habit.
            "tail": Chance(business.tenant, "card").digits(4),
        }
        self._drawn: dict[str, Callable[[], str]] = {
            "store": lambda: chance.pick(stores),
            "city": self._city,
            "hh": lambda: f"{8 + chance.below(11):02d}",
            "mi": lambda: f"{chance.below(60):02d}",
        }

    def write(self, day: date) -> tuple[str, str]:
        """Payee and description of one transaction."""
        bank, habit, chance = self._business.bank, self._habit, self._chance
        name = self._fill(chance.pick(habit.names), day)
        memo = self._fill(chance.pick(habit.memos), day)
        if habit.channel in TYPED_BY_HAND and chance.happens(_TYPO_SHARE):
            name = _mistyped(name, chance)
        given = {"name": name[: bank.name_chars_max].rstrip(), "memo": memo}
        payee, description = (
            " ".join(self._fill(template, day, given).split()) for template in bank.wordings[habit.channel]
        )
        return (payee.upper(), description.upper()) if bank.capitals else (payee, description)

    def _fill(self, template: str, day: date, given: dict[str, str] | None = None) -> str:
        chance = self._chance
        known = self._kept | _of_day(day) | (given or {})

        def filled(match: re.Match[str]) -> str:
            word, count = match[1], match[2]
            if count:
                return chance.digits(int(count)) if word == "d" else chance.reference(int(count))
            return known[word] if word in known else self._drawn[word]()

        return _PLACEHOLDER.sub(filled, template)

    def _city(self) -> str:
        cities = self._business.cities
        return cities[0] if self._chance.happens(_HOME_SHARE) else self._chance.pick(cities)


def _of_day(day: date) -> dict[str, str]:
    # Not strftime: %b and %B follow the locale.
    month = _MONTHS[day.month - 1]
    return {
        "dd": f"{day.day:02d}",
        "mm": f"{day.month:02d}",
        "yyyy": str(day.year),
        "mon": month[:3].upper(),
        "month": month,
        "monat": _MONATE[day.month - 1],
    }


def _mistyped(name: str, chance: Chance) -> str:
    """The name with one letter left out, or with two that changed places."""
    at = 1 + chance.below(max(1, len(name) - 2))
    if chance.happens(0.5):
        return name[:at] + name[at + 1 :]
    return name[:at] + name[at : at + 2][::-1] + name[at + 2 :]
