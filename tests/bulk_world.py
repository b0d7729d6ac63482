"""What the tests of bulk indexing share: files, data folders, and what is in them after an import."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from likewise_engine.encoder import HashingEncoder
from likewise_engine.store.base import Entry
from likewise_engine.tenants import Tenants
from likewise_indexer.bulk import Source, SourceOptions, open_source
from likewise_indexer.readers import ColumnWishes, RejectedRow, find_files

HEADER = "id,date,payee,amount,currency,category"


def written(path: Path, *lines: str, header: str = HEADER) -> Path:
    """A CSV file."""
    path.write_text("\n".join((header, *lines)) + "\n")
    return path


def numbered(path: Path, count: int, *, first: int = 0) -> Path:
    """A CSV file of so many rows without ids, every third of which comes twice."""
    lines = []
    for n in range(first, first + count):
        m = n - n % 3 // 2
        lines.append(f"2024-01-{1 + m % 28:02},Shop {m % 7},{m}.50,EUR,c{m % 4}")
    return written(path, *lines, header="date,payee,amount,currency,category")


def sources_of(*paths: Path, tenant_column: str = "", **wishes: Any) -> list[Source]:
    """Files as they are imported."""
    columns = {"tenant": (tenant_column,)} if tenant_column else {}
    options = SourceOptions(columns=ColumnWishes(columns=columns, **wishes))
    return [open_source(p, options, labelled=True, tenants=bool(tenant_column)) for p in find_files(paths)]


@contextmanager
def tenants_in(folder: Path) -> Iterator[Tenants]:
    """The tenants of a data folder, with an encoder that needs no model."""
    with Tenants.open_folder(folder, HashingEncoder()) as tenants:
        yield tenants


def entries_of(tenants: Tenants, tenant: str) -> dict[str, tuple[Any, ...]]:
    """What a ledger has, by transaction id."""
    with tenants.use(tenant) as ledger:
        entries: Sequence[Entry] = ledger.store.entries_after(0, 1_000_000)
    return {e.transaction.id: (e.transaction, dict(e.labels), dict(e.authorities)) for e in entries}


class Rejects:
    """Collects rejected rows."""

    def __init__(self) -> None:
        self.rows: list[RejectedRow] = []

    def __call__(self, _source: Source, rejected: RejectedRow) -> None:
        self.rows.append(rejected)

    @property
    def reasons(self) -> list[tuple[int, str, str]]:
        """Row, column and reason of each."""
        return [(rejected.row, rejected.column, rejected.reason) for rejected in self.rows]
