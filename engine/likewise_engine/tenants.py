"""All tenants of a data folder: loaded when asked for, evicted when memory is short.

A ledger is in use while someone is inside ``with tenants.use(id) as ledger``; only a ledger that nobody uses
is evicted or deleted, so one tenant never has two ledgers. However many ask for a cold tenant at once, one
of them loads it and the others wait for that load alone. The lock over the table of tenants is held for
look-ups only, never while loading, teaching or closing.

Graphs, heads and calibrations that are due are made aside, a tenant at a time: see ``upkeep.py``.

Several processes may serve one folder, each with ledgers of its own. Whoever uses a tenant looks first
whether another process has written to it since (see :mod:`likewise_engine.news`), and has the ledger catch
up. A tenant that another process deletes is let go of within a moment, for a thread looks out for that; the
deletion waits for it.
"""

import heapq
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from likewise_engine.arrival import write_store
from likewise_engine.audit import Action, Note, Receipt
from likewise_engine.background import Background
from likewise_engine.chart import Category, Chart, Policy
from likewise_engine.description import TenantDescription, contents
from likewise_engine.encoder.at_hand import Encoders
from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import PreconditionFailed, TenantExists, TenantNotFound
from likewise_engine.folder import DataFolder, check_tenant_id
from likewise_engine.heap import Evictions
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.checks import check_settings
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.lookout import Lookout
from likewise_engine.news import Desk
from likewise_engine.slots import Slot, loaded_max
from likewise_engine.store.base import Change, TenantRecord, TenantStore
from likewise_engine.store.connection import is_unused
from likewise_engine.store.everything import Everything
from likewise_engine.store.predictions import PredictionFile
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.upkeep import Upkeep
from likewise_engine.vote import KernelVote, Vote

MEMORY_BYTES_MAX_DEFAULT: Final = 2 * 1024**3
_DELETE_WAIT_S: Final = 30.0
"""How long a deletion waits for those who use the tenant."""
_DELETE_POLL_S: Final = 0.02


