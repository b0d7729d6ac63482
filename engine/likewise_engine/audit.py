"""The audit trail's values: who taught, changed or forgot what, and what a receipt of erasure says.

A record holds counts, never wordings, amounts or ids of transactions, and no digest of them. The categories
of a change of the chart stand in it by number and are shown by the ids that they have today: of one that was
purged nothing is shown, for nothing of it is left.

A tenant's trail is a table of its own store, written in the same commit as what it tells of. What outlives a
tenant is in the data folder's trail, see :mod:`likewise_engine.audit_file`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Self

UPKEEP: Final = "likewise"
"""The actor of what the server does on its own account."""


class Action(StrEnum):
    """What was done. The names are stored: none is ever changed."""

    CREATE = "create"
    LEARN = "learn"
    IMPORT = "import"
    FORGET = "forget"
    PURGE = "purge"
    UPDATE = "update"
    RENAME = "rename"
    MERGE = "merge"
    SPLIT = "split"
    DEACTIVATE = "deactivate"
    ACTIVATE = "activate"
    DELETE = "delete"
    RESTORE = "restore"
    CHANGE_ENCODER = "change_encoder"
    START_ENCODER_CHANGE = "start_encoder_change"
    PAUSE_ENCODER_CHANGE = "pause_encoder_change"
    CREATE_TOKEN = "create_token"  # noqa: S105 - an action's name
    REVOKE_TOKEN = "revoke_token"  # noqa: S105 - an action's name
    CREATE_RULE = "create_rule"
    UPDATE_RULE = "update_rule"
    DELETE_RULE = "delete_rule"


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was done.

    Attributes:
        created: entries that are new.
        updated: entries that were replaced.
        moved: entries whose label changed sides.
        entries: entries that were erased.
        texts: texts that were erased, for no other entry had them.
        vectors: vectors that were erased: one a text.
        corrections: corrections that were erased.
        outcomes: outcomes, by which the tenant is calibrated, that were erased.
        categories: categories that were erased.
        testimonies: testimonies of a language model that were erased.
        predictions: recorded answers that were erased.
    """

    created: int = 0
    updated: int = 0
    moved: int = 0
    entries: int = 0
    texts: int = 0
    vectors: int = 0
    corrections: int = 0
    outcomes: int = 0
    categories: int = 0
    testimonies: int = 0
    predictions: int = 0

    def __bool__(self) -> bool:
        return self != NOTHING

    def __add__(self, other: "Counts") -> "Counts":
        mine, theirs = asdict(self), asdict(other)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})

    def to_json(self) -> str:
        """These counts as they are stored: those that are not 0."""
        return json.dumps({name: count for name in self.__slots__ if (count := getattr(self, name))})

    @classmethod
    def from_json(cls, stored: str) -> Self:
        """The counts that :meth:`to_json` gave."""
        counts: Mapping[str, int] = json.loads(stored)
        return cls(**counts)


NOTHING: Final = Counts()


@dataclass(frozen=True, slots=True)
class Note:
    """What a change adds to the trail.

    Attributes:
        actor: who did it.
        action: what was done.
        counts: how much.
        categories: numbers of the categories of a change of the chart.
    """

    actor: str
    action: Action
    counts: Counts = NOTHING
    categories: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """A record of the trail.

    Attributes:
        id: names it within its trail; later records have higher ones.
        time: when, in UTC. Of an import's batches, when the last was committed.
        revision: the tenant's, that holds what was done.
        actor: who did it.
        action: what was done.
        counts: how much.
        categories: (dimension, id) of the categories of a change of the chart, as they are called today.
        tenant: whose books.
        subject: what else it was done to: the id of a token.
    """

    id: int
    time: datetime
    revision: int
    actor: str
    action: Action
    counts: Counts
    categories: Sequence[tuple[str, str]] = ()
    tenant: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was erased.

    Attributes:
        record: id of the audit record that says so too.
        time: when, in UTC.
        revision: the tenant's, without what was erased.
        erased: how much.
    """

    record: int
    time: datetime
    revision: int
    erased: Counts

    @classmethod
    def of(cls, record: AuditRecord) -> Self:
        """The receipt that a record of erasure is."""
        return cls(record.id, record.time, record.revision, record.counts)

    def to_json(self) -> str:
        """This receipt as it is remembered with a request id."""
        return json.dumps(
            {
                "record": self.record,
                "time": self.time.isoformat(),
                "revision": self.revision,
                "erased": self.erased.to_json(),
            }
        )

    @classmethod
    def from_json(cls, remembered: str) -> Self:
        """The receipt that :meth:`to_json` gave."""
        fields = json.loads(remembered)
        time, erased = datetime.fromisoformat(fields["time"]), Counts.from_json(fields["erased"])
        return cls(fields["record"], time, fields["revision"], erased)
