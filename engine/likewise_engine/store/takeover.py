"""Stores from before pages were authenticated: plain SQLite files, which are encrypted when first opened."""

from contextlib import closing
from pathlib import Path

import apsw

from likewise_engine.durable import sync
from likewise_engine.errors import StoreCorrupt, StoreFault
from likewise_engine.keys import TenantKey
from likewise_engine.store.connection import Connection, connect, is_unused, translated, vacuum_into
from likewise_engine.store.migrations import check_version


def encrypt(path: Path, key: TenantKey) -> None:
    """Put an encrypted copy in the place of a plain store; nobody else may have it open.

    The copy is made aside, with what the log still holds, read back whole, and renamed. A crash leaves the
    plain file or the encrypted one. What was forgotten is not copied along: the copy has no free pages.

    Raises:
        StoreFault: it failed; the plain file is as it was.
        StoreCorrupt: the plain file is damaged.
    """
    aside = path.with_name(path.name + ".new")
    with translated("encrypt it", path):
        if not is_unused(path):
            raise StoreFault(f"an earlier Likewise uses {path}: stop it first")
        aside.unlink(missing_ok=True)
        aside.touch(mode=0o600)
        plain = Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI)
        with closing(plain):
            check_version(plain)
            vacuum_into(plain, aside, key.of_pages())
            counted = _counted(plain)
            # Once it is closed there is no log any more, which would be taken for the encrypted file's.
            plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            plain.execute("PRAGMA journal_mode = DELETE")
        with closing(connect(aside, key.of_pages())) as copy:
            if copy.execute("PRAGMA integrity_check").fetchall() != [("ok",)] or _counted(copy) != counted:
                raise StoreCorrupt(f"the store cannot be encrypted: {path} is damaged")
        sync(aside)
        aside.replace(path)
        sync(path.parent)


def _counted(connection: Connection) -> dict[str, int]:
    """The schema version, and the rows of each table."""
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    counts = {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608
    return {**counts, "user_version": connection.execute("PRAGMA user_version").fetchone()[0]}
