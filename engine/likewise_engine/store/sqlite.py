"""A tenant's store as one SQLite file.

Two connections: one writes, for one thread at a time, and is opened by the first write; one reads, under a
lock of its own, so that a look-up does not wait for an import's fsync. An export opens a third, for the
length of its snapshot. Who writes holds SQLite's own lock on the file from before it reads what it builds on
(``BEGIN IMMEDIATE``), so the writers of several processes take turns and none works for nothing. Between uses
they keep no pages in memory, and only the writer keeps statements: it is used more often than tenants are
loaded. So a tenant that is only asked takes 94 KB instead of 240 to 600, and a look-up .05 to .15 ms more.

Gone from disk takes more than DELETE. ``secure_delete`` zeroes what a row leaves, but not the copies of it
that lie in the gaps of pages which were split or merged before (seen here, of a few rows in a thousand), and
the WAL holds old pages. So :meth:`SqliteStore.purge` writes the file anew by VACUUM and empties the WAL: .1 s
for 100,000 entries. That it is due is part of the commit that forgets, so no crash loses it. An export whose
snapshot shows what is to be purged is ended, for it would keep the WAL from being emptied.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.audit import AuditRecord, Counts
from likewise_engine.calibration import Outcomes
from likewise_engine.chart import Category
from likewise_engine.durable import sync
from likewise_engine.errors import PreconditionFailed, PurgeDelayed, StoreCorrupt, StoreFault
from likewise_engine.faults import kind_of
from likewise_engine.keys import TenantKey
from likewise_engine.selection import Selection
from likewise_engine.store import erasure, rows, rulebook, testimonies, trail
from likewise_engine.store.base import (
    Change,
    Entry,
    Known,
    RequestRecord,
    Snapshot,
    StoreStatistics,
    Tail,
    TenantRecord,
    Vectors,
)
from likewise_engine.store.changes import note_upheaval, write
from likewise_engine.store.connection import (
    WRITE_WAIT_S,
    Connection,
    connect,
    decoded,
    read_transaction,
    savepoint,
    shrink,
    transaction,
    translated,
)
from likewise_engine.store.everything import Everything, Read, everything_of, remember
from likewise_engine.store.mark import MarkFile, check_position, mark_path, read_mark
from likewise_engine.store.migrations import migrate
from likewise_engine.store.next_vectors import NextVectors
from likewise_engine.store.selecting import selected
from likewise_engine.store.standing import Standing, standings
from likewise_engine.store.tail import position_of, tail_of
from likewise_engine.store.texts import TextReplacement, replace_texts
from likewise_engine.testimony import Testimonies

_FOLDERS_ABOVE: Final = 3
"""By whose names of files and folders a store is found: the tenant's, the shard's, that of all tenants."""
_READER_BYTES: Final = 94_000
_WRITER_BYTES: Final = 120_000
"""As SQLite counts them between uses: 66 KB in which a connection's pages are enciphered, the schema, and the
writer's prepared statements."""


