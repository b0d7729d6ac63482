"""One row of the books."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

CATEGORY: Final = "category"


@dataclass(frozen=True, slots=True)
class Row:
    """One transaction as the bookkeeper filed it.

    Attributes:
        id: unique within the tenant; in the order of days.
        day: booking date.
        kind: the bank's word for how the money moved.
        payee: may be empty, where a bank gives but one wording.
        description: may be empty.
        amount_minor: signed: money out is negative.
        currency: ISO 4217 code.
        labels: category id by dimension.
    """

    id: str
    day: date
    kind: str
    payee: str
    description: str
    amount_minor: int
    currency: str
    labels: Mapping[str, str]
