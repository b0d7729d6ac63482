"""A change of a tenant's state, as it is written to its SQLite file.

All within the one transaction that :mod:`likewise_engine.store.sqlite` opens for it.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from likewise_engine import limits
from likewise_engine.chart import Category
from likewise_engine.errors import StoreFault
from likewise_engine.store import rows, rulebook, testimonies, trail
from likewise_engine.store.base import (
    Change,
    NewEntry,
    OutcomeChange,
    Relabelling,
    RequestRecord,
)
from likewise_engine.store.connection import Connection
from likewise_engine.store.erasure import erase
from likewise_engine.store.texts import text_rows

ALL_DROPPED: Final = '"all"'
"""In the journal, where the encoder was changed: all outcomes went, and all vectors are others."""


def write(connection: Connection, change: Change) -> None:
    """Write a change; within a transaction.

    Raises:
        StoreFault: the change does not follow the file's revision.
        apsw.Error: nothing of the change may be kept.
    """
    execute, executemany = connection.execute, connection.executemany
    revision, testimonies_at = execute("SELECT revision, testimonies_at FROM tenant").fetchone()
    if change.revision not in (revision, revision + 1):
        raise StoreFault(f"a change for revision {change.revision} does not follow the store's {revision}")
    if change.texts:
        if change.vectors is None:
            raise ValueError("texts come with their vectors")
        executemany("INSERT INTO texts VALUES (?, ?, ?)", text_rows(change.texts, change.vectors))
    executemany("INSERT INTO payees VALUES (?, ?)", change.payees)
    is_lesson = _write_categories(connection, change.categories)
    if change.relabelling is not None:
        _relabel(connection, change.relabelling)
    executemany("DELETE FROM entries WHERE seq = ?", ((seq,) for seq in change.superseded_seqs))
    _write_entries(connection, change.entries)
    if change.erases:
        erase(connection, change)
    else:  # What lessons leave without an entry.
        executemany("DELETE FROM texts WHERE id = ?", ((key,) for key in change.orphaned_texts))
        executemany("DELETE FROM payees WHERE id = ?", ((key,) for key in change.orphaned_payees))
    executemany(
        "INSERT INTO corrections (transaction_id, dimension, predicted, label, revision)"
        " VALUES (?, ?, ?, ?, ?)",
        ((c.transaction_id, c.dimension, c.predicted, c.label, change.revision) for c in change.corrections),
    )
    testimonies.follow(connection, change, are_any=testimonies_at > 0)
    if change.outcomes is not None:
        is_lesson &= _write_outcomes(connection, change.outcomes)
    if change.rules is not None:
        rulebook.write(connection, change.rules)
    if change.request is not None:
        _remember(connection, change.request)
    if change.policy is not None:
        # What was FILEd under a lower target is not held against the higher one.
        execute(
            "UPDATE outcomes SET is_filed = 0 WHERE (SELECT target_precision FROM tenant) < ?",
            (change.policy.target_precision,),
        )
        execute(
            "UPDATE tenant SET target_precision = ?, closed_chart = ?",
            (change.policy.target_precision, change.policy.closed_chart),
        )
    if change.display_name is not None:
        execute("UPDATE tenant SET display_name = ?", (change.display_name,))
    if change.note is not None:
        trail.add(connection, change.note, change.revision)
    execute("UPDATE tenant SET revision = ?", (change.revision,))
    is_lesson &= not (change.relabelling or change.erases or change.policy)
    _note(connection, change if is_lesson else None)


def note_switch(connection: Connection) -> None:
    """Note that other vectors serve, and no outcome is of them; within its transaction."""
    _note(connection, Change(0))
    connection.execute(
        "UPDATE journal SET dropped_outcomes = ? WHERE position = (SELECT max(position) FROM journal)",
        (ALL_DROPPED,),
    )


def note_upheaval(connection: Connection) -> None:
    """Note a change after which all is to be read anew; within its transaction."""
    _note(connection, None)


def _note(connection: Connection, lesson: Change | None) -> None:
    """Count a change, and keep for the tail what a lesson took away."""
    superseded, dropped = None, "[]"
    if lesson is not None and len(lesson.superseded_seqs) <= limits.JOURNAL_SEQS_MAX:
        superseded = json.dumps(list(lesson.superseded_seqs))
        dropped = json.dumps(list(lesson.outcomes.dropped_ids if lesson.outcomes else ()))
    connection.execute(
        "INSERT INTO journal SELECT position + 1, ?, ?,"
        " max(last_text, (SELECT coalesce(max(id), 0) FROM texts)),"
        " max(last_payee, (SELECT coalesce(max(id), 0) FROM payees)),"
        " max(last_outcome, (SELECT coalesce(max(id), 0) FROM outcomes)), random()"
        " FROM journal ORDER BY position DESC LIMIT 1",
        (superseded, dropped),
    )
    outlived = connection.last_insert_rowid() - limits.JOURNAL_CHANGES_KEPT_MAX
    connection.execute("DELETE FROM journal WHERE position <= ?", (outlived,))


def _remember(connection: Connection, request: RequestRecord) -> None:
    connection.execute(
        "INSERT INTO requests (request_id, digest, outcome) VALUES (?, ?, ?)",
        (rows.request_key(request.request_id), request.digest, request.outcome),
    )
    outlived = connection.last_insert_rowid() - limits.REQUEST_IDS_KEPT_MAX
    connection.execute("DELETE FROM requests WHERE id <= ?", (outlived,))


def _write_categories(connection: Connection, categories: Sequence[tuple[int, Category]]) -> bool:
    """Write categories; returns whether all of them are new."""
    are_new = True
    for number, category in categories:
        row = connection.execute("SELECT id FROM categories WHERE number = ?", (number,)).fetchone()
        are_new &= row is None
        if row and row[0] != category.id:
            _rename_in_corrections(connection, category.dimension, row, category.id)
    connection.executemany(
        "INSERT INTO categories (number, dimension, id, name, description, active, merged_into, former_ids)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET id = excluded.id,"
        " name = excluded.name, description = excluded.description, active = excluded.active,"
        " merged_into = excluded.merged_into, former_ids = excluded.former_ids",
        (
            (n, c.dimension, c.id, c.name, c.description, c.active, c.merged_into, json.dumps(c.former_ids))
            for n, c in categories
        ),
    )
    return are_new


def _relabel(connection: Connection, relabelling: Relabelling) -> None:
    """Move labels from category to category, in entries, corrections and outcomes."""
    ids = {
        number: (dimension, category_id)
        for number, dimension, category_id in connection.execute(
            "SELECT c.number, c.dimension, c.id FROM categories AS c, json_each(?) AS named"
            " WHERE c.number = named.value",
            (json.dumps([relabelling.target, *relabelling.sources]),),
        )
    }
    dimension, target_id = ids[relabelling.target]
    sources = json.dumps(list(relabelling.sources))
    source_ids = [ids[number][1] for number in relabelling.sources]
    labels = (
        "UPDATE labels SET category = ?, authority = coalesce(?, authority)"
        " WHERE category IN (SELECT value FROM json_each(?))"
    )
    to_target = (relabelling.target, relabelling.authority, sources)
    outcomes = "UPDATE outcomes SET predicted = ? WHERE predicted IN (SELECT value FROM json_each(?))"
    if relabelling.seqs is None:
        connection.execute(labels, to_target)
        connection.execute(outcomes, (relabelling.target, sources))
        _rename_in_corrections(connection, dimension, source_ids, target_id)
    else:
        seqs = relabelling.seqs
        connection.executemany(f"{labels} AND seq = ?", ((*to_target, seq) for seq in seqs))
        connection.execute(
            f"{outcomes} AND transaction_id IN"  # noqa: S608 - constants
            " (SELECT e.transaction_id FROM entries AS e, json_each(?) AS moved WHERE e.seq = moved.value)",
            (relabelling.target, sources, json.dumps(list(seqs))),
        )
        connection.execute(
            "UPDATE corrections SET label = ?"
            " WHERE dimension = ? AND label IN (SELECT value FROM json_each(?)) AND transaction_id IN"
            " (SELECT e.transaction_id FROM entries AS e, json_each(?) AS moved WHERE e.seq = moved.value)",
            (target_id, dimension, json.dumps(source_ids), json.dumps(list(seqs))),
        )
    connection.execute("DELETE FROM corrections WHERE predicted = label")


def _rename_in_corrections(
    connection: Connection, dimension: str, old_ids: Sequence[str], new_id: str
) -> None:
    connection.execute(
        "WITH old AS MATERIALIZED (SELECT value AS id FROM json_each(:old))"
        " UPDATE corrections SET predicted = iif(predicted IN (SELECT id FROM old), :new, predicted),"
        " label = iif(label IN (SELECT id FROM old), :new, label)"
        " WHERE dimension = :dimension"
        " AND (predicted IN (SELECT id FROM old) OR label IN (SELECT id FROM old))",
        {"old": json.dumps(list(old_ids)), "new": new_id, "dimension": dimension},
    )


def _write_outcomes(connection: Connection, change: OutcomeChange) -> bool:
    """Write a change of outcomes; returns whether those of the same models stay."""
    (fingerprint,) = connection.execute("SELECT outcomes_fingerprint FROM tenant").fetchone()
    are_same = fingerprint in ("", change.fingerprint)
    if not are_same:
        connection.execute("DELETE FROM outcomes")
    connection.executemany("DELETE FROM outcomes WHERE id = ?", ((id_,) for id_ in change.dropped_ids))
    connection.executemany(
        "INSERT INTO outcomes VALUES (?, ?, ?, ?, ?)",
        ((o.id, o.transaction_id, o.predicted, o.probability, o.is_filed) for o in change.added),
    )
    connection.execute(
        "UPDATE tenant SET outcomes_fingerprint = ?, is_calibration_due = ?",
        (change.fingerprint, change.unreplayed),
    )
    return are_same


def _write_entries(connection: Connection, entries: Sequence[NewEntry]) -> None:
    connection.executemany(
        "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_entry_row, entries)
    )
    connection.executemany(
        "INSERT INTO labels VALUES (?, ?, ?)",
        [(new.entry.seq, number, int(authority)) for new in entries for number, authority in new.categories],
    )


def _entry_row(new: NewEntry) -> tuple[Any, ...]:
    entry, transaction = new.entry, new.entry.transaction
    return (
        entry.seq,
        transaction.id,
        new.text,
        new.payee,
        None if transaction.date is None else transaction.date.toordinal(),
        new.order_day,
        None if transaction.amount is None else float(transaction.amount),
        transaction.currency,
        int(transaction.direction),  # a plain int: apsw asks no further
        entry.revision,
        transaction.payee,
        transaction.description,
        transaction.account,
        json.dumps(dict(transaction.fields), ensure_ascii=False) if transaction.fields else None,
    )
