"""A tenant's store copied while others use it, and the few facts that tell one copy from another.

``VACUUM INTO`` writes what one read transaction sees: one revision, whoever writes meanwhile, and waits for
nobody. Unlike SQLite's online backup it begins nothing anew when another process writes, and copies no page
that is free: what was forgotten before is in no copy, not even in its gaps.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from likewise_engine.durable import sync
from likewise_engine.errors import StoreCorrupt
from likewise_engine.keys import TenantKey
from likewise_engine.store.connection import (
    connect,
    decoded,
    read_transaction,
    transaction,
    translated,
    vacuum_into,
)
from likewise_engine.store.mark import check_position, mark_path, read_mark
from likewise_engine.store.migrations import check_version

_TOKENS_SINCE: Final = 6
"""Schema version from which on each change of a store has a token."""


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """What tells a store from others, and from itself at another time.

    Attributes:
        tenant: whose it is.
        revision: counts what it was taught.
        labels: labelled transactions.
        schema: its version.
        position: counts its changes; 0 where its schema counts none.
        token: random, of the latest change; 0 where it has none. Two stores that have a position and a token
            in common have all in common.
    """

    tenant: str
    revision: int
    labels: int
    schema: int
    position: int
    token: int


def copy_store(source: Path, target: Path, key: TenantKey) -> StoreFacts:
    """Copy a store, as of one revision, beside whoever uses it; on disk when this returns.

    Args:
        source: the store's file.
        target: where the copy goes, under the same key. No file is there yet.
        key: the tenant's.

    Raises:
        StoreFault: the one could not be read or the other not written. A part of it may be there.
        StoreCorrupt: it lacks changes that were acknowledged.
    """
    with translated("copy", target):
        mark = read_mark(mark_path(source))
        target.touch(mode=0o600, exist_ok=False)
        with closing(connect(source, key.of_pages())) as connection:
            vacuum_into(connection, target, key.of_pages())
    facts = facts_of(target, key)
    _check_mark(facts, mark)
    with translated("copy", target):
        sync(target)
    return facts


def _check_mark(facts: StoreFacts, mark: int | None) -> None:
    """Raise StoreCorrupt where a store lacks what its mark tells of; early schemas counted no changes."""
    if mark is not None and facts.position:
        check_position(facts.position, mark)


def facts_of(path: Path, key: TenantKey) -> StoreFacts:
    """The facts of a store, of any schema version up to ours.

    Raises:
        StoreFault: it cannot be read, or a later Likewise wrote it.
        StoreCorrupt: it is no tenant's store, or lacks changes that were acknowledged.
    """
    with translated("read", path):
        mark = read_mark(mark_path(path))
    with (
        translated("read", path),
        closing(connect(path, key.of_pages())) as connection,
        read_transaction(connection),
        decoded(),
    ):
        schema = check_version(connection)
        record = connection.execute(
            "SELECT tenant, revision, (SELECT count(*) FROM entries) FROM tenant"
        ).fetchone()
        if record is None:
            raise StoreCorrupt("the store has no tenant's record")
        position = token = 0
        if schema >= _TOKENS_SINCE:
            position, token = connection.execute(
                "SELECT position, token FROM journal ORDER BY position DESC LIMIT 1"
            ).fetchone()
        tenant, revision, labels = record
    facts = StoreFacts(tenant, revision, labels, schema, position, token)
    _check_mark(facts, mark)
    return facts


def check_whole(path: Path, key: TenantKey) -> None:
    """Let SQLite look through a store that nobody uses. Raises StoreFault, StoreCorrupt."""
    with translated("look through", path), closing(connect(path, key.of_pages())) as connection:
        (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if found != "ok":
            raise StoreCorrupt(f"the store is damaged: {found}")


def rename_tenant(path: Path, key: TenantKey, tenant: str) -> None:
    """Make a store that nobody uses another tenant's. Raises StoreFault."""
    with (
        translated("rename the tenant", path),
        closing(connect(path, key.of_pages())) as connection,
        transaction(connection),
    ):
        connection.execute("UPDATE tenant SET tenant = ?", (tenant,))
