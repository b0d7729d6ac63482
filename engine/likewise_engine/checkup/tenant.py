"""One tenant of a data folder, checked from its log to its caches."""

from collections.abc import Iterator
from contextlib import closing

from likewise_engine import limits
from likewise_engine.checkup import caches, contents, tables
from likewise_engine.checkup.finding import REPAIR, RESTORE, Finding, Severity
from likewise_engine.checkup.layout import Place
from likewise_engine.checkup.tables import Fault
from likewise_engine.encoder.at_hand import Encoders
from likewise_engine.encoder.base import Encoder
from likewise_engine.errors import StoreCorrupt, StoreFault
from likewise_engine.folder import STORE_NAME, DataFolder
from likewise_engine.keys import KEY_NAME, TenantKey
from likewise_engine.store.base import Snapshot
from likewise_engine.store.connection import connect, translated
from likewise_engine.store.log import read_log
from likewise_engine.store.mark import MARK_NAME, read_mark
from likewise_engine.store.migrations import STEPS, migrate
from likewise_engine.store.predictions import PREDICTIONS_NAME, PredictionFile
from likewise_engine.store.sqlite import SqliteStore


class TenantCheckup:
    """Looks at one tenant, whom nobody else may use meanwhile. Changes nothing but what opening a store
    does: its log is folded into it, and one of an earlier version is brought up to date.
    """

    def __init__(self, folder: DataFolder, place: Place, encoders: Encoders, *, is_deep: bool) -> None:
        """Make ready.

        Args:
            folder: the data folder.
            place: the tenant's.
            encoders: of texts, that are at hand.
            is_deep: whether all texts are encoded anew, and not a sample.
        """
        self._folder = folder
        self._place = place
        self._encoders = encoders
        self._is_deep = is_deep
        self._store_path = place.folder / STORE_NAME

    def findings(self) -> Iterator[Finding]:
        """What is not as it should be. Raises ModelFault where the encoder fails."""
        for severity, name, message, remedy in caches.doubts(self._place.folder):
            yield self._finding(severity, name, message, remedy)
        mark_path = self._place.folder / MARK_NAME
        if mark_path.exists() and read_mark(mark_path) is None:
            yield self._finding(Severity.DERIVED, MARK_NAME, "is damaged: it tells nothing", REPAIR)
        if (finding := self._of_log()) is not None:
            yield finding
            return
        try:
            key = self._folder.key_of(self._place.tenant)
        except StoreFault as error:
            yield self._finding(Severity.DAMAGE, KEY_NAME, error.message, RESTORE)
            return
        yield from self._of_predictions(key)
        try:
            faults = list(self._of_file(key))
            yield from map(self._of_fault, faults)
            # What is read next builds on the file, and on its journal.
            if not any(fault.severity is Severity.DAMAGE or fault.table == "journal" for fault in faults):
                yield from self._of_contents(key)
        except StoreCorrupt as error:
            yield self._finding(Severity.DAMAGE, STORE_NAME, error.message, RESTORE)
        except StoreFault as error:
            remedy = "do what the message says, and check again"
            yield self._finding(Severity.DAMAGE, STORE_NAME, error.message, remedy)

    def _of_predictions(self, key: TenantKey) -> Iterator[Finding]:
        wrong = PredictionFile(self._place.folder, key).check()
        if wrong:
            message = f"the record of what was answered is damaged ({wrong}): nothing is answered from it"
            remedy = "likewise check --repair deletes it; it begins anew"
            yield self._finding(Severity.DERIVED, PREDICTIONS_NAME, message, remedy)

    def _of_log(self) -> Finding | None:
        """The log's damage. A store with such a log is not opened: SQLite would write over what is left."""
        name = f"{STORE_NAME}-wal"
        log = read_log(self._place.folder / name)
        if not log.is_damaged:
            return None
        where = "its header" if log.is_header_damaged else f"frame {log.frames + 1:,}"
        beyond = (
            f"{log.commits_beyond:,} commits in {log.frames_beyond:,} frames beyond it would be lost"
            if log.frames_beyond
            else "all that is in it would be lost"
        )
        message = f"the write-ahead log is damaged in {where}: {beyond}; the store was not looked at"
        return self._finding(Severity.DAMAGE, name, message, RESTORE)

    def _of_file(self, key: TenantKey) -> Iterator[Fault]:
        path = self._store_path
        with translated("check", path), closing(connect(path, key.of_pages())) as connection:
            found = list(tables.broken_pages(connection, path))
            yield from found
            if any(fault.severity is Severity.DAMAGE for fault in found):
                yield from tables.unreadable_tables(connection, path)
                return
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version < len(STEPS):
                message = f"was of schema {version}, and was brought to {len(STEPS)}"
                yield Fault(Severity.NOTE, "", 0, message)
            migrate(connection)
            yield from tables.broken_rules(connection, path)

    def _of_contents(self, key: TenantKey) -> Iterator[Finding]:
        with closing(SqliteStore(self._store_path, key)) as store:
            record = store.record()
            yield from map(self._of_fault, contents.broken_record(record, self._place.tenant))
            store.audit_records(limits.AUDIT_RECORDS_KEPT_MAX)
            snapshot = store.snapshot()
            encoder = self._encoders.of(record.encoder_fingerprint)
            if encoder is not None:
                yield from map(self._of_fault, contents.Contents(store, snapshot).faults())
                yield from map(self._of_fault, contents.broken_tallies(store, snapshot))
                vectors = contents.broken_vectors(snapshot, encoder, is_deep=self._is_deep)
                yield from map(self._of_fault, vectors)
                yield from self._of_caches(store, snapshot, encoder)
            else:
                message = "has vectors of an encoder that is not at hand: made anew when it is next used"
                yield self._finding(Severity.NOTE, STORE_NAME, message, "nothing")

    def _of_caches(self, store: SqliteStore, snapshot: Snapshot, encoder: Encoder) -> Iterator[Finding]:
        aside = self._folder.root / "aside"
        found = caches.misfits(self._place.folder, aside, store, snapshot, encoder)
        for severity, name, message, remedy in found:
            yield self._finding(severity, name, message, remedy)

    def _of_fault(self, fault: Fault) -> Finding:
        return self._finding(
            fault.severity, STORE_NAME, fault.message, fault.remedy, table=fault.table, count=fault.count
        )

    def _finding(
        self, severity: Severity, name: str, message: str, remedy: str, *, table: str = "", count: int = 0
    ) -> Finding:
        path = (self._place.folder / name).relative_to(self._folder.root).as_posix()
        return Finding(severity, path, message, remedy, self._place.tenant, table, count)
