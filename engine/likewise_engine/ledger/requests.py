"""Requests that are repeated: the same id and the same content get the first outcome again."""

import hashlib
from collections.abc import Sequence

from likewise_engine.errors import RequestIdReused
from likewise_engine.store.base import TenantStore
from likewise_engine.transaction import LabelledTransaction


def remembered(store: TenantStore, request_id: str, digest: bytes) -> str | None:
    """The outcome of a request that was made before, as JSON; None for a new one, and for one without an id.

    Raises:
        RequestIdReused: it stood for other content.
        StoreFault: the store failed.
    """
    found = store.request(request_id) if request_id else None
    if found is None:
        return None
    if found.digest != digest:
        raise RequestIdReused(request_id)
    return found.outcome


def digest_of(items: Sequence[LabelledTransaction]) -> bytes:
    """Digest of what a request teaches, the same for equal content in another order of maps."""
    digest = hashlib.sha256()
    for item in items:
        t = item.transaction
        known = (t.id, t.date, t.amount, t.currency, t.payee, t.description, t.account, t.direction)
        maps = (sorted(t.fields.items()), sorted(item.labels.items()), sorted(item.predicted.items()))
        digest.update(repr((known, maps, item.authority)).encode())
    return digest.digest()
