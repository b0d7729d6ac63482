"""The books that are replayed: each tenant's latest labelled rows, in order of time.

They are read as ``likewise index`` reads them, by the same import; only that what it would commit is kept in
memory. So the same rows are rejected for the same reasons, and the same ids are the same transactions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from likewise_engine.chart import Category
from likewise_engine.ledger.outcomes import ImportOutcome, LearnOutcome
from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.backtest.timeline import in_time_order
from likewise_indexer.bulk import BulkImport, Progress, Source, TenantChart
from likewise_indexer.bulk.sink import rejections_of
from likewise_indexer.readers import RejectedRow


@dataclass(frozen=True, slots=True)
class Book:
    """A tenant's rows. It can be sent to another process.

    Attributes:
        tenant: its name.
        files: where the rows came from.
        items: labelled rows in order of time, no two with the same id.
        categories: of its chart, as far as it is known before the first row.
    """

    tenant: str
    files: tuple[Path, ...]
    items: Sequence[LabelledTransaction]
    categories: tuple[Category, ...] = ()

    @property
    def sources(self) -> list[str]:
        """What its files are called, without their endings."""
        return [file.name.partition(".")[0] for file in self.files]

    @property
    def source(self) -> str:
        """The first of these: what whoever leaves sources out takes it for."""
        return self.sources[0]


@dataclass(slots=True)
class _Shelved:
    """Rows of a tenant by id, and the files they came from."""

    items: dict[str, LabelledTransaction] = field(default_factory=dict)
    files: dict[Path, None] = field(default_factory=dict)


class BookShelf:
    """Keeps what an import takes, as a sink of it; memory is bounded by the rows that are wanted.

    Args:
        rows_max: latest rows to keep of each tenant.
    """

    def __init__(self, rows_max: int) -> None:
        self._rows_max = rows_max
        self._shelved: dict[str, _Shelved] = {}
        self.file = Path()
        """Where the rows that are taken come from."""

    def prepare(self, tenant: str, chart: TenantChart) -> None:
        """See :meth:`Sink.prepare`."""

    def take(self, tenant: str, items: Sequence[LabelledTransaction]) -> ImportOutcome:
        """See :meth:`Sink.take`. A row whose id is there already takes the place of the earlier one."""
        rejections = rejections_of(items)
        refused = {rejection.position for rejection in rejections}
        shelved = self._shelved.setdefault(tenant, _Shelved())
        shelved.files[self.file] = None
        created = 0
        for position, item in enumerate(items):
            if position in refused:
                continue
            old = shelved.items.get(item.transaction.id)
            created += old is None
            shelved.items[item.transaction.id] = _plain(item, old)
        if len(shelved.items) > 2 * self._rows_max:
            shelved.items = {i.transaction.id: i for i in self._latest(shelved)}
        updated = len(items) - len(refused) - created
        return ImportOutcome(LearnOutcome(0, created=created, updated=updated), rejections)

    def finish(self) -> None:
        """Nothing is to be waited for."""

    def books(self, categories: Sequence[Category] = ()) -> list[Book]:
        """What was taken: the tenants in the order of their first rows, with this chart."""
        return [
            Book(tenant, tuple(shelved.files), self._latest(shelved), tuple(categories))
            for tenant, shelved in self._shelved.items()
            if shelved.items
        ]

    def _latest(self, shelved: _Shelved) -> list[LabelledTransaction]:
        return in_time_order(shelved.items.values())[-self._rows_max :]


@dataclass(slots=True)
class Reading:
    """What came of reading files.

    Attributes:
        books: of tenants that have at least one labelled row.
        rows: rows that were read.
        skipped: rows of these without a label.
        rejected: rows that are wrong.
        is_complete: whether all files were read to their end.
    """

    books: Sequence[Book] = ()
    rows: int = 0
    skipped: int = 0
    rejected: int = 0
    is_complete: bool = True


def read_books(
    sources: Sequence[tuple[Source, str | None]],
    rows_max: int,
    *,
    chart: TenantChart | None = None,
    on_rejected: Callable[[Source, RejectedRow], None] = lambda _source, _rejected: None,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
    keep_on: Callable[[], bool] = lambda: True,
) -> Reading:
    """Read files.

    Args:
        sources: each with the tenant whose it is, None where a column says it.
        rows_max: latest rows to keep of each tenant.
        chart: known before the first row; of all tenants.
        on_rejected: called with each rejected row.
        on_progress: called after each batch of rows.
        keep_on: asked between batches; reading ends when it says no.

    Raises:
        InvalidInput: a tenant cannot have this name.
        AllRejected: every one of the first rows of a file was rejected.
        UnreadableFile: a file cannot be read on.
        OSError: a temporary file cannot be written.
    """
    shelf, reading = BookShelf(rows_max), Reading()
    bytes_total = sum(source.reader.bytes_total for source, _ in sources)
    bytes_before = 0
    for source, tenant in sources:
        before = Progress(bytes_before, bytes_total, reading.rows)
        # A tally of its own for each file, and the shelf knows which file it is.
        shelf.file = source.reader.path
        tally = BulkImport(
            shelf,
            tenant=tenant,
            on_rejected=on_rejected,
            on_progress=partial(_report, on_progress, before),
            keep_on=keep_on,
        ).run([source])
        bytes_before += source.reader.bytes_total
        total = tally.total
        reading.rows += total.committed + total.skipped + total.rejected
        reading.skipped += total.skipped
        reading.rejected += total.rejected
        reading.is_complete &= tally.is_complete
        if not tally.is_complete:
            break
    reading.books = shelf.books(chart.categories if chart else ())
    return reading


def _report(on_progress: Callable[[Progress], None], before: Progress, now: Progress) -> None:
    on_progress(Progress(before.bytes_read + now.bytes_read, before.bytes_total, before.rows + now.rows))


def _plain(item: LabelledTransaction, old: LabelledTransaction | None) -> LabelledTransaction:
    """The item, with labels of the earlier one in dimensions that it has none of, as a ledger merges them.

    Its mappings become dictionaries: those of the readers cannot be sent to another process.
    """
    transaction = replace(item.transaction, fields=dict(item.transaction.fields))
    labels = {**old.labels, **item.labels} if old else dict(item.labels)
    return replace(item, transaction=transaction, labels=labels, predicted=dict(item.predicted))
