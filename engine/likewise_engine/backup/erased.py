"""What was erased since a backup was made, as far as audit trails tell: a restore brings it back.

The trails hold counts and never ids, so it cannot be erased anew without being named anew.
"""

from contextlib import closing
from datetime import datetime

from likewise_engine import limits
from likewise_engine.audit import Action
from likewise_engine.backup.manifest import BackedUpTenant
from likewise_engine.errors import StoreFault, TenantNotFound
from likewise_engine.folder import DataFolder
from likewise_engine.store.sqlite import SqliteStore


def erased_since(folder: DataFolder, told: BackedUpTenant, made: datetime) -> str:
    """A sentence on what was erased of a tenant since its backup; empty where nothing was, or none can tell.

    Args:
        folder: that it is to be restored into.
        told: the tenant as it was.
        made: when the backup was begun.

    Raises:
        StoreFault: the data folder's trail cannot be read.
    """
    deletions = [
        record
        for record in folder.audit.records(limits.AUDIT_RECORDS_KEPT_MAX, since=made)
        if record.tenant == told.tenant and record.action is Action.DELETE
    ]
    if deletions:
        return (
            f"the tenant was deleted on {deletions[0].time:%Y-%m-%d}, and is back: delete it again if it must"
        )
    try:
        store = SqliteStore(folder.store_path(told.tenant), folder.key_of(told.tenant))
        with closing(store):
            records = store.audit_records(limits.AUDIT_RECORDS_KEPT_MAX)
    except TenantNotFound:
        return ""
    except StoreFault as error:
        return f"what was forgotten since cannot be told: {error.message}"
    entries = sum(
        record.counts.entries
        for record in records
        if record.action in (Action.FORGET, Action.PURGE) and record.revision > told.revision
    )
    return (
        f"{entries:,} transactions were forgotten since, and may be back: forget them again"
        if entries
        else ""
    )
