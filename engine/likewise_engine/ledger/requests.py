"""Requests that are repeated: the same id and the same content get the first outcome again."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from likewise_engine.errors import RequestIdReused
from likewise_engine.ledger.outcomes import UNREADABLE
from likewise_engine.store.base import TenantStore
from likewise_engine.transaction import LabelledTransaction

OutcomeT = TypeVar("OutcomeT")

NO_CONTENT: Final = b""
"""The digest of a request whose content is not known any more, or was not to be kept."""


def remembered(
    store: TenantStore, request_id: str, digest: bytes, read: Callable[[str], OutcomeT]
) -> OutcomeT | None:
    """The outcome of a request that was made before; None for a new one, and for one without an id.

    Once something was forgotten, what requests from before then said is not known any more: their ids alone
    tell.

    Args:
        store: remembers it.
        request_id: its id.
        digest: of its content.
        read: makes of what is remembered the outcome of a request of this kind.

    Raises:
        RequestIdReused: it stood for other content, or for a request of another kind.
        StoreFault: the store failed.
    """
    found = store.request(request_id) if request_id else None
    if found is None:
        return None
    if found.digest not in (digest, NO_CONTENT):
        raise RequestIdReused(request_id)
    try:
        return read(found.outcome)
    except UNREADABLE as error:
        raise RequestIdReused(request_id) from error


def digest_of(items: Sequence[LabelledTransaction]) -> bytes:
    """Digest of what a request teaches, the same for equal content in another order of maps."""
    digest = hashlib.sha256()
    for item in items:
        t = item.transaction
        known = (t.id, t.date, t.amount, t.currency, t.payee, t.description, t.account, t.direction)
        maps = (sorted(t.fields.items()), sorted(item.labels.items()), sorted(item.predicted.items()))
        digest.update(repr((known, maps, item.authority)).encode())
    return digest.digest()
