"""The data folder: where each tenant's files lie, and who may use them.

    DATA/lock                           held by the process that uses the folder, and by those it forks
    DATA/tenants/7f/acme%20ltd/         one folder a tenant, in 256 shards
        ledger.sqlite3                  the store: the truth
        store.key                       the tenant's key, without which nobody reads the rest
        ledger.mark                     how many changes were acknowledged: see store/mark.py
        texts.hnsw, heads.npz,
        snapshot.bin, and *.json        caches, which may be deleted at any time
        upkeep.lock                     held by the process that makes caches
    DATA/aside/                         folders that are being made or deleted
    DATA/master-key.json                which master key wraps the tenants' keys, where one does
    DATA/purges/                        an empty file for each tenant of which remains are to be purged
    DATA/audit.sqlite3                  what outlives a tenant: see audit_file.py

A tenant's folder is its id with all but ``a-z 0-9 - _`` percent-encoded: reversible, the same on file systems
that ignore case, and no id can name a path. It is made aside and then renamed, and renamed before it is
deleted: it is there whole or not at all. What a crash leaves aside goes when the folder is next opened; but a
folder that was to be replaced, and was not, goes back to its place.

A process that is forked from the one that opened the folder may use it too, as the same object, and so may
one that inherits its lock: that is let go of when all of them have closed it, or died.
"""

import errno
import fcntl
import hashlib
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from likewise_engine import limits
from likewise_engine.audit_file import AuditFile
from likewise_engine.durable import sync
from likewise_engine.errors import (
    DataFolderInUse,
    InvalidInput,
    PreconditionFailed,
    StoreCorrupt,
    TenantExists,
    TenantNotFound,
)
from likewise_engine.faults import kind_of
from likewise_engine.keys import MasterKeys, TenantKey
from likewise_engine.master_record import check_master
from likewise_engine.tenant_keys import TenantKeys

ASIDE_NAME: Final = "aside"
STORE_NAME: Final = "ledger.sqlite3"
UPKEEP_LOCK_NAME: Final = "upkeep.lock"
_DISPLACED: Final = "was."
"""Begins the name of a folder that another one takes the place of. What is made has a name of hex digits."""
_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_")

_log = logging.getLogger(__name__)


def check_tenant_id(tenant: str, field: str = "tenant") -> None:
    """Raise InvalidInput for what cannot be a tenant's id."""
    if not tenant:
        raise InvalidInput.of(field, "is required")
    if not tenant.isprintable() or tenant != tenant.strip():
        raise InvalidInput.of(field, "holds control characters, or begins or ends with a space")
    size_bytes = len(tenant.encode())
    if size_bytes > limits.TENANT_ID_BYTES_MAX:
        message = f"has {size_bytes} bytes of UTF-8; at most {limits.TENANT_ID_BYTES_MAX} are allowed"
        raise InvalidInput.of(field, message)


class PurgeMark:
    """An empty file that says: of this tenant something was erased, and remains of it may still be on disk.

    It is set before the erasure is committed and cleared when the remains are gone; so whoever opens the data
    folder after a crash knows, though nobody asks for the tenant and there are a hundred thousand others.
    """

    def __init__(self, path: Path) -> None:
        """Args: path: of the file."""
        self._path = path

    def set(self) -> None:
        """On disk when this returns. Raises StoreFault."""
        with _translated("mark what is to be purged"):
            if not self._path.parent.exists():
                self._path.parent.mkdir(exist_ok=True)
                sync(self._path.parent.parent)
            self._path.touch(mode=0o600)
            sync(self._path.parent)

    def clear(self) -> None:
        """Raises StoreFault."""
        with _translated("clear the mark of what was purged"):
            self._path.unlink(missing_ok=True)


