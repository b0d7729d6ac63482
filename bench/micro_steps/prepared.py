"""A tenant and questions to it, and what each step makes of them for the next to start from."""

import random
import shutil
import tempfile
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from latency_load.folder import make_tenants
from latency_load.invented import InventedTenant, Row
from latency_load.payloads import classify_message
from likewise_engine import limits
from likewise_engine.answers import Classification, ClassifyOptions
from likewise_engine.classify import Question, question_of
from likewise_engine.encoder import Encoder, load_encoder
from likewise_engine.evidence import Wording
from likewise_engine.folder import STORE_NAME, DataFolder
from likewise_engine.index.graph import Graph
from likewise_engine.index.texts import TextIndex
from likewise_engine.keys import TenantKey
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.ledger.view import UNKNOWN, View
from likewise_engine.store.sqlite import SqliteStore
from likewise_engine.text import text_and_payee
from likewise_engine.transaction import CATEGORY_DIMENSION, LabelledTransaction, Transaction
from likewise_engine.vote import Vote, load_vote
from recall import generated, vectors_of

QUESTIONS: Final = 64
_TENANT: Final = "micro"
_SEED: Final = 1
_DATA: Final = "data"
_GRAPH: Final = "graph.hnsw"
_MATRIX: Final = "graph.npy"
_IDENTITY: Final = "micro"
_GRAPH_KEY: Final = TenantKey("nobody", bytes(32))


def prepare(folder: Path, labels: int, graph_texts: int) -> None:
    """Make the tenant and the graph in a folder, where they are not there."""
    make_tenants(folder / _DATA, [_tenant_of(labels)])
    if not (folder / _MATRIX).exists():
        matrix = vectors_of(load_encoder(), generated(graph_texts, random.Random(_SEED)))
        graph = Graph.build(matrix)
        assert graph is not None
        graph.save(folder / _GRAPH, _GRAPH_KEY, _IDENTITY)
        np.save(folder / _MATRIX, matrix)


class Prepared:
    """What the steps start from, each made when it is first wanted.

    Args:
        folder: filled by :func:`prepare`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rng = random.Random(f"{_SEED}/lessons")
        self._scratch = tempfile.TemporaryDirectory()

    def close(self) -> None:
        """Delete what was copied."""
        self._scratch.cleanup()

    @cached_property
    def encoder(self) -> Encoder:
        """The shipped one."""
        return load_encoder()

    @cached_property
    def vote(self) -> Vote:
        """The shipped one."""
        return load_vote()

    @cached_property
    def ledger(self) -> Ledger:
        """The tenant, to be asked."""
        return self.load()

    @cached_property
    def view(self) -> View:
        """What its readers see."""
        return self.ledger.view

    @cached_property
    def _invented(self) -> InventedTenant:
        return _tenant_of(self.view.live_count)

    @cached_property
    def rows(self) -> list[Row]:
        """The questions, every other one of a text that the tenant does not know."""
        rng = random.Random(f"{_SEED}/questions")
        rows = [self._invented.row("", rng) for _ in range(QUESTIONS)]
        rows[1::2] = [row._replace(payee=self._invented.new_text(rng)) for row in rows[1::2]]
        return rows

    @cached_property
    def transactions(self) -> list[Transaction]:
        """The questions, as the engine takes them."""
        return [row.of_engine().transaction for row in self.rows]

    @cached_property
    def messages(self) -> list[bytes]:
        """The questions, as they come over the wire."""
        return [classify_message(_TENANT, row) for row in self.rows]

    @cached_property
    def wordings(self) -> list[Wording]:
        """Of the questions, each with the vector of its text."""
        texts = [text_and_payee(asked.payee, asked.description) for asked in self.transactions]
        vectors = vectors_of(self.encoder, [text for text, _ in texts]).astype(np.float32)
        return [
            Wording(
                text, payee, self.view.text_number(text), self.view.payee_numbers.get(payee, UNKNOWN), vector
            )
            for (text, payee), vector in zip(texts, vectors, strict=True)
        ]

    @cached_property
    def near(self) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """The texts near to each question, with their similarities."""
        return [
            self.view.index.search(wording.vector, limits.RETRIEVED_TEXTS_MAX, known_of(wording))
            for wording in self.wordings
        ]

    @cached_property
    def questions(self) -> list[Question]:
        """The questions with their evidence."""
        return [
            question_of(self.view, self.encoder, asked, [CATEGORY_DIMENSION]) for asked in self.transactions
        ]

    @cached_property
    def answers(self) -> list[Classification]:
        """What the tenant answers."""
        return [self.ledger.classify(asked, ClassifyOptions()) for asked in self.transactions]

    @cached_property
    def large_index(self) -> TextIndex:
        """Of so many texts that a graph is worth it."""
        matrix = np.load(self._folder / _MATRIX)
        graph = Graph.load(self._folder / _GRAPH, _GRAPH_KEY, lambda _: _IDENTITY, matrix.shape[1])
        assert graph is not None, "it was made by another version: begin with an empty folder"
        return TextIndex(matrix, np.ones(len(matrix), dtype=np.bool_), graph)

    def load(self) -> Ledger:
        """The tenant from its store and its caches, as at a first touch."""
        return self._ledger(self._path.parent)

    def copy(self) -> Ledger:
        """A copy of the tenant that may be taught."""
        folder = Path(tempfile.mkdtemp(dir=self._scratch.name)) / _TENANT
        shutil.copytree(self._path.parent, folder)
        return self._ledger(folder)

    def lesson(self, number: int) -> LabelledTransaction:
        """A transaction that the tenant does not have yet, of a text that it knows."""
        return self._invented.row(f"lesson-{number}", self._rng).of_engine()

    def _ledger(self, folder: Path) -> Ledger:
        return Ledger(SqliteStore(folder / STORE_NAME, self._key), self.encoder, self.vote, folder)

    @cached_property
    def _path(self) -> Path:
        with closing(DataFolder(self._folder / _DATA)) as folder:
            return folder.store_path(_TENANT)

    @cached_property
    def _key(self) -> TenantKey:
        with closing(DataFolder(self._folder / _DATA)) as folder:
            return folder.key_of(_TENANT)


def known_of(wording: Wording) -> int | None:
    """Number of a text as a search wants it: None where the tenant does not know it."""
    return None if wording.text_number == UNKNOWN else wording.text_number


def _tenant_of(labels: int) -> InventedTenant:
    return InventedTenant.of_size(_TENANT, labels, _SEED)