class SqliteStore:
    """One tenant's state in one SQLite file. Fulfils :class:`likewise_engine.store.base.TenantStore`."""

    FILES_MAX: Final = 6
    """Open at once, but for exports: the file and its log for each connection, the log's index, the mark."""

    def __init__(self, path: Path, key: TenantKey) -> None:
        """Open an existing file and bring its schema up to date.

        Args:
            path: of the file.
            key: the tenant's; see :mod:`likewise_engine.keys`.

        Raises:
            StoreFault: the file cannot be opened, or a later Likewise wrote it.
            StoreCorrupt: it is damaged, not this key's, or lacks changes that were acknowledged.
        """
        self._path = path
        self.key = key
        self._pages_key = key.of_pages()
        self._file = _file_of(path)
        self._reader_lock = threading.Lock()
        self._exports: set[Connection] = set()
        self._writer: Connection | None = None
        self._mark: MarkFile | None = None
        self._writing_thread: int | None = None
        with translated("open", self._path):
            mark = read_mark(mark_path(path))
            self._reader = connect(path, self._pages_key)
            try:
                migrate(self._reader)
                if mark is not None:
                    check_position(position_of(self._reader), mark)
                shrink(self._reader)
            except BaseException:
                self._reader.close()
                raise

    @classmethod
    def create(cls, path: Path, key: TenantKey, record: TenantRecord) -> "SqliteStore":
        """Create the file, with the tenant's record in it. The folder must exist.

        Raises:
            StoreFault: it exists already or cannot be written.
        """
        try:
            path.touch(mode=0o600, exist_ok=False)
        except OSError as error:
            raise kind_of(error)(f"could not create {path}: {error.strerror}") from error
        store = cls(path, key)
        row = (
            record.tenant,
            record.display_name,
            record.policy.target_precision,
            record.policy.closed_chart,
            record.created.isoformat(),
            record.revision,
            record.encoder_fingerprint,
            record.outcomes_fingerprint,
            record.unreplayed,
        )
        try:
            with store.writing():
                store._writing().execute(
                    "INSERT INTO tenant (only, tenant, display_name, target_precision, closed_chart,"
                    " created_at, revision, encoder_fingerprint, outcomes_fingerprint, is_calibration_due)"
                    " VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
        except BaseException:
            store.close()
            raise
        return store

    @property
    def memory_bytes(self) -> int:
        """Bytes of main memory, by estimate."""
        return _READER_BYTES + (0 if self._writer is None else _WRITER_BYTES)

    @property
    def next_vectors(self) -> NextVectors:
        """Those of another encoder, until they serve."""
        return NextVectors(self._reading, self._writing_part)

    def is_at(self, path: Path) -> bool:
        """Whether a path leads to this very file. One that is open keeps its number to itself."""
        return self._file is not None and _file_of(path) == self._file

    def record(self) -> TenantRecord:
        with self._reading() as connection:
            return rows.record(connection)

    def chart(self) -> Sequence[Category]:
        with self._reading() as connection:
            return rows.chart(connection)

    def statistics(self) -> StoreStatistics:
        with self._reading() as connection:
            labels, texts, corrections, outcomes, categories, told = connection.execute(
                "SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM texts),"
                " (SELECT count(*) FROM corrections), (SELECT count(*) FROM outcomes),"
                " (SELECT count(*) FROM categories WHERE dimension <> ''),"
                " (SELECT count(*) FROM testimonies)"
            ).fetchone()
        with translated("size", self._path):
            beside = [self._path, self._path.with_name(self._path.name + "-wal")]
            disk_bytes = sum(path.stat().st_size for path in beside if path.exists())
        return StoreStatistics(labels, texts, corrections, outcomes, categories, told, disk_bytes)

    def standings(self) -> Sequence[Standing]:
        with self._reading() as connection:
            return standings(connection)

    def outcomes(self) -> Mapping[str, Outcomes]:
        with self._reading() as connection:
            found = connection.execute(
                "SELECT c.dimension, o.probability, l.seq IS NOT NULL, o.is_filed, e.order_day"
                " FROM outcomes AS o"
                " JOIN entries AS e ON e.transaction_id = o.transaction_id"
                " JOIN categories AS c ON c.number = o.predicted"
                " LEFT JOIN labels AS l ON l.seq = e.seq AND l.category = o.predicted"
                " ORDER BY c.dimension, e.order_day, o.id"
            ).fetchall()
        outcomes = {}
        for dimension, group in groupby(found, key=itemgetter(0)):
            _, probability, right, filed, day = zip(*group, strict=True)
            outcomes[dimension] = Outcomes(
                np.array(probability),
                np.array(right, dtype=np.bool_),
                np.array(filed, dtype=np.bool_),
                np.array(day, dtype=np.int32),
            )
        return outcomes

    def snapshot(self) -> Snapshot:
        with self._reading() as connection, read_transaction(connection):
            record = rows.record(connection)
            texts = connection.execute("SELECT id, text, vector FROM texts ORDER BY id").fetchall()
            payees = connection.execute("SELECT id, payee FROM payees ORDER BY id").fetchall()
            categories = rows.chart(connection)
            return Snapshot(
                record=record,
                known=rows.known(connection),
                categories=categories,
                text_ids=np.fromiter((row[0] for row in texts), dtype=np.int64, count=len(texts)),
                texts=[row[1] for row in texts],
                vectors=rows.vectors([row[2] for row in texts]),
                payee_ids=np.fromiter((row[0] for row in payees), dtype=np.int64, count=len(payees)),
                payees=[row[1] for row in payees],
                entries=rows.entry_columns(connection, len(categories)),
                outcomes=rows.outcome_columns(connection, len(categories)),
                rules=rulebook.kept(connection),
            )

    def vectors(self) -> tuple[NDArray[np.int64], Vectors]:
        with self._reading() as connection:
            return rows.vectors_by_id(connection, "SELECT id, vector FROM texts ORDER BY id")

    def position(self) -> int:
        with self._reading() as connection:
            return position_of(connection)

    def has_seen(self, known: Known) -> bool:
        with self._reading() as connection:
            found = connection.execute("SELECT token FROM journal WHERE position = ?", (known.position,))
            return known.token != 0 and found.fetchone() == (known.token,)

    def tail(self, known: Known) -> Tail | None:
        with self._reading() as connection, read_transaction(connection):
            return tail_of(connection, known)

    @contextmanager
    def writing(self) -> Iterator[int]:
        with translated("write", self._path):
            if self._writer is None:
                self._make_durable()
                self._mark = self._mark or MarkFile(mark_path(self._path))
                self._writer = connect(self._path, self._pages_key, WRITE_WAIT_S, keeps_statements=True)
            try:
                with transaction(self._writer):
                    self._writing_thread = threading.get_ident()
                    try:
                        yield position_of(self._writer)
                    finally:
                        self._writing_thread = None
                    position = position_of(self._writer)
                if self._mark is not None:
                    self._mark.write(position)
            finally:
                shrink(self._writer)

    def write(self, change: Change) -> None:
        with translated("write", self._path), savepoint(self._writing()) as connection:
            write(connection, change)

    def commit(self, change: Change) -> None:
        with self.writing():
            self.write(change)

    def testimonies(self, known: Testimonies) -> Testimonies:
        with self._reading() as connection:
            return testimonies.since(connection, known)

    def last_rule(self) -> int:
        with self._reading() as connection:
            return rulebook.last_number(connection)

    def erased_by(self, change: Change) -> Counts:
        with self._reading() as connection:
            return erasure.counts(connection, change)

    @property
    def is_purge_due(self) -> bool:
        with self._reading() as connection:
            return erasure.purge_due(connection) != 0

    def purge(self) -> None:
        try:
            with translated("purge", self._path), self._reading_turn() as reader:
                due = erasure.purge_due(reader)
                if not due:
                    return
                self._end_exports()
                reader.execute("VACUUM")
                is_blocked, _, _ = reader.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if is_blocked:
                    raise PurgeDelayed("what was forgotten is still in the log, since somebody reads it")
                reader.execute("UPDATE tenant SET is_purge_due = 0 WHERE is_purge_due = ?", (due,))
        except StoreCorrupt:
            raise
        except StoreFault as error:
            raise PurgeDelayed(f"what was forgotten is still on disk: {error.message}") from error

    def end_outdated_exports(self) -> None:
        if self._exports:  # Looked at without the lock: who begins one later has the store as it is by then.
            with translated("end exports", self._path), self._reading_turn() as reader:
                if erasure.purge_due(reader):
                    self._end_exports()

    def entries_by_id(self, transaction_ids: Sequence[str]) -> Mapping[str, Entry]:
        found: dict[str, Entry] = {}
        with self._reading() as connection:
            wanted = connection.execute(
                f"SELECT {rows.ENTRY_COLUMNS} FROM json_each(?) AS wanted"  # noqa: S608 - a constant
                " CROSS JOIN entries AS e ON e.transaction_id = wanted.value",
                (json.dumps(list(transaction_ids)),),
            ).fetchall()
            for entry in rows.entries(connection, wanted):
                found[entry.transaction.id] = entry
        return found

    def entries_after(self, seq: int, count_max: int) -> Sequence[Entry]:
        with self._reading() as connection:
            return rows.entries_after(connection, seq, count_max)

    def export(self, batch_size: int) -> Iterator[tuple[int, Sequence[Entry]]]:
        with self._exporting() as read:
            revision, seq = read(rows.record).revision, -1
            while batch := read(partial(rows.entries_after, seq=seq, count_max=batch_size)):
                yield revision, batch
                seq = batch[-1].seq

    @contextmanager
    def everything(self, batch_size: int) -> Iterator[Everything]:
        with self._exporting() as read:
            yield everything_of(read, batch_size)

    def select(self, category: int, selection: Selection) -> Sequence[int]:
        with self._reading() as connection:
            return selected(connection, category, selection)

    def labelled(self, categories: Sequence[int]) -> Mapping[int, str]:
        with self._reading() as connection:
            return dict(
                connection.execute(
                    "SELECT e.seq, e.transaction_id FROM entries AS e WHERE EXISTS (SELECT 1 FROM labels AS l"
                    " WHERE l.seq = e.seq AND l.category IN (SELECT value FROM json_each(?))) ORDER BY e.seq",
                    (json.dumps(list(categories)),),
                ).fetchall()
            )

    def request(self, request_id: str) -> RequestRecord | None:
        with self._reading() as connection:
            row = connection.execute(
                "SELECT digest, outcome FROM requests WHERE request_id = ?", (rows.request_key(request_id),)
            ).fetchone()
        return RequestRecord(request_id, *row) if row else None

    def remember(self, requests: Sequence[RequestRecord]) -> None:
        """Remember requests whose ids are keys, as :class:`Everything` has them; within :meth:`writing`."""
        with translated("write", self._path):
            remember(self._writing(), requests)

    def audit_records(
        self,
        count_max: int,
        before: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[AuditRecord]:
        with self._reading() as connection, read_transaction(connection):
            return trail.records(connection, count_max, before, since, until)

    def replace_texts(self, replacement: TextReplacement, position: int) -> bool:
        with (
            self.writing() as now_at,
            translated("replace texts", self._path),
            savepoint(self._writing()) as connection,
        ):
            if now_at != position:
                return False
            replace_texts(connection, replacement)
            note_upheaval(connection)
            return True

    def close(self) -> None:
        with translated("close", self._path), self._reader_lock:
            self._reader.close()
            if self._writer is not None:
                self._writer.close()
            if self._mark is not None:
                self._mark.close()
                self._mark = None

    def _make_durable(self) -> None:
        """Have on disk what a process left that was killed: its last commit, the tenant's folder itself.

        It is read as if it were, so a request that is repeated would be answered with what a power cut could
        still undo; and what is committed from here on would go with a folder whose name is lost.
        """
        log = self._path.with_name(self._path.name + "-wal")
        if log.exists() and log.stat().st_size:
            sync(log)
        for folder in self._path.parents[:_FOLDERS_ABOVE]:
            sync(folder)

    def _writing(self) -> Connection:
        """The connection of whoever is within :meth:`writing`."""
        if self._writer is None or self._writing_thread != threading.get_ident():
            raise ValueError("this thread is not writing")
        if not self._writer.in_transaction:
            raise StoreFault("what was to be committed together was rolled back: try again")
        return self._writer

    @contextmanager
    def _writing_part(self) -> Iterator[Connection]:
        """For a part of the store that writes, whole or not at all."""
        with translated("write", self._path), savepoint(self._writing()) as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        if self._writing_thread == threading.get_ident():
            with translated("read", self._path), decoded():
                yield self._writing()
        else:
            with translated("read", self._path), self._reading_turn() as reader, decoded():
                yield reader

    def _end_exports(self) -> None:
        """For whoever has the reader's turn."""
        for connection in self._exports:
            connection.close()
        self._exports.clear()

    @contextmanager
    def _reading_turn(self) -> Iterator[Connection]:
        """The connection that reads, for one thread at a time."""
        with self._reader_lock:
            try:
                yield self._reader
            finally:
                shrink(self._reader)

    @contextmanager
    def _exporting(self) -> Iterator[Read]:
        """What reads one snapshot, for as long as the receiver takes: so it has a connection of its own."""
        with translated("export", self._path), closing(connect(self._path, self._pages_key)) as connection:
            with self._reader_lock, decoded():
                connection.execute("BEGIN")
                was_due = erasure.purge_due(connection)
                self._exports.add(connection)

            def read(rows_of: Callable[[Connection], Any]) -> Any:
                with self._reader_lock, decoded():
                    # Another process that forgets cannot close the connection: it waits until this asks.
                    if connection not in self._exports or erasure.purge_due(self._reader) not in (0, was_due):
                        raise PreconditionFailed("entries were forgotten during the export: start it again")
                    return rows_of(connection)

            try:
                yield read
            finally:
                with self._reader_lock:
                    self._exports.discard(connection)


def _file_of(path: Path) -> tuple[int, int] | None:
    """What names a file wherever it is moved; None where there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
