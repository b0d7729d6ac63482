"""A store that gets another key: one from before pages were authenticated, a plain file, gets its first.

The copy under the new key is made aside, whole, and then renamed; nobody else may have the store open. A
crash leaves the one file or the other in its place, and neither has a log then.
"""

from contextlib import closing
from pathlib import Path

import apsw

from likewise_engine.cache_file import aside_path
from likewise_engine.durable import sync
from likewise_engine.errors import StoreCorrupt, StoreFault
from likewise_engine.keys import TenantKey
from likewise_engine.store.connection import Connection, connect, is_unused, translated, vacuum_into
from likewise_engine.store.migrations import check_version


def encrypt(path: Path, key: TenantKey, earlier: TenantKey | None = None) -> None:
    """Put a copy under a key in the place of a store. Arguments and errors are :func:`encrypt_aside`'s."""
    encrypt_aside(path, key, earlier)
    put_in_place(path)


def encrypt_aside(path: Path, key: TenantKey, earlier: TenantKey | None) -> None:
    """Copy a store under another key, with what its log still holds; on disk, and read back whole.

    What was forgotten is not copied along: the copy has no free pages.

    Args:
        path: of the store.
        key: that the copy has.
        earlier: that the store has; None where it is plain.

    Raises:
        StoreFault: it failed; the store is as it was.
        StoreCorrupt: the store is damaged.
    """
    aside = aside_path(path)
    with translated("encrypt it", path):
        if not is_unused(path):
            raise StoreFault(
                f"another process uses {path}, one of an earlier Likewise perhaps: stop it first"
            )
        aside.unlink(missing_ok=True)
        aside.touch(mode=0o600)
        with closing(_opened(path, earlier)) as store:
            check_version(store)
            vacuum_into(store, aside, key.of_pages())
            counted = _counted(store)
            # Once it is closed there is no log any more, which would be taken for the copy's.
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            store.execute("PRAGMA journal_mode = DELETE")
        with closing(connect(aside, key.of_pages())) as copy:
            if copy.execute("PRAGMA integrity_check").fetchall() != [("ok",)] or _counted(copy) != counted:
                raise StoreCorrupt(f"the store cannot be encrypted: {path} is damaged")
        sync(aside)
        sync(path.parent)


def put_in_place(path: Path) -> None:
    """Rename what was encrypted aside, if it is there; on disk when this returns. Raises StoreFault."""
    with translated("put it in its place", path):
        if aside_path(path).exists():
            aside_path(path).replace(path)
        sync(path.parent)


def _opened(path: Path, key: TenantKey | None) -> Connection:
    if key is not None:
        return connect(path, key.of_pages())
    return Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI)


def _counted(connection: Connection) -> dict[str, int]:
    """The schema version, and the rows of each table."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    counts = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608
    return {**counts, "user_version": connection.execute("PRAGMA user_version").fetchone()[0]}
