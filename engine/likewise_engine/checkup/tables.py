"""The tables of a store, held against one another: what refers to what, and what is counted where."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from likewise_engine.checkup.finding import REPAIR, RESTORE, Severity
from likewise_engine.errors import StoreCorrupt
from likewise_engine.store.connection import Connection, translated


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a store; where it is, whoever asked knows."""

    severity: Severity
    table: str
    count: int
    message: str

    @property
    def remedy(self) -> str:
        """What to do."""
        return {Severity.DAMAGE: RESTORE, Severity.DERIVED: REPAIR}.get(self.severity, "nothing")


@dataclass(frozen=True, slots=True)
class _Rule:
    severity: Severity
    table: str
    message: str
    count: str
    """SQL that counts the rows that break it."""


UNFIT_OUTCOMES: Final = (
    "FROM outcomes WHERE probability NOT BETWEEN 1e-300 AND 1 OR is_filed NOT IN (0, 1)"
    " OR transaction_id NOT IN (SELECT transaction_id FROM entries)"
    " OR predicted NOT IN (SELECT number FROM categories)"
)
_NOT_OF_DIMENSION: Final = (
    "IS NOT NULL AND NOT EXISTS (SELECT 1 FROM categories AS c WHERE c.dimension = testimonies.dimension"
    " AND c.number ="
)
UNFIT_TESTIMONIES: Final = (
    f"FROM testimonies WHERE expected NOT BETWEEN 0 AND 1 OR (category {_NOT_OF_DIMENSION} category))"
    f" OR (label {_NOT_OF_DIMENSION} label))"
)
_RULES: Final = (
    _Rule(
        Severity.DAMAGE,
        "labels",
        "labels have no entry, no category, or no authority that there is",
        "SELECT count(*) FROM labels WHERE authority NOT IN (1, 2)"
        " OR seq NOT IN (SELECT seq FROM entries) OR category NOT IN (SELECT number FROM categories)",
    ),
    _Rule(
        Severity.DAMAGE,
        "entries",
        "entries have no label",
        "SELECT count(*) FROM entries WHERE seq NOT IN (SELECT seq FROM labels)",
    ),
    _Rule(
        Severity.DAMAGE,
        "labels",
        "entries have two labels in one dimension",
        "SELECT count(*) FROM (SELECT 1 FROM labels AS l JOIN categories AS c ON c.number = l.category"
        " GROUP BY l.seq, c.dimension HAVING count(*) > 1)",
    ),
    _Rule(
        Severity.DAMAGE,
        "entries",
        "entries are of a revision that the tenant has not reached",
        "SELECT count(*) FROM entries WHERE revision NOT BETWEEN 0 AND (SELECT revision FROM tenant)",
    ),
    _Rule(
        Severity.DAMAGE,
        "entries",
        "dated entries count for another day than their own",
        "SELECT count(*) FROM entries WHERE day IS NOT NULL AND day <> order_day",
    ),
    _Rule(
        Severity.DAMAGE,
        "corrections",
        "corrections are of no entry, or correct nothing",
        "SELECT count(*) FROM corrections WHERE predicted = label"
        " OR transaction_id NOT IN (SELECT transaction_id FROM entries)",
    ),
    _Rule(
        Severity.DERIVED,
        "entries",
        "entries have a text or a payee that is not there",
        "SELECT count(*) FROM entries"
        " WHERE text NOT IN (SELECT id FROM texts) OR payee NOT IN (SELECT id FROM payees)",
    ),
    _Rule(
        Severity.DERIVED,
        "texts",
        "texts are of no entry",
        "SELECT count(*) FROM texts WHERE id NOT IN (SELECT text FROM entries)",
    ),
    _Rule(
        Severity.DERIVED,
        "payees",
        "payees are of no entry",
        "SELECT count(*) FROM payees WHERE id NOT IN (SELECT payee FROM entries)",
    ),
    _Rule(
        Severity.DERIVED,
        "outcomes",
        "outcomes are of no entry or no category, or have no probability",
        f"SELECT count(*) {UNFIT_OUTCOMES}",
    ),
    _Rule(
        Severity.DERIVED,
        "testimonies",
        "testimonies name no category or dimension that there is, or have no probability",
        f"SELECT count(*) {UNFIT_TESTIMONIES}",
    ),
    _Rule(
        Severity.DERIVED,
        "journal",
        "changes are missing from the journal, or it counts lower than what there is",
        "SELECT coalesce((max(position) - min(position) + 1 <> count(*))"
        " + (max(last_text) < (SELECT coalesce(max(id), 0) FROM texts))"
        " + (max(last_payee) < (SELECT coalesce(max(id), 0) FROM payees))"
        " + (max(last_outcome) < (SELECT coalesce(max(id), 0) FROM outcomes)), 1) FROM journal",
    ),
    _Rule(
        Severity.DERIVED,
        "journal",
        "changes of the journal cannot be read",
        "SELECT count(*) FROM journal WHERE NOT json_valid(dropped_outcomes)"
        " OR (superseded IS NOT NULL AND NOT json_valid(superseded))",
    ),
    _Rule(
        Severity.DAMAGE,
        "rules",
        "rules have no label, or say what no call could have said",
        "SELECT count(*) FROM rules WHERE (id <> '' AND number NOT IN (SELECT rule FROM rule_labels))"
        " OR active NOT IN (0, 1) OR NOT json_valid(conditions)",
    ),
    _Rule(
        Severity.DAMAGE,
        "rule_labels",
        "labels of rules have no rule or no category",
        "SELECT count(*) FROM rule_labels WHERE rule NOT IN (SELECT number FROM rules)"
        " OR category NOT IN (SELECT number FROM categories)",
    ),
    _Rule(
        Severity.DERIVED,
        "next_vectors",
        "vectors of the next encoder have different lengths, or are nobody's",
        "SELECT count(*) FROM next_vectors WHERE (SELECT next_encoder FROM tenant) = ''"
        " OR length(vector) <> (SELECT max(length(vector)) FROM next_vectors)",
    ),
    _Rule(
        Severity.DERIVED,
        "requests",
        "remembered requests cannot be read",
        "SELECT count(*) FROM requests WHERE NOT json_valid(outcome)",
    ),
)
_INDEX_ONLY: Final = (" missing from index ", "wrong # of entries in index ", "non-unique entry in index ")
_MESSAGES_MAX: Final = 100


