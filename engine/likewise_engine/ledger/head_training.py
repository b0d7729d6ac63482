"""Training a tenant's heads from a view of its memory."""

from collections.abc import Callable

from likewise_engine import limits
from likewise_engine.counterparty import payee_of
from likewise_engine.head import Hashed, Head, Heads, hashed_of
from likewise_engine.ledger.view import View


def train_heads(view: View, keep_on: Callable[[], bool]) -> Heads | None:
    """Train heads on the latest labels of all dimensions, as far as their categories are active.

    Args:
        view: the tenant's memory.
        keep_on: asked now and then.

    Returns:
        The heads; None when it said no.
    """
    # A copy: the writer may add to the dictionary meanwhile.
    payees = {number: payee_of(party) for party, number in dict(view.payee_numbers).items()}
    hashed: dict[int, Hashed] = {}

    def hashed_of_row(row: int, amount: float) -> Hashed:
        if row not in hashed:
            payee = payees.get(int(view.payee[row]), "")
            hashed[row] = hashed_of(view.texts[view.text[row]], payee, amount)
        return hashed[row]

    heads: dict[str, Head] = {}
    for dimension, column in view.labels.items():
        rows = view.latest_labelled(dimension, limits.HEAD_LABELS_MAX)
        rows = rows[view.category_active[column[rows]]]
        amounts = view.signed_amounts(rows).tolist()
        head = Head.train(column[rows], list(map(hashed_of_row, rows.tolist(), amounts)), keep_on)
        if head is not None:
            heads[dimension] = head
        elif not keep_on():
            return None
    return Heads(heads, view.live_count, view.revision)
