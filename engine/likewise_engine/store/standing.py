"""How answers turned out, by the category that was right: counted in a tenant's SQLite file."""

from typing import NamedTuple

from likewise_engine.store.connection import Connection


class Standing(NamedTuple):
    """Outcomes of entries that are labelled with a category.

    Attributes:
        category: its number.
        outcomes: how many are kept.
        right: of these, where it would have been the first candidate.
        filed: of these, where something would have been FILEd.
        filed_right: of those, where it would have been this category.
    """

    category: int
    outcomes: int
    right: int
    filed: int
    filed_right: int


def standings(connection: Connection) -> list[Standing]:
    """Of every category that has an outcome, by its number."""
    rows = connection.execute(
        "SELECT l.category, count(*), sum(o.predicted = l.category), sum(o.is_filed),"
        " sum(o.is_filed AND o.predicted = l.category)"
        " FROM outcomes AS o"
        " JOIN entries AS e ON e.transaction_id = o.transaction_id"
        " JOIN categories AS p ON p.number = o.predicted"
        " JOIN labels AS l ON l.seq = e.seq"
        " JOIN categories AS c ON c.number = l.category AND c.dimension = p.dimension"
        " GROUP BY l.category ORDER BY l.category"
    ).fetchall()
    return [Standing(*row) for row in rows]
