"""All that a store knows, read in batches: a tenant's whole record, to be carried elsewhere."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from likewise_engine.audit import AuditRecord
from likewise_engine.chart import Category
from likewise_engine.feedback.profile import BinCount
from likewise_engine.feedback.report import Tally
from likewise_engine.rules.kept import KeptRule
from likewise_engine.store import rows, rulebook, testimonies, trail
from likewise_engine.store.base import Correction, NewEntry, Outcome, RequestRecord, TenantRecord
from likewise_engine.store.connection import Connection
from likewise_engine.store.predictions import Recorded
from likewise_engine.store.tail import new_entries_after
from likewise_engine.testimony import Testimony

T = TypeVar("T")

_CORRECTIONS: Final = (
    "SELECT id, transaction_id, dimension, predicted, label FROM corrections WHERE id > ? ORDER BY id LIMIT ?"
)
_OUTCOMES: Final = (
    "SELECT o.id, o.transaction_id, o.predicted, o.probability, o.is_filed FROM outcomes AS o"
    " JOIN entries AS e ON e.transaction_id = o.transaction_id WHERE o.id > ? ORDER BY o.id LIMIT ?"
)
_REQUESTS: Final = "SELECT id, request_id, digest, outcome FROM requests WHERE id > ? ORDER BY id LIMIT ?"
_TESTIMONIES: Final = f"SELECT {testimonies.COLUMNS} FROM testimonies WHERE id > ? ORDER BY id LIMIT ?"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Everything:
    """All that is known about a tenant, as of one revision; what is long in batches.

    Vectors are not among it: they follow from the texts. Each part is read once, in this order. The last
    three are not the store's: see :mod:`likewise_engine.departure`.

    Attributes:
        record: about the tenant.
        chart: the categories, by number.
        entries: in the order of ``seq``; those that come from elsewhere have 0 for it.
        corrections: in the order in which they were made.
        outcomes: in the order of their ids.
        requests: in the order in which they were made; their ids are keys, see :func:`rows.request_key`.
        testimonies: of a language model, in the order in which they were given.
        audit: who did what, the latest first.
        rules: the oldest first.
        tallies: how many answers there were and how many were right, by day.
        bins: how questions were distributed, by day.
        predictions: what was answered, the latest first.
    """

    record: TenantRecord
    chart: Sequence[Category]
    entries: Iterable[Sequence[NewEntry]]
    corrections: Iterable[Sequence[Correction]]
    outcomes: Iterable[Sequence[Outcome]]
    requests: Iterable[Sequence[RequestRecord]]
    testimonies: Iterable[Sequence[Testimony]] = ()
    audit: Iterable[Sequence[AuditRecord]] = ()
    rules: Iterable[Sequence[KeptRule]] = ()
    tallies: Iterable[Sequence[Tally]] = ()
    bins: Iterable[Sequence[BinCount]] = ()
    predictions: Iterable[Sequence[Recorded]] = ()


class Read(Protocol):
    """Reads one snapshot of a store, whenever it is called."""

    def __call__(self, rows_of: Callable[[Connection], T]) -> T:
        """What the function makes of the snapshot. Raises StoreFault, PreconditionFailed."""


def everything_of(read: Read, batch_size: int) -> Everything:
    """All of a snapshot, that is to be read as long as it can be."""
    return Everything(
        record=read(rows.record),
        chart=read(rows.chart),
        entries=_entries(read, batch_size),
        corrections=(
            [Correction(*row[1:]) for row in batch] for batch in _batches(read, _CORRECTIONS, batch_size)
        ),
        outcomes=(
            [Outcome(row[0], row[1], row[2], row[3], bool(row[4])) for row in batch]
            for batch in _batches(read, _OUTCOMES, batch_size)
        ),
        requests=(
            [RequestRecord(*row[1:]) for row in batch] for batch in _batches(read, _REQUESTS, batch_size)
        ),
        testimonies=(
            [testimonies.testimony_of(row) for row in batch]
            for batch in _batches(read, _TESTIMONIES, batch_size)
        ),
        audit=_audit(read, batch_size),
        rules=(read(rulebook.kept) for _ in range(1)),
    )


def remember(connection: Connection, requests: Sequence[RequestRecord]) -> None:
    """Write requests that were remembered elsewhere, under their keys; within a transaction."""
    connection.executemany(
        "INSERT INTO requests (request_id, digest, outcome) VALUES (?, ?, ?)",
        [(request.request_id, request.digest, request.outcome) for request in requests],
    )


def _entries(read: Read, batch_size: int) -> Iterator[Sequence[NewEntry]]:
    seq = -1
    while batch := read(partial(new_entries_after, seq=seq, count_max=batch_size)):
        yield batch
        seq = batch[-1].entry.seq


def _audit(read: Read, batch_size: int) -> Iterator[Sequence[AuditRecord]]:
    before = None
    while batch := read(partial(trail.records, count_max=batch_size, before=before, since=None, until=None)):
        yield batch
        before = batch[-1].id


def _batches(read: Read, select: str, batch_size: int) -> Iterator[list[tuple[Any, ...]]]:
    """Rows by their first column, which is an id."""
    last_id = -1
    while batch := read(lambda connection: connection.execute(select, (last_id, batch_size)).fetchall()):  # noqa: B023
        yield batch
        last_id = batch[-1][0]
