"""LanceDB within the process: one table for all, a bitmap index over the tenant, filtered before the search.

https://docs.lancedb.com/indexing/vector-index says that up to some 100,000 rows no vector index is needed,
and the filter leaves fewer than that; https://docs.lancedb.com/search/filtering and …/indexing/scalar-index
advise filtering before the search with an index over the column, of the kind BITMAP for few distinct values.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Final

import lancedb
import numpy as np
import pyarrow as pa
from lancedb.index import Bitmap
from numpy.typing import NDArray

from peers_side.books import Batch, Question
from peers_side.system import Neighbour, Peer

_TABLE: Final = "rows"


class Lance(Peer):
    """See :class:`peers_side.system.System`."""

    is_in_process: ClassVar[bool] = True

    def settings(self) -> Mapping[str, str]:
        return {
            "lancedb": version("lancedb"),
            "reached by": "a call within the process",
            "tenants": "one table, a bitmap index over the tenant, filtered before the search",
            "search": "exact: no vector index",
        }

    def open(self, folder: Path) -> None:
        database = lancedb.connect(folder)
        self._schema = pa.schema(
            [
                ("id", pa.int64()),
                ("tenant", pa.string()),
                ("category", pa.string()),
                ("vector", pa.list_(pa.float32(), self._encoder.dimensions)),
            ]
        )
        self._table: Any = database.create_table(_TABLE, schema=self._schema, exist_ok=True)

    def close(self) -> None:
        del self._table

    def load(self, batch: Batch) -> None:
        vectors = pa.FixedSizeListArray.from_arrays(pa.array(batch.vectors.ravel()), self._encoder.dimensions)
        columns = {
            "id": [int(row.id) for row in batch.rows],
            "tenant": [batch.tenant] * len(batch.rows),
            "category": [row.category for row in batch.rows],
            "vector": vectors,
        }
        self._table.add(pa.table(columns, schema=self._schema))

    def settle(self) -> None:
        self._table.create_index("tenant", config=Bitmap())
        self._table.optimize()

    def nearest(self, tenant: str, vector: NDArray[np.float32], count: int) -> Sequence[Neighbour]:
        search = self._table.search(vector).distance_type("dot").where(f"tenant = '{tenant}'", prefilter=True)
        found = search.select(["id", "category", "_distance"]).limit(count).to_arrow()
        return [
            Neighbour(str(id_), category)
            for id_, category in zip(found["id"].to_pylist(), found["category"].to_pylist(), strict=True)
        ]

    def correct(self, question: Question) -> None:
        self._table.update(
            where=f"tenant = '{question.tenant}' AND id = {question.row.id}",
            values={"category": question.row.category},
        )
