"""Chroma's server, a collection a tenant.

The cookbook's strategies for many tenants (https://cookbook.chromadb.dev/strategies/multi-tenancy/ and
…/naive-multi-tenancy) range from one collection for all, filtered by metadata, to a database a tenant. A
collection a user is the one that searches a tenant's rows alone within one database. The HNSW graph has the
default parameters, but for the space: inner product, which is the cosine of unit vectors.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar, Final

import chromadb
import numpy as np
from chromadb.config import Settings
from numpy.typing import NDArray

from peers_side.books import Batch, Question
from peers_side.servers import free_port, running
from peers_side.system import Neighbour, Peer

_LABEL: Final = "category"
_ENVIRONMENT: Final = {"ANONYMIZED_TELEMETRY": "False", "RUST_LOG": "error"}
"""It logs several lines a query by default, which takes a tenth of its time."""


class Chroma(Peer):
    """See :class:`peers_side.system.System`."""

    is_in_process: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self._collections: dict[str, Any] = {}

    def settings(self) -> Mapping[str, str]:
        return {
            "chromadb": version("chromadb"),
            "reached by": "HTTP over TCP on loopback, chromadb.HttpClient",
            "tenants": "a collection each",
            "search": "HNSW, max_neighbors 16, ef_construction 100, ef_search 100 (the defaults), space ip",
            "set": "telemetry and the log off",
        }

    def open(self, folder: Path) -> None:
        port = free_port()
        command = str(Path(sys.executable).with_name("chroma"))
        arguments = ["run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
        self._client = self._stack.enter_context(
            running(
                [command, *arguments],
                lambda: _connect(port),
                environment={**os.environ, **_ENVIRONMENT},
            )
        )
        self._collections = {collection.name: collection for collection in self._client.list_collections()}

    def close(self) -> None:
        self._stack.close()

    def load(self, batch: Batch) -> None:
        collection = self._client.create_collection(
            batch.tenant, configuration={"hnsw": {"space": "ip"}}, embedding_function=None
        )
        self._collections[batch.tenant] = collection
        at_once = self._client.get_max_batch_size()
        for start in range(0, len(batch.rows), at_once):
            rows = batch.rows[start : start + at_once]
            collection.add(
                ids=[row.id for row in rows],
                embeddings=batch.vectors[start : start + at_once],
                metadatas=[{_LABEL: row.category} for row in rows],
            )

    def settle(self) -> None:
        """Its graphs are built by itself."""

    def nearest(self, tenant: str, vector: NDArray[np.float32], count: int) -> Sequence[Neighbour]:
        found = self._collections[tenant].query(
            query_embeddings=[vector], n_results=count, include=["metadatas"]
        )
        return [
            Neighbour(id_, metadata[_LABEL])
            for id_, metadata in zip(found["ids"][0], found["metadatas"][0], strict=True)
        ]

    def correct(self, question: Question) -> None:
        self._collections[question.tenant].update(
            ids=[question.row.id], metadatas=[{_LABEL: question.row.category}]
        )


def _connect(port: int) -> Any:
    try:
        return chromadb.HttpClient(host="127.0.0.1", port=port, settings=Settings(anonymized_telemetry=False))
    except ValueError:  # as which it reports that nobody listens
        return None
