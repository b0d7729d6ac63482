"""What a check finds: how bad it is, where, what is affected, and what to do."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final


class Severity(StrEnum):
    """How bad a finding is."""

    DAMAGE = "damage"
    """What was taught is damaged or lost. Only a backup brings it back."""
    DERIVED = "derived"
    """What follows from what was taught is damaged; a repair makes it anew."""
    STRANGE = "strange"
    """Something that Likewise did not make, or that others may read. Nothing is answered wrongly for it."""
    NOTE = "note"
    """Nothing is wrong; good to know."""


RESTORE: Final = "restore the tenant from a backup: likewise restore"
REPAIR: Final = "likewise check --repair makes it anew from the store"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        severity: how bad it is.
        path: of the file or folder, relative to the data folder.
        message: what is wrong, and what it affects, as a sentence.
        remedy: what to do.
        tenant: whose it is; empty where it is of none.
        table: of the store, where it is of one.
        count: rows or entries that are affected; 0 where that cannot be told.
    """

    severity: Severity
    path: str
    message: str
    remedy: str
    tenant: str = ""
    table: str = ""
    count: int = 0

    @property
    def is_fault(self) -> bool:
        """Whether the folder is not sound for it."""
        return self.severity is not Severity.NOTE

    def to_json(self) -> dict[str, str | int]:
        """As JSON values by name."""
        return asdict(self)