class DataFolder:
    """The folder of all tenants, locked for this process and those it forks until :meth:`close`."""

    def __init__(self, root: Path, lock: int | None = None, *, master_key_file: Path | None = None) -> None:
        """Open a data folder; make it if it is not there.

        Args:
            root: where it is.
            lock: inherited from a process that has it open, as its :attr:`lock`; None where there is none.
            master_key_file: of the keys that wrap the tenants' keys; None where these lie in the clear.

        Raises:
            DataFolderInUse: another process has it open.
            KeyMissing: its tenants' keys are wrapped by another master key; nothing was written.
            StoreFault: it cannot be made or written.
        """
        self.root = root
        self.masters = MasterKeys(master_key_file)
        self.keys = TenantKeys(root, self.masters)
        self._tenants = root / "tenants"
        self._purges = root / "purges"
        self.audit = AuditFile(root, self.keys)
        self._aside = root / ASIDE_NAME
        if lock is not None:
            self._lock = lock
            return
        with _translated("open the data folder"):
            self._tenants.mkdir(parents=True, exist_ok=True)
            self._aside.mkdir(exist_ok=True)
            sync(root)
            self._lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                check_master(root, self.masters)
                for left_over in self._aside.iterdir():
                    if not self._put_back(left_over):
                        shutil.rmtree(left_over)
                self._settle_audit()
            except BlockingIOError as error:
                os.close(self._lock)
                raise DataFolderInUse(
                    f"another process uses {root}: stop it, or work through its server (--server HOST:PORT)"
                ) from error
            except BaseException:
                os.close(self._lock)
                raise

    def _settle_audit(self) -> None:
        try:
            self.audit.settle(lambda tenant: self.path_of(tenant).exists())
        except StoreCorrupt as error:
            # Nobody is kept from being served for it. Who creates or deletes a tenant is refused.
            _log.error("the data folder has no audit trail: %s", error.message)

    @property
    def lock(self) -> int:
        """The descriptor that holds the lock, for other processes to inherit."""
        return self._lock

    def close(self) -> None:
        """Let other processes use the folder."""
        os.close(self._lock)

    def store_path(self, tenant: str) -> Path:
        """Path of an existing tenant's store. Raises TenantNotFound, InvalidInput."""
        path = self.path_of(tenant)
        with _translated("look for the tenant"):
            if not path.exists():
                raise TenantNotFound(tenant)
        return path

    def path_of(self, tenant: str) -> Path:
        """Where a tenant's store is, or would be. Raises InvalidInput."""
        return self._path(tenant) / STORE_NAME

    def tenants(self) -> Iterator[str]:
        """Ids of all tenants, in no order."""
        return tenants_of(self.root)

    def purge_mark(self, tenant: str) -> PurgeMark:
        """Says whether remains of the tenant are to be purged. Raises InvalidInput."""
        return PurgeMark(self._purges / self._path(tenant).name)

    def purges_due(self) -> list[str]:
        """Ids of the tenants of which remains are to be purged. Raises StoreFault."""
        with _translated("look for what is to be purged"):
            if not self._purges.exists():
                return []
            due = []
            for mark in self._purges.iterdir():
                tenant = unquote(mark.name)
                if self.path_of(tenant).exists():
                    due.append(tenant)
                else:  # deleted since
                    mark.unlink(missing_ok=True)
            return due

    def key_of(self, tenant: str) -> TenantKey:
        """An existing tenant's key. A store from before there were keys is given one, and encrypted, now.

        Raises:
            TenantNotFound, InvalidInput, StoreFault.
            KeyMissing: it is wrapped by a master key that is not at hand.
            StoreCorrupt: it is gone or damaged.
        """
        return self.keys.of(tenant, self.store_path(tenant))

    def create(self, tenant: str, fill: Callable[[Path, TenantKey], None]) -> None:
        """Make a tenant's folder, whole or not at all.

        Args:
            tenant: its id.
            fill: makes the store at the path it is given, under the key, and closes it.

        Raises:
            TenantExists, InvalidInput, StoreFault.
        """
        path = self._path(tenant)
        aside = self._aside / uuid.uuid4().hex
        with _translated("create the tenant"):
            if path.exists():
                raise TenantExists(tenant)
            try:
                aside.mkdir(mode=0o700)
                key = TenantKey.new(tenant)
                with self.keys.adding(key, aside):
                    fill(aside / STORE_NAME, key)
                    sync(aside)
                    path.parent.mkdir(exist_ok=True)
                    _rename_new(aside, path, tenant)
            finally:
                shutil.rmtree(aside, ignore_errors=True)
            sync(path.parent)
            sync(self._tenants)

    def replace(self, tenant: str, fill: Callable[[Path, TenantKey], None]) -> None:
        """Put a folder in the place of a tenant's, if there is one: this or that is there, after a crash too.

        Args:
            tenant: its id. Nobody may use it.
            fill: makes the store at the path it is given, under the key, and closes it.

        Raises:
            InvalidInput, StoreFault.
        """
        path = self._path(tenant)
        aside = self._aside / uuid.uuid4().hex
        displaced = self._aside / f"{_DISPLACED}{path.name}"
        with _translated("replace the tenant"):
            try:
                aside.mkdir(mode=0o700)
                key = TenantKey.new(tenant)
                with self.keys.adding(key, aside):
                    fill(aside / STORE_NAME, key)
                    sync(aside)
                    path.parent.mkdir(exist_ok=True)
                    if path.exists():
                        path.rename(displaced)
                    try:
                        aside.rename(path)
                    except BaseException:
                        self._put_back(displaced)
                        raise
            finally:
                shutil.rmtree(aside, ignore_errors=True)
            sync(path.parent)
            sync(self._tenants)
            if displaced.exists():
                shutil.rmtree(displaced)
            sync(self._aside)

    def delete(self, tenant: str, is_free: Callable[[Path], bool] = lambda _: True) -> None:
        """Delete a tenant's folder: first out of sight in one step, then for good.

        Args:
            tenant: its id. This process may not use it any more.
            is_free: waits until no other process uses the store at a path; says whether it is so.

        Raises:
            TenantNotFound, StoreFault.
            PreconditionFailed: it stayed in use, and is where it was.
        """
        path = self._path(tenant)
        doomed = self._aside / uuid.uuid4().hex
        with _translated("delete the tenant"):
            try:
                path.rename(doomed)
            except FileNotFoundError as error:
                raise TenantNotFound(tenant) from error
            if not is_free(doomed / STORE_NAME):
                _rename_new(doomed, path, tenant)
                raise PreconditionFailed(f"tenant {tenant!r} is in use: try again", tenant=tenant)
            sync(path.parent)
            shutil.rmtree(doomed)
            sync(self._aside)

    @contextmanager
    def upkeep(self, tenant: str) -> Iterator[bool]:
        """The right to make a tenant's caches: whether this process has it within, for one has at a time.

        Raises:
            TenantNotFound, InvalidInput, StoreFault.
        """
        path = self.store_path(tenant).with_name(UPKEEP_LOCK_NAME)
        with _translated("lock the tenant's upkeep"):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)

    def _put_back(self, left_over: Path) -> bool:
        """Put a folder back that was to be replaced, where nothing has taken its place; else False."""
        if not left_over.name.startswith(_DISPLACED):
            return False
        path = self._path(unquote(left_over.name.removeprefix(_DISPLACED)))
        if path.exists() or not left_over.exists():
            return False
        left_over.rename(path)
        sync(path.parent)
        return True

    def _path(self, tenant: str) -> Path:
        return self.root / place_of(tenant)


def place_of(tenant: str) -> Path:
    """Where a tenant's folder is, or would be, in a data folder. Raises InvalidInput."""
    check_tenant_id(tenant)
    encoded = tenant.encode()
    name = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in encoded)
    return Path("tenants") / hashlib.sha256(encoded).hexdigest()[:2] / name


def tenants_of(root: Path) -> Iterator[str]:
    """Ids of all tenants of a data folder, in no order; whoever uses it. Raises StoreFault."""
    with _translated("list tenants"):
        for shard in (root / "tenants").iterdir():
            for path in shard.iterdir():
                yield unquote(path.name)


def _rename_new(aside: Path, path: Path, tenant: str) -> None:
    try:
        aside.rename(path)
    except OSError as error:
        # Somebody else was quicker: there is a folder, and it holds a store.
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise TenantExists(tenant) from error
        raise


@contextmanager
def _translated(action: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise kind_of(error)(f"could not {action}: {error.strerror} ({error.filename})") from error
