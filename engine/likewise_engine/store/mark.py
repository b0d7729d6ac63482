"""The mark of a store: how many of its changes were acknowledged, in a file of 16 bytes beside it.

SQLite takes a damaged frame for the end of its write-ahead log, as after a crash in the midst of writing
one: what was committed beyond it is gone without a word. The mark is written once a commit is durable, and is
never synced itself, so that it takes some µs: after a power cut it may lag behind the store, but it is never
ahead of one that is whole. A mark that is ahead tells that commits were lost.

One that is missing or damaged says nothing, and the next commit writes it anew.
"""

import hashlib
import logging
import os
import struct
from pathlib import Path
from typing import Final

from likewise_engine.errors import StoreCorrupt

MARK_NAME: Final = "ledger.mark"
_POSITION: Final = struct.Struct("<q")
_CHECKSUM_BYTES: Final = 8

_log = logging.getLogger(__name__)


def mark_path(store_path: Path) -> Path:
    """Where the mark of a store is."""
    return store_path.with_name(MARK_NAME)


def read_mark(path: Path) -> int | None:
    """The position that a mark holds; None where there is none, or it is damaged. Raises OSError."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    values = content[: _POSITION.size]
    return int(_POSITION.unpack(values)[0]) if content == _with_checksum(values) else None


def check_position(position: int, mark: int) -> None:
    """Raise StoreCorrupt where a store lacks changes that were acknowledged.

    Args:
        position: of the store, looked at after the mark was: who commits in between puts it ahead of that.
        mark: as :func:`read_mark` gave it.
    """
    if position < mark:
        raise StoreCorrupt(
            f"the store is at change {position:,}, and {mark:,} were acknowledged: the rest was in a"
            " write-ahead log that is damaged or missing. Restore a backup; or, if an older copy was put in"
            f" its place on purpose, delete {MARK_NAME} beside it"
        )


class MarkFile:
    """The mark's file, open for writing."""

    def __init__(self, path: Path) -> None:
        """Open the file; make it if it is not there. Raises OSError."""
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, position: int) -> None:
        """Note that the change at a position is durable."""
        try:
            os.pwrite(self._descriptor, _with_checksum(_POSITION.pack(position)), 0)
        except OSError as error:
            # The commit stands. A mark that lags behind tells less, and nothing that is wrong.
            _log.warning("the mark of a store was not written: %s", error.strerror)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _with_checksum(values: bytes) -> bytes:
    return values + hashlib.blake2b(values, digest_size=_CHECKSUM_BYTES).digest()
