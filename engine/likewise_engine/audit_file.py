"""The data folder's own audit trail, in DATA/audit.sqlite3: what outlives a tenant.

Tenants created, restored and deleted, the last with a receipt of what was erased; tokens made and revoked. It
is opened for each record and each look, which are rare, so any process may add to it, beside a running server
too.

What is done to a tenant is noted before it is begun, for what cannot be noted is not done, and confirmed once
it is done. What a crash leaves between the two is settled when the folder is next opened, by whether the
tenant is there.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from likewise_engine import limits
from likewise_engine.audit import NOTHING, Action, AuditRecord, Counts
from likewise_engine.errors import StoreFault, TenantExists
from likewise_engine.faults import kind_of
from likewise_engine.store.connection import Connection, connect, decoded, transaction, translated
from likewise_engine.store.trail import moment_of, time_us
from likewise_engine.tenant_keys import TenantKeys

NAME: Final = "audit.sqlite3"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    counts TEXT NOT NULL,
    tenant TEXT NOT NULL,
    subject TEXT NOT NULL,
    is_confirmed INTEGER NOT NULL
) STRICT
"""
_COLUMNS: Final = "id, time_us, revision, actor, action, counts, tenant, subject"

_log = logging.getLogger(__name__)


class AuditFile:
    """The trail of one data folder. Safe to use from many threads and processes."""

    def __init__(self, root: Path, keys: TenantKeys) -> None:
        """Make ready. Args: root: the data folder; keys: its own."""
        self._path = root / NAME
        self._keys = keys

    def add(
        self,
        action: Action,
        actor: str,
        *,
        tenant: str = "",
        subject: str = "",
        revision: int = 0,
        counts: Counts = NOTHING,
        is_confirmed: bool = True,
    ) -> AuditRecord:
        """Add a record; it is on disk when this returns.

        Args:
            action: what is done.
            actor: who does it.
            tenant: whose books; "" for nobody's.
            subject: what else it is done to: the id of a token.
            revision: of the tenant, as it was last.
            counts: how much.
            is_confirmed: False for what is only begun: :meth:`confirm` or :meth:`withdraw` it.

        Raises:
            StoreFault: there is no record.
        """
        us = time_us(datetime.now(UTC))
        row = (us, revision, actor, action.value, counts.to_json(), tenant, subject, is_confirmed)
        with self._writing() as connection:
            (record_id,) = connection.execute(
                "INSERT INTO records (time_us, revision, actor, action, counts, tenant, subject,"
                " is_confirmed) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                row,
            ).fetchone()
            outlived = record_id - limits.AUDIT_RECORDS_KEPT_MAX
            connection.execute("DELETE FROM records WHERE id <= ?", (outlived,))
        return AuditRecord(
            record_id, moment_of(us), revision, actor, action, counts, tenant=tenant, subject=subject
        )

    @contextmanager
    def noted(
        self,
        action: Action,
        actor: str,
        tenant: str,
        store: Path,
        revision: int = 0,
        counts: Counts = NOTHING,
    ) -> Iterator[AuditRecord]:
        """Note what is done to a tenant within. What fails is on record only if it is done all the same.

        Args:
            action: a creation, a restore or a deletion.
            actor: who does it.
            tenant: whose books.
            store: where they are, or are to be: another file, or none, once it is done.
            revision: of the tenant, as it was last.
            counts: how much.

        Raises:
            StoreFault: it cannot be noted; nothing was begun.
        """
        before = _identity(store)
        begun = self.add(action, actor, tenant=tenant, revision=revision, counts=counts, is_confirmed=False)
        try:
            yield begun
        except BaseException as error:
            # Of two who create a tenant at once, one finds the other's.
            is_done = _identity(store) != before and not isinstance(error, TenantExists)
            self._end(begun, is_done=is_done)
            raise
        self._end(begun, is_done=True)

    def _end(self, begun: AuditRecord, *, is_done: bool) -> None:
        try:
            (self.confirm if is_done else self.withdraw)(begun.id)
        except StoreFault as error:
            # It is done or not, whatever the trail says of it: the caller is told the truth.
            _log.error(
                "the audit trail does not show yet what became of a %s; the next start settles it: %s",
                begun.action.value,
                error.message,
            )

    def confirm(self, record_id: int) -> None:
        """What was begun is done. Raises StoreFault."""
        with self._writing() as connection:
            connection.execute("UPDATE records SET is_confirmed = 1 WHERE id = ?", (record_id,))

    def withdraw(self, record_id: int) -> None:
        """What was begun is not done. Raises StoreFault."""
        with self._writing() as connection:
            connection.execute("DELETE FROM records WHERE id = ?", (record_id,))

    def settle(self, exists: Callable[[str], bool]) -> None:
        """Confirm or withdraw what a crash cut short; for whoever has just opened the folder.

        Args:
            exists: whether there is a tenant: then it was created or restored, and else deleted. Of a tenant
                that was to be replaced there is no telling which one it is: it counts as restored.

        Raises:
            StoreFault.
        """
        if not self._path.exists():
            return
        with self._reading() as connection:
            begun = connection.execute(
                "SELECT id, tenant, action FROM records WHERE is_confirmed = 0"
            ).fetchall()
        for record_id, tenant, action in begun:
            is_done = exists(tenant) != (action == Action.DELETE)
            (self.confirm if is_done else self.withdraw)(record_id)

    def records(
        self,
        count_max: int,
        before: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Sequence[AuditRecord]:
        """Records, the latest first; as :meth:`TenantStore.audit_records`. Raises StoreFault."""
        if not self._path.exists():
            return []
        with self._reading() as connection:
            found = connection.execute(
                f"SELECT {_COLUMNS} FROM records WHERE is_confirmed"  # noqa: S608 - a constant
                " AND (:before IS NULL OR id < :before)"
                " AND (:since IS NULL OR time_us >= :since) AND (:until IS NULL OR time_us < :until)"
                " ORDER BY id DESC LIMIT :count_max",
                {
                    "before": before,
                    "since": since and time_us(since),
                    "until": until and time_us(until),
                    "count_max": count_max,
                },
            ).fetchall()
            return [
                AuditRecord(
                    record_id,
                    moment_of(us),
                    revision,
                    actor,
                    Action(action),
                    Counts.from_json(counts),
                    tenant=tenant,
                    subject=subject,
                )
                for record_id, us, revision, actor, action, counts, tenant, subject in found
            ]

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        key = self._keys.of_folder(self._path)
        try:
            self._path.touch(mode=0o600)
        except OSError as error:
            raise kind_of(error)(f"the audit trail cannot be written: {error.strerror}") from error
        with (
            translated("write the audit trail", self._path),
            closing(connect(self._path, key.of_pages())) as connection,
            transaction(connection),
        ):
            connection.execute(_SCHEMA)
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with (
            translated("read the audit trail", self._path),
            closing(connect(self._path, self._keys.of_folder(self._path).of_pages())) as connection,
            decoded(),
        ):
            # Whoever made the file may have been killed before its first record.
            connection.execute(_SCHEMA)
            yield connection


def _identity(file: Path) -> int | None:
    """Tells a file from another that took its place; None where there is none. Raises StoreFault."""
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None
    except OSError as error:
        raise kind_of(error)(f"{file} cannot be looked at: {error.strerror}") from error