class Tenants:
    """The tenants of one data folder. Safe to use from many threads."""

    def __init__(
        self,
        folder: DataFolder,
        encoder: Encoder | Encoders,
        vote: Vote,
        *,
        memory_bytes_max: int = MEMORY_BYTES_MAX_DEFAULT,
        desk: Desk | None = None,
        background: Background | None = None,
    ) -> None:
        """Take over a data folder.

        Args:
            folder: closed by :meth:`close`.
            encoder: of texts; or those at hand, where tenants may have another one than is wanted.
            vote: weighs evidence.
            memory_bytes_max: beyond it, the tenants that were not used for longest are evicted.
            desk: where this process hears of others that use the folder too; None where there are none.
            background: where what takes long is made, closed by :meth:`close`; a thread where None.
        """
        self._folder = folder
        self.encoders = encoder if isinstance(encoder, Encoders) else Encoders(encoder)
        self._outdated: set[str] = set()
        self._vote = vote
        self._memory_bytes_max = memory_bytes_max
        self._memory_bytes = 0
        self._evictions = Evictions()
        self._loaded_max = loaded_max()
        self._slots: OrderedDict[str, Slot] = OrderedDict()
        self._lock = threading.Lock()
        self._released = threading.Condition(self._lock)
        self.audit = folder.audit
        self._upkeep = Upkeep(self.use, folder.upkeep)
        self._background = background
        self._desk = desk
        self._lookout: Lookout | None = None
        if desk is not None:
            self._lookout = Lookout(desk, self._loaded, self._stores, self._let_go_if_gone)
        for tenant in folder.purges_due():
            self._upkeep.request_purge(tenant)

    @classmethod
    def open_folder(
        cls,
        path: Path,
        encoder: Encoder,
        *,
        vote: Vote | None = None,
        memory_bytes_max: int = MEMORY_BYTES_MAX_DEFAULT,
        background: Background | None = None,
        master_key_file: Path | None = None,
    ) -> Self:
        """The tenants of a data folder, which is made if it is not there.

        Raises:
            DataFolderInUse, StoreFault.
        """
        return cls(
            DataFolder(path, master_key_file=master_key_file),
            encoder,
            vote or KernelVote(),
            memory_bytes_max=memory_bytes_max,
            background=background,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def encoder(self) -> Encoder:
        """The encoder that tenants are to have."""
        return self.encoders.wanted

    @property
    def vote(self) -> Vote:
        """Weighs evidence, of all tenants."""
        return self._vote

    @property
    def memory_bytes(self) -> int:
        """Bytes of main memory that loaded tenants take."""
        return self._memory_bytes

    @property
    def loaded_count(self) -> int:
        """Tenants that are loaded."""
        return len(self._slots)

    def create(
        self,
        tenant: str,
        display_name: str = "",
        policy: Policy | None = None,
        categories: Sequence[Category] = (),
        *,
        actor: str = "",
    ) -> None:
        """Create a tenant.

        Raises:
            TenantExists, InvalidInput, LimitReached, StoreFault.
        """
        policy = policy or Policy()
        check_tenant_id(tenant, "tenant.id")
        check_settings(policy, display_name, categories)
        chart = Chart().with_categories(categories)
        fingerprint = self.encoder.fingerprint
        record = TenantRecord(tenant, display_name, policy, datetime.now(UTC), 0, fingerprint)
        change = Change(0, categories=list(enumerate(chart.categories)), note=Note(actor, Action.CREATE))

        def fill(path: Path, key: TenantKey) -> None:
            store = SqliteStore.create(path, key, record)
            try:
                store.commit(change)
            finally:
                store.close()

        self._add(record, fill, actor)

    def admit(self, arriving: Everything, *, actor: str = "") -> None:
        """Create a tenant from all that is known about it. Raises what create does, and ModelFault."""

        def fill(path: Path, key: TenantKey) -> None:
            write_store(path, key, arriving, self.encoder, actor)

        self._add(arriving.record, fill, actor)

    def exists(self, tenant: str) -> bool:
        """Whether there is such a tenant. Raises InvalidInput for what cannot be an id."""
        try:
            self._folder.store_path(tenant)
        except TenantNotFound:
            return False
        return True

    def ids(self, after: str = "", count_max: int | None = None) -> list[str]:
        """Ids of tenants beyond ``after`` in the order of their code points."""
        ids = (tenant for tenant in self._folder.tenants() if tenant > after)
        return sorted(ids) if count_max is None else heapq.nsmallest(count_max, ids)

    def record(self, tenant: str) -> TenantRecord:
        """The tenant itself; does not load it. Raises TenantNotFound, StoreFault."""
        with self._store(tenant) as (store, _):
            return store.record()

    def describe(self, tenant: str) -> TenantDescription:
        """What is known of a tenant. Does not load it. Raises TenantNotFound, StoreFault."""
        with self._store(tenant) as (store, ledger):
            return TenantDescription.of(store, ledger, self._vote)

    def is_loaded(self, tenant: str) -> bool:
        """Whether :meth:`use` has nothing to load or to take over first; a moment later it may have."""
        slot = self._slots.get(tenant)
        return slot is not None and slot.ledger is not None and slot.heard == self._heard(tenant)

    @contextmanager
    def use(self, tenant: str, *, is_passing: bool = False) -> Iterator[Ledger]:
        """A tenant's ledger, for as long as the ``with`` lasts; loaded if it is not.

        Args:
            tenant: its id.
            is_passing: whether it need not stay loaded, if it is not.

        Raises:
            TenantNotFound, InvalidInput, StoreFault, ModelFault.
        """
        slot = self._acquire(tenant, is_passing=is_passing)
        try:
            heard = self._heard(tenant)
            ledger = slot.ledger or self._load(tenant, slot, heard)
            if heard != slot.heard:  # Also where somebody else loaded it, who had not heard as much.
                ledger.catch_up()
                slot.heard = heard
            yield ledger
        finally:
            self._release(tenant, slot)

    @contextmanager
    def predictions(self, tenant: str) -> Iterator[PredictionFile]:
        """What a tenant was answered, in use meanwhile. Does not load it. Raises as :meth:`record`."""
        slot = self._acquire(tenant)
        try:
            folder = self._folder.store_path(tenant).parent
            yield PredictionFile(folder, self._folder.key_of(tenant))
        finally:
            self._release(tenant, slot)

    @contextmanager
    def aside(self, tenant: str) -> Iterator[Ledger | None]:
        """A tenant's ledger for its upkeep, where no other process is at it; else None.

        It is not kept loaded for this, and who was used of late is not evicted for it.

        Raises:
            TenantNotFound, InvalidInput, StoreFault, ModelFault.
        """
        with self._folder.upkeep(tenant) as is_ours:
            if not is_ours:
                yield None
                return
            with self._lock:
                is_passing = tenant not in self._slots
            with self.use(tenant, is_passing=is_passing) as ledger:
                yield ledger

    def is_leaving(self, tenant: str) -> bool:
        """Whether a tenant that is in use is being deleted, here or by another process, which waits."""
        slot = self._slots.get(tenant)
        return slot is None or slot.is_doomed

    def encoders_of(self, tenant: str) -> tuple[str, str]:
        """Fingerprints of the encoder that a tenant has, and of one that it is being changed to; "" for none.

        Raises TenantNotFound, StoreFault.
        """
        with self._store(tenant) as (store, _):
            return store.record().encoder_fingerprint, store.next_vectors.encoder()

    def outdated(self) -> list[str]:
        """Tenants that were loaded since the last call with another encoder than is wanted."""
        with self._lock:
            outdated, self._outdated = sorted(self._outdated), set()
            return outdated

    def delete(self, tenant: str, *, actor: str = "") -> Receipt:
        """Delete a tenant with all that it taught; say what was erased.

        Raises:
            TenantNotFound, InvalidInput, StoreFault.
            PreconditionFailed: it stayed in use (by a long export, say).
        """
        path = self._folder.store_path(tenant)
        self._upkeep.give_up(tenant)
        with self._lock:
            slot = self._slots.setdefault(tenant, Slot())
            if slot.is_doomed:
                raise TenantNotFound(tenant)
            slot.is_doomed = True
            if not self._released.wait_for(lambda: slot.users == 0, timeout=_DELETE_WAIT_S):
                slot.is_doomed = False
                raise PreconditionFailed(f"tenant {tenant!r} is in use: try again", tenant=tenant)
        try:
            counts, revision = contents(path, lambda: self._folder.key_of(tenant))
            with self.audit.noted(Action.DELETE, actor, tenant, path, revision, counts) as begun:
                if slot.ledger is not None:
                    slot.ledger.close()
                # Out of sight it is deleted: what fails then is done when the folder is next opened.
                self._folder.delete(tenant, lambda path: self._have_others_let_go(tenant, path))
            return Receipt.of(begun)
        finally:
            with self._lock:
                self._memory_bytes -= slot.counted_bytes
                del self._slots[tenant]

    def defer_upkeep(self) -> None:
        """Leave graphs, heads and calibrations that are due until :meth:`settle`."""
        self._upkeep.defer()

    def settle(self) -> None:
        """Wait until no graph, no heads and no calibration are due any more."""
        self._upkeep.settle()

    def close(self) -> None:
        """Stop the upkeep, close all ledgers and let go of the folder. Nobody may use a ledger any more."""
        self._upkeep.stop()
        if self._background is not None:
            self._background.close()
        if self._lookout is not None:
            self._lookout.stop()
        with self._lock:
            ledgers = [slot.ledger for slot in self._slots.values() if slot.ledger is not None]
            self._slots.clear()
        for ledger in ledgers:
            ledger.close()
        self._folder.close()

    @contextmanager
    def _store(self, tenant: str) -> Iterator[tuple[TenantStore, Ledger | None]]:
        """A tenant's store for reading, in use meanwhile; with its ledger if that is loaded."""
        slot = self._acquire(tenant)
        try:
            ledger = slot.ledger
            if ledger is not None:
                yield ledger.store, ledger
            else:
                path, key = self._folder.store_path(tenant), self._folder.key_of(tenant)
                with closing(SqliteStore(path, key)) as store:
                    yield store, None
        finally:
            self._release(tenant, slot)

    def _add(self, record: TenantRecord, fill: Callable[[Path, TenantKey], None], actor: str) -> None:
        tenant, path = record.tenant, self._folder.path_of(record.tenant)
        if self.exists(tenant):
            raise TenantExists(tenant)
        with self.audit.noted(Action.CREATE, actor, tenant, path, record.revision):
            self._folder.create(tenant, fill)

    def _tell(self, tenant: str) -> None:
        if self._desk is not None:
            self._desk.tell(tenant)

    def _heard(self, tenant: str) -> bytes:
        return b"" if self._desk is None else self._desk.heard(tenant)

    def _have_others_let_go(self, tenant: str, path: Path) -> bool:
        """Tell other processes that a tenant is gone, and wait until none has its store open any more."""
        if self._desk is None:
            return True
        self._desk.tell_of_deletion(tenant)
        deadline = time.monotonic() + _DELETE_WAIT_S
        while not is_unused(path):
            if time.monotonic() > deadline:
                return False
            time.sleep(_DELETE_POLL_S)
        return True

    def _loaded(self) -> list[str]:
        with self._lock:
            return list(self._slots)

    def _stores(self) -> list[TenantStore]:
        with self._lock:
            return [slot.ledger.store for slot in self._slots.values() if slot.ledger is not None]

    def _let_go_if_gone(self, tenant: str) -> bool:
        """Drop a ledger whose store another process has deleted; whether none is kept. Users may finish."""
        path = self._folder.path_of(tenant)
        with self._lock:
            slot = self._slots.get(tenant)
            if slot is None or slot.is_doomed:
                return True
            if slot.ledger is None or slot.ledger.store.is_at(path):
                return slot.ledger is not None
            del self._slots[tenant]
            self._memory_bytes -= slot.counted_bytes
            slot.is_gone = True
            unused = slot.ledger if slot.users == 0 else None
        self._upkeep.give_up(tenant)
        if unused is not None:
            unused.close()
        return True

    def _acquire(self, tenant: str, *, is_passing: bool = False) -> Slot:
        if not self.is_loaded(tenant):
            self._let_go_if_gone(tenant)
        with self._lock:
            slot = self._slots.get(tenant)
            if slot is None:
                self._folder.store_path(tenant)  # so that what is not there takes no room in the table
                slot = self._slots[tenant] = Slot(is_passing=is_passing)
            elif slot.is_doomed:
                raise TenantNotFound(tenant)
            slot.users += 1
            if not is_passing:
                slot.is_passing = False
                self._slots.move_to_end(tenant)
            return slot

    def _load(self, tenant: str, slot: Slot, heard: bytes) -> Ledger:
        with slot.loading:
            if slot.ledger is not None:
                return slot.ledger
            path = self._folder.store_path(tenant)
            store = SqliteStore(path, self._folder.key_of(tenant))
            try:
                ledger = Ledger(
                    store,
                    self.encoders,
                    self._vote,
                    path.parent,
                    lambda: self._tell(tenant),
                    self._background,
                    self._folder.purge_mark(tenant),
                )
            except BaseException:
                store.close()
                raise
            slot.ledger, slot.heard = ledger, heard
            if ledger.encoder.fingerprint != self.encoder.fingerprint:
                with self._lock:
                    self._outdated.add(tenant)
            return ledger

    def _release(self, tenant: str, slot: Slot) -> None:
        ledger, is_changed = slot.ledger, False
        with self._lock:
            slot.users -= 1
            if slot.is_gone:
                unused = [ledger] if ledger is not None and slot.users == 0 else []
            else:
                if ledger is not None:
                    is_changed = self._count(slot, ledger)
                elif slot.users == 0 and not slot.is_doomed:
                    del self._slots[tenant]
                is_done_with = slot.is_passing and slot.users == 0 and self._slots.get(tenant) is slot
                unused = (self._drop(tenant, slot) if is_done_with else []) + self._evicted()
            if slot.is_doomed:
                self._released.notify_all()
        for ledger_unused in unused:
            ledger_unused.close()
        if unused:
            del unused, ledger_unused
            self._evictions.give_back()
        if is_changed and ledger is not None and not slot.is_passing and ledger.is_upkeep_due:
            self._upkeep.request(tenant, ledger.view.revision, is_graph_due=ledger.is_graph_due)

    def _count(self, slot: Slot, ledger: Ledger) -> bool:
        """Count a ledger's memory anew, which a graph changes too; whether its revision is another."""
        is_changed = ledger.view.revision != slot.counted_revision
        slot.counted_revision = ledger.view.revision
        memory_bytes = ledger.memory_bytes
        self._memory_bytes += memory_bytes - slot.counted_bytes
        slot.counted_bytes = memory_bytes
        return is_changed

    def _evicted(self) -> list[Ledger]:
        """Take ledgers out of the table, the longest unused first, until all is within bounds."""
        evicted: list[Ledger] = []
        if self._is_within_bounds():
            return evicted
        for tenant, slot in list(self._slots.items()):
            if slot.users == 0 and slot.ledger is not None and not slot.is_doomed:
                evicted += self._drop(tenant, slot)
                if self._is_within_bounds():
                    break
        return evicted

    def _drop(self, tenant: str, slot: Slot) -> list[Ledger]:
        """Take a ledger that nobody uses out of the table, for the caller to close."""
        if slot.ledger is None or slot.is_doomed:
            return []
        self._memory_bytes -= slot.counted_bytes
        self._evictions.count(slot.counted_bytes)
        del self._slots[tenant]
        return [slot.ledger]

    def _is_within_bounds(self) -> bool:
        return self._memory_bytes <= self._memory_bytes_max and len(self._slots) <= self._loaded_max
