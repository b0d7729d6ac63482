"""Files that last: on disk for certain, with a checksum that tells whether they still are what they were."""

import hashlib
import os
from pathlib import Path
from typing import Final

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


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file that only its owner may read: it is there whole, or as it was. Raises StoreFault."""
    aside = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        sync(aside)
        aside.replace(path)
        sync(path.parent)
    except OSError as error:
        raise kind_of(error)(f"{path} could not be written: {error.strerror}") from error
