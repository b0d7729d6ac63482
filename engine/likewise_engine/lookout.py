"""A thread that lets go of what other processes have deleted or forgotten, though nobody asks for it."""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Final

from likewise_engine.errors import StoreFault
from likewise_engine.news import Desk
from likewise_engine.store.base import TenantStore

_EVERY_S: Final = 0.1
"""How often one looks for deletions by other processes, and for exports of what they have forgotten."""

_log = logging.getLogger(__name__)


class Lookout:
    """Looks out until it is stopped."""

    def __init__(
        self,
        desk: Desk,
        loaded: Callable[[], Sequence[str]],
        stores: Callable[[], Sequence[TenantStore]],
        let_go_if_gone: Callable[[str], bool],
    ) -> None:
        """Start.

        Args:
            desk: tells of deletions.
            loaded: gives the tenants that are loaded, or being loaded.
            stores: gives those of loaded tenants.
            let_go_if_gone: lets go of a tenant whose store is gone; whether it is known to be so or not.
        """
        self._desk = desk
        self._loaded = loaded
        self._stores = stores
        self._let_go_if_gone = let_go_if_gone
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look_out, name="lookout", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        self._thread.join()

    def _look_out(self) -> None:
        heard = self._desk.heard_of_deletions()
        while not self._stopping.wait(_EVERY_S):
            self._end_outdated_exports()
            now = self._desk.heard_of_deletions()
            if now != heard:
                # A tenant that is being loaded may be one of those: it is looked at again.
                undecided = [tenant for tenant in self._loaded() if not self._let_go_if_gone(tenant)]
                heard = heard if undecided else now

    def _end_outdated_exports(self) -> None:
        for store in self._stores():
            try:
                store.end_outdated_exports()
            except StoreFault:
                _log.warning("an export that may be outdated goes on", exc_info=True)
