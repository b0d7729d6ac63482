"""The keys of a backup that lie beside it, wrapped by a master key: ``OUT.keys`` of the backup ``OUT``.

    {"format": "likewise-backup-keys-1", "tenant": …, "id": …, "master": …, "key": …, "sha256": …}

One line a tenant, with the SHA-256 of the rest of it as JSON without spaces, its keys sorted. The file of a
later backup opens earlier ones too, of each tenant that still has the key it had then: so only the latest
need be kept, and whose key is not in that is gone from all backups.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from likewise_engine import limits
from likewise_engine.durable import sync
from likewise_engine.errors import BackupRefused
from likewise_engine.keys import KeyFile

_FORMAT: Final = "likewise-backup-keys-1"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A tenant's key, as only a master key unwraps it.

    Attributes:
        id: names the tenant's key, and says nothing of it.
        key_file: holds it.
    """

    id: str
    key_file: KeyFile


def keys_path(backup: Path) -> Path:
    """Where the keys of a backup lie."""
    whole = backup.absolute()
    return whole.with_name(f"{whole.name}.keys")


def write_keys(path: Path, keys: Mapping[str, WrappedKey]) -> None:
    """Write the keys of tenants, by id, to a file that is not there yet; on disk when this returns.

    Raises:
        OSError.
    """
    path.touch(mode=0o600, exist_ok=False)
    with path.open("wb") as file:
        file.writelines(_line(tenant, key) for tenant, key in sorted(keys.items()))
    sync(path)


def read_keys(path: Path) -> dict[str, WrappedKey]:
    """The keys of a file, by tenant; without those of damaged lines, for the others are still of use.

    Raises:
        BackupRefused: it cannot be read, or holds no keys.
    """
    try:
        with path.open("rb") as file:
            content = file.read(limits.BACKUP_KEYS_BYTES_MAX + 1)
    except OSError as error:
        raise BackupRefused(f"the keys file {path} cannot be read: {error.strerror}") from error
    if len(content) > limits.BACKUP_KEYS_BYTES_MAX:
        raise BackupRefused(f"{path} is no keys file: it has over {limits.BACKUP_KEYS_BYTES_MAX:,} bytes")
    keys: dict[str, WrappedKey] = {}
    for number, line in enumerate(content.splitlines(), 1):
        try:
            tenant, key = _read(line)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            _log.warning("line %d of the keys file %s is damaged: use another copy of it", number, path)
        else:
            keys[tenant] = key
    if not keys:
        raise BackupRefused(f"{path} is no keys file: it holds no keys")
    return keys


def _line(tenant: str, key: WrappedKey) -> bytes:
    stated = {
        "format": _FORMAT,
        "tenant": tenant,
        "id": key.id,
        "master": key.key_file.master,
        "key": key.key_file.key.hex(),
    }
    return json.dumps({**stated, "sha256": _checksum(stated)}).encode() + b"\n"


def _read(line: bytes) -> tuple[str, WrappedKey]:
    """A line's tenant and key. Raises what a damaged one may: see :func:`read_keys`."""
    stated = json.loads(line)
    if stated.pop("sha256") != _checksum(stated) or stated["format"] != _FORMAT:
        raise ValueError("its checksum is another")
    key_file = KeyFile(str(stated["master"]), bytes.fromhex(stated["key"]))
    return str(stated["tenant"]), WrappedKey(str(stated["id"]), key_file)


def _checksum(stated: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
