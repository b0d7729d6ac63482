"""What each of the compared systems can do, and what all peers have in common.

A peer stores a row for each labelled transaction: id, label, vector. It answers with the labels of the
nearest rows, and the most frequent of them is the label that it gives. That is less than Likewise does
(amounts, dates, a probability, a decision), and it is all that a vector database brings along.
"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from likewise_engine.encoder import Encoder, load_encoder
from peers_side.books import Batch, Question, vectors_of


class Neighbour(NamedTuple):
    """A row that was found, with the label that it has now."""

    id: str
    label: str


class Answer(NamedTuple):
    """A label, and the rows that speak for it."""

    label: str
    neighbours: Sequence[Neighbour]


class System(Protocol):
    """One of the systems, with all of its data in one folder.

    Attributes:
        is_in_process: whether it runs in the process that asks, or in one of its own.
    """

    is_in_process: ClassVar[bool]

    @abstractmethod
    def settings(self) -> Mapping[str, str]:
        """Versions, and what was set differently from the defaults. Of an open system."""

    @abstractmethod
    def open(self, folder: Path) -> None:
        """Start it, and make what is not in the folder yet; it answers when this returns."""

    @abstractmethod
    def close(self) -> None:
        """Stop it; what it was taught stays in the folder."""

    @abstractmethod
    def load(self, batch: Batch) -> None:
        """Take the history of a tenant that it has not heard of; durable and searchable on return."""

    @abstractmethod
    def settle(self) -> None:
        """Do what its documentation advises after much was loaded."""

    @abstractmethod
    def ask(self, question: Question, count: int) -> Answer:
        """Find a label, and at most so many neighbours, the nearest first."""

    @abstractmethod
    def correct(self, question: Question) -> None:
        """Give a row that it has the label of the question's row."""


class Peer(System):
    """A system that knows nothing of texts: our own encoder is applied in front, the same for all."""

    def __init__(self) -> None:
        self._encoder: Encoder = load_encoder()

    @abstractmethod
    def nearest(self, tenant: str, vector: NDArray[np.float32], count: int) -> Sequence[Neighbour]:
        """The nearest rows of a tenant to a unit vector, by cosine."""

    def ask(self, question: Question, count: int) -> Answer:
        """See :class:`System`. Embeds where there is no vector."""
        vector = question.vector
        if vector is None:
            vector = vectors_of(self._encoder, [question.row.payee])[0]
        neighbours = self.nearest(question.tenant, vector, count)
        labels = Counter(neighbour.label for neighbour in neighbours)
        return Answer(labels.most_common(1)[0][0], neighbours)
