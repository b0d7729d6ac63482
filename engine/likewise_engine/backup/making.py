"""Making a backup of a data folder, whoever uses it: a tenant at a time, each as of one revision.

All is made in a folder beside the place where the backup is to be, and renamed at the end: there is a whole
backup or none. A tar file is packed from that folder, so it takes the room twice for a while. Caches are left
out: they are made again from the stores.

Keys that lie in the clear go into the backup. Where there is a master key, they go wrapped into a file beside
the backup and not into it: so who destroys a tenant's key need not reach the backups of its store.
"""

import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from likewise_engine.backup.container import open_backup, pack, tar_mode
from likewise_engine.backup.keys_file import WrappedKey, keys_path, write_keys
from likewise_engine.backup.manifest import MANIFEST_NAME, BackedUpFile, BackedUpTenant, Manifest
from likewise_engine.durable import sha256_of, sync
from likewise_engine.errors import (
    BackupRefused,
    PreconditionFailed,
    StoreCorrupt,
    StoreFault,
    StoreFull,
    TenantNotFound,
)
from likewise_engine.faults import kind_of
from likewise_engine.folder import STORE_NAME, place_of, tenants_of
from likewise_engine.keys import KEY_NAME, KeyFile, MasterKeys, TenantKey
from likewise_engine.store.copying import StoreFacts, copy_store, facts_of
from likewise_engine.store.predictions import PREDICTIONS_NAME, PredictionFile
from likewise_engine.tenant_keys import TenantKeys

_log = logging.getLogger(__name__)

_GONE: Final = "deleted while the backup was made"


@dataclass(frozen=True, slots=True)
class MadeBackup:
    """A backup as it was made.

    Attributes:
        manifest: what it holds.
        reused: tenants that had not changed since the earlier backup, whose files it shares.
        faults: tenants that could not be copied, with the reason. They are among those that are left out.
        keys: the file of the wrapped keys; None where they lie in the clear, and are in the backup.
    """

    manifest: Manifest
    reused: int
    faults: Sequence[str]
    keys: Path | None


