"""The tenants' keys of a data folder, and the stores from before there were any.

Master keys are rotated beside servers, and no tenant may be missed: whoever writes a key file holds the lock
of the folder of all tenants, shared with others who do, until the tenant is where it will be seen. Who brings
a new master key holds it alone, and so does who gives a tenant another key. A tenant's own folder is locked
for as long as its key file is changed.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from likewise_engine.cache_file import discard_all
from likewise_engine.errors import StoreCorrupt
from likewise_engine.folder_lock import locked
from likewise_engine.keys import KEY_NAME, KeyFile, MasterKeys, TenantKey
from likewise_engine.store.connection import is_plain
from likewise_engine.store.takeover import encrypt, encrypt_aside, put_in_place

_log = logging.getLogger(__name__)

_FOLDER: Final = ""
"""Whose key it is that lies in the data folder itself: no tenant's."""


class TenantKeys:
    """The keys of a data folder's tenants, whoever else uses it. Safe to use from many threads."""

    def __init__(self, root: Path, masters: MasterKeys) -> None:
        """Args: root: the data folder; masters: what wraps its tenants' keys."""
        self._root = root
        self._tenants = root / "tenants"
        self._masters = masters
        self._has_warned = False

    def of(self, tenant: str, store: Path) -> TenantKey:
        """An existing tenant's key.

        A store from before there were keys is given one, and encrypted, now. Where a crash kept the store
        under this key from its place, it is put there.

        Args:
            tenant: its id.
            store: path of its store.

        Raises:
            StoreFault: it cannot be read; or an old store, that it cannot be encrypted.
            KeyMissing: it is wrapped by a master key that is not at hand.
            StoreCorrupt: it is gone or damaged.
        """
        key_file = KeyFile.read(store.parent)
        if key_file is None or key_file.is_store_plain:
            return self._taken_over(tenant, store)
        if key_file.is_store_aside:
            with locked(store.parent):
                self._settle(store)
        if not key_file.master and tenant != _FOLDER:
            self._warn_of_clear_key(tenant)
        return key_file.opened(tenant, self._masters)

    def of_folder(self, store: Path) -> TenantKey:
        """The key of what is kept of the data folder itself, made with the first that is kept.

        It lies in the clear, so that tokens are managed without the master key. What it guards names tenants,
        as their folders do, and holds nothing of their books.

        Args:
            store: path of that, right in the folder, whether it is there or not.

        Raises:
            StoreFault, KeyMissing, StoreCorrupt: as in :meth:`of`.
        """
        if not store.exists():
            with locked(self._root):
                if KeyFile.read(self._root) is None and not store.exists():
                    KeyFile.of(TenantKey.new(_FOLDER), None).write(self._root)
        return self.of(_FOLDER, store)

    @contextmanager
    def adding(self, key: TenantKey, folder: Path) -> Iterator[None]:
        """Write a tenant's key to a folder that is made aside; hold it until the folder is in its place.

        Raises:
            StoreFault.
        """
        with locked(self._tenants, is_shared=True):
            self.write(key, folder)
            yield

    def write(self, key: TenantKey, folder: Path, *, is_store_plain: bool = False) -> None:
        """Write a tenant's key file, for whoever has the locks. Raises StoreFault."""
        self._masters.refresh()
        replace(KeyFile.of(key, self._masters.first), is_store_plain=is_store_plain).write(folder)

    def rekey(self, tenant: str, store: Path) -> None:
        """Give a tenant another key, and its store other pages. Only backups may use the folder besides.

        First the store is there aside, whole, then its key, then the store is in its place: a crash before
        the second leaves the tenant as it was, and after it :meth:`of` does the third. What is cached goes.

        Args:
            tenant: its id.
            store: path of its store.

        Raises:
            StoreFault, KeyMissing, StoreCorrupt: as in :meth:`of`; or the store cannot be encrypted. It is as
                it was.
        """
        earlier, folder = self.of(tenant, store), store.parent
        with self.alone(), locked(folder):
            key = TenantKey.new(tenant)
            encrypt_aside(store, key, earlier)
            self._masters.refresh()
            replace(KeyFile.of(key, self._masters.first), is_store_aside=True).write(folder)
            self._settle(store)

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Keep tenants' keys and the first master key what they are, while stores are copied.

        Raises:
            StoreFault.
        """
        with locked(self._tenants, is_shared=True):
            self._masters.refresh()
            yield

    def rewrap(self, tenant: str, folder: Path) -> bool:
        """Wrap a tenant's key by the first master key, if it is not; servers go on meanwhile.

        Returns:
            Whether it was wrapped otherwise, or lay in the clear.

        Raises:
            StoreFault, KeyMissing, StoreCorrupt.
        """
        first = self._masters.first
        with locked(folder):
            key_file = KeyFile.read(folder)
            if first is None or key_file is None or key_file.master == first.id:
                return False
            key = key_file.opened(tenant, self._masters)
            wrapped = KeyFile.of(key, first)
            replace(key_file, master=wrapped.master, key=wrapped.key).write(folder)
            return True

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep anybody from adding a tenant or copying stores, while keys change."""
        with locked(self._tenants):
            yield

    def _warn_of_clear_key(self, tenant: str) -> None:
        """Say once that a key is not wrapped though it could be."""
        if self._masters.first is not None and not self._has_warned:
            self._has_warned = True
            _log.warning(
                "the key of tenant %s lies in the clear, and others may, though there is a master key:"
                " `likewise keys rotate` wraps them",
                tenant,
            )

    def _settle(self, store: Path) -> None:
        """Put a store in its place that was encrypted aside, for whoever has the lock of its folder."""
        key_file = KeyFile.read(store.parent)
        if key_file is not None and key_file.is_store_aside:  # else somebody was quicker
            put_in_place(store)
            discard_all(store.parent)  # they are under the earlier key
            replace(key_file, is_store_aside=False).write(store.parent)

    def _taken_over(self, tenant: str, store: Path) -> TenantKey:
        """The key of a tenant whose store had none, or was cut short in being encrypted."""
        folder = store.parent
        with locked(self._tenants, is_shared=True), locked(folder):
            key_file = KeyFile.read(folder)
            if key_file is not None and not key_file.is_store_plain:
                return key_file.opened(tenant, self._masters)  # somebody was quicker
            store_is_plain = is_plain(store)
            if key_file is not None:
                key = key_file.opened(tenant, self._masters)
            elif store_is_plain:
                key = TenantKey.new(tenant)
                self.write(key, folder, is_store_plain=True)
            else:
                raise StoreCorrupt(
                    f"the key of tenant {tenant!r} is gone: its books cannot be read. If its {KEY_NAME} was"
                    " not destroyed on purpose, bring it back from a backup"
                )
            if store_is_plain:
                encrypt(store, key)
            discard_all(folder)  # they are in the clear
            self.write(key, folder)
            return key
