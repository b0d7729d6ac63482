"""What the files of a data folder hold once decrypted: what somebody with the keys would find.

Pages are read by the cipher's own layer beneath SQLite, each for itself: free ones, the gaps in those that
are in use, and all that is left in the log, though SQLite would not look at it any more.
"""

import ctypes
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw

from likewise_engine.store.connection import CIPHER

_PAGE_BYTES = 4096
_LOG_HEAD_BYTES, _FRAME_HEAD_BYTES = 32, 24
_READ = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)


class _Methods(ctypes.Structure):
    """The beginning of sqlite3_io_methods."""

    _fields_ = (("version", ctypes.c_int), ("close", ctypes.c_void_p), ("read", ctypes.c_void_p))


def plain_pages(store: Path, key: bytes) -> bytes:
    """Every page of a store and of its log, in the clear; a page that does not open is left out."""
    encrypted = [*_of_file(store), *_of_log(store.with_name(store.name + "-wal"))]
    with TemporaryDirectory() as folder:
        scratch = Path(folder) / "page"
        scratch.touch()
        with closing(apsw.Connection(str(scratch), statementcachesize=0)) as connection:
            connection.execute(f"PRAGMA cipher = '{CIPHER}'")
            connection.execute(f"PRAGMA key = 'raw:{key.hex()}'")
            pointer = ctypes.c_void_p()
            connection.file_control("main", apsw.SQLITE_FCNTL_FILE_POINTER, ctypes.addressof(pointer))
            file = pointer.value
            assert file is not None
            methods = ctypes.cast(file, ctypes.POINTER(ctypes.POINTER(_Methods))).contents.contents
            read, page = _READ(methods.read), ctypes.create_string_buffer(_PAGE_BYTES)
            plain = []
            with scratch.open("r+b", buffering=0) as written:
                for number, content in encrypted:
                    written.seek((number - 1) * _PAGE_BYTES)
                    written.write(content)
                    if read(file, page, _PAGE_BYTES, (number - 1) * _PAGE_BYTES) == apsw.SQLITE_OK:
                        plain.append(page.raw)
    return b"".join(plain)


def _of_file(store: Path) -> Iterator[tuple[int, bytes]]:
    content = store.read_bytes()
    for start in range(0, len(content), _PAGE_BYTES):
        yield start // _PAGE_BYTES + 1, content[start : start + _PAGE_BYTES]


def _of_log(log: Path) -> Iterator[tuple[int, bytes]]:
    content = log.read_bytes() if log.exists() else b""
    for start in range(_LOG_HEAD_BYTES, len(content), _FRAME_HEAD_BYTES + _PAGE_BYTES):
        page = start + _FRAME_HEAD_BYTES
        number = int.from_bytes(content[start : start + 4], "big")
        if number and len(content) >= page + _PAGE_BYTES:
            yield number, content[page : page + _PAGE_BYTES]
