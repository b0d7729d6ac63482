"""Books to learn from: labelled rows of many tenants, from files.

A file is a *source*: its tenants have a way of bookkeeping in common (a bank's wording, a shared chart), so
whoever wants to know how a vote does on books of another kind leaves out whole files, never single tenants.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from likewise_engine.transaction import CATEGORY_DIMENSION, LabelledTransaction, Transaction
from likewise_indexer.bulk.source import SourceOptions, open_source
from likewise_indexer.readers import ColumnWishes, Occurrences, RowConverter, find_files, open_reader
from likewise_indexer.readers.headers import TENANT


@dataclass(frozen=True, slots=True)
class Book:
    """The labelled rows of one tenant in the order of time. Can be pickled.

    Attributes:
        source: the file it comes from, without its endings.
        tenant: whose it is; the source where the file does not say.
        file_sha256: of that file, in hexadecimal.
        transactions: n rows, by date; undated ones stay behind the row that they followed.
        categories: n labels, category ids.
    """

    source: str
    tenant: str
    file_sha256: str
    transactions: Sequence[Transaction]
    categories: Sequence[str]


def read_books(paths: Sequence[Path], tenant_column: str = TENANT) -> list[Book]:
    """Read files, or folders of them, in any format that ``likewise index`` reads.

    Args:
        paths: what to read.
        tenant_column: says whose row it is; a file that has no such column is one tenant's.

    Returns:
        Books with at least one row, in the order of the files and of their tenants' first rows. Rows that no
        ledger would take are left out, and so are those without a category.

    Raises:
        UnreadableFile: a file is missing, empty, damaged, or of another format.
        ColumnsUnclear: its columns cannot be told apart, or one is missing.
    """
    return [book for path in find_files(paths) for book in _books_of(path, tenant_column)]


def _books_of(path: Path, tenant_column: str) -> list[Book]:
    has_tenants = tenant_column in open_reader(path, SourceOptions().text).columns
    wishes = ColumnWishes(columns={TENANT: (tenant_column,)} if has_tenants else {})
    source = open_source(path, SourceOptions(columns=wishes), labelled=True, tenants=has_tenants)
    name = path.name.partition(".")[0]
    rows: defaultdict[str, list[tuple[Transaction, str]]] = defaultdict(list)
    with Occurrences() as occurrences:
        converter = RowConverter(source.plan, source.conventions, occurrences)
        for batch in source.reader.batches(source.plan.used):
            converted = converter.convert(batch)
            for tenant, transaction, labels in zip(
                converted.tenants, converted.transactions, converted.labels, strict=True
            ):
                category = labels.get(CATEGORY_DIMENSION)
                if category and not any(LabelledTransaction(transaction, labels).violations()):
                    # A dictionary, for what a file's reader makes cannot be pickled.
                    plain = replace(transaction, fields=dict(transaction.fields))
                    rows[tenant or name].append((plain, category))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return [_book(name, tenant, digest, of_tenant) for tenant, of_tenant in rows.items()]


def _book(source: str, tenant: str, digest: str, rows: Sequence[tuple[Transaction, str]]) -> Book:
    days, day = [], date.min
    for transaction, _ in rows:
        day = transaction.date or day
        days.append(day)
    order = sorted(range(len(rows)), key=days.__getitem__)
    return Book(
        source,
        tenant,
        digest,
        transactions=[rows[position][0] for position in order],
        categories=[rows[position][1] for position in order],
    )
