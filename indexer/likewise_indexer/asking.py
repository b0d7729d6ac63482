"""Asking about the rows of a file, in bulk.

    rows of a batch -> a thousand at a time -> a stream for each tenant among them -> in file order again

A stream for each thousand rows and not one for all: so the answers of several tenants need not be held back
to be put in order, and no stream outlives its deadline however large the file.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import likewise
from likewise_engine import limits
from likewise_engine.errors import FieldViolation
from likewise_engine.transaction import CATEGORY_DIMENSION
from likewise_indexer.bulk.source import Source
from likewise_indexer.messages import transaction_message
from likewise_indexer.readers import RejectedRow, RowConverter, Rows, rejection_of
from likewise_indexer.readers.headers import ID, TENANT
from likewise_indexer.writers import AskedRow


@dataclass(frozen=True, slots=True)
class Asked:
    """Some successive rows of a file, asked.

    Attributes:
        rows: in the file's order.
        bytes_read: about how far into the file they end.
    """

    rows: Sequence[AskedRow]
    bytes_read: int


class FileQuestion:
    """Asks about all rows of files; none is taught.

    Args:
        client: of the server; whoever made it closes it.
        tenant: whose books; None where a column of each row says it.
        options: how to answer.
    """

    def __init__(
        self, client: likewise.Client, tenant: str | None, options: likewise.ClassifyOptions
    ) -> None:
        self._client = client
        self._tenant = tenant
        self._options = options

    def ask(self, source: Source) -> Iterator[Asked]:
        """Ask about a file, at most TABLE_FRAME_ROWS rows at a time.

        A row that cannot be read, is out of bounds, or is refused, has its error. So has a row of a tenant
        that does not exist, where a column names it.

        Raises:
            UnreadableFile: the file cannot be read on.
            likewise.NotFound: there is no such tenant.
            likewise.Error: a call failed.
        """
        converter = RowConverter(source.plan, source.conventions)
        bytes_before = 0
        for batch in source.reader.batches(source.plan.used):
            rows = converter.convert(batch)
            numbered: list[tuple[int, int | RejectedRow]] = [
                *((batch.rows[position], place) for place, position in enumerate(rows.positions)),
                *((rejected.row, rejected) for rejected in rows.rejected),
            ]
            numbered.sort(key=lambda pair: pair[0])
            for start in range(0, len(numbered), limits.TABLE_FRAME_ROWS):
                part = numbered[start : start + limits.TABLE_FRAME_ROWS]
                share = (start + len(part)) / len(numbered)
                bytes_read = bytes_before + int((batch.bytes_read - bytes_before) * share)
                yield Asked(self._ask_part(source, rows, part), bytes_read)
            bytes_before = batch.bytes_read

    def _ask_part(
        self, source: Source, rows: Rows, part: Sequence[tuple[int, int | RejectedRow]]
    ) -> Sequence[AskedRow]:
        """Ask about some rows, each with its number and its place in ``rows`` or what is wrong with it."""
        file = str(source.reader.path)
        answered: dict[int, AskedRow] = {}
        questions: defaultdict[str, dict[int, likewise.Transaction]] = defaultdict(dict)
        for number, item in part:
            if isinstance(item, RejectedRow):
                tenant, own_id = self._tenant or _cell(source, item, TENANT), _cell(source, item, ID)
                answered[number] = AskedRow(file, number, tenant, error=_why(item), id=own_id)
                continue
            tenant = self._tenant or rows.tenants[item]
            violations = list(rows.transactions[item].violations())
            if not tenant:
                violations.append(FieldViolation(TENANT, "is empty"))
            if violations:
                rejected = rejection_of(source.plan, rows.batch, rows.positions[item], violations)
                own_id = rows.transactions[item].id
                answered[number] = AskedRow(file, number, tenant, error=_why(rejected), id=own_id)
            else:
                questions[tenant][number] = transaction_message(rows.transactions[item])
        for tenant, transactions in questions.items():
            answered |= self._ask_tenant(file, tenant, transactions)
        return [answered[number] for number, _ in part]

    def _ask_tenant(
        self, file: str, tenant: str, transactions: Mapping[int, likewise.Transaction]
    ) -> Mapping[int, AskedRow]:
        """Ask one tenant about rows, by their numbers."""
        try:
            outcomes = list(self._client.classify_many(tenant, transactions.values(), options=self._options))
        except (likewise.NotFound, likewise.InvalidRequest) as error:
            if self._tenant is not None:
                raise
            return {
                number: AskedRow(file, number, tenant, transaction, error=error.message)
                for number, transaction in transactions.items()
            }
        return {
            number: AskedRow(
                file,
                number,
                tenant,
                transaction,
                outcome.classification,
                outcome.error.message if outcome.error else "",
            )
            for (number, transaction), outcome in zip(transactions.items(), outcomes, strict=True)
        }


def dimensions_of(client: likewise.Client, tenant: str) -> tuple[str, ...]:
    """The dimensions of a tenant's chart, ``category`` first; that alone where it has none yet.

    Raises:
        likewise.NotFound: there is no such tenant.
        likewise.Error: the call failed.
    """
    found = {category.dimension for category in client.get_tenant(tenant).chart} or {CATEGORY_DIMENSION}
    return tuple(sorted(found, key=lambda dimension: (dimension != CATEGORY_DIMENSION, dimension)))


def _cell(source: Source, rejected: RejectedRow, meaning: str) -> str:
    """What a row that cannot be taken says all the same; empty where it does not or is malformed."""
    column = source.plan.columns.get(meaning)
    if column is None or rejected.is_malformed:
        return ""
    return rejected.values[source.plan.used.index(column)].strip()


def _why(rejected: RejectedRow) -> str:
    return f"{rejected.column}: {rejected.reason}" if rejected.column else rejected.reason
