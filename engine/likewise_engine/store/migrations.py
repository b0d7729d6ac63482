"""The schema of a tenant's SQLite file, as numbered steps that are only ever added.

A step is never edited once released: data folders out there have run it. Each runs in a transaction of its
own together with its record, so a crash leaves the file at one version or the next; those of a new file run
in one. ``PRAGMA user_version`` holds the number of the last step; the table ``migrations`` says when each was
run.
"""

from datetime import UTC, datetime
from typing import Final

from likewise_engine.errors import StoreFault
from likewise_engine.store.connection import Connection, transaction

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

# Whether entries were forgotten whose remains on disk are still to be purged.
_STEP_2: Final = """
ALTER TABLE tenant ADD COLUMN is_purge_due INTEGER NOT NULL DEFAULT 0;
"""

# merged_into: the category that took over this one's labels, never one that was merged itself. former_ids:
# JSON list of the ids that the category had before it was renamed, the latest last.
_STEP_3: Final = """
ALTER TABLE categories ADD COLUMN merged_into INTEGER REFERENCES categories (number);
ALTER TABLE categories ADD COLUMN former_ids TEXT NOT NULL DEFAULT '[]';
"""

# What would have been answered before a person's label was known: it calibrates the tenant. predicted: a
# category, which tells the dimension too. probability: the vote's own. outcomes_fingerprint: the models that
# all of them are of. is_calibration_due: labels were taught in bulk that no outcome is known of.
_STEP_4: Final = """
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    transaction_id TEXT NOT NULL,
    predicted INTEGER NOT NULL REFERENCES categories (number),
    probability REAL NOT NULL,
    is_filed INTEGER NOT NULL
) STRICT;
CREATE INDEX outcomes_by_transaction ON outcomes (transaction_id);

ALTER TABLE tenant ADD COLUMN outcomes_fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE tenant ADD COLUMN is_calibration_due INTEGER NOT NULL DEFAULT 0;
"""

# One row a change, of the latest. superseded: JSON list of the seqs that its entries took the place of, NULL
# where it was more than a lesson. dropped_outcomes: JSON list of ids. last_...: the highest id that was ever
# given, for none is given twice. From here on tenant.is_calibration_due holds a revision: that of the latest
# lesson in bulk that no outcome is known of; 0 where there is none.
_STEP_5: Final = """
CREATE TABLE journal (
    position INTEGER PRIMARY KEY,
    superseded TEXT,
    dropped_outcomes TEXT NOT NULL,
    last_text INTEGER NOT NULL,
    last_payee INTEGER NOT NULL,
    last_outcome INTEGER NOT NULL
) STRICT;
INSERT INTO journal SELECT 1, NULL, '[]',
    (SELECT coalesce(max(id), 0) FROM texts),
    (SELECT coalesce(max(id), 0) FROM payees),
    (SELECT coalesce(max(id), 0) FROM outcomes);
"""

# token: random, of each change. So a cache can tell whether it is of this file, or of a copy that was put in
# its place and learned other things since.
_STEP_6: Final = """
ALTER TABLE journal ADD COLUMN token INTEGER NOT NULL DEFAULT 0;
UPDATE journal SET token = abs(random() % 9223372036854775807) + 1;
"""

# The audit trail: who did what, and how much of it. time_us: since 1970, UTC. counts: JSON object of those
# that are not 0. categories: JSON list of numbers. From here on a request id is kept as its SHA-256, and
# digest is empty where something was forgotten since; those from before could not be found by that. Of a
# category that was purged there is left: its number, '' for its dimension, the number for its id.
_STEP_7: Final = """
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    time_us INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    counts TEXT NOT NULL,
    categories TEXT NOT NULL
) STRICT;
DELETE FROM requests;
"""

# While the encoder is changed: vectors of the next one, of as many texts as it has encoded by now, and which
# one that is; '' for none.
_STEP_8: Final = """
CREATE TABLE next_vectors (
    text INTEGER PRIMARY KEY REFERENCES texts (id) ON DELETE CASCADE,
    vector BLOB NOT NULL
) STRICT;
ALTER TABLE tenant ADD COLUMN next_encoder TEXT NOT NULL DEFAULT '';
"""

# Rules, and what they say. number: tells their age. conditions: JSON list. decided and right: the record of a
# label, which follows from entries and rules. Of a rule whose categories were purged there is left: its
# number and id, no name, no conditions.
_STEP_9: Final = """
CREATE TABLE rules (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    priority INTEGER NOT NULL,
    active INTEGER NOT NULL,
    conditions TEXT NOT NULL,
    created_at TEXT NOT NULL
) STRICT;
CREATE TABLE rule_labels (
    rule INTEGER NOT NULL REFERENCES rules (number) ON DELETE CASCADE,
    category INTEGER NOT NULL REFERENCES categories (number),
    decided INTEGER NOT NULL,
    right INTEGER NOT NULL,
    PRIMARY KEY (rule, category)
) STRICT, WITHOUT ROWID;
"""

# What a language model said of a text in one dimension: category is NULL where it said that none fits, label
# where no person has labelled the text since. expected: what the vote gave the category when it was asked
# for. testimonies_at: the position of the change that last changed them. erased_at: revision of the latest
# erasure: of what was asked about before, nothing is kept any more.
_STEP_10: Final = """
CREATE TABLE testimonies (
    id INTEGER PRIMARY KEY,
    transaction_id TEXT NOT NULL,
    text TEXT NOT NULL,
    dimension TEXT NOT NULL,
    category INTEGER REFERENCES categories (number),
    expected REAL NOT NULL,
    witness TEXT NOT NULL,
    menu TEXT NOT NULL,
    revision INTEGER NOT NULL,
    label INTEGER REFERENCES categories (number)
) STRICT;
CREATE INDEX testimonies_by_text ON testimonies (text);

ALTER TABLE tenant ADD COLUMN testimonies_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tenant ADD COLUMN erased_at INTEGER NOT NULL DEFAULT 0;
"""

STEPS: Final[tuple[str, ...]] = (
    _STEP_1,
    _STEP_2,
    _STEP_3,
    _STEP_4,
    _STEP_5,
    _STEP_6,
    _STEP_7,
    _STEP_8,
    _STEP_9,
    _STEP_10,
)
"""SQL scripts; step n (from 1) leads to schema version n."""


def migrate(connection: Connection) -> None:
    """Bring a file to the latest schema version.

    Raises:
        StoreFault: the file was written by a later version of Likewise.
        apsw.Error: a step failed; the file stays at the version before it.
    """
    while (version := _version(connection)) < len(STEPS):
        with transaction(connection):
            # Another connection may have taken the step while this one waited.
            if _version(connection) == version:
                # A new file has nothing to lose: one commit, and one fsync, for all steps.
                last = version + 1 if version else len(STEPS)
                for number in range(version + 1, last + 1):
                    _take(connection, number)
    check_version(connection)


def check_version(connection: Connection) -> int:
    """A file's schema version. Raises StoreFault where a later version of Likewise wrote it."""
    version = _version(connection)
    if version > len(STEPS):
        raise StoreFault(
            f"a later Likewise wrote this data (schema {version}; this one knows {len(STEPS)}): upgrade"
        )
    return version


def _version(connection: Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _take(connection: Connection, number: int) -> None:
    connection.execute(STEPS[number - 1])
    applied_at = datetime.now(UTC).isoformat(timespec="seconds")
    connection.execute("INSERT INTO migrations VALUES (?, ?)", (number, applied_at))
    connection.execute(f"PRAGMA user_version = {number}")
