"""The background thread that builds the graphs that are due, one tenant at a time.

Requests are coalesced by tenant, so the queue is bounded by the tenants that are loaded. A build that fails
is logged and not tried again before the tenant learns more: the exact scan serves meanwhile.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

from likewise_engine.ledger.ledger import Ledger

_log = logging.getLogger(__name__)


class GraphBuilder:
    """Builds graphs on request; starts its thread with the first."""

    def __init__(self, use: Callable[[str], AbstractContextManager[Ledger]]) -> None:
        """Args: use: gives a tenant's ledger for the length of a ``with``."""
        self._use = use
        self._wanted: dict[str, None] = {}
        self._current: str | None = None
        self._is_current_unwanted = False
        self._is_stopping = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def request(self, tenant: str) -> None:
        """Ask for a tenant's graph; returns at once."""
        with self._changed:
            if self._is_stopping:
                return
            self._wanted[tenant] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="graph-builder", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def give_up(self, tenant: str) -> None:
        """Do not build a tenant's graph after all; one that is being built is dropped soon."""
        with self._changed:
            self._wanted.pop(tenant, None)
            if self._current == tenant:
                self._is_current_unwanted = True

    def settle(self) -> None:
        """Wait until everything that was asked for is built."""
        with self._changed:
            self._changed.wait_for(lambda: not self._wanted and self._current is None)

    def stop(self) -> None:
        """Give up what is being built, and end the thread."""
        with self._changed:
            self._is_stopping = True
            self._wanted.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._current = None
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._wanted or self._is_stopping)
                if self._is_stopping:
                    return
                self._current = next(iter(self._wanted))
                self._is_current_unwanted = False
                del self._wanted[self._current]
            self._build(self._current)

    def _is_current_wanted(self) -> bool:
        return not (self._is_stopping or self._is_current_unwanted)

    def _build(self, tenant: str) -> None:
        try:
            with self._use(tenant) as ledger:
                while ledger.is_graph_due and ledger.build_graph(self._is_current_wanted):
                    _log.info("graph built", extra={"tenant": tenant, "texts": len(ledger.view.index.matrix)})
        except Exception:  # noqa: BLE001 - it is logged
            # Whatever it was (no memory, say), the thread lives on to build other tenants' graphs.
            _log.exception("graph not built", extra={"tenant": tenant})
