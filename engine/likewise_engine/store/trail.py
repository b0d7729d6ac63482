"""The audit trail in a tenant's SQLite file. All within whatever transaction the connection is in."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from likewise_engine import limits
from likewise_engine.audit import Action, AuditRecord, Counts, Note
from likewise_engine.store import rows
from likewise_engine.store.connection import Connection

_COLUMNS: Final = "id, time_us, revision, actor, action, counts, categories"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_IMPORT_PAUSE_US: Final = 60_000_000
"""An import's batches are one record, unless they are further apart."""


def time_us(moment: datetime) -> int:
    """Microseconds since 1970, as times are stored."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(us: int) -> datetime:
    """The moment, in UTC, that :func:`time_us` gave."""
    return _EPOCH + us * _MICROSECOND


def add(connection: Connection, note: Note, revision: int) -> None:
    """Add a record, and let go of the oldest beyond AUDIT_RECORDS_KEPT_MAX."""
    now_us = time_us(datetime.now(UTC))
    if note.action is Action.IMPORT and _extend_import(connection, note, revision, now_us):
        return
    cursor = connection.execute(
        "INSERT INTO audit (time_us, revision, actor, action, counts, categories)"
        " VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        (now_us, revision, note.actor, note.action.value, note.counts.to_json(), json.dumps(note.categories)),
    )
    (record_id,) = cursor.fetchone()
    if record_id > limits.AUDIT_RECORDS_KEPT_MAX:
        connection.execute("DELETE FROM audit WHERE id <= ?", (record_id - limits.AUDIT_RECORDS_KEPT_MAX,))


def _extend_import(connection: Connection, note: Note, revision: int, now_us: int) -> bool:
    """Count a batch with those before it, where the latest record is of them; whether it is."""
    latest = connection.execute(
        "SELECT id, counts FROM audit WHERE id = (SELECT max(id) FROM audit)"
        " AND action = ? AND actor = ? AND ? - time_us BETWEEN 0 AND ?",
        (note.action.value, note.actor, now_us, _IMPORT_PAUSE_US),
    ).fetchone()
    if latest is None:
        return False
    counts = Counts.from_json(latest[1]) + note.counts
    connection.execute(
        "UPDATE audit SET time_us = ?, revision = ?, counts = ? WHERE id = ?",
        (now_us, revision, counts.to_json(), latest[0]),
    )
    return True


def records(
    connection: Connection,
    count_max: int,
    before: int | None,
    since: datetime | None,
    until: datetime | None,
) -> list[AuditRecord]:
    """Records, the latest first; see :meth:`TenantStore.audit_records`."""
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM audit WHERE (:before IS NULL OR id < :before)"  # noqa: S608 - constants
        " AND (:since IS NULL OR time_us >= :since) AND (:until IS NULL OR time_us < :until)"
        " ORDER BY id DESC LIMIT :count_max",
        {
            "before": before,
            "since": since and time_us(since),
            "until": until and time_us(until),
            "count_max": count_max,
        },
    ).fetchall()
    (tenant,) = connection.execute("SELECT tenant FROM tenant").fetchone()
    names = _names(connection) if any(row[-1] != "[]" for row in found) else {}
    return [_record(row, tenant, names) for row in found]


def _names(connection: Connection) -> Mapping[int, tuple[str, str]]:
    """Dimension and id of the categories that are not purged, by number."""
    return {
        number: (category.dimension, category.id)
        for number, category in enumerate(rows.chart(connection))
        if not category.is_purged
    }


def _record(row: Sequence[Any], tenant: str, names: Mapping[int, tuple[str, str]]) -> AuditRecord:
    record_id, us, revision, actor, action, counts, categories = row
    return AuditRecord(
        record_id,
        moment_of(us),
        revision,
        actor,
        Action(action),
        Counts.from_json(counts),
        [names[number] for number in json.loads(categories) if number in names],
        tenant,
    )
