"""Files that last: on disk for certain, with a checksum that tells whether they still are what they were."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Final

from likewise_engine.faults import kind_of

READ_BYTES: Final = 1 << 20
"""Read at once from a file that is looked at whole."""


def sync(path: Path) -> None:
    """Have a file's content, or a folder's list of names, on disk when this returns. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, as hex digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def create_private(path: Path) -> BinaryIO:
    """A new file that only its owner may read, open to be written; what lay there is unlinked.

    Opened as it is, a file from before would keep its mode and its readers, and a link would lead elsewhere.

    Raises:
        OSError.
    """
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file that only its owner may read: it is there whole, or as it was. Raises StoreFault."""
    aside = path.with_name(path.name + ".new")
    try:
        with create_private(aside) as file:
            file.write(content)
        sync(aside)
        aside.replace(path)
        sync(path.parent)
    except OSError as error:
        raise kind_of(error)(f"{path} could not be written: {error.strerror}") from error
