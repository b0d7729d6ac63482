"""Erasing from a tenant's SQLite file: entries with all that was derived from them, and categories.

All within the one transaction that :mod:`likewise_engine.store.sqlite` opens for it. That the remains are to
be purged from the file and its log is part of the same commit.
"""

import json
from collections.abc import Sequence
from typing import Final

from likewise_engine.audit import Counts
from likewise_engine.chart import Category
from likewise_engine.store import rulebook, testimonies
from likewise_engine.store.base import Change
from likewise_engine.store.connection import Connection

_OF_ENTRIES: Final = "transaction_id IN (SELECT value FROM json_each(:ids))"
_OF_CATEGORIES: Final = "predicted IN (SELECT value FROM json_each(:numbers))"
# A correction names categories by the ids that they have, which follow renames.
_NAMING_CATEGORIES: Final = (
    "EXISTS (SELECT 1 FROM categories AS c, json_each(:numbers) AS purged WHERE c.number = purged.value"
    " AND c.dimension = corrections.dimension AND c.id IN (corrections.predicted, corrections.label))"
)
_DEPENDENT: Final = {
    "corrections": f"{_OF_ENTRIES} OR {_NAMING_CATEGORIES}",
    "outcomes": f"{_OF_ENTRIES} OR {_OF_CATEGORIES}",
    "testimonies": f"{testimonies.ABOUT_ENTRIES} OR {testimonies.ABOUT_CATEGORIES}",
}


def counts(connection: Connection, change: Change) -> Counts:
    """How much a change erases."""
    corrections, outcomes, told = (
        connection.execute(f"SELECT count(*) FROM {table} WHERE {meant}", _parameters(change)).fetchone()[0]  # noqa: S608
        for table, meant in _DEPENDENT.items()
    )
    return Counts(
        entries=len(change.forgotten_seqs),
        texts=len(change.orphaned_texts),
        vectors=len(change.orphaned_texts),
        corrections=corrections,
        outcomes=outcomes,
        categories=len(change.purged_categories),
        testimonies=told,
    )


def erase(connection: Connection, change: Change) -> None:
    """Delete what is to go. Labels go with their entries.

    What earlier requests said may have been what is forgotten, or a guess at it could be held against its
    digest: of all of them only their outcomes stay, which are counts.
    """
    for table, meant in _DEPENDENT.items():
        connection.execute(f"DELETE FROM {table} WHERE {meant}", _parameters(change))  # noqa: S608 - constants
    for table, column, keys in (
        ("entries", "seq", change.forgotten_seqs),
        ("texts", "id", change.orphaned_texts),
        ("payees", "id", change.orphaned_payees),
    ):
        connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(key,) for key in keys])  # noqa: S608
    _purge_categories(connection, change.purged_categories)
    if change.purged_categories:
        rulebook.purge(connection, change.purged_categories)
    connection.execute("UPDATE requests SET digest = x''")
    testimonies.note_erasure(connection, change.revision)
    # A number of its own, so that a purge that began before does not take this one for done.
    connection.execute("UPDATE tenant SET is_purge_due = 1 + (SELECT max(position) FROM journal)")


def purge_due(connection: Connection) -> int:
    """Names the latest erasure of which remains may be on disk; 0 for none."""
    (due,) = connection.execute("SELECT is_purge_due FROM tenant").fetchone()
    return int(due)


def _purge_categories(connection: Connection, numbers: Sequence[int]) -> None:
    for number in numbers:
        left = Category.purged(number)
        connection.execute(
            "UPDATE categories SET dimension = ?, id = ?, name = '', description = '', active = 0,"
            " merged_into = NULL, former_ids = '[]' WHERE number = ?",
            (left.dimension, left.id, number),
        )


def _parameters(change: Change) -> dict[str, str]:
    return {
        "ids": json.dumps(list(change.forgotten_ids)),
        "numbers": json.dumps(list(change.purged_categories)),
    }
