"""Restoring a backup: every file is verified before anything of its tenant is in its place.

A tenant is there as the backup has it, or as it was before. What is wrong with one does not keep the others
out: it is named beside what was restored.
"""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from likewise_engine.audit import Action
from likewise_engine.backup.container import Backup, open_backup
from likewise_engine.backup.erased import erased_since
from likewise_engine.backup.keys_file import WrappedKey, keys_path, read_keys
from likewise_engine.backup.manifest import BackedUpTenant
from likewise_engine.durable import sync
from likewise_engine.errors import (
    BackupRefused,
    InvalidInput,
    LikewiseError,
    PreconditionFailed,
    StoreFault,
    TenantNotFound,
)
from likewise_engine.folder import DataFolder, check_tenant_id
from likewise_engine.keys import KeyFile, TenantKey
from likewise_engine.store.connection import translated
from likewise_engine.store.copying import check_whole, facts_of, rename_tenant
from likewise_engine.store.migrations import STEPS
from likewise_engine.store.predictions import PredictionFile
from likewise_engine.store.takeover import encrypt

_ACTOR: Final = "local"
"""Who may write the data folder restores; nobody asks who that is."""


@dataclass(slots=True)
class Restored:
    """What became of the tenants of a backup.

    Attributes:
        tenants: those that are whole, and restored if that was asked for.
        refused: why others are not, by id.
        back_again: what the data folder knows to have been erased since the backup, and is back, by id.
    """

    tenants: list[BackedUpTenant] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    back_again: dict[str, str] = field(default_factory=dict)


def verify(path: Path, tenants: Sequence[str] = (), *, keys: Path | None = None) -> Restored:
    """Read a backup through, compare it with its manifest, and look for the keys; change nothing.

    Args:
        path: of the backup.
        tenants: ids; all where none is given.
        keys: file of the wrapped keys; None for that beside the backup, if it is there.

    Raises:
        BackupRefused: it is none, or its manifest is damaged, of a later format, or has no such tenant; or
            the keys file is damaged.
    """
    report = Restored()
    wrapped = _wrapped_keys(path, keys)
    with open_backup(path) as backup:
        for told in backup.manifest.chosen(tenants):
            try:
                _check_schema(told)
                for file in told.files:
                    backup.copy(file, None)
                if not told.holds_key:
                    _wrapped_key(told, wrapped)
                report.tenants.append(told)
            except BackupRefused as error:
                report.refused[told.tenant] = error.message
    return report


def restore(
    path: Path,
    data: Path,
    tenants: Sequence[str] = (),
    *,
    new_id: str = "",
    replace: bool = False,
    keys: Path | None = None,
    master_key_file: Path | None = None,
) -> Restored:
    """Restore tenants of a backup into a data folder, which is made if it is not there.

    Args:
        path: of the backup.
        data: the data folder. Nobody else may use it meanwhile.
        tenants: ids; all where none is given.
        new_id: the id that a single tenant gets; its own if empty.
        replace: whether a tenant that is there gives way. Otherwise it is refused.
        keys: file of the wrapped keys; None for that beside the backup, if it is there.
        master_key_file: of the keys that wrap the tenants' keys; None where these lie in the clear.

    Raises:
        BackupRefused: as in :func:`verify`.
        InvalidInput: several tenants cannot have one id.
        DataFolderInUse, StoreFault: the data folder cannot be had.
    """
    report = Restored()
    wrapped = _wrapped_keys(path, keys)
    with open_backup(path) as backup:
        chosen = backup.manifest.chosen(tenants)
        if new_id:
            check_tenant_id(new_id, "as")
            if len(chosen) != 1:
                raise InvalidInput.of(
                    "as", f"is one id, and the tenants are {len(chosen)}: choose one of them"
                )
        with closing(DataFolder(data, master_key_file=master_key_file)) as folder:
            _check_room(data, chosen)
            for told in chosen:
                try:
                    back_again = erased_since(folder, told, backup.manifest.made)
                    key = None if told.holds_key else _key(told, wrapped, folder)
                    _Restoring(backup, told, new_id or told.tenant, folder, key).put(replace=replace)
                    report.tenants.append(told)
                    if back_again:
                        report.back_again[told.tenant] = back_again
                except LikewiseError as error:
                    report.refused[told.tenant] = error.message
    return report


