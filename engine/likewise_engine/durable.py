"""Files that last: on disk for certain, with a checksum that tells whether they still are what they were."""

import hashlib
import os
from pathlib import Path
from typing import Final

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
