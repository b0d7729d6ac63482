"""A lock on a folder, which excludes threads and processes alike, and leaves nothing behind."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from likewise_engine.faults import kind_of


@contextmanager
def locked(folder: Path, *, is_shared: bool = False) -> Iterator[None]:
    """Hold the lock of a folder within; several may hold it together who share it.

    Raises:
        StoreFault: the folder is gone, or cannot be opened.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise kind_of(error)(f"{folder} cannot be opened: {error.strerror}") from error
    try:
        # Locks of two open files exclude each other, in one process or in two.
        fcntl.flock(descriptor, fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
