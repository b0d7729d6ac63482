"""Peers that are trained as a whole, again and again: when they train, and what they do alike."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_indexer.backtest.peers.base import PeerSettings, Ranking, labelled

Question = TypeVar("Question", bound=Hashable)
"""All of a transaction that a classifier depends on."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a classifier says to one question, for each of its n categories.

    Attributes:
        labels: the categories.
        scores: float64 ``(n,)``, by which they are ranked.
        leads: float64 ``(n,)``, how far each is ahead of its strongest rival, below 0 where it is behind.
    """

    labels: Sequence[str]
    scores: NDArray[np.float64]
    leads: NDArray[np.float64]


class RetrainedPeer(ABC, Generic[Question]):
    """Trains anew, from all that it was taught, when that has grown by ``growth``, a share.

    So the first labels are learned one by one, and n labels take about log(n) / growth trainings. It trains
    when it is asked, not when it is taught: a history that comes in parts costs one training. In use, these
    programs train at each import or each night.

    The confidence is the logistic function of a category's lead over its strongest rival. None of them gives
    one; of what their margins offer, the lead knew best on real books when they are right.
    """

    growth: float

    def __init__(self, settings: PeerSettings) -> None:
        self._dimension = settings.dimension
        self._questions: list[Question] = []
        self._labels: list[str] = []
        self._labels_trained = 0
        self._has_choice = False
        self._answers: dict[Question, Ranking] = {}

    def learn(self, items: Sequence[LabelledTransaction]) -> None:
        """See :meth:`Peer.learn`."""
        for transaction, label in labelled(items, self._dimension):
            self._questions.append(self._question_of(transaction))
            self._labels.append(label)

    def rank(self, transaction: Transaction) -> Ranking:
        """See :meth:`Peer.rank`."""
        if not self._labels:
            return ()
        if len(self._labels) >= max(self._labels_trained * (1 + self.growth), self._labels_trained + 1):
            self._train_anew()
        if not self._has_choice:
            # No classifier is trained of a single category. All that speaks for it is how often it was seen.
            return ((self._labels[0], self._labels_trained / (self._labels_trained + 1)),)
        question = self._question_of(transaction)
        if question not in self._answers:
            self._answers[question] = _ranked(self._judge(question))
        return self._answers[question]

    def _train_anew(self) -> None:
        self._answers.clear()
        self._labels_trained = len(self._labels)
        self._has_choice = len(set(self._labels)) > 1
        if self._has_choice:
            with warnings.catch_warnings():
                # With few labels most are of their own kind, and scikit-learn asks whether they are numbers.
                warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
                self._train(self._questions, self._labels)

    @abstractmethod
    def _question_of(self, transaction: Transaction) -> Question:
        """What the classifier depends on."""

    @abstractmethod
    def _train(self, questions: Sequence[Question], labels: Sequence[str]) -> None:
        """Train from all of these and forget what was trained before; there are two labels or more."""

    @abstractmethod
    def _judge(self, question: Question) -> Judgement:
        """Ask the classifier that was trained last."""


def leads_of(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each of two or more scores is ahead of the highest of the others."""
    second, highest = np.partition(scores, -2)[-2:]
    others = np.where(np.arange(len(scores)) == scores.argmax(), second, highest)
    leads: NDArray[np.float64] = scores - others
    return leads


def _ranked(judgement: Judgement) -> Ranking:
    confidences = np.exp(-np.logaddexp(0.0, -judgement.leads))
    order = np.argsort(-judgement.scores, kind="stable")
    return [(judgement.labels[place], float(confidences[place])) for place in order]
