"""The audit trail of the data folder itself, checked as a store is."""

from collections.abc import Iterator
from contextlib import closing

from likewise_engine import limits
from likewise_engine.audit_file import NAME
from likewise_engine.checkup import tables
from likewise_engine.checkup.finding import Finding, Severity
from likewise_engine.errors import StoreFault
from likewise_engine.folder import DataFolder
from likewise_engine.store.connection import connect, translated
from likewise_engine.store.log import read_log

_REMEDY = f"bring {NAME} and store.key back from a copy; or move it elsewhere, and the trail begins anew"


def broken_trail(folder: DataFolder) -> Iterator[Finding]:
    """What is wrong with a folder's audit trail, without which no tenant is created or deleted."""
    path = folder.root / NAME
    if not path.exists():
        return
    log_path = path.with_name(f"{NAME}-wal")
    if read_log(log_path).is_damaged:
        message = "the write-ahead log of the audit trail is damaged: its latest records would be lost"
        yield Finding(Severity.DAMAGE, log_path.name, message, _REMEDY)
        return
    try:
        key = folder.keys.of_folder(path).of_pages()
        with translated("check", path), closing(connect(path, key)) as connection:
            faults = list(tables.broken_pages(connection, path))
        for fault in faults:
            yield Finding(fault.severity, NAME, fault.message, _REMEDY)
        if not faults:
            folder.audit.records(limits.AUDIT_RECORDS_KEPT_MAX)
    except StoreFault as error:
        yield Finding(Severity.DAMAGE, NAME, error.message, _REMEDY)