@dataclass(frozen=True, slots=True)
class _Restoring:
    backup: Backup
    told: BackedUpTenant
    tenant: str
    folder: DataFolder
    key: TenantKey | None
    """That of the store, where it is not in the backup."""

    def put(self, *, replace: bool) -> None:
        """Put the tenant in its place. Raises LikewiseError."""
        _check_schema(self.told)
        store = self.folder.path_of(self.tenant)
        with self.folder.audit.noted(Action.RESTORE, _ACTOR, self.tenant, store, self.told.revision):
            if replace:
                self.folder.replace(self.tenant, self._fill)
            else:
                self.folder.create(self.tenant, self._fill)

    def _fill(self, store: Path, key: TenantKey) -> None:
        """Write the tenant's files beside where they are to be, and doubt them."""
        with translated("restore", store):
            for file in self.told.files:
                path = store.with_name(PurePosixPath(file.path).name)
                path.touch(mode=0o600)
                with path.open("wb") as target:
                    self.backup.copy(file, target)
                sync(path)
        key = self._settled(store, key)
        facts = facts_of(store, key)
        if (facts.tenant, facts.revision) != (self.told.tenant, self.told.revision):
            raise BackupRefused(
                f"the store of {self.told.tenant!r} in the backup is of another tenant or revision"
            )
        check_whole(store, key)
        if self.tenant != self.told.tenant:
            rename_tenant(store, key, self.tenant)
        with translated("restore", store):
            sync(store)

    def _settled(self, store: Path, fresh: TenantKey) -> TenantKey:
        """The key that the restored store has from now on: its own, or a fresh one."""
        own = self.key
        if own is None:
            key_file = KeyFile.read(store.parent)
            if key_file is None:
                raise BackupRefused(f"the backup of {self.told.tenant!r} has no key")
            own = key_file.opened(self.told.tenant, self.folder.masters)
        key = own
        # Under another id it is another tenant: whose key is destroyed must have it alone.
        if key.tenant != self.tenant:
            encrypt(store, fresh, own)
            # What the other one was answered is not its own.
            PredictionFile(store.parent, own).discard()
            key = fresh
        self.folder.keys.write(key, store.parent)
        return key


def _wrapped_keys(backup: Path, keys: Path | None) -> Mapping[str, WrappedKey]:
    """The keys of a file; where none is named, those beside the backup, if there are any."""
    if keys is None and not keys_path(backup).exists():
        return {}
    return read_keys(keys or keys_path(backup))


def _wrapped_key(told: BackedUpTenant, wrapped: Mapping[str, WrappedKey]) -> WrappedKey:
    """A tenant's key. Raises BackupRefused where it is not there."""
    found = wrapped.get(told.tenant)
    if found is None:
        raise BackupRefused(
            f"the key of {told.tenant!r} is not at hand: it was destroyed, or its keys file is missing or"
            " damaged (name it by --keys)"
        )
    if found.id != told.key_id:
        raise BackupRefused(
            f"{told.tenant!r} has another key since: this backup needs a keys file from before that (name"
            " it by --keys)"
        )
    return found


def _key(told: BackedUpTenant, wrapped: Mapping[str, WrappedKey], folder: DataFolder) -> TenantKey:
    """A tenant's key, from the data folder where it is the same there, or else from the keys file.

    Raises:
        BackupRefused: it is in neither.
        KeyMissing: it is wrapped by a master key that is not at hand.
        StoreCorrupt: it is wrapped for another tenant.
    """
    try:
        live = folder.key_of(told.tenant)
    except (TenantNotFound, StoreFault):  # it may be just that which the backup is to mend
        live = None
    if live is not None and live.id == told.key_id:
        return live
    return _wrapped_key(told, wrapped).key_file.opened(told.tenant, folder.masters)


def _check_schema(told: BackedUpTenant) -> None:
    if told.schema > len(STEPS):
        raise BackupRefused(
            f"a later Likewise wrote this data (schema {told.schema}; this one knows {len(STEPS)}): upgrade"
        )


def _check_room(data: Path, chosen: Sequence[BackedUpTenant]) -> None:
    """Before the first byte: a manifest may claim what it likes. Raises PreconditionFailed."""
    needed_bytes = sum(file.size_bytes for told in chosen for file in told.files)
    with translated("look for room", data):
        free_bytes = shutil.disk_usage(data).free
    if needed_bytes > free_bytes:
        raise PreconditionFailed(
            f"restoring takes {needed_bytes:,} bytes, and {free_bytes:,} are free in {data}"
        )
