"""Why the medium failed, told apart by what somebody can do about it.

SQLite says little: that a file cannot be opened, or that its index cannot grow, may be a full disk, a folder
that may not be written, or too many open files. What it leaves open is asked of the file system itself.
"""

import errno
import os
from pathlib import Path
from typing import Final

from likewise_engine.errors import FilesExhausted, StoreFault, StoreFull, StoreReadOnly

_KINDS: Final[dict[int, type[StoreFault]]] = {
    errno.ENOSPC: StoreFull,
    errno.EDQUOT: StoreFull,
    errno.EFBIG: StoreFull,  # beyond RLIMIT_FSIZE, which is a quota too
    errno.EROFS: StoreReadOnly,
    errno.EACCES: StoreReadOnly,
    errno.EPERM: StoreReadOnly,
    errno.EMFILE: FilesExhausted,
    errno.ENFILE: FilesExhausted,
}


def kind_of(error: OSError) -> type[StoreFault]:
    """The kind of fault that an error of the file system is."""
    return _KINDS.get(error.errno or 0, StoreFault)


def kind_by_trying(folder: Path) -> type[StoreFault]:
    """The kind of fault that keeps files of a folder from being opened, written or grown, by trying it.

    Returns:
        StoreFault itself where nothing shows: it may be over by now.
    """
    try:
        # Nameless: it leaves nothing behind, and takes a descriptor, the right to write, and room.
        descriptor = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, os.sysconf("SC_PAGE_SIZE"))
        finally:
            os.close(descriptor)
    except OSError as error:
        return kind_of(error)
    return StoreFault
