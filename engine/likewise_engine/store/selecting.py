"""Which entries of a tenant's SQLite file a selection means."""

import json
from typing import Any, Final

from likewise_engine import limits
from likewise_engine.selection import Selection, folded
from likewise_engine.store.connection import Connection

# One row of JSON for a batch of entries: for each row that it steps to, apsw lets go of the interpreter's
# lock and queues for it again. What is not given is NULL or empty.
_SELECT: Final = """
SELECT json_group_array(json_array(seq, payee_wording, description)) FROM (
    SELECT e.seq, e.payee_wording, e.description FROM labels AS l JOIN entries AS e ON e.seq = l.seq
    WHERE l.category = :category AND l.seq > :after
    AND (:day_min IS NULL OR e.day >= :day_min) AND (:day_max IS NULL OR e.day <= :day_max)
    AND (:amount_min IS NULL OR e.amount >= :amount_min) AND (:amount_max IS NULL OR e.amount <= :amount_max)
    AND (:currency = '' OR e.currency = :currency)
    AND (:ids IS NULL OR e.transaction_id IN (SELECT value FROM json_each(:ids)))
    ORDER BY l.seq LIMIT :count_max
)
"""


def selected(connection: Connection, category: int, selection: Selection) -> list[int]:
    """``seq`` of the entries of a category (by number) that a selection means, ascending."""
    parameters = _parameters(category, selection)
    payee, description = folded(selection.payee_contains), folded(selection.description_contains)
    seqs: list[int] = []
    while True:
        (batch,) = connection.execute(_SELECT, parameters).fetchone()
        found = json.loads(batch)
        seqs += (seq for seq, p, d in found if payee in folded(p) and description in folded(d))
        if len(found) < limits.BATCH_ITEMS_MAX:
            return seqs
        parameters["after"] = found[-1][0]


def _parameters(category: int, selection: Selection) -> dict[str, Any]:
    """The parameters of ``_SELECT`` for the first batch."""
    amount_min, amount_max = selection.min_amount, selection.max_amount
    return {
        "category": category,
        "after": -1,
        "day_min": selection.min_date and selection.min_date.toordinal(),
        "day_max": selection.max_date and selection.max_date.toordinal(),
        "amount_min": None if amount_min is None else float(amount_min),
        "amount_max": None if amount_max is None else float(amount_max),
        "currency": selection.currency,
        "ids": json.dumps(selection.transaction_ids) if selection.transaction_ids else None,
        "count_max": limits.BATCH_ITEMS_MAX,
    }
