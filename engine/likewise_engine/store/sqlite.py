"""A tenant's store as one SQLite file.

Two connections: one writes, under the ledger's writer lock; one reads, under a lock of its own, so that a
look-up does not wait for an import's fsync. An export opens a third, for the length of its snapshot.

Gone from disk takes more than DELETE. ``secure_delete`` zeroes what a row leaves, but not the copies of it
that lie in the gaps of pages which were split or merged before (seen here, of a few rows in a thousand), and
the WAL holds old pages. So :meth:`SqliteStore.purge` writes the file anew by VACUUM and empties the WAL: .1 s
for 100,000 entries. That it is due is part of the commit that forgets, so no crash loses it. An export whose
snapshot shows what is to be purged is ended, for it would keep the WAL from being emptied.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np

from likewise_engine import limits
from likewise_engine.calibration import Outcomes
from likewise_engine.chart import Category, Policy
from likewise_engine.errors import PreconditionFailed, StoreCorrupt, StoreFault
from likewise_engine.selection import Selection, folded
from likewise_engine.store.base import (
    Change,
    Entry,
    EntryColumns,
    OutcomeColumns,
    RequestRecord,
    Snapshot,
    StoreStatistics,
    TenantRecord,
    TextReplacement,
    Vectors,
)
from likewise_engine.store.changes import text_rows, write
from likewise_engine.store.connection import connect, decoded, read_transaction, transaction, translated
from likewise_engine.store.migrations import migrate
from likewise_engine.transaction import Authority, Direction, Transaction, decimal_of

_ENTRY_COLUMNS: Final = (
    "e.seq, e.transaction_id, e.day, e.amount, e.currency, e.direction, e.revision,"
    " e.payee_wording, e.description, e.account, e.fields"
)
# One row of JSON for a batch of entries: for each row that it steps to, sqlite3 lets go of the interpreter's
# lock and queues for it again. What is not given is NULL or empty.
_SELECT: Final = """
SELECT json_group_array(json_array(seq, payee_wording, description)) FROM (
    SELECT e.seq, e.payee_wording, e.description FROM labels AS l JOIN entries AS e ON e.seq = l.seq
    WHERE l.category = :category AND l.seq > :after
    AND (:day_min IS NULL OR e.day >= :day_min) AND (:day_max IS NULL OR e.day <= :day_max)
    AND (:amount_min IS NULL OR e.amount >= :amount_min) AND (:amount_max IS NULL OR e.amount <= :amount_max)
    AND (:currency = '' OR e.currency = :currency)
    AND (:ids IS NULL OR e.transaction_id IN (SELECT value FROM json_each(:ids)))
    ORDER BY l.seq LIMIT :count_max
)
"""


class SqliteStore:
    """One tenant's state in one SQLite file. Fulfils :class:`likewise_engine.store.base.TenantStore`."""

    def __init__(self, path: Path) -> None:
        """Open an existing file and bring its schema up to date.

        Raises:
            StoreFault: the file cannot be opened, or a later Likewise wrote it.
            StoreCorrupt: it is not a tenant's store.
        """
        self._path = path
        self._reader_lock = threading.Lock()
        self._exports: set[sqlite3.Connection] = set()
        with translated("open"):
            self._writer = connect(path)
            try:
                migrate(self._writer)
                self._reader = connect(path)
            except BaseException:
                self._writer.close()
                raise

    @classmethod
    def create(cls, path: Path, record: TenantRecord) -> "SqliteStore":
        """Create the file, with the tenant's record in it. The folder must exist.

        Raises:
            StoreFault: it exists already or cannot be written.
        """
        try:
            path.touch(mode=0o600, exist_ok=False)
        except OSError as error:
            raise StoreFault(f"could not create {path}: {error.strerror}") from error
        store = cls(path)
        row = (
            record.tenant,
            record.display_name,
            record.policy.target_precision,
            record.policy.closed_chart,
            record.created.isoformat(),
            record.revision,
            record.encoder_fingerprint,
            record.outcomes_fingerprint,
            record.is_calibration_due,
        )
        try:
            with translated("create"), transaction(store._writer):
                store._writer.execute(
                    "INSERT INTO tenant (only, tenant, display_name, target_precision, closed_chart,"
                    " created_at, revision, encoder_fingerprint, outcomes_fingerprint, is_calibration_due)"
                    " VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
        except BaseException:
            store.close()
            raise
        return store

    def record(self) -> TenantRecord:
        with self._reading() as connection:
            return _record(connection)

    def chart(self) -> Sequence[Category]:
        with self._reading() as connection:
            return _chart(connection)

    def statistics(self) -> StoreStatistics:
        with self._reading() as connection:
            labels, texts, corrections = connection.execute(
                "SELECT (SELECT count(*) FROM entries), (SELECT count(*) FROM texts),"
                " (SELECT count(*) FROM corrections)"
            ).fetchone()
        with translated("size"):
            beside = [self._path, self._path.with_name(self._path.name + "-wal")]
            disk_bytes = sum(path.stat().st_size for path in beside if path.exists())
        return StoreStatistics(labels, texts, corrections, disk_bytes)

    def outcomes(self) -> Mapping[str, Outcomes]:
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT c.dimension, o.probability, l.seq IS NOT NULL, o.is_filed, e.order_day"
                " FROM outcomes AS o"
                " JOIN entries AS e ON e.transaction_id = o.transaction_id"
                " JOIN categories AS c ON c.number = o.predicted"
                " LEFT JOIN labels AS l ON l.seq = e.seq AND l.category = o.predicted"
                " ORDER BY c.dimension, e.order_day, o.id"
            ).fetchall()
        found = {}
        for dimension, group in groupby(rows, key=itemgetter(0)):
            _, probability, right, filed, day = zip(*group, strict=True)
            found[dimension] = Outcomes(
                np.array(probability),
                np.array(right, dtype=np.bool_),
                np.array(filed, dtype=np.bool_),
                np.array(day, dtype=np.int32),
            )
        return found

    def snapshot(self) -> Snapshot:
        with self._reading() as connection, read_transaction(connection):
            record = _record(connection)
            texts = connection.execute("SELECT id, text, vector FROM texts ORDER BY id").fetchall()
            payees = connection.execute("SELECT id, payee FROM payees ORDER BY id").fetchall()
            categories = _chart(connection)
            return Snapshot(
                record=record,
                categories=categories,
                text_ids=np.fromiter((row[0] for row in texts), dtype=np.int64, count=len(texts)),
                texts=[row[1] for row in texts],
                vectors=_vectors([row[2] for row in texts]),
                payee_ids=np.fromiter((row[0] for row in payees), dtype=np.int64, count=len(payees)),
                payees=[row[1] for row in payees],
                entries=_entry_columns(connection, len(categories)),
                outcomes=_outcome_columns(connection, len(categories)),
            )

    def commit(self, change: Change) -> None:
        with translated("commit"), transaction(self._writer):
            write(self._writer, change)

    def purge(self) -> None:
        with translated("purge"), self._reader_lock:
            (is_due,) = self._writer.execute("SELECT is_purge_due FROM tenant").fetchone()
            if not is_due:
                return
            for connection in self._exports:
                connection.close()
            self._exports.clear()
            self._writer.execute("VACUUM")
            is_blocked, _, _ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if is_blocked:
                raise StoreFault("what was forgotten is still in the log, since somebody reads it: try again")
            self._writer.execute("UPDATE tenant SET is_purge_due = 0")

    def entries_by_id(self, transaction_ids: Sequence[str]) -> Mapping[str, Entry]:
        found: dict[str, Entry] = {}
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {_ENTRY_COLUMNS} FROM json_each(?) AS wanted"  # noqa: S608 - a constant
                " CROSS JOIN entries AS e ON e.transaction_id = wanted.value",
                (json.dumps(list(transaction_ids)),),
            ).fetchall()
            for entry in _entries(connection, rows):
                found[entry.transaction.id] = entry
        return found

    def entries_after(self, seq: int, count_max: int) -> Sequence[Entry]:
        with self._reading() as connection:
            return _entries_after(connection, seq, count_max)

    def export(self, batch_size: int) -> Iterator[tuple[int, Sequence[Entry]]]:
        # A connection of its own: the snapshot lasts as long as the receiver takes.
        with translated("export"), closing(connect(self._path)) as connection:
            with self._reader_lock, decoded():
                connection.execute("BEGIN")
                revision = _record(connection).revision
                self._exports.add(connection)
            try:
                seq = -1
                while batch := self._export_batch(connection, seq, batch_size):
                    yield revision, batch
                    seq = batch[-1].seq
            finally:
                with self._reader_lock:
                    self._exports.discard(connection)

    def select(self, category: int, selection: Selection) -> Sequence[int]:
        # By the writer's connection, for it is the writer who asks: look-ups do not wait for a long search.
        parameters = _selecting(category, selection)
        payee, description = folded(selection.payee_contains), folded(selection.description_contains)
        selected: list[int] = []
        with translated("select"), decoded():
            while True:
                (batch,) = self._writer.execute(_SELECT, parameters).fetchone()
                rows = json.loads(batch)
                selected += (seq for seq, p, d in rows if payee in folded(p) and description in folded(d))
                if len(rows) < limits.BATCH_ITEMS_MAX:
                    return selected
                parameters["after"] = rows[-1][0]

    def request(self, request_id: str) -> RequestRecord | None:
        with self._reading() as connection:
            row = connection.execute(
                "SELECT request_id, digest, outcome FROM requests WHERE request_id = ?", (request_id,)
            ).fetchone()
        return RequestRecord(*row) if row else None

    def replace_texts(self, replacement: TextReplacement) -> None:
        with translated("replace texts"), transaction(self._writer):
            execute, executemany = self._writer.execute, self._writer.executemany
            execute("DELETE FROM texts")
            execute("DELETE FROM payees")
            executemany("INSERT INTO payees VALUES (?, ?)", replacement.payees)
            executemany(
                "INSERT INTO texts VALUES (?, ?, ?)", text_rows(replacement.texts, replacement.vectors)
            )
            executemany(
                "UPDATE entries SET text = ?2, payee = ?3 WHERE seq = ?1",
                replacement.assignments,
            )
            execute("UPDATE tenant SET encoder_fingerprint = ?", (replacement.encoder_fingerprint,))

    def close(self) -> None:
        with translated("close"), self._reader_lock:
            self._reader.close()
            self._writer.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with translated("read"), self._reader_lock, decoded():
            yield self._reader

    def _export_batch(self, connection: sqlite3.Connection, seq: int, count_max: int) -> list[Entry]:
        with self._reader_lock, decoded():
            if connection not in self._exports:
                raise PreconditionFailed("entries were forgotten during the export: start it again")
            return _entries_after(connection, seq, count_max)


