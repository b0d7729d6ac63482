"""Likewise itself: ``likewise serve`` with its default settings, asked through ``likewise.Client``.

It gets texts and embeds them, which for the peers is done in front of them. A text that it knows has its
vector already: those questions are set beside the peers' with ready-made vectors.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import likewise
from latency_load.processes import likewise_served
from likewise.v1.classifier_service_pb2 import ClassifyOptions
from likewise_engine.transaction import CATEGORY_DIMENSION
from peers_side.books import Batch, Question
from peers_side.system import Answer, Neighbour, System


class Likewise(System):
    """See :class:`peers_side.system.System`."""

    is_in_process: ClassVar[bool] = False

    def __init__(self) -> None:
        self._stack = ExitStack()

    def settings(self) -> Mapping[str, str]:
        return {
            "version": version("likewise"),
            "grpcio": version("grpcio"),
            "reached by": "gRPC over TCP on loopback",
            "tenants": "one memory each, all in one server",
            "search": "exact over distinct texts up to 16,384 of them",
        }

    def open(self, folder: Path) -> None:
        server = self._stack.enter_context(likewise_served(folder))
        self._client = self._stack.enter_context(likewise.Client(server.address))

    def close(self) -> None:
        self._stack.close()

    def load(self, batch: Batch) -> None:
        self._client.create_tenant(likewise.Tenant(id=batch.tenant))
        self._client.import_transactions(batch.tenant, (row.message() for row in batch.rows))

    def settle(self) -> None:
        """Nothing is asked of anybody: it trains and calibrates by itself."""

    def ask(self, question: Question, count: int) -> Answer:
        options = ClassifyOptions(max_neighbours=count)
        found = self._client.classify(question.tenant, question.row.question(), options=options)
        neighbours = [
            Neighbour(neighbour.transaction_id, neighbour.labels[CATEGORY_DIMENSION])
            for neighbour in found.neighbours
        ]
        return Answer(found.answers[0].candidates[0].category, neighbours)

    def correct(self, question: Question) -> None:
        self._client.learn(question.tenant, [question.row.message()])
