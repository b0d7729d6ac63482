"""What the processes of an import say to each other, over a connection of their own.

The one that was started by the user sends a :class:`Job`, and commands. The importing one sends progress and
rejected rows as they come, and then :class:`Done`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import TypeAlias

from likewise_indexer.bulk.shares import Share
from likewise_indexer.bulk.source import SourceOptions
from likewise_indexer.bulk.tally import Tally
from likewise_indexer.readers import ColumnPlan, Conventions, RejectedRow


@dataclass(frozen=True, slots=True)
class Job:
    """What an importing process is to do.

    Attributes:
        folder: of all data.
        lock: descriptor of that folder's lock, which the process inherits.
        model: folder of the encoder; None for the shipped one.
        vote: folder of the vote; None for the shipped one.
        memory_bytes_max: for the tenants that it has loaded.
        creates: whether tenants that do not exist are created.
        options: what the user said about the files.
        files: each with what was understood of it.
        share: which rows of the files are this process's.
        master_key_file: of the keys that wrap the tenants' keys; None where these lie in the clear.
    """

    folder: Path
    lock: int
    model: Path | None
    vote: Path | None
    memory_bytes_max: int
    creates: bool
    options: SourceOptions
    files: Sequence[tuple[Path, ColumnPlan, Conventions]]
    share: Share
    master_key_file: Path | None


class Command(Enum):
    """What an importing process may be told."""

    GO_ON = auto()
    """Though all of its rows so far were rejected."""
    STOP = auto()
    FINISH = auto()
    """Make what the tenants are due, now that all rows are in."""


@dataclass(frozen=True, slots=True)
class Read:
    """How far a process is.

    Attributes:
        bytes_read: of all files.
        rows: of its share.
        is_any_taken: whether any of them was right.
    """

    bytes_read: int
    rows: int
    is_any_taken: bool


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected row.

    Attributes:
        file: its number among the job's.
        row: the row.
    """

    file: int
    row: RejectedRow


@dataclass(frozen=True, slots=True)
class InVain:
    """So many rows were rejected that the columns seem misunderstood: go on? See :class:`AllRejected`.

    Attributes:
        message: of the error, if not.
    """

    message: str


@dataclass(frozen=True, slots=True)
class Done:
    """Its rows are in, or it was told to stop, or something failed.

    Attributes:
        tally: of its rows.
        error: what failed; None where nothing did.
    """

    tally: Tally
    error: str | None


@dataclass(frozen=True, slots=True)
class Finished:
    """Tenants have all that they were due."""


Said: TypeAlias = Read | Rejected | InVain | Done | Finished
