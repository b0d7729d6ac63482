"""What all tables have in common: the columns of a transaction, and names for those of dimensions."""

from collections.abc import Iterable
from typing import Any, Final

import polars as pl

import likewise
from likewise_indexer.writers.files import Schema

_FIELDS: Final = pl.List(pl.Struct({"name": pl.String, "value": pl.String}))

TRANSACTION_SCHEMA: Final[Schema] = {
    "id": pl.String(),
    "date": pl.Date(),
    "amount": pl.Decimal(38, 9),
    "currency": pl.String(),
    "payee": pl.String(),
    "description": pl.String(),
    "account": pl.String(),
    "direction": pl.String(),
    "fields": _FIELDS,
}
"""The names are among those that the readers recognise: what is written can be indexed."""

_DIRECTIONS: Final = {likewise.Direction.DIRECTION_IN: "in", likewise.Direction.DIRECTION_OUT: "out"}


def transaction_cells(transaction: likewise.Transaction) -> dict[str, Any]:
    """The cells of a transaction, by column; nothing for what it does not say."""
    has_amount = transaction.HasField("amount")
    return {
        "id": transaction.id or None,
        "date": likewise.date_value(transaction.date),
        "amount": likewise.money_value(transaction.amount) if has_amount else None,
        "currency": transaction.amount.currency_code or None,
        "payee": transaction.payee or None,
        "description": transaction.description or None,
        "account": transaction.account or None,
        "direction": _DIRECTIONS.get(transaction.direction),
        "fields": [{"name": name, "value": value} for name, value in sorted(transaction.fields.items())]
        or None,
    }


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """A name for a column: ``wanted``, with underscores behind it until it is not taken.

    Dimensions are named by the tenant, and nothing keeps them from being called ``date`` or ``payee``.
    """
    while wanted in taken:
        wanted += "_"
    return wanted
