"""Keys: one a tenant, and the master key that wraps them.

A tenant's key is 32 random bytes, in a file of its own beside the store. From it come, by HKDF (RFC 5869),
the key of the store's pages and those of the caches. With a master key the file holds it wrapped by
AES-256-GCM, with the tenant's id as associated data, so that no tenant can be given another's. Without one
the file holds it in the clear: then it guards against damage and not against readers. Who destroys the file
has destroyed the tenant, in every copy that was made of the store.

The master keys are an operator's, in a file outside the data folder: hexadecimal, one a line. What is written
is wrapped by the first; the others are those that ``likewise keys rotate`` is about to replace.
"""

import hashlib
import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from likewise_engine import limits
from likewise_engine.durable import write_whole
from likewise_engine.errors import KeyMissing, StoreCorrupt, StoreFault
from likewise_engine.faults import kind_of

KEY_NAME: Final = "store.key"
_FORMAT: Final = "likewise-tenant-key-1"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_ID_CHARS: Final = 16

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TenantKey:
    """A tenant's key.

    Attributes:
        tenant: whose it is.
        secret: 32 bytes.
    """

    tenant: str
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls, tenant: str) -> "TenantKey":
        """A key that nobody has."""
        return cls(tenant, os.urandom(_KEY_BYTES))

    @property
    def id(self) -> str:
        """What names it, and says nothing of it."""
        return _derived(self.secret, b"likewise tenant key id").hex()[:_ID_CHARS]

    def of_pages(self) -> bytes:
        """The key of the store's pages."""
        return _derived(self.secret, b"likewise pages")

    def of_predictions(self) -> bytes:
        """The key of the pages of what was answered."""
        return _derived(self.secret, b"likewise predictions")

    def of_cache(self, name: str, salt: bytes) -> bytes:
        """The key of one writing of one cache."""
        return _derived(self.secret, b"likewise cache " + name.encode(), salt)


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A key that wraps tenants' keys."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """What names it, and says nothing of it."""
        return _derived(self.secret, b"likewise master key id").hex()[:_ID_CHARS]

    @classmethod
    def new(cls) -> "MasterKey":
        """A key that nobody has."""
        return cls(os.urandom(_KEY_BYTES))

    def wrapped(self, key: TenantKey) -> bytes:
        """A tenant's key, as only this master key unwraps it, for that tenant alone."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self.secret).encrypt(nonce, key.secret, _associated(key.tenant))

    def unwrapped(self, tenant: str, wrapped: bytes) -> TenantKey:
        """The key that was wrapped. Raises ValueError where it was not this tenant's, or is damaged."""
        nonce, sealed = wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:]
        try:
            return TenantKey(tenant, AESGCM(self.secret).decrypt(nonce, sealed, _associated(tenant)))
        except InvalidTag as error:
            raise ValueError("it is another tenant's, or damaged") from error


class MasterKeys:
    """The master keys of a file, or none. Safe to use from many threads."""

    def __init__(self, file: Path | None = None) -> None:
        """Read the file.

        Args:
            file: where they are; None where tenants' keys lie in the clear.

        Raises:
            StoreFault: it cannot be read, or holds no keys.
        """
        self.file = file
        self.keys: Sequence[MasterKey] = read_master_keys(file) if file is not None else ()
        if file is not None:
            _warn_of_readers(file)

    @property
    def first(self) -> MasterKey | None:
        """The one that wraps what is written from now on; None where nothing is wrapped."""
        return self.keys[0] if self.keys else None

    def of_id(self, master: str) -> MasterKey | None:
        """The key of a name; None where there is none, though the file is read anew."""
        found = self._of_id(master)
        if found is None and self.file is not None:
            self.refresh()
            found = self._of_id(master)
        return found

    def refresh(self) -> None:
        """Read the file anew: keys may have been rotated. Raises StoreFault."""
        if self.file is not None:
            self.keys = read_master_keys(self.file)

    def _of_id(self, master: str) -> MasterKey | None:
        return next((key for key in self.keys if key.id == master), None)


def _warn_of_readers(file: Path) -> None:
    try:
        is_for_others = file.stat().st_mode & 0o077
    except OSError:  # it was there a moment ago; what needs it will say so
        return
    if is_for_others:
        _log.warning("others than its owner may use the master key file %s: chmod 600 it", file)


