"""Rows of a tenant's SQLite file as values. All read within whatever transaction
the connection is in.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.chart import Category, Policy
from likewise_engine.errors import StoreCorrupt
from likewise_engine.store.base import Entry, Known, TenantRecord, Vectors
from likewise_engine.store.columns import EntryColumns, OutcomeColumns
from likewise_engine.store.connection import Connection
from likewise_engine.transaction import Authority, Direction, Transaction, decimal_of

ENTRY_COLUMNS: Final = (
    "e.seq, e.transaction_id, e.day, e.amount, e.currency, e.direction, e.revision,"
    " e.payee_wording, e.description, e.account, e.fields"
)
CATEGORY_COLUMNS: Final = "number, id, dimension, name, description, active, merged_into, former_ids"


def record(connection: Connection) -> TenantRecord:
    """The tenant's record. Raises StoreCorrupt where there is none."""
    row = connection.execute(
        "SELECT tenant, display_name, target_precision, closed_chart, created_at, revision,"
        " encoder_fingerprint, outcomes_fingerprint, is_calibration_due FROM tenant"
    ).fetchone()
    if row is None:
        raise StoreCorrupt("the store has no tenant's record: its creation was cut short")
    tenant, display_name, target_precision, closed_chart, created_at, *rest = row
    policy = Policy(target_precision, bool(closed_chart))
    created = datetime.fromisoformat(created_at).astimezone(UTC)
    return TenantRecord(tenant, display_name, policy, created, *rest)


def known(connection: Connection) -> Known:
    """How much there is to know. Raises StoreCorrupt where the journal is gone."""
    row = connection.execute(
        "SELECT position, (SELECT coalesce(max(seq), 0) FROM entries), last_text, last_payee, last_outcome,"
        " (SELECT count(*) FROM categories), token FROM journal ORDER BY position DESC LIMIT 1"
    ).fetchone()
    if row is None:
        raise StoreCorrupt("the journal of the store is empty")
    return Known(*row)


def chart(connection: Connection) -> list[Category]:
    """The categories, by number. Raises StoreCorrupt where they do not fit together."""
    rows = connection.execute(
        f"SELECT {CATEGORY_COLUMNS} FROM categories ORDER BY number"  # noqa: S608 - a constant
    ).fetchall()
    if [row[0] for row in rows] != list(range(len(rows))):
        raise StoreCorrupt("the categories of the store are not numbered without gaps")
    categories = [category(row) for row in rows]
    for merged in categories:
        into = None if merged.merged_into is None else categories[merged.merged_into]
        if into is not None and (into.merged_into, into.dimension) != (None, merged.dimension):
            raise StoreCorrupt("a category of the store was merged into none that could take its labels")
    return categories


def category(row: Sequence[Any]) -> Category:
    """A category, from a row of ``CATEGORY_COLUMNS``."""
    _, category_id, dimension, name, description, active, into, former_ids = row
    return Category(
        category_id, dimension, name, description, bool(active), into, tuple(json.loads(former_ids))
    )


def request_key(request_id: str) -> str:
    """What a request id is remembered by: who chose it may have named a transaction by it."""
    return hashlib.sha256(request_id.encode()).hexdigest()


def vectors(blobs: Sequence[bytes]) -> Vectors:
    """Vectors as they are stored, one a row. Raises StoreCorrupt where their lengths differ."""
    if len({len(blob) for blob in blobs}) > 1:
        raise StoreCorrupt("the store holds vectors of different lengths")
    matrix = np.frombuffer(b"".join(blobs), dtype="<f2")
    return matrix.reshape(len(blobs), -1) if blobs else np.empty((0, 0), dtype=np.float16)


def vectors_by_id(connection: Connection, select: str) -> tuple[NDArray[np.int64], Vectors]:
    """Ids, int64 ``(k,)``, and vectors, as a statement selects them."""
    found = connection.execute(select).fetchall()
    ids = np.fromiter((key for key, _ in found), dtype=np.int64, count=len(found))
    return ids, vectors([vector for _, vector in found])


def entry_columns(connection: Connection, categories: int) -> EntryColumns:
    """All entries. Raises StoreCorrupt where a label has no entry, or none of so many categories."""
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


def outcome_columns(connection: Connection, categories: int) -> OutcomeColumns:
    """All outcomes. Raises StoreCorrupt where one has no probability, or none of so many categories."""
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


def entries_after(connection: Connection, seq: int, count_max: int) -> list[Entry]:
    """Up to ``count_max`` full entries beyond ``seq``, in its order."""
    rows = connection.execute(
        f"SELECT {ENTRY_COLUMNS} FROM entries AS e WHERE e.seq > ? ORDER BY e.seq LIMIT ?",  # noqa: S608
        (seq, count_max),
    ).fetchall()
    return entries(connection, rows)


def entries(connection: Connection, rows: Sequence[Sequence[Any]]) -> list[Entry]:
    """Full entries from rows of ``ENTRY_COLUMNS``, with their labels."""
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
        Entry(row[0], transaction_of(row), labels[row[0]], authorities[row[0]], revision=row[6])
        for row in rows
    ]


def transaction_of(row: Sequence[Any]) -> Transaction:
    """The transaction of a row of ``ENTRY_COLUMNS``."""
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