def _record(connection: sqlite3.Connection) -> TenantRecord:
    row = connection.execute(
        "SELECT tenant, display_name, target_precision, closed_chart, created_at, revision,"
        " encoder_fingerprint, outcomes_fingerprint, is_calibration_due FROM tenant"
    ).fetchone()
    if row is None:
        raise StoreCorrupt("the store has no tenant's record: its creation was cut short")
    tenant, display_name, target_precision, closed_chart, created_at, revision, encoder, models, due = row
    policy = Policy(target_precision, bool(closed_chart))
    created = datetime.fromisoformat(created_at).astimezone(UTC)
    return TenantRecord(tenant, display_name, policy, created, revision, encoder, models, bool(due))


def _chart(connection: sqlite3.Connection) -> list[Category]:
    rows = connection.execute(
        "SELECT number, id, dimension, name, description, active, merged_into, former_ids"
        " FROM categories ORDER BY number"
    ).fetchall()
    if [row[0] for row in rows] != list(range(len(rows))):
        raise StoreCorrupt("the categories of the store are not numbered without gaps")
    chart = [
        Category(category_id, dimension, name, description, bool(active), into, tuple(json.loads(former_ids)))
        for _, category_id, dimension, name, description, active, into, former_ids in rows
    ]
    for category in chart:
        into = category.merged_into
        if into is not None and (chart[into].merged_into, chart[into].dimension) != (
            None,
            category.dimension,
        ):
            raise StoreCorrupt("a category of the store was merged into none that could take its labels")
    return chart


