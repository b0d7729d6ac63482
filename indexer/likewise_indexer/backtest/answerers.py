"""Who answers in a replay: a ledger of the engine that serves, and peers, behind one short protocol.

Whoever answers gets exactly the same rows at the same moments, and starts with nothing.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from likewise_engine import limits
from likewise_engine.answers import Classification, ClassifyOptions, Decision, Neighbour
from likewise_engine.chart import Category, Policy
from likewise_engine.encoder.base import Encoder
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_engine.vote import Vote
from likewise_indexer.backtest.peers.base import Peer
from likewise_indexer.backtest.result import NO_DECISION

_TENANT: Final = "backtest"
"""Name of the tenant in its temporary folder: the user's own may be longer than an id."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answers to one transaction.

    Attributes:
        labels: the likeliest first; nothing where there is no idea.
        probability: of the first; 0 where there is none.
        decision: a :class:`Decision`, or NO_DECISION of who only ranks.
    """

    labels: Sequence[str]
    probability: float
    decision: int


class Answerer(Protocol):
    """Answers in one dimension from the labels that it was taught."""

    def learn_history(self, items: Sequence[LabelledTransaction]) -> None:
        """Learn what was there before the first question."""

    def learn(self, items: Sequence[LabelledTransaction]) -> None:
        """Learn what has become visible since."""

    def ask(self, transaction: Transaction) -> Answer:
        """What the label of a transaction may be."""


class LedgerAnswerer:
    """A fresh tenant of the engine that serves, in a data folder of its own.

    History comes in as by ``likewise index``. Later labels come in as an application teaches them, with the
    category that it had been answered, so that the ledger learns from its own mistakes as it would in use.
    """

    def __init__(self, tenants: Tenants, dimension: str) -> None:
        """Make ready to answer.

        Args:
            tenants: with the tenant to be taught.
            dimension: what is asked for.
        """
        self._tenants = tenants
        self._dimension = dimension
        self._options = ClassifyOptions(
            dimensions=(dimension,), candidates_max=limits.CANDIDATES_MAX, neighbours_max=0
        )
        self._answered: dict[str, str] = {}

    def learn_history(self, items: Sequence[LabelledTransaction]) -> None:
        """See :meth:`Answerer.learn_history`."""
        with self._ledger() as ledger:
            for batch in _batches(items):
                ledger.import_batch(batch)
        # What is due is built before the next question: as index does before it ends, and so that a replay
        # does not depend on how fast that was.
        self._tenants.settle()

    def learn(self, items: Sequence[LabelledTransaction]) -> None:
        """See :meth:`Answerer.learn`."""
        with self._ledger() as ledger:
            for batch in _batches([self._with_prediction(item) for item in items]):
                ledger.learn(batch)
        self._tenants.settle()

    def ask(self, transaction: Transaction) -> Answer:
        """See :meth:`Answerer.ask`."""
        answered = self._classify(transaction, self._options)
        if answered is None:
            return Answer((), 0.0, Decision.ASK)
        answer = answered.answer(self._dimension)
        labels = [candidate.category for candidate in answer.candidates]
        if labels:
            self._answered[transaction.id] = labels[0]
        probability = answer.candidates[0].probability if labels else 0.0
        return Answer(labels, probability, answer.decision)

    def neighbours(self, transaction: Transaction) -> tuple[Neighbour, ...]:
        """The past entries that an answer rests on."""
        answered = self._classify(transaction, replace(self._options, neighbours_max=limits.NEIGHBOURS_MAX))
        return answered.neighbours if answered else ()

    def _classify(self, transaction: Transaction, options: ClassifyOptions) -> Classification | None:
        with self._ledger() as ledger:
            # Until a first label of it is visible, the tenant has no such dimension.
            if self._dimension not in ledger.view.chart.dimensions:
                return None
            return ledger.classify(transaction, options)

    def _ledger(self) -> AbstractContextManager[Ledger]:
        return self._tenants.use(_TENANT)

    def _with_prediction(self, item: LabelledTransaction) -> LabelledTransaction:
        predicted = self._answered.pop(item.transaction.id, None)
        return replace(item, predicted={self._dimension: predicted}) if predicted else item


class PeerAnswerer:
    """A peer, as those who answer are asked."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer

    def learn_history(self, items: Sequence[LabelledTransaction]) -> None:
        """See :meth:`Answerer.learn_history`."""
        self._peer.learn(items)

    def learn(self, items: Sequence[LabelledTransaction]) -> None:
        """See :meth:`Answerer.learn`."""
        self._peer.learn(items)

    def ask(self, transaction: Transaction) -> Answer:
        """See :meth:`Answerer.ask`."""
        ranking = self._peer.rank(transaction)
        return Answer([label for label, _ in ranking], ranking[0][1] if ranking else 0.0, NO_DECISION)


@contextmanager
def open_ledger(
    encoder: Encoder, vote: Vote, dimension: str, policy: Policy, categories: Sequence[Category] = ()
) -> Iterator[LedgerAnswerer]:
    """A fresh ledger that answers, gone without a trace after the ``with``.

    Args:
        encoder: of texts.
        vote: weighs evidence.
        dimension: what is asked for.
        policy: of the tenant.
        categories: its chart, as far as it is known beforehand.

    Raises:
        OSError: there is no room for temporary files.
        InvalidInput, LimitReached: the categories or the policy are out of bounds.
    """
    with (
        TemporaryDirectory(prefix="likewise-", dir=memory_folder()) as folder,
        Tenants.open_folder(Path(folder), encoder, vote=vote) as tenants,
    ):
        tenants.create(_TENANT, policy=policy, categories=categories)
        yield LedgerAnswerer(tenants, dimension)


def _batches(items: Sequence[LabelledTransaction]) -> Iterator[Sequence[LabelledTransaction]]:
    for start in range(0, len(items), limits.IMPORT_BATCH_ROWS):
        yield items[start : start + limits.IMPORT_BATCH_ROWS]


def memory_folder() -> str | None:
    """Where fsync costs nothing, if there is such a place: durability is not what is measured here."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
