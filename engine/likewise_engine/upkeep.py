"""The thread that makes what tenants are due: graphs, heads, calibrations after bulk teaching, snapshots.
It also purges the remains of what was forgotten, where a crash or a long reader kept that from being done.

One tenant at a time, and a tenant by one process at a time: another one looks again later, and then finds
what was made in the caches. Requests are coalesced by tenant, so the queue is bounded by the tenants that are
loaded. What fails is logged and not tried again before the tenant learns more, not even where it is evicted
and loaded anew meanwhile: the exact scan, and the head and the calibration as they were, serve until then.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from likewise_engine.errors import PurgeDelayed, TenantNotFound
from likewise_engine.ledger.ledger import Ledger

_DELAY_S: Final = 2.0
"""After an import in batches a head is trained and calibrated once: each batch puts it off by so much."""
_BUSY_POLL_S: Final = 0.1
_NO_REVISION: Final = -1
"""Nothing has failed at it."""

_log = logging.getLogger(__name__)


class Upkeep:
    """Does what is due on request; starts its thread with the first."""

    def __init__(
        self,
        use: Callable[[str], AbstractContextManager[Ledger]],
        right: Callable[[str], AbstractContextManager[bool]],
    ) -> None:
        """Make ready.

        Args:
            use: gives a tenant's ledger for the length of a ``with``.
            right: says whether this process may do a tenant's upkeep, for the length of a ``with``.
        """
        self._use = use
        self._right = right
        self._wanted: dict[str, float] = {}
        self._failed_revisions: dict[str, int] = {}
        self._settling = 0
        self._is_deferred = False
        self._current: str | None = None
        self._is_current_unwanted = False
        self._is_stopping = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def request(self, tenant: str, revision: int, *, is_graph_due: bool) -> None:
        """Ask for what a tenant is due; returns at once. A graph is built soon, the rest can wait.

        Args:
            tenant: its id.
            revision: of the tenant; what failed at it is not tried again.
            is_graph_due: whether that is due.
        """
        due_s = time.monotonic() + (0.0 if is_graph_due else _DELAY_S)
        with self._changed:
            if self._is_stopping or self._failed_revisions.get(tenant) == revision:
                return
            # Otherwise it wakes by itself before this is due. A lesson need not wake it each time.
            is_first = not self._wanted or is_graph_due
            self._wanted[tenant] = due_s
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)
                self._thread.start()
            if is_first:
                self._changed.notify_all()

    def request_purge(self, tenant: str) -> None:
        """Purge the remains of what a tenant forgot before a crash; returns at once."""
        self.request(tenant, _NO_REVISION, is_graph_due=True)

    def give_up(self, tenant: str) -> None:
        """Do nothing for a tenant after all; what is being done is dropped soon."""
        with self._changed:
            self._wanted.pop(tenant, None)
            self._failed_revisions.pop(tenant, None)
            if self._current == tenant:
                self._is_current_unwanted = True

    def defer(self) -> None:
        """Begin nothing before :meth:`settle`: who imports in bulk has the processors for that alone."""
        with self._changed:
            self._is_deferred = True

    def settle(self) -> None:
        """Do everything that was asked for at once, and wait until it is done."""
        with self._changed:
            self._is_deferred = False
            self._settling += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._wanted and self._current is None)
            self._settling -= 1

    def stop(self) -> None:
        """Give up what is being done, and end the thread."""
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
                while not self._is_stopping and self._wait_s() > 0.0:
                    self._changed.wait(self._wait_s())
                if self._is_stopping:
                    return
                self._current = self._next()
                self._is_current_unwanted = False
                del self._wanted[self._current]
            self._keep_up(self._current)

    def _next(self) -> str:
        return min(self._wanted, key=self._wanted.__getitem__)

    def _wait_s(self) -> float:
        """Seconds until something is due."""
        if not self._wanted or self._is_deferred:
            return threading.TIMEOUT_MAX
        return 0.0 if self._settling else self._wanted[self._next()] - time.monotonic()

    def _is_current_wanted(self) -> bool:
        return not (self._is_stopping or self._is_current_unwanted)

    def _keep_up(self, tenant: str) -> None:
        try:
            with self._right(tenant) as is_ours, self._use(tenant) as ledger:
                if is_ours:
                    self._make_what_is_due(tenant, ledger)
                else:
                    self._put_off(tenant)
        except TenantNotFound:
            self.give_up(tenant)  # It was deleted since it was asked for.
        except Exception:  # noqa: BLE001 - it is logged
            # Whatever it was (no memory, say), the thread lives on for the other tenants.
            _log.exception("nothing built", extra={"tenant": tenant})

    def _put_off(self, tenant: str) -> None:
        """Ask again for what another process is making."""
        with self._changed:
            if self._is_current_wanted():
                self._wanted[tenant] = time.monotonic() + _DELAY_S
                if self._settling:  # and so ask again at once, but not all the time
                    self._changed.wait(_BUSY_POLL_S)

    def _make_what_is_due(self, tenant: str, ledger: Ledger) -> None:
        revision, has_failed = ledger.view.revision, False
        for what, do in (
            ("purge", self._purge),
            ("graph", self._build),
            ("heads", self._train),
            ("calibration", self._calibrate),
            ("snapshot", self._save),
        ):
            if not self._is_current_wanted():
                return
            try:
                do(tenant, ledger)
            except Exception:  # noqa: BLE001 - it is logged
                _log.exception("%s not built", what, extra={"tenant": tenant})
                has_failed = True
        with self._changed:
            # Before the tenant is let go, upon which it is asked for again.
            if not has_failed:
                self._failed_revisions.pop(tenant, None)
            elif not self._is_current_unwanted:
                self._failed_revisions[tenant] = revision

    def _purge(self, tenant: str, ledger: Ledger) -> None:
        """Purge what is forgotten; again and again, unless somebody waits for this.

        Also where nothing is due: a crash before the erasure was committed leaves the mark alone.
        """
        is_due = ledger.is_purge_due
        try:
            ledger.purge()
        except PurgeDelayed as error:
            if self._settling:
                raise
            _log.warning("not purged yet: %s", error.message, extra={"tenant": tenant})
            self._put_off(tenant)
        else:
            if is_due:
                _log.info("purged", extra={"tenant": tenant})

    def _build(self, tenant: str, ledger: Ledger) -> None:
        while ledger.is_graph_due and ledger.build_graph(self._is_current_wanted):
            _log.info("graph built", extra={"tenant": tenant, "texts": len(ledger.view.index.matrix)})

    def _train(self, tenant: str, ledger: Ledger) -> None:
        if ledger.are_heads_due and ledger.train_heads(self._is_current_wanted):
            _log.info("heads built", extra={"tenant": tenant, "labels": ledger.view.heads.labels})

    def _calibrate(self, tenant: str, ledger: Ledger) -> None:
        if ledger.is_calibration_due and ledger.calibrate(self._is_current_wanted):
            _log.info("calibration built", extra={"tenant": tenant})

    def _save(self, tenant: str, ledger: Ledger) -> None:
        if ledger.is_snapshot_due and ledger.save_snapshot(self._is_current_wanted):
            _log.debug("snapshot saved", extra={"tenant": tenant})