def _vectors(blobs: Sequence[bytes]) -> Vectors:
    if len({len(blob) for blob in blobs}) > 1:
        raise StoreCorrupt("the store holds vectors of different lengths")
    matrix = np.frombuffer(b"".join(blobs), dtype="<f2")
    return matrix.reshape(len(blobs), -1) if blobs else np.empty((0, 0), dtype=np.float16)


def _entry_columns(connection: sqlite3.Connection, categories: int) -> EntryColumns:
    rows = connection.execute(
        "SELECT seq, text, payee, coalesce(day, 0), order_day, amount, direction, currency, transaction_id"
        " FROM entries ORDER BY seq"
    ).fetchall()
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * 9
    seq = np.array(columns[0], dtype=np.int64)
    labels = np.array(
        connection.execute("SELECT seq, category FROM labels ORDER BY seq, category").fetchall(),
        dtype=np.int64,
    ).reshape(-1, 2)
    label_rows = np.searchsorted(seq, labels[:, 0])
    if not np.isin(labels[:, 0], seq).all() or labels[:, 1].max(initial=-1) >= categories:
        raise StoreCorrupt("a label of the store has no entry or no category")
    return EntryColumns(
        seq=seq,
        text=np.array(columns[1], dtype=np.int64),
        payee=np.array(columns[2], dtype=np.int64),
        day=np.array(columns[3], dtype=np.int32),
        order_day=np.array(columns[4], dtype=np.int32),
        amount=np.array(columns[5], dtype=np.float64),  # None becomes NaN
        direction=np.array(columns[6], dtype=np.int8),
        currencies=columns[7],
        transaction_ids=columns[8],
        label_rows=label_rows,
        label_categories=labels[:, 1],
    )


