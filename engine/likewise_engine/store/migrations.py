"""The schema of a tenant's SQLite file, as numbered steps that are only ever added.

A step is never edited once released: data folders out there have run it. Each runs in a transaction of its
own together with its record, so a crash leaves the file at one version or the next. ``PRAGMA user_version``
holds the number of the last step; the table ``migrations`` says when each was run.
"""

import sqlite3
from datetime import UTC, datetime
from typing import Final

from likewise_engine.errors import StoreFault

_STEP_1: Final = """
CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL) STRICT;

-- One row: the tenant itself.
CREATE TABLE tenant (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    tenant TEXT NOT NULL,
    display_name TEXT NOT NULL,
    target_precision REAL NOT NULL,
    closed_chart INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    revision INTEGER NOT NULL,
    encoder_fingerprint TEXT NOT NULL
) STRICT;

-- number: dense from 0; a category is never deleted, only deactivated.
CREATE TABLE categories (
    number INTEGER PRIMARY KEY,
    dimension TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    active INTEGER NOT NULL,
    UNIQUE (dimension, id)
) STRICT;

-- vector: float16, little-endian.
CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL, vector BLOB NOT NULL) STRICT;
CREATE TABLE payees (id INTEGER PRIMARY KEY, payee TEXT NOT NULL) STRICT;

-- day and order_day: proleptic Gregorian ordinals (date.toordinal). amount: at most 15 significant digits,
-- which binary64 carries without loss. text and payee refer to the tables of their name; a declared
-- foreign key would scan all entries for each text that is erased, or cost two more indexes.
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    transaction_id TEXT NOT NULL UNIQUE,
    text INTEGER NOT NULL,
    payee INTEGER NOT NULL,
    day INTEGER,
    order_day INTEGER NOT NULL,
    amount REAL,
    currency TEXT NOT NULL,
    direction INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    payee_wording TEXT NOT NULL,
    description TEXT NOT NULL,
    account TEXT NOT NULL,
    fields TEXT
) STRICT;

CREATE TABLE labels (
    seq INTEGER NOT NULL REFERENCES entries (seq) ON DELETE CASCADE,
    category INTEGER NOT NULL REFERENCES categories (number),
    authority INTEGER NOT NULL,
    PRIMARY KEY (seq, category)
) STRICT, WITHOUT ROWID;

CREATE TABLE corrections (
    id INTEGER PRIMARY KEY,
    transaction_id TEXT NOT NULL,
    dimension TEXT NOT NULL,
    predicted TEXT NOT NULL,
    label TEXT NOT NULL,
    revision INTEGER NOT NULL
) STRICT;
CREATE INDEX corrections_by_transaction ON corrections (transaction_id);

CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    request_id TEXT NOT NULL UNIQUE,
    digest BLOB NOT NULL,
    outcome TEXT NOT NULL
) STRICT;
"""

STEPS: Final[tuple[str, ...]] = (_STEP_1,)
"""SQL scripts; step n (from 1) leads to schema version n."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a file to the latest schema version.

    Raises:
        StoreFault: the file was written by a later version of Likewise.
        sqlite3.Error: a step failed; the file stays at the version before it.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise StoreFault(
            f"a later Likewise wrote this data (schema {version}; this one knows {len(STEPS)}): upgrade"
        )
    for number in range(version + 1, len(STEPS) + 1):
        applied_at = datetime.now(UTC).isoformat(timespec="seconds")
        # executescript commits what is open first, so the step brings its own transaction.
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{STEPS[number - 1]}\n"
            f"INSERT INTO migrations VALUES ({number}, '{applied_at}');\n"
            f"PRAGMA user_version = {number};\nCOMMIT;"
        )