def broken_pages(connection: Connection, path: Path) -> Iterator[Fault]:
    """What SQLite finds wrong with the file itself, and with its foreign keys."""
    try:
        with translated("check", path):
            messages = [
                str(message)
                for (message,) in connection.execute(f"PRAGMA integrity_check({_MESSAGES_MAX})").fetchall()
            ]
            strangers = len(connection.execute("PRAGMA foreign_key_check").fetchall())
    except StoreCorrupt as error:
        yield Fault(Severity.DAMAGE, "", 0, f"the file is damaged: {error.message}")
        return
    if messages != ["ok"]:
        is_index_only = all(any(sign in message for sign in _INDEX_ONLY) for message in messages)
        severity = Severity.DERIVED if is_index_only else Severity.DAMAGE
        shown = "; ".join(message.replace("\n", " ") for message in messages[:3])
        yield Fault(severity, "", len(messages), f"SQLite's integrity check says: {shown}")
    if strangers:
        yield Fault(Severity.DAMAGE, "", strangers, "rows refer to what is not there (foreign keys)")


def unreadable_tables(connection: Connection, path: Path) -> Iterator[Fault]:
    """Tables that cannot be read to their end, each with its rows, where these can be counted."""
    with translated("list tables", path):
        found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    for (name,) in found:
        try:
            with translated("read", path):
                connection.execute(f'SELECT * FROM "{name}"')  # noqa: S608 - the schema's own name
        except StoreCorrupt:
            message = f"rows are in the table {name}, which cannot be read whole"
            yield Fault(Severity.DAMAGE, name, _rows_of(connection, name, path), message)


def _rows_of(connection: Connection, table: str, path: Path) -> int:
    """How many rows a table has, by an index of it, if need be; 0 where that cannot be told."""
    try:
        with translated("count", path):
            (count,) = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608
    except StoreCorrupt:
        return 0
    return int(count)


def broken_rules(connection: Connection, path: Path) -> Iterator[Fault]:
    """What tables say of one another that does not fit. Raises StoreFault where one cannot be read."""
    for rule in _RULES:
        with translated("check", path):
            (count,) = connection.execute(rule.count).fetchone()
        if count:
            yield Fault(rule.severity, rule.table, int(count), rule.message)
