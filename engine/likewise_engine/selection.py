"""Which of a category's entries are meant: by id, by wording, by amount, by date."""

import datetime
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from likewise_engine import limits
from likewise_engine.errors import FieldViolation
from likewise_engine.transaction import Transaction, violations_of_string


@dataclass(frozen=True, slots=True)
class Selection:
    """Entries for which all that is given holds; what is not given does not count.

    Attributes:
        transaction_ids: it is one of these.
        payee_contains: its payee's wording contains this, as :func:`folded`.
        description_contains: likewise of its description.
        amount_min: its amount, signed as booked, is this or more.
        amount_max: its amount, signed as booked, is this or less.
        currency: its currency.
        date_min: its date is this or later.
        date_max: its date is this or earlier.
    """

    transaction_ids: tuple[str, ...] = ()
    payee_contains: str = ""
    description_contains: str = ""
    amount_min: Decimal | None = None
    amount_max: Decimal | None = None
    currency: str = ""
    date_min: datetime.date | None = None
    date_max: datetime.date | None = None

    def violations(self) -> Iterator[FieldViolation]:
        """Yield what is wrong, field by field."""
        if self == Selection():
            yield FieldViolation("", "is empty: name transactions, or say what selects them")
        if len(self.transaction_ids) > limits.BATCH_ITEMS_MAX:
            message = f"has {len(self.transaction_ids)} ids; at most {limits.BATCH_ITEMS_MAX} are allowed"
            yield FieldViolation("transaction_ids", message)
            return
        for position, transaction_id in enumerate(self.transaction_ids):
            name = f"transaction_ids[{position}]"
            yield from violations_of_string(name, transaction_id, limits.TRANSACTION_ID_CHARS_MAX)
        for name, value, chars_max in (
            ("payee_contains", self.payee_contains, limits.PAYEE_CHARS_MAX),
            ("description_contains", self.description_contains, limits.DESCRIPTION_CHARS_MAX),
        ):
            yield from violations_of_string(name, value, chars_max)
        yield from self._violations_of_bounds()

    def _violations_of_bounds(self) -> Iterator[FieldViolation]:
        # What no transaction can have bounds none either, and only such amounts are exact as float64.
        lowest = Transaction(payee="-", amount=self.amount_min, date=self.date_min)
        highest = Transaction(payee="-", amount=self.amount_max, date=self.date_max, currency=self.currency)
        violations = [FieldViolation(f"{v.field}_min", v.message) for v in lowest.violations()]
        for violation in highest.violations():
            name = "currency" if violation.field == "currency" else f"{violation.field}_max"
            violations.append(FieldViolation(name, violation.message))
        yield from violations
        if violations:
            return
        if self.amount_min is not None and self.amount_max is not None and self.amount_min > self.amount_max:
            yield FieldViolation("amount_max", "is less than amount_min")
        if self.date_min is not None and self.date_max is not None and self.date_min > self.date_max:
            yield FieldViolation("date_max", "is earlier than date_min")


def folded(text: str) -> str:
    """A text as it is searched: regardless of case and of how its characters are composed."""
    return unicodedata.normalize("NFKC", text).casefold()
