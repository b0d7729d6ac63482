"""sqlite-vec within the process: one virtual table for all, partitioned by tenant.

https://alexgarcia.xyz/sqlite-vec/features/vec0.html has partition keys for what is searched for one user at
a time, and auxiliary columns for what is only returned; the search is exact. Python's own sqlite3 is often
built without loadable extensions, for which https://alexgarcia.xyz/sqlite-vec/python.html names other builds:
here it is apsw. As durable as Likewise: WAL, and each commit is synced.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar, Final

import apsw
import numpy as np
import sqlite_vec
from numpy.typing import NDArray

from peers_side.books import Batch, Question
from peers_side.system import Neighbour, Peer

_QUERY: Final = (
    "SELECT id, category FROM rows WHERE vector MATCH ? AND k = ? AND tenant = ? ORDER BY distance"
)


class SqliteVec(Peer):
    """See :class:`peers_side.system.System`."""

    is_in_process: ClassVar[bool] = True

    def settings(self) -> Mapping[str, str]:
        return {
            "sqlite-vec": version("sqlite-vec"),
            "SQLite": apsw.sqlite_lib_version(),
            "reached by": "a call within the process, apsw",
            "tenants": "one vec0 table, the tenant is its partition key",
            "search": "exact",
            "set": "journal_mode=WAL, synchronous=FULL",
        }

    def open(self, folder: Path) -> None:
        self._connection = apsw.Connection(str(folder / "rows.sqlite"))
        self._connection.enable_load_extension(True)
        self._connection.load_extension(sqlite_vec.loadable_path())
        self._connection.enable_load_extension(False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            "CREATE VIRTUAL TABLE IF NOT EXISTS rows USING vec0("
            "id integer primary key, tenant text partition key, "
            f"vector float[{self._encoder.dimensions}] distance_metric=cosine, +category text)"
        )

    def close(self) -> None:
        self._connection.close()

    def load(self, batch: Batch) -> None:
        rows = (
            (int(row.id), batch.tenant, vector.tobytes(), row.category)
            for row, vector in zip(batch.rows, batch.vectors, strict=True)
        )
        with self._connection:
            self._connection.executemany(
                "INSERT INTO rows (id, tenant, vector, category) VALUES (?, ?, ?, ?)", rows
            )

    def settle(self) -> None:
        """There is nothing to do: no index."""

    def nearest(self, tenant: str, vector: NDArray[np.float32], count: int) -> Sequence[Neighbour]:
        found = self._connection.execute(_QUERY, (vector.tobytes(), count, tenant))
        return [Neighbour(str(id_), str(category)) for id_, category in found]

    def correct(self, question: Question) -> None:
        values = (question.row.category, int(question.row.id))
        self._connection.execute("UPDATE rows SET category = ? WHERE id = ?", values)
