"""What the payee had before: its last label, or the one that it had most often."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_indexer.backtest.peers.base import PeerSettings, Ranking, labelled, payee_of


@dataclass(slots=True)
class _Record:
    """How often a payee had a label, and the number of its latest lesson."""

    count: int = 0
    latest: int = 0


class _PayeePeer(ABC):
    """Keeps each payee's labels. A payee that was never seen has no ranking."""

    def __init__(self, settings: PeerSettings) -> None:
        self._dimension = settings.dimension
        self._records: defaultdict[str, defaultdict[str, _Record]] = defaultdict(lambda: defaultdict(_Record))
        self._lessons = 0

    def learn(self, items: Sequence[LabelledTransaction]) -> None:
        """See :meth:`Peer.learn`."""
        for transaction, label in labelled(items, self._dimension):
            record = self._records[payee_of(transaction)][label]
            self._lessons += 1
            record.count += 1
            record.latest = self._lessons

    def rank(self, transaction: Transaction) -> Ranking:
        """See :meth:`Peer.rank`. The confidence is a label's count / (all of the payee's + 1)."""
        records: Mapping[str, _Record] = self._records.get(payee_of(transaction), {})
        total = sum(record.count for record in records.values())
        ranked = sorted(records.items(), key=lambda pair: self._order(pair[1]), reverse=True)
        return [(label, record.count / (total + 1)) for label, record in ranked]

    @abstractmethod
    def _order(self, record: _Record) -> tuple[int, int]:
        """What is greater is ranked first."""


class PayeeLast(_PayeePeer):
    """The last label of the payee first, then the one before it that differs, and so on."""

    def _order(self, record: _Record) -> tuple[int, int]:
        return record.latest, record.count


class PayeeMajority(_PayeePeer):
    """The most frequent label of the payee first; among equals the later."""

    def _order(self, record: _Record) -> tuple[int, int]:
        return record.count, record.latest
