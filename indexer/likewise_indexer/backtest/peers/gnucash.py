"""GnuCash's import matcher: counts of tokens, and the product rule.

After GnuCash's source, gnucash/import-export/import-backend.cpp (TransactionGetTokens, tokenize_string) and
libgnucash/engine/Account.cpp (gnc_account_imap_add_account_bayes, get_first_pass_probabilities,
build_probabilities, highest_probability), as of version 5:

- *Tokens* of a transaction: the words of its description and of its memos, as they are between spaces, each
  once; and the weekday of its date in English.
- *Learning* counts each token once for the account.
- *Ranking*: p of a token for an account is its share of the token's counts. Tokens that an account never had
  are left out for it; those it had are joined by P = prod p / (prod p + prod (1 - p)), cut to five digits.
  The first of the highest wins. GnuCash fills in an account at 0.90 or more.

An importer puts the bank's name of the other party into the description and its text into the memo: here
payee and description. Weekdays cost it 2 points of top-1 on real books and are part of it. One thing differs
to its advantage: counts are kept for all bank accounts together, where GnuCash keeps them for each.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_indexer.backtest.peers.base import PeerSettings, Ranking, labelled

_PROBABILITY_FACTOR: Final = 100_000
"""GnuCash's own: probabilities are whole numbers of it."""
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class GnucashBayes:
    """GnuCash's Bayesian import map."""

    def __init__(self, settings: PeerSettings) -> None:
        self._dimension = settings.dimension
        self._counts: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))

    def learn(self, items: Sequence[LabelledTransaction]) -> None:
        """See :meth:`Peer.learn`."""
        for transaction, label in labelled(items, self._dimension):
            for token in tokens_of(transaction):
                self._counts[token][label] += 1

    def rank(self, transaction: Transaction) -> Ranking:
        """See :meth:`Peer.rank`. The confidence is GnuCash's probability."""
        products: dict[str, tuple[float, float]] = {}
        for token in tokens_of(transaction):
            counts: Mapping[str, int] = self._counts.get(token, {})
            total = sum(counts.values())
            for label, count in counts.items():
                share = count / total
                product, difference = products.get(label, (1.0, 1.0))
                products[label] = product * share, difference * (1 - share)
        probabilities = [(label, _probability(*pair)) for label, pair in products.items()]
        return sorted(probabilities, key=lambda pair: -pair[1])


def tokens_of(transaction: Transaction) -> list[str]:
    """The tokens that GnuCash makes of a transaction, last one first, as its list has them."""
    tokens = list(dict.fromkeys(word for word in transaction.payee.split(" ") if word))
    if transaction.date is not None:
        # Not held against the words: a payee named Monday counts twice on Mondays, in GnuCash too.
        tokens.append(_WEEKDAYS[transaction.date.weekday()])
    known = set(tokens)
    tokens += dict.fromkeys(word for word in transaction.description.split(" ") if word and word not in known)
    return tokens[::-1]


def _probability(product: float, difference: float) -> float:
    # Hundreds of tokens underflow both to 0, where GnuCash's conversion of NaN to an integer is undefined.
    if product + difference == 0:
        return 0.0
    return int(product / (product + difference) * _PROBABILITY_FACTOR) / _PROBABILITY_FACTOR
