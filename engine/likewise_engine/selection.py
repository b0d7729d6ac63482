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
        min_amount: its amount, signed as booked, is this or more.
        max_amount: its amount, signed as booked, is this or less.
        currency: its currency.
        min_date: its date is this or later.
        max_date: its date is this or earlier.
    """

    transaction_ids: tuple[str, ...] = ()
    payee_contains: str = ""
    description_contains: str = ""
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    currency: str = ""
    min_date: datetime.date | None = None
    max_date: datetime.date | None = None

    def violations(self) -> Iterator[FieldViolation]:
        """Yield what is wrong, field by field, named as in the contract."""
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
        lowest = Transaction(payee="-", amount=self.min_amount, date=self.min_date)
        highest = Transaction(payee="-", amount=self.max_amount, date=self.max_date, currency=self.currency)
        violations = [FieldViolation(f"min_{v.field}", v.message) for v in lowest.violations()]
        of_currency = "min_amount" if self.max_amount is None else "max_amount"
        violations += (
            FieldViolation(of_currency if v.field == "currency" else f"max_{v.field}", v.message)
            for v in highest.violations()
        )
        yield from violations
        if violations:
            return
        if self.min_amount is not None and self.max_amount is not None and self.min_amount > self.max_amount:
            yield FieldViolation("max_amount", "is less than min_amount")
        if self.min_date is not None and self.max_date is not None and self.min_date > self.max_date:
            yield FieldViolation("max_date", "is earlier than min_date")


def folded(text: str) -> str:
    """A text as it is searched: regardless of case and of how its characters are composed."""
    return (text if text.isascii() else unicodedata.normalize("NFKC", text)).casefold()
