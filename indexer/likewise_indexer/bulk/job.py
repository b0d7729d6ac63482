"""The import itself: rows of files to the buffers of their tenants, and full buffers to the sink.

Memory is bounded by reading on only so far: after IMPORT_BUFFERED_ROWS_MAX rows, or
IMPORT_BUFFERED_BYTES_MAX, every buffer is emptied, full or not. That bounds as well the batches kept for the
originals of rejected rows, which a bound on buffered rows alone would not: one row keeps its whole batch.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from likewise_engine import limits
from likewise_engine.errors import FieldViolation, InvalidInput, LikewiseError, TenantNotFound
from likewise_engine.folder import check_tenant_id
from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.bulk.chart import TenantChart
from likewise_indexer.bulk.shares import Share
from likewise_indexer.bulk.sink import Sink
from likewise_indexer.bulk.source import Source
from likewise_indexer.bulk.tally import Tally
from likewise_indexer.readers import Batch, Occurrences, RejectedRow, RowConverter, Rows, rejection_of
from likewise_indexer.readers.headers import TENANT

_NO_CHART: Final = TenantChart()


class AllRejected(LikewiseError):
    """So many rows are rejected, and none was taken, that the columns must be misunderstood."""

    reason = "ALL_REJECTED"


class _Stopped(Exception):
    """Whoever runs the import wants it to end."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is.

    Attributes:
        bytes_read: of all files.
        bytes_total: of all files.
        rows: rows that were read, rejected ones included.
    """

    bytes_read: int
    bytes_total: int
    rows: int


@dataclass(slots=True)
class _Buffer:
    """Rows of one tenant that wait for a batch, and where each came from."""

    items: list[LabelledTransaction] = field(default_factory=list)
    origins: list[tuple[Source, Batch, int]] = field(default_factory=list)

    def cut(self, count: int) -> "_Buffer":
        """Take the first rows out of the buffer."""
        first = _Buffer(self.items[:count], self.origins[:count])
        del self.items[:count], self.origins[:count]
        return first


class BulkImport:
    """One import of some files; run it once.

    Args:
        sink: where the rows go.
        tenant: whose they are; None where a column of theirs says it.
        chart: of that tenant.
        share: which tenants' rows are imported, where there are several; None for all.
        on_rejected: called with each rejected row.
        on_progress: called after each batch that was read.
        keep_on: asked between batches; the import ends when it says no.
        goes_on_in_vain: asked before AllRejected is raised whether to go on all the same.
    """

    def __init__(
        self,
        sink: Sink,
        *,
        tenant: str | None = None,
        chart: TenantChart = _NO_CHART,
        share: Share | None = None,
        on_rejected: Callable[[Source, RejectedRow], None] = lambda _source, _rejected: None,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
        keep_on: Callable[[], bool] = lambda: True,
        goes_on_in_vain: Callable[[AllRejected], bool] = lambda _error: False,
    ) -> None:
        self.tally = Tally()
        """What it has come to so far; also after an error."""
        self._sink = sink
        self._tenant = tenant
        self._chart = chart
        self._share = share
        self._on_rejected = on_rejected
        self._on_progress = on_progress
        self._keep_on = keep_on
        self._goes_on_in_vain = goes_on_in_vain
        self._buffers: dict[str, _Buffer] = {}
        self._prepared: set[str] = set()
        self._rows_since_empty = self._bytes_since_empty = 0
        self._rejected_in_vain = 0
        self.is_any_taken = False
        """Whether any row was right so far, labelled or not."""
        # Tenants' ids come in runs, or there are few of them.
        self._violation_of = lru_cache(maxsize=65_536)(_violation_of_tenant)

    def run(self, sources: Sequence[Source]) -> Tally:
        """Import the files, in this order. A tenant is created with its first rows, and not without any.

        Returns:
            The tally; not complete where it was told to end.

        Raises:
            InvalidInput: the tenant cannot have this id.
            TenantNotFound: there is no such tenant, and none is to be created.
            AllRejected: every one of the first rows was rejected.
            UnreadableFile: a file cannot be read on.
            OSError: the disk is full.
            LikewiseError, likewise.Error: the sink failed.
            In any case what was committed before stays.
        """
        if self._tenant is not None:
            check_tenant_id(self._tenant)
        bytes_total = sum(source.reader.bytes_total for source in sources)
        bytes_before = rows = 0
        try:
            for source in sources:
                with Occurrences() as occurrences:
                    converter = RowConverter(source.plan, source.conventions, occurrences)
                    for batch in self._batches(source):
                        self._check_wanted()
                        self._take(source, converter.convert(batch))
                        rows += len(batch.rows) + len(batch.malformed)
                        self._on_progress(Progress(bytes_before + batch.bytes_read, bytes_total, rows))
                bytes_before += source.reader.bytes_total
            self._empty()
            self.tally.is_complete = True
        except _Stopped:
            pass  # the tally says that it is not complete
        return self.tally

    def _batches(self, source: Source) -> Iterator[Batch]:
        for batch in source.reader.batches(source.plan.used):
            if self._share is None:
                yield batch
            else:
                yield self._share.of(batch, source.plan.columns[TENANT])

    def _take(self, source: Source, rows: Rows) -> None:
        batch = rows.batch
        size_bytes = int(batch.frame.estimated_size())
        shares = 1 if self._share is None else self._share.count
        if (
            self._rows_since_empty + len(batch.rows) > limits.IMPORT_BUFFERED_ROWS_MAX // shares
            or self._bytes_since_empty + size_bytes > limits.IMPORT_BUFFERED_BYTES_MAX // shares
        ):
            self._empty()
        self._rows_since_empty += len(batch.rows)
        self._bytes_since_empty += size_bytes
        tenants = rows.tenants if self._tenant is None else [self._tenant] * len(rows.positions)
        touched = self._fill_buffers(source, rows, tenants)
        for rejected in rows.rejected:
            self._reject(source, rejected, self._tenant or "")
        for tenant in touched:
            while len(self._buffers[tenant].items) >= limits.IMPORT_BATCH_ROWS:
                self._commit(tenant, self._buffers[tenant].cut(limits.IMPORT_BATCH_ROWS))

    def _fill_buffers(self, source: Source, rows: Rows, tenants: Sequence[str]) -> set[str]:
        """Put a batch's rows into the buffers of their tenants; return whose."""
        touched: set[str] = set()
        for tenant, position, transaction, labels in zip(
            tenants, rows.positions, rows.transactions, rows.labels, strict=True
        ):
            if tenant not in touched:
                if (violation := self._violation_of(tenant)) is not None:
                    rejected = rejection_of(source.plan, rows.batch, position, [violation])
                    self._reject(source, rejected, "")
                    continue
                touched.add(tenant)
                self._buffers.setdefault(tenant, _Buffer())
            if not labels:
                self.tally.tenants[tenant].skipped += 1
                self.is_any_taken = True
                continue
            buffer = self._buffers[tenant]
            buffer.items.append(LabelledTransaction(transaction, labels))
            buffer.origins.append((source, rows.batch, position))
        return touched

    def _empty(self) -> None:
        """Commit all buffers."""
        for tenant, buffer in self._buffers.items():
            if buffer.items:
                self._commit(tenant, buffer)
        self._buffers.clear()
        self._rows_since_empty = self._bytes_since_empty = 0

    def _commit(self, tenant: str, buffer: _Buffer) -> None:
        self._check_wanted()
        try:
            self._prepare(tenant)
            outcome = self._sink.take(tenant, buffer.items)
        except TenantNotFound as error:
            if self._tenant is not None:
                raise
            for source, batch, position in buffer.origins:
                violation = FieldViolation(TENANT, error.message)
                self._reject(source, rejection_of(source.plan, batch, position, [violation]), tenant)
            return
        self.tally.tenants[tenant].add(outcome)
        self.is_any_taken |= len(outcome.rejections) < len(buffer.items)
        for rejection in outcome.rejections:
            source, batch, position = buffer.origins[rejection.position]
            rejected = rejection_of(source.plan, batch, position, rejection.violations)
            self._reject(source, rejected, tenant)

    def _prepare(self, tenant: str) -> None:
        if tenant not in self._prepared:
            self._sink.prepare(tenant, self._chart)
            self._prepared.add(tenant)

    def _reject(self, source: Source, rejected: RejectedRow, tenant: str) -> None:
        self.tally.tenants[tenant].rejected += 1
        self._on_rejected(source, rejected)
        self._rejected_in_vain += not self.is_any_taken
        if self.is_any_taken or self._rejected_in_vain < limits.IMPORT_ALL_REJECTED_ROWS_MAX:
            return
        if not any(buffer.items for buffer in self._buffers.values()):
            error = AllRejected(
                f"the first {self._rejected_in_vain:,} rows were all rejected, the last of them for"
                f" {rejected.column or 'the row'}: {rejected.reason}. Is a column misunderstood? Name it with"
                " --map, or see --date-format, --decimal and --encoding"
            )
            if not self._goes_on_in_vain(error):
                raise error
            self.is_any_taken = True

    def _check_wanted(self) -> None:
        if not self._keep_on():
            raise _Stopped


def _violation_of_tenant(tenant: str) -> FieldViolation | None:
    try:
        check_tenant_id(tenant)
    except InvalidInput as error:
        return FieldViolation(TENANT, error.violations[0].message)
    return None
