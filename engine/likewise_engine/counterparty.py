"""Who the other party is: the normalised payee, with what identifies it where that is known.

Both are kept as one string, the *party*, wherever payees are kept: so they are stored, followed, erased and
encoded anew as payees are, and a tenant without identifiers pays nothing. ``costa coffee@iban:GB29…``.
"""

from typing import Final

from likewise_engine.text import NO_PAYEES, text_and_payee
from likewise_engine.transaction import Transaction
from likewise_engine.wording.identifiers import identifiers_of

MARK: Final = "@"
"""Before each identifier; no normalised wording holds it."""


def text_and_party(transaction: Transaction) -> tuple[str, str]:
    """The text of a transaction, and its party."""
    text, payee = text_and_payee(transaction.payee, transaction.description)
    return text, party_of(payee, identifiers_of(transaction))


def party_of(payee: str, identifiers: tuple[str, ...]) -> str:
    """A normalised payee with its identifiers."""
    return MARK.join(("" if payee in NO_PAYEES else payee, *identifiers)) if identifiers else payee


def payee_of(party: str) -> str:
    """The normalised payee of a party."""
    return party.partition(MARK)[0]


def identifiers_in(party: str) -> tuple[str, ...]:
    """The identifiers of a party."""
    return tuple(party.split(MARK)[1:])
