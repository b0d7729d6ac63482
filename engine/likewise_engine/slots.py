"""Places in the table of tenants; see :mod:`likewise_engine.tenants`."""

import resource
import threading
from dataclasses import dataclass, field
from typing import Final

from likewise_engine import limits
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.store.sqlite import SqliteStore

_FILES_KEPT: Final = limits.CONNECTIONS_MAX + 256
"""Open files that tenants leave to all else: connections, logs, models. Half of all, where there are few."""


@dataclass(slots=True)
class Slot:
    """A tenant that is loaded, being loaded, or being deleted. Fields are guarded by the table's lock."""

    users: int = 0
    ledger: Ledger | None = None
    counted_bytes: int = 0
    counted_revision: int = -1
    is_doomed: bool = False
    is_passing: bool = False
    """Loaded for its upkeep alone, after which it is let go of; until somebody else uses it."""
    is_gone: bool = False
    """Another process has deleted the tenant; the slot is out of the table, and its last user closes it."""
    heard: bytes = b""
    """Of other processes, when the ledger was last brought up to date."""
    loading: threading.Lock = field(default_factory=threading.Lock)


def loaded_max() -> int:
    """How many tenants may be loaded at once: each has files open, of which a process may have so many."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, (soft - min(_FILES_KEPT, soft // 2)) // SqliteStore.FILES_MAX)
