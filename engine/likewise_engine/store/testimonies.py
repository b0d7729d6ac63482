"""Testimonies in a tenant's SQLite file. All within whatever transaction the connection is in.

They tell of what was asked about, which may never have been taught. So they go with the transactions that
they name, with all others of the same text, and with the categories that they name.
"""

import json
from typing import Final

from likewise_engine import limits
from likewise_engine.store.base import Change, Relabelling
from likewise_engine.store.connection import Connection
from likewise_engine.testimony import Testimonies, Testimony
from likewise_engine.transaction import Authority

ABOUT_ENTRIES: Final = (
    "transaction_id IN (SELECT value FROM json_each(:ids)) OR text IN"
    " (SELECT t.text FROM entries AS e JOIN texts AS t ON t.id = e.text"
    " WHERE e.transaction_id IN (SELECT value FROM json_each(:ids)))"
)
"""Those that go with entries that are forgotten, as long as these are there."""
ABOUT_CATEGORIES: Final = (
    "category IN (SELECT value FROM json_each(:numbers)) OR label IN (SELECT value FROM json_each(:numbers))"
)
COLUMNS: Final = "id, transaction_id, text, dimension, category, expected, witness, menu, revision, label"
_INSERT: Final = (
    "INSERT INTO testimonies (transaction_id, text, dimension, category, expected, witness, menu, revision,"
    " label) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? FROM tenant WHERE erased_at <= ? RETURNING id"
)
# Of people alone: what a machine files may be what the model suggested. Of several the latest: SQLite takes
# the other columns from the row of the maximum.
_JUDGE: Final = """
UPDATE testimonies SET label = taught.category FROM (
    SELECT t.text, c.dimension, l.category, max(e.seq) FROM json_each(:seqs) AS seq
    JOIN entries AS e ON e.seq = seq.value JOIN texts AS t ON t.id = e.text
    JOIN labels AS l ON l.seq = e.seq JOIN categories AS c ON c.number = l.category
    WHERE l.authority = :person GROUP BY t.text, c.dimension
) AS taught WHERE testimonies.text = taught.text AND testimonies.dimension = taught.dimension
"""


def since(connection: Connection, known: Testimonies) -> Testimonies:
    """The testimonies; what is known, where they have not changed since."""
    changed_at = _changed_at(connection)
    if changed_at == known.changed_at:
        return known
    found = connection.execute(f"SELECT {COLUMNS} FROM testimonies ORDER BY id").fetchall()  # noqa: S608
    return Testimonies.of(changed_at, map(testimony_of, found))


def testimony_of(row: tuple[int, str, str, str, int | None, float, str, str, int, int | None]) -> Testimony:
    """The testimony of a row of COLUMNS."""
    return Testimony(*row[1:], id=row[0])


def follow(connection: Connection, change: Change, *, are_any: bool) -> None:
    """Write what a change brings, and what its labels and mergers tell of those that there are.

    Args:
        connection: of the file.
        change: whose entries are written.
        are_any: whether there ever was one.
    """
    if change.outdates_questions:
        note_erasure(connection, change.revision + 1)
    elif change.testimony is not None:
        add(connection, change.testimony)
    elif are_any:
        before = connection.total_changes()
        if change.entries:
            seqs = json.dumps([new.entry.seq for new in change.entries])
            connection.execute(_JUDGE, {"seqs": seqs, "person": int(Authority.PERSON)})
        if change.relabelling is not None:
            _relabel(connection, change.relabelling)
        if connection.total_changes() != before:
            _touch(connection)


def add(connection: Connection, testimony: Testimony) -> None:
    """Add a testimony in the place of an earlier one that nobody has judged, and let the oldest go.

    None is added that was asked for before something was erased: it may tell of that.
    """
    t = testimony
    values = (t.transaction_id, t.text, t.dimension, t.category, t.expected, t.witness, t.menu, t.revision)
    added = connection.execute(_INSERT, (*values, t.label, t.revision)).fetchone()
    if added is None:
        return
    (number,) = added
    # Afterwards, so that an id is never given twice: whoever watches goes by it.
    connection.execute(
        "DELETE FROM testimonies WHERE text = ? AND dimension = ? AND label IS NULL AND id < ?",
        (t.text, t.dimension, number),
    )
    connection.execute("DELETE FROM testimonies WHERE id <= ?", (number - limits.TESTIMONIES_KEPT_MAX,))
    _touch(connection)


def note_erasure(connection: Connection, revision: int) -> None:
    """Note that something is erased with the change that leads to a revision."""
    connection.execute("UPDATE tenant SET erased_at = ?", (revision,))
    if _changed_at(connection):
        _touch(connection)


def outdate(connection: Connection) -> None:
    """Texts are about to be others: what nobody has judged goes, and of the rest only the record stays."""
    connection.execute("DELETE FROM testimonies WHERE label IS NULL")
    connection.execute("UPDATE testimonies SET text = '', transaction_id = ''")
    _touch(connection)


def _changed_at(connection: Connection) -> int:
    (position,) = connection.execute("SELECT testimonies_at FROM tenant").fetchone()
    return int(position)


def _touch(connection: Connection) -> None:
    """Note that they change with the change that is being written."""
    connection.execute("UPDATE tenant SET testimonies_at = 1 + (SELECT max(position) FROM journal)")


def _relabel(connection: Connection, relabelling: Relabelling) -> None:
    """Follow a merger. A split moves entries, and says nothing of what was named before."""
    if relabelling.seqs is not None:
        return
    for column in ("category", "label"):
        connection.execute(
            f"UPDATE testimonies SET {column} = ? WHERE {column} IN (SELECT value FROM json_each(?))",  # noqa: S608
            (relabelling.target, json.dumps(list(relabelling.sources))),
        )
