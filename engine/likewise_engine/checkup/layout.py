"""The layout of a data folder: what lies where it should not, and who may read it.

Nothing here opens a store. What is strange is reported and never deleted: it may be somebody's only copy.
"""

import stat
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from likewise_engine.audit_file import NAME as AUDIT_NAME
from likewise_engine.cache_file import CACHE_NAMES, aside_path, voucher_path
from likewise_engine.checkup.finding import REPAIR, RESTORE, Finding, Severity
from likewise_engine.encoder_change import FOLDER_NAME
from likewise_engine.errors import InvalidInput
from likewise_engine.folder import STORE_NAME, UPKEEP_LOCK_NAME, place_of
from likewise_engine.keys import KEY_NAME
from likewise_engine.store.mark import MARK_NAME
from likewise_engine.store.predictions import PREDICTIONS_NAME

_OF_FOLDER: Final = frozenset(
    {"lock", "tenants", "aside", "purges", "access", "master-key.json", KEY_NAME, AUDIT_NAME, FOLDER_NAME}
    | {f"{AUDIT_NAME}-wal", f"{AUDIT_NAME}-shm"}
)
_OF_TENANT: Final = frozenset(
    {STORE_NAME, f"{STORE_NAME}-wal", f"{STORE_NAME}-shm", KEY_NAME, MARK_NAME, UPKEEP_LOCK_NAME}
    | {PREDICTIONS_NAME, f"{PREDICTIONS_NAME}-wal", f"{PREDICTIONS_NAME}-shm"}
    | set(CACHE_NAMES)
    | {voucher_path(Path(name)).name for name in CACHE_NAMES}
)
CUT_SHORT: Final = frozenset(
    aside_path(path).name for name in CACHE_NAMES for path in (Path(name), voucher_path(Path(name)))
)
"""What a crash leaves of caches."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class Place(NamedTuple):
    """Where a tenant's files are.

    Attributes:
        tenant: its id.
        folder: that holds its store.
    """

    tenant: str
    folder: Path


class Layout:
    """What a data folder consists of.

    Attributes:
        places: of the tenants that have a store, by their ids.
        findings: what is strange about the layout.
    """

    def __init__(self, root: Path) -> None:
        """Look at a data folder. Raises OSError."""
        self._root = root
        self.findings: list[Finding] = []
        self.places: list[Place] = []
        for path in sorted(root.iterdir()):
            if path.name not in _OF_FOLDER:
                self._strange(path, "is none of Likewise's")
        if (aside := root / "aside").is_dir():
            for path in sorted(aside.iterdir()):
                message = "is left over from a crash; whoever next opens the folder deletes it"
                self._note(Severity.NOTE, path, message, "nothing")
        for shard in sorted((root / "tenants").iterdir()):
            if shard.is_dir() and not shard.is_symlink():
                for folder in sorted(shard.iterdir()):
                    self._look_at_tenant(folder)
            else:
                self._strange(shard, "is no folder of tenants")
        self.places.sort()

    def _look_at_tenant(self, folder: Path) -> None:
        tenant = unquote(folder.name)
        if not folder.is_dir() or folder.is_symlink():
            self._strange(folder, "is no tenant's folder")
            return
        try:
            expected = self._root / place_of(tenant)
        except InvalidInput:
            self._strange(folder, "has a name that no tenant's folder has")
            return
        if folder != expected:
            message = f"is not where tenant {tenant!r} is looked for, so nobody finds it"
            remedy = f"move it to {expected.relative_to(self._root)}, if there is nothing"
            self._note(Severity.DAMAGE, folder, message, remedy, tenant)
            return
        if not (folder / STORE_NAME).is_file():
            self._note(Severity.DAMAGE, folder, "has no store", RESTORE, tenant)
            return
        self.places.append(Place(tenant, folder))
        for path in sorted(folder.iterdir()):
            self._look_at_file(path, tenant)
        for path in (folder, folder / STORE_NAME, folder / KEY_NAME):
            if path.exists() and path.stat().st_mode & _OTHERS:
                self._note(Severity.STRANGE, path, "may be read by others", f"chmod go= {path}", tenant)

    def _look_at_file(self, path: Path, tenant: str) -> None:
        if path.name in CUT_SHORT:
            self._note(Severity.DERIVED, path, "is a cache that was cut short", REPAIR, tenant)
        elif path.name == aside_path(Path(STORE_NAME)).name:
            message = "is the store under another key, made aside; opening the tenant puts it in its place"
            remedy = "leave it; if it is there still when the tenant was opened, it was cut short: delete it"
            self._note(Severity.NOTE, path, message, remedy, tenant)
        elif path.name not in _OF_TENANT or path.is_symlink() or not path.is_file():
            self._strange(path, "is no file of a tenant", tenant)

    def _strange(self, path: Path, message: str, tenant: str = "") -> None:
        self._note(Severity.STRANGE, path, message, "look what it is, and move it elsewhere", tenant)

    def _note(self, severity: Severity, path: Path, message: str, remedy: str, tenant: str = "") -> None:
        name = path.relative_to(self._root).as_posix()
        self.findings.append(Finding(severity, name, message, remedy, tenant))
