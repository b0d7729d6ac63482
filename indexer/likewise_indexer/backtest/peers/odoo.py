"""Odoo's prediction of a bill line's account: full-text ranking over former lines.

After Odoo 13 to 15 (account_predictive_bills, models/account_move.py: _predict_account, _predict_field) and
PostgreSQL 15 (src/backend/utils/adt/tsrank.c: calc_rank_or):

- A former line is a document: the lexemes of its name, of weight B (0.4), and one lexeme for its partner, of
  weight A (1.0). The latest 10,000 lines are looked at.
- The question is a query: any of the lexemes of the new line's name, or its partner.
- ``ts_rank`` of a document is the mean over the query's distinct lexemes of
  w (1 + 1/4 + … + 1/n^2) / 1.64493, for a lexeme of weight w that is n times in the document; 0 for one that
  is not.
- Accounts are ranked by the highest rank among their lines, and of equals by how many of their lines match.

Later versions look at lines of the same partner alone (and at the names of accounts): .666 of top-1 on real
books, against .680, for they know nothing of new partners. The text search configuration is ``simple``, as
in Odoo 12, which found no need of a language; ``english``, the default since, is worth .681. Names of
accounts change nothing here and are left out.

Odoo gives no confidence. Of its query's own columns this one knew best when it is right: the account's
matching lines / (those of all accounts of its rank + 1). A line without description has its payee for a
name, where Odoo would predict nothing. Words are runs of letters and digits in names and questions alike,
where PostgreSQL's parser takes ``amazon.co.uk`` in a name for one lexeme that no question has.
"""

import re
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_indexer.backtest.peers.base import PeerSettings, Ranking, labelled, payee_of

_LINES_MAX: Final = 10_000
"""Odoo's default of account.bill.predict.history.limit."""
_WEIGHT_A: Final = 1.0
_WEIGHT_B: Final = 0.4
_SUM_OF_INVERSE_SQUARES: Final = 1.64493406685
"""PostgreSQL's figure for the limit of 1 + 1/4 + 1/9 + …"""
_WORD: Final = re.compile(r"\w+")


class OdooLexical:
    """Lines as they are distinct (name, partner and account), with an inverted index over their lexemes.

    A line's number is where it stands in ``_accounts`` and ``_counts``; the index has for each lexeme the
    numbers of the lines that hold it, each with its share of a rank.
    """

    def __init__(self, settings: PeerSettings) -> None:
        self._dimension = settings.dimension
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._accounts: list[int] = []
        self._counts: list[int] = []
        self._latest: deque[int] = deque()
        self._postings: defaultdict[str, tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
        self._labels: dict[str, int] = {}

    def learn(self, items: Sequence[LabelledTransaction]) -> None:
        """See :meth:`Peer.learn`."""
        for transaction, label in labelled(items, self._dimension):
            line = self._line(_name_of(transaction), payee_of(transaction), label)
            self._counts[line] += 1
            self._latest.append(line)
            if len(self._latest) > _LINES_MAX:
                self._counts[self._latest.popleft()] -= 1

    def _line(self, name: str, partner: str, label: str) -> int:
        line = self._numbers.get((name, partner, label))
        if line is None:
            line = self._numbers[name, partner, label] = len(self._numbers)
            self._accounts.append(self._labels.setdefault(label, len(self._labels)))
            self._counts.append(0)
            for lexeme, part in _parts(name, partner).items():
                lines, parts = self._postings[lexeme]
                lines.append(line)
                parts.append(part)
        return line

    def rank(self, transaction: Transaction) -> Ranking:
        """See :meth:`Peer.rank`."""
        if not self._accounts:
            return ()
        query = _parts(_name_of(transaction), payee_of(transaction))
        ranks = np.zeros(len(self._accounts))
        for lexeme in query:
            lines, parts = self._postings.get(lexeme, ((), ()))
            ranks[np.asarray(lines, dtype=np.intp)] += parts
        # float4, as ts_rank is: what is equal there is equal here, in whatever order it was summed.
        rounded = (ranks / len(query)).astype(np.float32)
        counts = np.array(self._counts, dtype=np.int64)
        matching = np.flatnonzero((rounded > 0) & (counts > 0))
        return self._by_account(np.array(self._accounts)[matching], rounded[matching], counts[matching])

    def _by_account(
        self, accounts: NDArray[np.int64], ranks: NDArray[np.float32], counts: NDArray[np.int64]
    ) -> Ranking:
        """Rank the accounts of matching lines: SELECT max(rank), count(*) GROUP BY account."""
        labels = list(self._labels)
        highest = np.zeros(len(labels), dtype=np.float32)
        np.maximum.at(highest, accounts, ranks)
        total = np.bincount(accounts, counts, minlength=len(labels))
        order = np.lexsort((-total, -highest))
        equals = Counter[float]()
        for account in order:
            equals[float(highest[account])] += int(total[account])
        return [
            (labels[account], float(total[account] / (equals[float(highest[account])] + 1)))
            for account in order
            if highest[account] > 0
        ]


def _name_of(transaction: Transaction) -> str:
    return transaction.description.strip() or transaction.payee


def _parts(name: str, partner: str) -> dict[str, float]:
    """What each lexeme of a document, or of a query, adds to the rank of one that has it."""
    occurrences = Counter(_WORD.findall(name.lower()))
    parts = {
        lexeme: _WEIGHT_B * sum(j**-2 for j in range(1, count + 1)) / _SUM_OF_INVERSE_SQUARES
        for lexeme, count in occurrences.items()
    }
    # No word has a space: the partner's lexeme is like no other.
    parts[f"partner {partner}"] = _WEIGHT_A / _SUM_OF_INVERSE_SQUARES
    return parts
