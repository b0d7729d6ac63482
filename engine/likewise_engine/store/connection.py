"""Connections to a tenant's SQLite file: how they are opened, their transactions, and their errors.

Every page carries a tag by which it is known to be what was written to that very place under that very key:
AEGIS-256 (RFC draft-irtf-cfrg-aegis-aead), by SQLite3 Multiple Ciphers. So a byte that was changed, or a page
that was moved, is found when it is read, in the log as in the file. Each page gives 64 of its 4,096 bytes to
that. In the clear are the sizes of the file and of its log, and bytes 16 to 23 of the file, which say how its
pages are laid out: they are the same in every store, and are looked at here.

WAL with ``synchronous=FULL``: a commit is fsynced before it returns, and readers of a snapshot do not wait
for the writer. What SQLite keeps aside stays in memory, for a temporary file would outlive what is forgotten.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import apsw

from likewise_engine.errors import StoreCorrupt, StoreFault, StoreFull, StoreReadOnly
from likewise_engine.faults import kind_by_trying, kind_of

# 48 KB set aside for each connection, which saves no time that could be measured. SQLite takes the setting
# between one initialisation and the next alone, and has no connection yet.
apsw.shutdown()
apsw.config(apsw.SQLITE_CONFIG_LOOKASIDE, 0, 0)
apsw.initialize()

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
_POLL_S: Final = 0.01
CIPHER: Final = "aegis"
_LAYOUT: Final = slice(16, 24)
_LAYOUTS: Final = {bytes.fromhex(f"1000{version}40402020") for version in ("0101", "0202")}
"""Pages of 4,096 bytes of which 64 are the cipher's, before and after the file is first in WAL mode
(https://sqlite.org/fileformat.html, 1.3)."""
_STATEMENTS_KEPT: Final = 128
"""More than there are."""
_KINDS: Final[dict[int, type[StoreFault]]] = {
    apsw.SQLITE_CORRUPT: StoreCorrupt,
    apsw.SQLITE_NOTADB: StoreCorrupt,
    apsw.SQLITE_FULL: StoreFull,
    apsw.SQLITE_READONLY: StoreReadOnly,
    apsw.SQLITE_PERM: StoreReadOnly,
}
_UNCLEAR: Final = {apsw.SQLITE_CANTOPEN, apsw.SQLITE_IOERR}


class Rows:
    """What a statement has returned, all of it: the database is done with the statement."""

    __slots__ = ("_left",)

    def __init__(self, rows: Sequence[Any]) -> None:
        self._left = iter(rows)

    def __iter__(self) -> Iterator[Any]:
        return self._left

    def fetchone(self) -> Any:
        """The next row; None where there is no other."""
        return next(self._left, None)

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        return list(self._left)


class Connection(apsw.Connection):
    """A connection whose statements are read to their end at once.

    One that is not holds a snapshot, and keeps the log from being emptied. apsw 3.54.0 keeps it for ever
    where another cursor of the connection goes meanwhile.
    """

    def execute(self, statements: str, bindings: Any = None) -> Rows:  # type: ignore[override]
        """Execute one or more statements. Raises apsw.Error."""
        return Rows(super().execute(statements, bindings).fetchall())


def connect(path: Path, key: bytes, wait_s: float = _WAIT_S, *, keeps_statements: bool = False) -> Connection:
    """Open an existing file; threads may hand the connection on.

    Args:
        path: of the file.
        key: of its pages, 32 bytes.
        wait_s: how long its statements wait for other connections.
        keeps_statements: whether they stay prepared, which takes 65 KB, and spares 20 µs each.

    Raises:
        StoreCorrupt: what lies in the clear is damaged.
        apsw.Error: also where the key is another.
    """
    head = _head(path)
    if head and head[_LAYOUT] not in _LAYOUTS:
        raise StoreCorrupt(f"the store is damaged: the head of {path} is no Likewise's")
    connection = Connection(
        path.absolute().as_uri(),  # so that :func:`vacuum_into` may name one too
        flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI,
        statementcachesize=_STATEMENTS_KEPT if keeps_statements else 0,
    )
    try:
        connection.set_busy_timeout(int(wait_s * 1000))
        connection.execute(f"PRAGMA cipher = '{CIPHER}'")
        connection.execute(f"PRAGMA key = 'raw:{key.hex()}'")
        _set_up(connection, wait_s)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: Connection, wait_s: float) -> None:
    """Execute the pragmas. To a new file that several open at once SQLite sets no mode, and does not wait."""
    deadline_s = time.monotonic() + wait_s
    while True:
        try:
            for pragma in _PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except apsw.BusyError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(_POLL_S)
        else:
            return


