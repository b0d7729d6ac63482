"""The manifest: what a backup holds, with the SHA-256 of every file and of the manifest itself.

    {"manifest": {"format": 1, "made": …, "likewise": …, "tenants": […], "left_out": {…}}, "sha256": …}

The digest is that of ``manifest`` as JSON without spaces, its keys sorted. Where the files of a tenant are
follows from its id: a manifest that says otherwise is refused, so none can name a path.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import PurePosixPath
from typing import Any, Final

from likewise_engine import limits
from likewise_engine.errors import BackupRefused, InvalidInput
from likewise_engine.folder import STORE_NAME, place_of
from likewise_engine.keys import KEY_NAME
from likewise_engine.store.predictions import PREDICTIONS_NAME

MANIFEST_NAME: Final = "manifest.json"
FORMAT: Final = 1
"""Of backups. A later one is refused."""
_FILE_NAMES: Final = frozenset({STORE_NAME, KEY_NAME, PREDICTIONS_NAME})
_SHA256: Final = re.compile("[0-9a-f]{64}")
_KEY_ID: Final = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class BackedUpFile:
    """A file of a backup.

    Attributes:
        path: where it is, in the backup and in a data folder alike.
        size_bytes: its size.
        sha256: of its content, as hex digits.
    """

    path: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class BackedUpTenant:
    """A tenant of a backup, as of one revision.

    Attributes:
        tenant: its id.
        revision: of the tenant.
        labels: labelled transactions.
        schema: version of its store's.
        position: counts its store's changes.
        token: random, of the latest change; 0 for none.
        files: its store; and its key where that lies in the clear.
        key_id: names the key that the store has.
    """

    tenant: str
    revision: int
    labels: int
    schema: int
    position: int
    token: int
    files: Sequence[BackedUpFile]
    key_id: str

    @property
    def holds_key(self) -> bool:
        """Whether its key is among its files, and not in the file of keys beside the backup."""
        return any(PurePosixPath(file.path).name == KEY_NAME for file in self.files)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Attributes:
        tenants: by id.
        left_out: why tenants that were to be in it are not, by id.
        made: when it was begun, in UTC: what is erased later may be in it.
        likewise: the version that made it.
    """

    tenants: Sequence[BackedUpTenant]
    left_out: Mapping[str, str]
    made: datetime
    likewise: str = field(default_factory=lambda: version("likewise"))

    def encoded(self) -> bytes:
        """As the content of a file."""
        body = {
            "format": FORMAT,
            "made": self.made.isoformat(),
            "likewise": self.likewise,
            "tenants": [asdict(tenant) for tenant in self.tenants],
            "left_out": dict(self.left_out),
        }
        return json.dumps({"sha256": _digest(body), "manifest": body}, indent=1).encode()

    @classmethod
    def decoded(cls, content: bytes) -> "Manifest":
        """From the content of a file.

        Raises:
            BackupRefused: it is damaged, of a later format, or says what cannot be.
        """
        try:
            document = json.loads(content)
            body = document["manifest"]
            is_whole = document["sha256"] == _digest(body)
            made_by_format = int(body["format"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise BackupRefused(f"{MANIFEST_NAME} of the backup is damaged: it is no manifest") from error
        if not is_whole:
            raise BackupRefused(f"{MANIFEST_NAME} of the backup is damaged: its checksum does not fit")
        if made_by_format > FORMAT:
            raise BackupRefused(
                f"a later Likewise made this backup (format {made_by_format}; {FORMAT} is known): upgrade"
            )
        try:
            tenants = [_tenant(told) for told in body["tenants"]]
            made = datetime.fromisoformat(body["made"]).astimezone(UTC)
            left_out = {str(tenant): str(why) for tenant, why in body["left_out"].items()}
            manifest = cls(tenants, left_out, made, str(body["likewise"]))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, InvalidInput) as error:
            raise BackupRefused(f"{MANIFEST_NAME} of the backup says what cannot be: {error}") from error
        if len({told.tenant for told in tenants}) < len(tenants):
            raise BackupRefused(f"{MANIFEST_NAME} of the backup names a tenant twice")
        return manifest

    def chosen(self, tenants: Sequence[str]) -> list[BackedUpTenant]:
        """These tenants, in the order of the backup; all where none is named.

        Raises:
            BackupRefused: it does not hold one of them.
        """
        held = {told.tenant for told in self.tenants}
        for missing in sorted(set(tenants) - held):
            why = self.left_out.get(missing)
            raise BackupRefused(f"the backup does not hold {missing!r}{f': {why}' if why else ''}")
        return [told for told in self.tenants if not tenants or told.tenant in tenants]


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _tenant(told: Mapping[str, Any]) -> BackedUpTenant:
    """A tenant as the manifest tells of it. Raises ValueError, KeyError, TypeError, InvalidInput."""
    tenant = told["tenant"]
    counts = {name: _count(told[name], name) for name in ("revision", "labels", "schema", "position")}
    token = _count(told["token"], "token", -(2**63))
    files = [_file(file, tenant) for file in told["files"][: limits.BACKUP_FILES_PER_TENANT_MAX]]
    if [PurePosixPath(file.path).name for file in files].count(STORE_NAME) != 1:
        raise ValueError(f"tenant {tenant!r} has no store, or several")
    key_id = told["key_id"]
    if not _KEY_ID.fullmatch(key_id):
        raise ValueError(f"the key of tenant {tenant!r} has no such id")
    return BackedUpTenant(tenant, **counts, token=token, files=files, key_id=key_id)


def _file(told: Mapping[str, Any], tenant: str) -> BackedUpFile:
    name = PurePosixPath(told["path"]).name
    if name not in _FILE_NAMES or told["path"] != (place_of(tenant) / name).as_posix():
        raise ValueError(f"{told['path']!r} is no place of a file of {tenant!r}")
    if not _SHA256.fullmatch(told["sha256"]):
        raise ValueError(f"the checksum of {told['path']!r} is none")
    return BackedUpFile(told["path"], _count(told["size_bytes"], "size_bytes"), told["sha256"])


def _count(value: object, name: str, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < 2**63:
        raise ValueError(f"{name} is {value!r}")
    return value
