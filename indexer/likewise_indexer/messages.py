"""The engine's values as messages of the contract, for what goes through a client."""

from collections.abc import Mapping
from typing import Final

import likewise
from likewise_engine.transaction import Direction, Transaction

_DIRECTIONS: Final[Mapping[Direction, likewise.Direction.ValueType]] = {
    Direction.UNKNOWN: likewise.Direction.DIRECTION_UNSPECIFIED,
    Direction.IN: likewise.Direction.DIRECTION_IN,
    Direction.OUT: likewise.Direction.DIRECTION_OUT,
}


def transaction_message(transaction: Transaction) -> likewise.Transaction:
    """The message of a transaction that is within bounds: others may have no message at all."""
    return likewise.transaction(
        id=transaction.id,
        date=transaction.date,
        amount=transaction.amount,
        currency=transaction.currency,
        payee=transaction.payee,
        description=transaction.description,
        account=transaction.account,
        direction=_DIRECTIONS[transaction.direction],
        fields=transaction.fields,
    )