def shrink(connection: Connection) -> None:
    """Let go of the pages that a connection has read: 90 KB at least, and up to 2 MB.

    The system has them too; that they are read from there again cannot be measured in the time of a Learn.
    """
    connection.execute("PRAGMA shrink_memory")


def vacuum_into(connection: Connection, target: Path, key: bytes) -> None:
    """Copy what a connection sees to an empty file, under a key. The caller syncs it. Raises apsw.Error."""
    uri = f"{target.absolute().as_uri()}?cipher={CIPHER}&key=raw:{key.hex()}"
    connection.execute("VACUUM INTO ?", (uri,))


def is_plain(path: Path) -> bool:
    """Whether a file is SQLite's without a cipher, as Likewise wrote it before. Raises StoreFault."""
    with translated("look at its head", path):
        return _head(path).startswith(b"SQLite format 3\0")


def is_unused(path: Path) -> bool:
    """Whether nobody, in this process or another, has a file open. Raises StoreFault."""
    with translated("look who uses it", path), _file(path) as file:
        # Every connection to a file in WAL mode holds a shared lock on it until it is closed.
        try:
            file.xLock(apsw.SQLITE_LOCK_SHARED)
            file.xLock(apsw.SQLITE_LOCK_EXCLUSIVE)
        except apsw.BusyError:
            return False
        finally:
            file.xUnlock(apsw.SQLITE_LOCK_NONE)
        return True


@contextmanager
def _file(path: Path) -> Iterator[apsw.VFSFile]:
    """A file as SQLite itself opens it. One that Python opens would, when it is closed, take this process's
    locks on the file with it (https://sqlite.org/howtocorrupt.html, 2.2)."""
    file = apsw.VFSFile("unix", str(path), [apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_READWRITE, 0])
    try:
        yield file
    finally:
        file.xClose()


def _head(path: Path) -> bytes:
    """The first bytes of a file; none of one that is empty."""
    with _file(path) as file:
        return bytes(file.xRead(_LAYOUT.stop, 0)) if file.xFileSize() else b""


@contextmanager
def transaction(connection: Connection) -> Iterator[None]:
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
def savepoint(connection: Connection) -> Iterator[Connection]:
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
def read_transaction(connection: Connection) -> Iterator[None]:
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
    """Turn what apsw and the file system raise into StoreFault and its kinds; ``path`` is the store's."""
    try:
        yield
    except apsw.Error as error:
        raise _translation(error, action, path) from error
    except OSError as error:
        raise kind_of(error)(f"the store failed ({action}): {error.strerror}") from error


def _translation(error: apsw.Error, action: str, path: Path) -> StoreFault:
    # apsw's own errors, of a connection that is closed, say, have no code of SQLite's.
    code = getattr(error, "result", apsw.SQLITE_ERROR)
    if code == apsw.SQLITE_BUSY:
        return StoreFault(f"the store is in use by another process ({action}): try again")
    kind = kind_by_trying(path.parent) if code in _UNCLEAR else _KINDS.get(code, StoreFault)
    if kind is StoreCorrupt:
        return StoreCorrupt(
            f"the store is damaged ({action}, {path}): {error}. `likewise check` says what is affected,"
            " `likewise restore` brings a backup back"
        )
    return kind(f"the store failed ({action}): {error}")


@contextmanager
def decoded() -> Iterator[None]:
    """Turn what reading a damaged value raises into StoreCorrupt: a string that is no UTF-8, say."""
    try:
        yield
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        # Without the error's own words: they may quote what the store holds.
        kind = type(error).__name__
        raise StoreCorrupt(f"the store is damaged: it holds what no Likewise wrote ({kind})") from error