def _outcome_columns(connection: sqlite3.Connection, categories: int) -> OutcomeColumns:
    rows = connection.execute(
        "SELECT o.id, e.seq, o.predicted, o.probability, o.is_filed FROM outcomes AS o"
        " JOIN entries AS e ON e.transaction_id = o.transaction_id ORDER BY e.order_day, o.id"
    ).fetchall()
    columns: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * 5
    predicted = np.array(columns[2], dtype=np.int64)
    probability = np.array(columns[3], dtype=np.float64)
    if not (np.all(probability > 0) and np.all(probability <= 1) and np.all(predicted < categories)):
        raise StoreCorrupt("an outcome of the store has no category or no probability")
    return OutcomeColumns(
        ids=np.array(columns[0], dtype=np.int64),
        seqs=np.array(columns[1], dtype=np.int64),
        predicted=predicted,
        probability=probability,
        filed=np.array(columns[4], dtype=np.bool_),
    )


def _entries_after(connection: sqlite3.Connection, seq: int, count_max: int) -> list[Entry]:
    rows = connection.execute(
        f"SELECT {_ENTRY_COLUMNS} FROM entries AS e WHERE e.seq > ? ORDER BY e.seq LIMIT ?",  # noqa: S608
        (seq, count_max),
    ).fetchall()
    return _entries(connection, rows)


def _entries(connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> list[Entry]:
    """Full entries from rows of ``_ENTRY_COLUMNS``, with their labels."""
    labels: dict[int, dict[str, str]] = {row[0]: {} for row in rows}
    authorities: dict[int, dict[str, Authority]] = {row[0]: {} for row in rows}
    for seq, dimension, category, authority in connection.execute(
        "SELECT l.seq, c.dimension, c.id, l.authority FROM json_each(?) AS wanted"
        " CROSS JOIN labels AS l ON l.seq = wanted.value JOIN categories AS c ON c.number = l.category"
        " ORDER BY l.seq, l.category",
        (json.dumps(list(labels)),),
    ):
        labels[seq][dimension] = category
        authorities[seq][dimension] = Authority(authority)
    return [
        Entry(row[0], _transaction_of(row), labels[row[0]], authorities[row[0]], revision=row[6])
        for row in rows
    ]


def _transaction_of(row: Sequence[Any]) -> Transaction:
    _, transaction_id, day, amount, currency, direction, _, payee, description, account, fields = row
    return Transaction(
        id=transaction_id,
        date=None if day is None else date.fromordinal(day),
        amount=None if amount is None else decimal_of(amount),
        currency=currency,
        payee=payee,
        description=description,
        account=account,
        direction=Direction(direction),
        fields=json.loads(fields) if fields else {},
    )


def _selecting(category: int, selection: Selection) -> dict[str, Any]:
    """The parameters of ``_SELECT`` for the first batch."""
    amount_min, amount_max = selection.min_amount, selection.max_amount
    return {
        "category": category,
        "after": -1,
        "day_min": selection.min_date and selection.min_date.toordinal(),
        "day_max": selection.max_date and selection.max_date.toordinal(),
        "amount_min": None if amount_min is None else float(amount_min),
        "amount_max": None if amount_max is None else float(amount_max),
        "currency": selection.currency,
        "ids": json.dumps(selection.transaction_ids) if selection.transaction_ids else None,
        "count_max": limits.BATCH_ITEMS_MAX,
    }
