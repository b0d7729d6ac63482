"""What is taken for what: the costliest confusions, and the past entries behind them.

What costs most is what nobody looks at: a wrong category that was FILEd. After that comes how often it
happens, for each time somebody has to correct it, and then how much money it moves, all currencies alike.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from likewise_engine import limits
from likewise_engine.answers import Decision, Neighbour
from likewise_engine.transaction import LabelledTransaction
from likewise_indexer.backtest.answerers import Answer, LedgerAnswerer
from likewise_indexer.backtest.result import LIKEWISE, Confusion, Mistake
from likewise_indexer.backtest.seen import payee_of

_Pair = tuple[str, str]


class Confusions:
    """Collects the wrong answers of a ledger while it is asked; an observer of a replay."""

    def __init__(self, items: Sequence[LabelledTransaction], ledger: LedgerAnswerer, dimension: str) -> None:
        """Make ready to watch.

        Args:
            items: the rows that are replayed.
            ledger: asked once more for the neighbours of each wrong answer, while it knows what it knew.
            dimension: what is asked for.
        """
        self._items = items
        self._ledger = ledger
        self._dimension = dimension
        self._mistakes: defaultdict[_Pair, list[Mistake]] = defaultdict(list)

    def __call__(self, row: int, answers: Mapping[str, Answer]) -> None:
        """Take in what was answered to a row."""
        answer, item = answers[LIKEWISE], self._items[row]
        label = item.labels[self._dimension]
        if not answer.labels or answer.labels[0] == label:
            return
        transaction, pair = item.transaction, (label, answer.labels[0])
        neighbours = _conflicting(self._ledger.neighbours(transaction), self._dimension, pair)
        self._mistakes[pair].append(
            Mistake(
                position=row,
                date=transaction.date,
                payee=payee_of(item),
                amount=transaction.amount,
                currency=transaction.currency,
                probability=answer.probability,
                decision=Decision(answer.decision),
                neighbours=neighbours,
            )
        )

    def costliest(self, tenant: str, count_max: int) -> tuple[Confusion, ...]:
        """The costliest confusions, costliest first."""
        found = (_confusion(tenant, pair, mistakes) for pair, mistakes in self._mistakes.items())
        return costliest(found, count_max)


def costliest(confusions: Iterable[Confusion], count_max: int) -> tuple[Confusion, ...]:
    """The costliest of some confusions, costliest first."""
    return tuple(sorted(confusions, key=_order)[:count_max])


def _order(confusion: Confusion) -> tuple[int, int, Decimal, str, str, str]:
    names = confusion.tenant, confusion.label, confusion.answered
    return -confusion.filed, -confusion.count, -sum(confusion.amounts.values(), Decimal()), *names


def _confusion(tenant: str, pair: _Pair, mistakes: Sequence[Mistake]) -> Confusion:
    def cost(mistake: Mistake) -> tuple[bool, Decimal]:
        return mistake.decision is not Decision.FILE, -abs(mistake.amount or Decimal())

    # One of each payee: the lines of an invoice would all say the same.
    of_payee: dict[str, Mistake] = {}
    for mistake in sorted(mistakes, key=cost):
        of_payee.setdefault(mistake.payee, mistake)
    return Confusion(
        tenant=tenant,
        label=pair[0],
        answered=pair[1],
        count=len(mistakes),
        filed=sum(1 for mistake in mistakes if mistake.decision is Decision.FILE),
        amounts=_amounts(mistakes),
        mistakes=tuple(of_payee.values())[: limits.BACKTEST_MISTAKES_PER_CONFUSION_MAX],
    )


def _amounts(mistakes: Iterable[Mistake]) -> dict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for mistake in mistakes:
        if mistake.amount is not None:
            sums[mistake.currency] += abs(mistake.amount)
    return dict(sorted(sums.items(), key=lambda of: (-of[1], of[0])))


def _conflicting(neighbours: Sequence[Neighbour], dimension: str, pair: _Pair) -> tuple[Neighbour, ...]:
    """The weightiest past entries with the wrong label, and with the true one; the weightiest first."""
    chosen = []
    left = dict.fromkeys(pair, limits.BACKTEST_NEIGHBOURS_PER_LABEL_MAX)
    for neighbour in neighbours:
        label = neighbour.labels.get(dimension, "")
        if left.get(label, 0):
            left[label] -= 1
            chosen.append(neighbour)
    return tuple(chosen)
