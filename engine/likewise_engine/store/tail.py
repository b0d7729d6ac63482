"""The tail of a tenant's SQLite file: what lessons have changed since a position.

What is new has a higher id than all that was ever there before. What a later lesson of the tail took away
again is not there any more, and the journal names it: so the rest is what a reader of that position has to
add, and what it has to let go of.
"""

import json

from likewise_engine import limits
from likewise_engine.chart import Category
from likewise_engine.errors import StoreCorrupt
from likewise_engine.store import rows, rulebook
from likewise_engine.store.base import Change, Known, NewEntry, Outcome, OutcomeChange, Tail
from likewise_engine.store.changes import ALL_DROPPED
from likewise_engine.store.connection import Connection
from likewise_engine.transaction import Authority


def position_of(connection: Connection) -> int:
    """How many changes the file has seen. Raises StoreCorrupt where the journal is gone."""
    (position,) = connection.execute("SELECT max(position) FROM journal").fetchone()
    if position is None:
        raise StoreCorrupt("the journal of the store is empty")
    return int(position)


def tail_of(connection: Connection, known: Known) -> Tail | None:
    """What a reader does not know yet; within a transaction.

    Returns:
        The tail; None where more than lessons came since, or more than the journal remembers.
    """
    record, up_to = rows.record(connection), rows.known(connection)
    journal = connection.execute(
        "SELECT superseded, dropped_outcomes FROM journal WHERE position > ?", (known.position,)
    ).fetchall()
    are_lessons = all(superseded is not None for superseded, _ in journal)
    if not are_lessons or len(journal) != up_to.position - known.position:
        return None
    texts = connection.execute(
        "SELECT id, text, vector FROM texts WHERE id > ? ORDER BY id", (known.text,)
    ).fetchall()
    is_switched = any(dropped == ALL_DROPPED for _, dropped in journal)
    outcomes, outcome_seqs = _outcomes(connection, known.outcome)
    change = Change(
        revision=record.revision,
        texts=[(text_id, text) for text_id, text, _ in texts],
        vectors=rows.vectors([vector for _, _, vector in texts]) if texts else None,
        payees=connection.execute(
            "SELECT id, payee FROM payees WHERE id > ? ORDER BY id", (known.payee,)
        ).fetchall(),
        categories=_categories(connection, known.categories),
        entries=new_entries_after(connection, known.seq),
        superseded_seqs=[seq for superseded, _ in journal for seq in json.loads(superseded)],
        outcomes=OutcomeChange(
            record.outcomes_fingerprint,
            record.unreplayed,
            outcomes,
            [
                outcome_id
                for _, dropped in journal
                if dropped != ALL_DROPPED
                for outcome_id in json.loads(dropped)
            ],
        )
        if record.outcomes_fingerprint
        else None,
    )
    encoder = record.encoder_fingerprint if is_switched else None
    return Tail(up_to, change, outcome_seqs, rulebook.kept(connection), encoder)


def _categories(connection: Connection, count: int) -> list[tuple[int, Category]]:
    """The categories beyond so many, with their numbers."""
    found = connection.execute(
        f"SELECT {rows.CATEGORY_COLUMNS} FROM categories WHERE number >= ? ORDER BY number",  # noqa: S608
        (count,),
    )
    return [(row[0], rows.category(row)) for row in found]


def new_entries_after(
    connection: Connection, seq: int, count_max: int = limits.TENANT_LABELS_MAX
) -> list[NewEntry]:
    """Up to so many entries beyond a seq, as they were written."""
    found = connection.execute(
        f"SELECT {rows.ENTRY_COLUMNS}, e.text, e.payee, e.order_day FROM entries AS e"  # noqa: S608 - a constant
        " WHERE e.seq > ? ORDER BY e.seq LIMIT ?",
        (seq, count_max),
    ).fetchall()
    numbers: dict[int, list[tuple[int, Authority]]] = {row[0]: [] for row in found}
    last_seq = max(numbers, default=seq)
    for entry_seq, category, authority in connection.execute(
        "SELECT seq, category, authority FROM labels WHERE seq > ? AND seq <= ? ORDER BY seq, category",
        (seq, last_seq),
    ):
        numbers[entry_seq].append((category, Authority(authority)))
    entries = rows.entries(connection, [row[:-3] for row in found])
    return [
        NewEntry(entry, text, payee, order_day, numbers[entry.seq])
        for entry, (*_, text, payee, order_day) in zip(entries, found, strict=True)
    ]


def _outcomes(connection: Connection, outcome_id: int) -> tuple[list[Outcome], list[int]]:
    """The outcomes beyond an id, and the seqs of their entries."""
    found = connection.execute(
        "SELECT o.id, o.transaction_id, o.predicted, o.probability, o.is_filed, e.seq FROM outcomes AS o"
        " JOIN entries AS e ON e.transaction_id = o.transaction_id WHERE o.id > ? ORDER BY o.id",
        (outcome_id,),
    ).fetchall()
    outcomes = [
        Outcome(number, transaction_id, predicted, probability, bool(is_filed))
        for number, transaction_id, predicted, probability, is_filed, _ in found
    ]
    return outcomes, [seq for *_, seq in found]
