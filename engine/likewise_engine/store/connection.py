"""Connections to a tenant's SQLite file: how they are opened, their transactions, and their errors.

WAL with ``synchronous=FULL``: a commit is fsynced before it returns, and readers of a snapshot do not wait
for the writer. What SQLite keeps aside stays in memory, for a temporary file would outlive what is forgotten.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from likewise_engine.errors import StoreCorrupt, StoreFault, StoreFull, StoreReadOnly
from likewise_engine.faults import kind_by_trying, kind_of

_WAIT_S: Final = 5.0
"""For those who read, or empty the log: only somebody who holds a snapshot can hold them up."""
WRITE_WAIT_S: Final = 30.0
"""For another process's write, which may be an import's batch on a slow machine."""
_PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",
    "temp_store = MEMORY",
    "foreign_keys = ON",
    "trusted_schema = OFF",
    "cell_size_check = ON",
)
_STATEMENTS_KEPT: Final = 128
"""More than there are."""
_KINDS: Final[dict[int, type[StoreFault]]] = {
    sqlite3.SQLITE_CORRUPT: StoreCorrupt,
    sqlite3.SQLITE_NOTADB: StoreCorrupt,
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_READONLY: StoreReadOnly,
    sqlite3.SQLITE_PERM: StoreReadOnly,
}
_UNCLEAR: Final = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}


def connect(path: Path, wait_s: float = _WAIT_S, *, keeps_statements: bool = False) -> sqlite3.Connection:
    """Open an existing file; threads may hand the connection on.

    Args:
        path: of the file.
        wait_s: how long its statements wait for other connections.
        keeps_statements: whether they stay prepared, which takes 65 KB, and spares 20 µs each.

    Raises:
        sqlite3.Error.
    """
    connection = sqlite3.connect(
        _uri(path),
        uri=True,
        timeout=wait_s,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS_KEPT if keeps_statements else 0,
    )
    try:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection


def shrink(connection: sqlite3.Connection) -> None:
    """Let go of the pages that a connection has read: 90 KB at least, and up to 2 MB.

    The system has them too; that they are read from there again cannot be measured in the time of a Learn.
    """
    connection.execute("PRAGMA shrink_memory")


def is_unused(path: Path) -> bool:
    """Whether nobody, in this process or another, has a file open. Raises StoreFault."""
    with (
        translated("look who uses it", path),
        closing(sqlite3.connect(_uri(path), uri=True, timeout=0.0, isolation_level=None)) as connection,
    ):
        # Every connection to a file in WAL mode holds a shared lock on it until it is closed. The mode has to
        # be set before anything is read.
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            return False
        return True


def _uri(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=rw"


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is written within, or none of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # After some errors (disk full) SQLite has rolled back on its own account.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def savepoint(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Within a transaction: keep what is written within, or none of it."""
    connection.execute("SAVEPOINT change")
    try:
        yield connection
        connection.execute("RELEASE change")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO change")
            connection.execute("RELEASE change")
        raise


@contextmanager
def read_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """See one revision within, whatever is committed meanwhile; within a writer's transaction, that."""
    is_within = connection.in_transaction
    if not is_within:
        connection.execute("BEGIN")
    try:
        yield
    finally:
        if not is_within and connection.in_transaction:
            connection.execute("COMMIT")


@contextmanager
def translated(action: str, path: Path) -> Iterator[None]:
    """Turn what sqlite3 and the file system raise into StoreFault and its kinds; ``path`` is the store's."""
    try:
        yield
    except sqlite3.Error as error:
        raise _kind_of(error, path)(f"the store failed ({action}): {error}") from error
    except OSError as error:
        raise kind_of(error)(f"the store failed ({action}): {error.strerror}") from error


def _kind_of(error: sqlite3.Error, path: Path) -> type[StoreFault]:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # It is Python's own and means that a string is no UTF-8.
        return StoreCorrupt if isinstance(error, sqlite3.OperationalError) else StoreFault
    # The primary result code is the low byte: https://sqlite.org/rescode.html
    primary = code & 0xFF
    return kind_by_trying(path.parent) if primary in _UNCLEAR else _KINDS.get(primary, StoreFault)


@contextmanager
def decoded() -> Iterator[None]:
    """Turn what reading a damaged value raises into StoreCorrupt: SQLite has no checksums of its own."""
    try:
        yield
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise StoreCorrupt(f"the store is damaged: it holds what no Likewise wrote: {error}") from error
