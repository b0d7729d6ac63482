"""The rules in a tenant's SQLite file. All within whatever transaction the connection is in.

A number is given once: an answer that named a rule never means another one later. So where the latest rule is
deleted its number stays, in a row that has no id and is no rule; a later rule takes its place.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from likewise_engine.errors import StoreCorrupt
from likewise_engine.rules import kept as kept_rules
from likewise_engine.rules.kept import KeptRule, RuleChange, Tally
from likewise_engine.rules.plain import condition_of, plain_condition
from likewise_engine.store.connection import Connection

_UPSERT: Final = (
    "INSERT INTO rules (number, id, name, priority, active, conditions, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET name = excluded.name,"
    " priority = excluded.priority, active = excluded.active, conditions = excluded.conditions"
)


def kept(connection: Connection) -> list[KeptRule]:
    """The rules, the oldest first. Raises StoreCorrupt where one cannot be read."""
    found = connection.execute(
        "SELECT number, id, name, priority, active, conditions, created_at FROM rules WHERE id <> ''"
        " ORDER BY number"
    ).fetchall()
    if not found:
        return []
    tallies: dict[int, dict[int, Tally]] = {row[0]: {} for row in found}
    for rule, category, decided, right in connection.execute(
        "SELECT rule, category, decided, right FROM rule_labels ORDER BY rule, category"
    ).fetchall():
        tallies[rule][category] = Tally(decided, right)
    return [_kept(row, tallies[row[0]]) for row in found]


def last_number(connection: Connection) -> int:
    """The highest number that a rule ever had, or was called by; 0 where there was none."""
    return kept_rules.last_number(connection.execute("SELECT number, id FROM rules"))


def write(connection: Connection, change: RuleChange) -> None:
    """Write a change."""
    last = last_number(connection) if change.deleted else 0
    connection.executemany("DELETE FROM rules WHERE number = ?", ((number,) for number in change.deleted))
    for rule in change.written:
        conditions = json.dumps(
            [plain_condition(condition) for condition in rule.conditions], ensure_ascii=False
        )
        connection.execute(
            _UPSERT,
            (
                rule.number,
                rule.id,
                rule.name,
                rule.priority,
                rule.active,
                conditions,
                rule.created.isoformat(),
            ),
        )
        connection.execute("DELETE FROM rule_labels WHERE rule = ?", (rule.number,))
        connection.executemany(
            "INSERT INTO rule_labels (rule, category, decided, right) VALUES (?, ?, ?, ?)",
            [(rule.number, number, tally.decided, tally.right) for number, tally in rule.tallies.items()],
        )
    connection.executemany(
        "UPDATE rule_labels SET decided = ?, right = ? WHERE rule = ? AND category = ?",
        ((tally.decided, tally.right, *of) for of, tally in (change.tallied or {}).items()),
    )
    if last > last_number(connection):
        connection.execute("DELETE FROM rules WHERE id = ''")
        connection.execute(
            "INSERT INTO rules (number, id, name, priority, active, conditions, created_at)"
            " VALUES (?, '', '', 0, 0, '[]', '')",
            (last,),
        )


def purge(connection: Connection, categories: Sequence[int]) -> None:
    """Leave nothing that tells of categories in the rules.

    What rules say of them goes; of a rule that says nothing else its name and conditions go too. Its id
    stays, with a label that means nothing any more, so that it can be said what became of it.
    """
    purged = json.dumps(list(categories))
    of_purged = "SELECT rule FROM rule_labels WHERE category IN (SELECT value FROM json_each(:purged))"
    of_others = "SELECT rule FROM rule_labels WHERE category NOT IN (SELECT value FROM json_each(:purged))"
    connection.execute(
        f"UPDATE rules SET name = '', conditions = '[]' WHERE number IN ({of_purged})"  # noqa: S608 - constants
        f" AND number NOT IN ({of_others})",
        {"purged": purged},
    )
    connection.execute(
        f"DELETE FROM rule_labels WHERE category IN (SELECT value FROM json_each(:purged))"  # noqa: S608
        f" AND rule IN ({of_others})",
        {"purged": purged},
    )
    connection.execute(
        "UPDATE rule_labels SET decided = 0, right = 0"
        " WHERE category IN (SELECT value FROM json_each(:purged))",
        {"purged": purged},
    )


def _kept(row: Sequence[Any], tallies: Mapping[int, Tally]) -> KeptRule:
    number, rule_id, name, priority, active, conditions, created_at = row
    try:
        told = tuple(condition_of(stored) for stored in json.loads(conditions))
        created = datetime.fromisoformat(created_at).astimezone(UTC)
    except (ValueError, TypeError) as error:
        raise StoreCorrupt("a rule of the store cannot be read") from error
    if not tallies:
        raise StoreCorrupt("a rule of the store has no label")
    return KeptRule(number, rule_id, name, priority, bool(active), told, created, tallies)