def read_master_keys(file: Path) -> Sequence[MasterKey]:
    """The keys of a file of master keys, at least one. Raises StoreFault."""
    try:
        with file.open("rb") as opened:
            content = opened.read(limits.MASTER_KEY_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise kind_of(error)(f"the master key file {file} cannot be read: {error.strerror}") from error
    try:
        keys = [MasterKey(bytes.fromhex(line)) for line in content.decode("ascii").split()]
    except ValueError:
        keys = []
    # Nothing of the content may show, not even in an error's cause.
    if not keys or any(len(key.secret) != _KEY_BYTES for key in keys):
        raise StoreFault(
            f"the master key file {file} holds no master key, which has 64 hexadecimal digits: make one with"
            " `likewise keys init`"
        )
    return keys


def write_master_keys(file: Path, keys: Sequence[MasterKey]) -> None:
    """Write a file of master keys, for its owner's eyes alone, whole or not at all. Raises StoreFault."""
    write_whole(file, "".join(f"{key.secret.hex()}\n" for key in keys).encode())


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a tenant's key file says.

    Attributes:
        master: name of the master key that wraps the key; empty where it lies in the clear.
        key: the key, wrapped or not.
        is_store_plain: whether the store may still be without a cipher: it is being taken over.
        is_store_aside: whether the store under this key may still lie aside, and one under an earlier key in
            its place.
    """

    master: str
    key: bytes = field(repr=False)
    is_store_plain: bool = False
    is_store_aside: bool = False

    @classmethod
    def of(cls, key: TenantKey, master: MasterKey | None) -> "KeyFile":
        """What is to be said of a key, whose store is in its place."""
        if master is None:
            return cls("", key.secret)
        return cls(master.id, master.wrapped(key))

    @classmethod
    def read(cls, folder: Path) -> "KeyFile | None":
        """What the file of a tenant's folder says; None where there is none.

        Raises:
            StoreFault: it cannot be read.
            StoreCorrupt: it is damaged.
        """
        path = folder / KEY_NAME
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise kind_of(error)(f"{path} cannot be read: {error.strerror}") from error
        try:
            stated = json.loads(content)
            if stated.pop("sha256") != _checksum(stated) or stated.pop("format") != _FORMAT:
                raise ValueError("its checksum is another")
            is_store_plain, is_store_aside = (
                bool(stated["is_store_plain"]),
                bool(stated.get("is_store_aside")),
            )
            return cls(str(stated["master"]), bytes.fromhex(stated["key"]), is_store_plain, is_store_aside)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreCorrupt(
                f"{path} is damaged: without this key the tenant's books cannot be read. Bring the file back"
                " from a backup, it changes with `likewise keys rotate` alone"
            ) from error

    def write(self, folder: Path) -> None:
        """Write the file of a tenant's folder, whole or not at all. Raises StoreFault."""
        stated: dict[str, Any] = {
            "format": _FORMAT,
            "master": self.master,
            "key": self.key.hex(),
            "is_store_plain": self.is_store_plain,
            "is_store_aside": self.is_store_aside,
        }
        write_whole(folder / KEY_NAME, json.dumps({**stated, "sha256": _checksum(stated)}).encode())

    def opened(self, tenant: str, masters: MasterKeys) -> TenantKey:
        """The tenant's key.

        Raises:
            KeyMissing: it is wrapped by a master key that is not at hand.
            StoreCorrupt: it is another tenant's.
        """
        if not self.master:
            return TenantKey(tenant, self.key)
        master = masters.of_id(self.master)
        if master is None:
            raise KeyMissing(
                f"the key of tenant {tenant!r} is wrapped by master key {self.master}, which was not given:"
                " name its file by --master-key-file or LIKEWISE_MASTER_KEY_FILE"
            )
        try:
            return master.unwrapped(tenant, self.key)
        except ValueError as error:
            raise StoreCorrupt(
                f"the key of tenant {tenant!r} does not open: {error}. Bring {KEY_NAME} back from a backup"
            ) from error


def _checksum(stated: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


def _associated(tenant: str) -> bytes:
    return f"{_FORMAT} {tenant}".encode()


def _derived(secret: bytes, purpose: bytes, salt: bytes | None = None) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt, purpose).derive(secret)