def back_up(
    data: Path,
    out: Path,
    tenants: Sequence[str] = (),
    *,
    since: Path | None = None,
    master_key_file: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> MadeBackup:
    """Make a backup.

    Args:
        data: the data folder. Servers may use it meanwhile.
        out: the folder to make, or the file, by its ending: ``.tar``, ``.tar.gz``, ``.tgz``.
        tenants: ids; all where none is given.
        since: an earlier backup, a folder: what has not changed since is shared with it by hard links.
        master_key_file: of the keys that wrap the tenants' keys; None where these lie in the clear.
        progress: is told how many tenants are done, and of how many.

    Raises:
        PreconditionFailed: something is at ``out`` already, or at ``out.keys``; or there is no data folder.
        TenantNotFound: one of the named tenants.
        InvalidInput: the ending of ``out`` promises what is not made.
        BackupRefused: the earlier backup is damaged, or no folder.
        StoreFault: nothing can be written there.
    """
    mode = tar_mode(out)
    if not (data / "tenants").is_dir():
        raise PreconditionFailed(f"there is no data folder {data}")
    for path in (out, keys_path(out)):
        if os.path.lexists(path):
            raise PreconditionFailed(
                f"{path} is there already, and backups are not overwritten: choose another name"
            )
    wanted = _wanted(data, tenants)
    masters = MasterKeys(master_key_file)
    keys = TenantKeys(data, masters)
    with _writing(out), _staged(out) as stage:
        making = _Making(data, stage, _Earlier(since), keys, masters)
        with keys.unchanged():
            for done, tenant in enumerate(wanted, 1):
                making.add(tenant)
                if progress is not None:
                    progress(done, len(wanted))
        manifest = making.finish()
        made = stage
        if mode is not None:
            made = stage / "packed"
            pack(stage, manifest, made, mode)
            sync(made)
        with _keys_beside(out, making.wrapped, stage) as written:
            made.rename(out)
        sync(out.absolute().parent)
    return MadeBackup(manifest, making.reused, making.faults, written)


class _Earlier:
    """An earlier backup, or none, of which files are reused."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._tenants: dict[str, BackedUpTenant] = {}
        if folder is not None:
            if not folder.is_dir():
                raise BackupRefused(f"{folder} is no folder: only what a folder holds can be shared")
            with open_backup(folder) as backup:
                self._tenants = {told.tenant: told for told in backup.manifest.tenants}

    def share(
        self, data: Path, tenant: str, key: TenantKey, stage: Path, *, is_wrapped: bool
    ) -> BackedUpTenant | None:
        """Link the files of a tenant that has not changed; None where it has, or they are damaged."""
        told = self._tenants.get(tenant)
        if self._folder is None or told is None or told.token == 0:
            return None
        if told.key_id != key.id or told.holds_key == is_wrapped:
            return None
        here = data / place_of(tenant)
        facts = facts_of(here / STORE_NAME, key)
        if (facts.schema, facts.position, facts.token) != (told.schema, told.position, told.token):
            return None
        told = replace(told, files=[f for f in told.files if not f.path.endswith(PREDICTIONS_NAME)])
        earlier_files = [(self._folder / file.path, file.sha256) for file in told.files]
        if not all(path.is_file() and sha256_of(path) == sha256 for path, sha256 in earlier_files):
            return None
        for file in told.files:
            earlier, linked = self._folder / file.path, stage / file.path
            linked.parent.mkdir(parents=True, exist_ok=True)
            try:
                linked.hardlink_to(earlier)
            except OSError:  # another file system, or one without links
                shutil.copyfile(earlier, linked)
                sync(linked)
        return told


class _Making:
    """A backup that is being made in a folder."""

    def __init__(
        self, data: Path, stage: Path, earlier: _Earlier, keys: TenantKeys, masters: MasterKeys
    ) -> None:
        self._data, self._stage, self._earlier = data, stage, earlier
        self._keys, self._masters = keys, masters
        self._tenants: list[BackedUpTenant] = []
        self._left_out: dict[str, str] = {}
        self.wrapped: dict[str, WrappedKey] = {}
        self.faults: list[str] = []
        self.reused = 0
        self._begun = datetime.now(UTC).replace(microsecond=0)

    def add(self, tenant: str) -> None:
        """Copy a tenant; note why not where that fails, for the others are worth their backup still."""
        folder = self._stage / place_of(tenant)
        try:
            key = self._keys.of(tenant, self._data / place_of(tenant) / STORE_NAME)
            if self._masters.first is not None:
                # Also where the store cannot be copied: earlier backups of it need the key.
                self.wrapped[tenant] = WrappedKey(key.id, KeyFile.of(key, self._masters.first))
            is_wrapped = tenant in self.wrapped
            shared = self._earlier.share(self._data, tenant, key, self._stage, is_wrapped=is_wrapped)
            told = shared or self._copied(tenant, key, folder)
            self._tenants.append(self._with_predictions(told, key, folder))
            self.reused += shared is not None
        except StoreFull:
            raise  # nor would there be room for the others
        except StoreFault as error:
            shutil.rmtree(folder, ignore_errors=True)
            is_there = self._is_there(tenant)
            self._left_out[tenant] = error.message if is_there else _GONE
            if is_there:
                self.faults.append(tenant)

    def finish(self) -> Manifest:
        """Take out again what was deleted meanwhile, and write the manifest."""
        for told in [told for told in self._tenants if not self._is_there(told.tenant)]:
            self._tenants.remove(told)
            self._left_out[told.tenant] = _GONE
            shutil.rmtree(self._stage / place_of(told.tenant))
        for tenant in [tenant for tenant in self.wrapped if not self._is_there(tenant)]:
            del self.wrapped[tenant]
        manifest = Manifest(self._tenants, self._left_out, self._begun)
        path = self._stage / MANIFEST_NAME
        path.write_bytes(manifest.encoded())
        sync(path)
        for folder, _, _ in os.walk(self._stage, topdown=False):
            sync(Path(folder))
        return manifest

    def _copied(self, tenant: str, key: TenantKey, folder: Path) -> BackedUpTenant:
        folder.mkdir(parents=True)
        here = self._data / place_of(tenant)
        facts = copy_store(here / STORE_NAME, folder / STORE_NAME, key)
        _check_whose(facts, tenant)
        if tenant not in self.wrapped:
            KeyFile.of(key, None).write(folder)
        # The key first: a tar file is read once, and the store is of no use without it.
        names = [name for name in (KEY_NAME, STORE_NAME) if (folder / name).exists()]
        files = [_told(folder / name, place_of(tenant) / name) for name in names]
        return BackedUpTenant(
            tenant, facts.revision, facts.labels, facts.schema, facts.position, facts.token, files, key.id
        )

    def _with_predictions(self, told: BackedUpTenant, key: TenantKey, folder: Path) -> BackedUpTenant:
        """With what was answered: that changes while the store does not, and is copied each time."""
        copied = folder / PREDICTIONS_NAME
        try:
            PredictionFile(self._data / place_of(told.tenant), key).copy(folder)
        except StoreCorrupt as error:
            # The books are worth their backup without it.
            _log.warning("a tenant's recorded answers are damaged and left out: %s", error.message)
            copied.unlink(missing_ok=True)
        if not copied.exists():
            return told
        name = place_of(told.tenant) / PREDICTIONS_NAME
        return replace(told, files=[*told.files, _told(copied, name)])

    def _is_there(self, tenant: str) -> bool:
        return (self._data / place_of(tenant) / STORE_NAME).exists()


def _told(file: Path, path: Path) -> BackedUpFile:
    return BackedUpFile(path.as_posix(), file.stat().st_size, sha256_of(file))


def _wanted(data: Path, tenants: Sequence[str]) -> list[str]:
    there = sorted(tenants_of(data))
    if missing := sorted(set(tenants).difference(there)):
        raise TenantNotFound(missing[0])
    return [tenant for tenant in there if not tenants or tenant in tenants]


def _check_whose(facts: StoreFacts, tenant: str) -> None:
    if facts.tenant != tenant:
        raise StoreFault(f"the store of {tenant!r} says that it is that of {facts.tenant!r}")


@contextmanager
def _staged(out: Path) -> Iterator[Path]:
    """A folder beside the place of the backup, for as long as it is made."""
    stage = out.absolute().parent / f".{out.name}.{uuid.uuid4().hex[:8]}.unfinished"
    stage.mkdir(mode=0o700)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _keys_beside(out: Path, keys: Mapping[str, WrappedKey], stage: Path) -> Iterator[Path | None]:
    """Put the file of the wrapped keys beside a backup that is put there within; it goes where that fails.

    Raises:
        OSError.
    """
    if not keys:
        yield None
        return
    aside = stage.with_name(f"{stage.name}.keys")
    try:
        write_keys(aside, keys)
        aside.rename(keys_path(out))
    finally:
        aside.unlink(missing_ok=True)
    try:
        yield keys_path(out)
    except BaseException:
        keys_path(out).unlink()
        raise


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise kind_of(error)(
            f"could not write the backup {out}: {error.strerror} ({error.filename})"
        ) from error
