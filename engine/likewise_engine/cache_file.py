"""Cache files that are beyond doubt: encrypted, written aside, fsynced, renamed, and vouched for by another.

The voucher holds the file's SHA-256, what its owner wants to know of it, and the SHA-256 of both, and is
renamed last; so a file without one, or one that does not fit, was cut short or damaged. Whatever is in doubt
is deleted: all that is cached can be made again.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from likewise_engine.durable import create_private, sha256_of, sync
from likewise_engine.errors import StoreFault
from likewise_engine.faults import kind_of
from likewise_engine.keys import TenantKey
from likewise_engine.sealed import seal, unseal

T = TypeVar("T")

GRAPH_NAME: Final = "texts.hnsw"
HEADS_NAME: Final = "heads.npz"
SNAPSHOT_NAME: Final = "snapshot.bin"
CACHE_NAMES: Final = (GRAPH_NAME, HEADS_NAME, SNAPSHOT_NAME)
"""All that a tenant's folder can have cached."""

_SHA256: Final = "sha256"
_VOUCHER_SHA256: Final = "voucher_sha256"
_DOUBTS: Final = (OSError, RuntimeError, ValueError, KeyError, TypeError)
"""What reading a damaged file raises. RuntimeError is hnswlib's, and of JSON that is nested too deeply."""


def save(path: Path, key: TenantKey, stated: Mapping[str, Any], pack: Callable[[], bytes]) -> None:
    """Write a cache file and, last, the file that vouches for it.

    Args:
        path: of the cache file; the voucher stands beside it.
        key: of the tenant, under whom the content is encrypted.
        stated: what :func:`load` will be asked about: JSON values by name, which anybody may read.
        pack: gives the content. Raises OSError or RuntimeError where it cannot.

    Raises:
        StoreFault: it could not be written whole. Nothing is left behind then.
    """
    discard(path)
    aside, voucher_aside = aside_path(path), aside_path(voucher_path(path))
    try:
        with create_private(aside) as file:
            file.write(seal(key, path.name, pack()))
        digest = sha256_of(aside)
        sync(aside)
        aside.replace(path)
        vouched = {**stated, _SHA256: digest}
        voucher_aside.write_text(json.dumps({**vouched, _VOUCHER_SHA256: _sha256_of_values(vouched)}))
        sync(voucher_aside)
        voucher_aside.replace(voucher_path(path))
        sync(path.parent)
    except (OSError, RuntimeError) as error:
        discard(path)
        kind = kind_of(error) if isinstance(error, OSError) else StoreFault
        raise kind(f"{path} could not be cached: {error}") from error


def load(
    path: Path,
    key: TenantKey,
    is_wanted: Callable[[Mapping[str, Any]], bool],
    read: Callable[[bytearray, Mapping[str, Any]], T],
) -> T | None:
    """Read a cache file that is beyond doubt.

    Args:
        path: of the cache file.
        key: of the tenant.
        is_wanted: says of what was stated whether it fits; may raise ValueError, KeyError or TypeError.
        read: reads the content, given what was stated; may raise those, OSError or RuntimeError.

    Returns:
        What was read; None where there is no file, or anything about it is in doubt: then it is deleted.
    """
    try:
        stated = _stated(path)
        if is_wanted(stated) and stated[_SHA256] == sha256_of(path):
            return read(unseal(key, path.name, path.read_bytes()), stated)
    except FileNotFoundError:
        return None
    except _DOUBTS:
        pass  # In doubt, as a voucher for something else is.
    discard(path)
    return None


def stated(path: Path, name: str) -> int:
    """A number that is stated of a cache file, whether or not it is true; 0 where there is no telling."""
    try:
        return int(_stated(path)[name])
    except _DOUBTS:
        return 0


def doubt(path: Path) -> str:
    """Why a cache file is not what its voucher says, as a sentence; empty where it is. Deletes nothing."""
    try:
        stated = _stated(path)
    except FileNotFoundError:
        return "has no voucher: it was cut short" if path.exists() else ""
    except _DOUBTS:
        return "has a voucher that was altered, or is of an earlier version"
    try:
        return "" if stated[_SHA256] == sha256_of(path) else "is not what its voucher has the checksum of"
    except FileNotFoundError:
        return "is gone, and its voucher is there"
    except OSError as error:
        return f"cannot be read: {error.strerror}"


def discard(path: Path) -> None:
    """Delete a cache file, its voucher first, for good. Raises StoreFault where that fails."""
    voucher = voucher_path(path)
    try:
        doomed = [file for file in (voucher, path, aside_path(voucher), aside_path(path)) if file.exists()]
        for file in doomed:
            file.unlink(missing_ok=True)
        if doomed:
            # Else a power cut may bring back what holds the forgotten, with a voucher that speaks for it.
            sync(path.parent)
    except OSError as error:
        raise kind_of(error)(f"{path}, a cache, could not be deleted: {error.strerror}") from error


def discard_all(folder: Path) -> None:
    """Delete all cache files of a tenant's folder, those too that were cut short. Raises StoreFault."""
    for name in CACHE_NAMES:
        discard(folder / name)


def voucher_path(path: Path) -> Path:
    """Where the file is that vouches for a cache file."""
    return path.with_name(path.name + ".json")


def _stated(path: Path) -> Mapping[str, Any]:
    """What is stated of a cache file. Raises what ``_DOUBTS`` names where that is altered or missing."""
    found = json.loads(voucher_path(path).read_text())
    if not isinstance(found, dict) or found.pop(_VOUCHER_SHA256) != _sha256_of_values(found):
        raise ValueError("the voucher is not as it was written")
    return found


def _sha256_of_values(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def aside_path(path: Path) -> Path:
    """Where a file is written before it is renamed."""
    return path.with_name(path.name + ".new")
