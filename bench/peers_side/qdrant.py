"""Qdrant's engine within the process (Qdrant Edge): one shard for all, partitioned by payload.

As https://qdrant.tech/documentation/manage-data/multitenancy/ advises for many tenants: a payload field with
a keyword index of ``is_tenant``, no global graph (``m`` 0), and one for each tenant (``payload_m`` 16) that
is large enough: below ``full_scan_threshold`` (10,000 kB, the default: 20,000 vectors of ours) it scans.
https://qdrant.tech/documentation/edge/edge-api/ has the interface; updates are in the write-ahead log when
they return.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from qdrant_edge import (
    Distance,
    EdgeConfig,
    EdgeShard,
    EdgeVectorParams,
    FieldCondition,
    Filter,
    HnswIndexConfig,
    KeywordIndexParams,
    MatchValue,
    Point,
    Query,
    QueryRequest,
    UpdateOperation,
)

from peers_side.books import Batch, Question
from peers_side.system import Neighbour, Peer

_TENANT: Final = "tenant"
_LABEL: Final = "category"
_UPSERTED_AT_ONCE: Final = 1_000
_M: Final = 16
_EF_CONSTRUCT: Final = 100
_FULL_SCAN_THRESHOLD_KB: Final = 10_000


class Qdrant(Peer):
    """See :class:`peers_side.system.System`."""

    is_in_process: ClassVar[bool] = True

    def settings(self) -> Mapping[str, str]:
        return {
            "qdrant-edge-py": version("qdrant-edge-py"),
            "reached by": "a call within the process",
            "tenants": "one shard, a payload field with a keyword index, is_tenant",
            "search": f"m 0, payload_m {_M}, ef_construct {_EF_CONSTRUCT}, full_scan_threshold "
            f"{_FULL_SCAN_THRESHOLD_KB} kB (the default: smaller tenants are scanned)",
        }

    def open(self, folder: Path) -> None:
        if any(folder.iterdir()):
            self._shard = EdgeShard.load(str(folder))
            return
        config = EdgeConfig(
            vectors=EdgeVectorParams(size=self._encoder.dimensions, distance=Distance.Dot),
            hnsw_config=HnswIndexConfig(
                m=0,
                payload_m=_M,
                ef_construct=_EF_CONSTRUCT,
                full_scan_threshold=_FULL_SCAN_THRESHOLD_KB,
            ),
        )
        self._shard = EdgeShard.create(str(folder), config)
        index = KeywordIndexParams(is_tenant=True)
        self._shard.update(UpdateOperation.create_field_index(_TENANT, index))

    def close(self) -> None:
        self._shard.close()

    def load(self, batch: Batch) -> None:
        for start in range(0, len(batch.rows), _UPSERTED_AT_ONCE):
            stop = start + _UPSERTED_AT_ONCE
            points = [
                Point(int(row.id), vector, {_TENANT: batch.tenant, _LABEL: row.category})
                for row, vector in zip(
                    batch.rows[start:stop], batch.vectors[start:stop].tolist(), strict=True
                )
            ]
            self._shard.update(UpdateOperation.upsert_points(points))

    def settle(self) -> None:
        self._shard.optimize()

    def nearest(self, tenant: str, vector: NDArray[np.float32], count: int) -> Sequence[Neighbour]:
        request = QueryRequest(
            limit=count,
            query=Query.Nearest(vector.tolist()),
            filter=Filter(must=[FieldCondition(key=_TENANT, match=MatchValue(tenant))]),
            with_payload=[_LABEL],
        )
        return [Neighbour(str(point.id), point.payload[_LABEL]) for point in self._shard.query(request)]

    def correct(self, question: Question) -> None:
        label = {_LABEL: question.row.category}
        self._shard.update(UpdateOperation.set_payload([int(question.row.id)], label))
