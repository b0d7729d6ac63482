"""What was answered to a tenant, in a file of its own beside the store; see :mod:`likewise_engine.feedback`.

    predictions   one row an answer: the latest ones, as many and as old as the settings say
    answers       one row a dimension of each: what was proposed, and the label that a person gave later
    tallies       how many answers there were and how many were right, by day, dimension, decision, witness
                  and category; they outlive the answers
    profiles      how questions were distributed, by day: counts in bins
    floor         answers of an earlier revision or time are not taken any more: something was erased since

Why not in the store itself: each commit there is fsynced, takes the lock that a Learn waits for, and is news
for the other processes; and a VACUUM after forgetting would write all records anew. Here a batch is committed
without an fsync (``synchronous=NORMAL``): a power cut may cost the latest answers, and never the file. It is
opened for each batch and closed again, so a loaded tenant takes no memory for it. Its pages are sealed by the
tenant's key, as the store's are.

Erasure comes first here, and is on disk before the store's own is committed: so whatever fails in between,
nothing is told here of what is gone there. What is still on its way in a queue, here or in another process,
was answered before: the floor keeps it out.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import apsw

from likewise_engine import limits
from likewise_engine.durable import sync
from likewise_engine.errors import StoreCorrupt, StoreFault
from likewise_engine.feedback.codec import decoded_prediction, encoded
from likewise_engine.feedback.prediction import Prediction
from likewise_engine.feedback.profile import bins_of
from likewise_engine.keys import TenantKey
from likewise_engine.store import verdicts
from likewise_engine.store.connection import (
    WRITE_WAIT_S,
    Connection,
    connect,
    decoded,
    transaction,
    translated,
    vacuum_into,
)
from likewise_engine.store.trail import time_us
from likewise_engine.store.verdicts import AnswerRow, Given, Verdict
from likewise_engine.transaction import LabelledTransaction

PREDICTIONS_NAME: Final = "predictions.sqlite3"
_NONE_BEFORE: Final = 2**63 - 1
_SCHEMA_VERSION: Final = 1
_CHECKED_AT_ONCE: Final = 100
_LOG_BYTES_MAX: Final = 1024 * 1024
"""Of the log: two fsyncs come to some sixty answers, and who opens the file reads half a megabyte."""
# transaction_id: '' where it had none. neighbours: JSON list of the transaction ids that were shown.
# categories: JSON list of the numbers of all candidates. proposed: JSON list of the numbers of those that
# were shown, the likeliest first. label: number of the category that a person gave. position: of that among
# those proposed, from 1; 0 where it is not one of them. day: proleptic ordinal, UTC.
_SCHEMA: Final = """
CREATE TABLE predictions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    time_us INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    transaction_id TEXT NOT NULL,
    neighbours TEXT NOT NULL,
    categories TEXT NOT NULL,
    record BLOB NOT NULL
) STRICT;
CREATE INDEX predictions_by_transaction ON predictions (transaction_id) WHERE transaction_id <> '';

CREATE TABLE answers (
    prediction INTEGER NOT NULL REFERENCES predictions (number) ON DELETE CASCADE,
    dimension TEXT NOT NULL,
    decision INTEGER NOT NULL,
    witness INTEGER NOT NULL,
    proposed TEXT NOT NULL,
    probability REAL NOT NULL,
    label INTEGER,
    position INTEGER,
    PRIMARY KEY (prediction, dimension)
) STRICT, WITHOUT ROWID;

CREATE TABLE tallies (
    day INTEGER NOT NULL,
    dimension TEXT NOT NULL,
    decision INTEGER NOT NULL,
    witness INTEGER NOT NULL,
    category INTEGER NOT NULL,
    answered INTEGER NOT NULL DEFAULT 0,
    accepted INTEGER NOT NULL DEFAULT 0,
    offered INTEGER NOT NULL DEFAULT 0,
    corrected INTEGER NOT NULL DEFAULT 0,
    expected REAL NOT NULL DEFAULT 0,
    PRIMARY KEY (day, dimension, decision, witness, category)
) STRICT, WITHOUT ROWID;

CREATE TABLE profiles (
    day INTEGER NOT NULL,
    measure TEXT NOT NULL,
    bin INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (day, measure, bin)
) STRICT, WITHOUT ROWID;

CREATE TABLE floor (revision INTEGER NOT NULL, time_us INTEGER NOT NULL) STRICT;
INSERT INTO floor VALUES (0, 0);
PRAGMA user_version = 1;
"""
_MENTIONING: Final = (
    "transaction_id IN (SELECT value FROM json_each(:ids))"
    " OR EXISTS (SELECT 1 FROM json_each(neighbours) AS shown, json_each(:ids) AS gone"
    " WHERE shown.value = gone.value)"
    " OR EXISTS (SELECT 1 FROM json_each(categories) AS named, json_each(:numbers) AS gone"
    " WHERE named.value = gone.value)"
    " OR EXISTS (SELECT 1 FROM answers AS a, json_each(:numbers) AS gone"
    " WHERE a.prediction = predictions.number AND a.label = gone.value)"
)
_ADD_TO_PROFILE: Final = (
    "INSERT INTO profiles VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"
)
_SELECT: Final = "SELECT number, id, record FROM predictions"


@dataclass(frozen=True, slots=True)
class Keeping:
    """How many predictions of a tenant are kept, and for how many days."""

    count_max: int = limits.PREDICTIONS_KEPT_DEFAULT
    age_days_max: int = limits.PREDICTION_DAYS_KEPT_DEFAULT


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """A prediction made ready to be written: what takes long is done before the file is locked.

    Attributes:
        revision: that it saw.
        time_us: when it was answered, in microseconds since 1970.
        day: of the answer, a proleptic ordinal, UTC.
        prediction: columns of its row, but for the number.
        answers: one for each dimension.
        bins: its measures, each with its bin.
    """

    revision: int
    time_us: int
    day: int
    prediction: Sequence[Any]
    answers: Sequence[AnswerRow]
    bins: Sequence[tuple[str, int]]

    @classmethod
    def of(cls, prediction: Prediction) -> "PredictionRow":
        """The row of a prediction."""
        answer, numbers = prediction.answer, prediction.numbers
        shown = [neighbour.transaction_id for neighbour in answer.neighbours]
        named = sorted({number for each in numbers.values() for number in each.values()})
        return cls(
            answer.revision,
            time_us(prediction.time),
            prediction.time.astimezone(UTC).toordinal(),
            (
                prediction.id,
                time_us(prediction.time),
                answer.revision,
                prediction.transaction.id,
                json.dumps(shown, ensure_ascii=False),
                json.dumps(named),
                encoded(prediction),
            ),
            [AnswerRow.of(one, numbers[one.dimension]) for one in answer.answers],
            list(bins_of(prediction)),
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """A prediction as it is kept.

    Attributes:
        number: orders predictions, the later the higher.
        prediction: what was answered.
        verdicts: what became of it, by dimension; empty where nobody has said yet.
    """

    number: int
    prediction: Prediction
    verdicts: Mapping[str, Verdict]


class PredictionFile:
    """One tenant's predictions. Any thread and process may use it; each use opens and closes the file."""

    def __init__(self, folder: Path, key: TenantKey) -> None:
        """Name it; nothing is opened.

        Args:
            folder: the tenant's.
            key: the tenant's.
        """
        self._path = folder / PREDICTIONS_NAME
        self._key = key

    @property
    def exists(self) -> bool:
        """Whether anything was ever recorded or erased."""
        return self._path.exists()

    def is_of(self, key: TenantKey) -> bool:
        """Whether a key is the tenant's: one of the same name that came before it had another."""
        return self._key == key

    def add(self, rows: Sequence[PredictionRow], keeping: Keeping) -> int:
        """Record answers, and let the oldest go; see :meth:`record`."""
        return self.record(rows, keeping)[0]

    def record(
        self, rows: Sequence[PredictionRow], keeping: Keeping, given: Sequence[Given] = ()
    ) -> tuple[int, list[Given]]:
        """Record answers, let the oldest go, and tie labels to what was answered before: one commit.

        To open the file and commit takes a millisecond, an answer or a label within it a tenth of that.

        Args:
            rows: the answers.
            keeping: how many are kept.
            given: the labels.

        Returns:
            How many answers were recorded: those are not that saw what was erased since. And the labels of
            which no prediction is known.

        Raises:
            StoreFault: nothing was recorded, and no label is tied.
        """
        if not rows and not self.exists:
            return 0, list(given)
        with self._writing() as connection:
            revision, us = connection.execute("SELECT revision, time_us FROM floor").fetchone()
            taken = [row for row in rows if row.revision >= revision and row.time_us >= us]
            for row in taken:
                _add(connection, row)
            if rows:
                expire(connection, keeping)
            return len(taken), [one for one in given if not verdicts.tie(connection, one)]

    def take_over(self, tallies: Sequence[Sequence[Any]], profiles: Sequence[Sequence[Any]]) -> None:
        """Add counts that were made elsewhere, by the columns of these tables. Raises StoreFault."""
        with self._writing() as connection:
            verdicts.add(connection, tallies)
            connection.executemany(_ADD_TO_PROFILE, profiles)

    def answered(self, items: Sequence[LabelledTransaction]) -> list[LabelledTransaction]:
        """Those of which an answer is kept, by their own id or by the prediction's. Raises StoreFault."""
        found = self.rows(
            "SELECT transaction_id FROM predictions"
            " WHERE transaction_id <> '' AND transaction_id IN (SELECT value FROM json_each(:transactions))"
            " UNION ALL SELECT id FROM predictions WHERE id IN (SELECT value FROM json_each(:predictions))",
            {
                "transactions": json.dumps([item.transaction.id for item in items]),
                "predictions": json.dumps([item.prediction_id for item in items if item.prediction_id]),
            },
        )
        ids = {id_ for (id_,) in found}
        return [item for item in items if item.transaction.id in ids or item.prediction_id in ids]

    def mentioning(self, transaction_ids: Sequence[str], categories: Sequence[int]) -> int:
        """How many predictions :meth:`erase` would erase. Raises StoreFault."""
        select = f"SELECT count(*) FROM predictions WHERE {_MENTIONING}"  # noqa: S608 - a constant
        return sum(int(row[0]) for row in self.rows(select, _doomed(transaction_ids, categories)))

    def erase(self, transaction_ids: Sequence[str], categories: Sequence[int] = (), *, revision: int) -> int:
        """Erase what tells of transactions or categories: gone from disk when this returns.

        Predictions of these transactions go, those that show one of them as a neighbour, and those with a
        candidate or a label of these categories (by number), with what was counted of the categories.

        Args:
            transaction_ids: of what is forgotten.
            categories: numbers of what is purged.
            revision: of the erasure. Nothing is recorded from here on that saw an earlier one, or that was
                answered before now.

        Returns:
            How many predictions were erased.

        Raises:
            StoreFault: they may be there still.
        """
        try:
            return self._erase(transaction_ids, categories, revision)
        except StoreCorrupt:
            # Nobody can read what it tells; and nothing is built on it.
            self.discard()
            return self._erase((), (), revision)

    def expire(self, keeping: Keeping) -> None:
        """Let go of what is too old, though nobody asks any more. Raises StoreFault."""
        if self.exists:
            with self._writing() as connection:
                expire(connection, keeping)

    def copy(self, folder: Path) -> None:
        """Copy what there is into another folder, under the same key; on disk when this returns.

        Raises:
            StoreFault: it could not be read or written.
        """
        if not self.exists:
            return
        target = folder / PREDICTIONS_NAME
        with self._connected("copy predictions") as connection:
            target.touch(mode=0o600, exist_ok=False)
            vacuum_into(connection, target, self._key.of_predictions())
            sync(target)

    def check(self) -> str:
        """What is wrong with the file; empty where all of it can be read. Raises StoreFault."""
        try:
            for (found,) in self.rows("PRAGMA integrity_check(1)"):
                if found != "ok":
                    return str(found)
            before: int | None = None
            while page := self.latest(_CHECKED_AT_ONCE, before):
                before = page[-1].number
        except StoreCorrupt as error:
            return error.message
        return ""

    def discard(self) -> None:
        """Delete the file. Raises StoreFault."""
        with translated("delete predictions", self._path):
            for ending in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)

    def get(self, prediction_id: str) -> Recorded | None:
        """A prediction by its id; None where it is not kept (any more). Raises StoreFault."""
        return next(iter(self._found(f"{_SELECT} WHERE id = ?", (prediction_id,))), None)

    def latest_of(self, transaction_id: str) -> Recorded | None:
        """The latest prediction of a transaction; None where none is kept. Raises StoreFault."""
        select = f"{_SELECT} WHERE transaction_id = ? ORDER BY number DESC LIMIT 1"
        return next(iter(self._found(select, (transaction_id,))), None)

    def latest(self, count_max: int, before: int | None = None) -> list[Recorded]:
        """Predictions, the latest first.

        Args:
            count_max: how many at most.
            before: only those with a lower number.

        Raises:
            StoreFault.
        """
        select = f"{_SELECT} WHERE number < ? ORDER BY number DESC LIMIT ?"
        return self._found(select, (_NONE_BEFORE if before is None else before, count_max))

    def count(self) -> int:
        """How many predictions are kept. Raises StoreFault."""
        return sum(int(row[0]) for row in self.rows("SELECT count(*) FROM predictions"))

    def rows(self, select: str, bindings: Any = ()) -> list[Any]:
        """What a SELECT finds; nothing where nothing was ever recorded. Raises StoreFault."""
        if not self.exists:
            return []
        with self._connected("read predictions") as connection, decoded():
            return connection.execute(select, bindings).fetchall()

    def _found(self, select: str, bindings: Any) -> list[Recorded]:
        if not self.exists:
            return []
        with self._connected("read predictions") as connection, decoded():
            return [_recorded(connection, row) for row in connection.execute(select, bindings)]

    def _erase(self, transaction_ids: Sequence[str], categories: Sequence[int], revision: int) -> int:
        erased = _doomed(transaction_ids, categories)
        with self._connected("erase predictions") as connection:
            with transaction(connection):
                connection.execute(f"DELETE FROM predictions WHERE {_MENTIONING}", erased)  # noqa: S608
                count = connection.changes()
                connection.execute(
                    "DELETE FROM tallies WHERE category IN (SELECT value FROM json_each(:numbers))", erased
                )
                connection.execute(
                    "UPDATE floor SET revision = max(revision, ?), time_us = max(time_us, ?)",
                    (revision, time_us(datetime.now(UTC))),
                )
            if count or categories:
                connection.execute("VACUUM")
            is_blocked, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if is_blocked:
                raise StoreFault("predictions that are to be erased are read just now: try again")
        return count

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._connected("record predictions") as connection:
            with transaction(connection):
                yield connection
            self._fold(connection)

    def _fold(self, connection: Connection) -> None:
        """Fold the log into the file where it has become long, unless somebody reads just now.

        SQLite does so by itself, but how much of the log was folded stands in shared memory alone, which goes
        when the last connection is closed: so the log grew without end, and each who opened the file read it.
        """
        log = self._path.with_name(f"{self._path.name}-wal")
        if log.stat().st_size > _LOG_BYTES_MAX:
            connection.set_busy_timeout(0)
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @contextmanager
    def _connected(self, action: str) -> Iterator[Connection]:
        with translated(action, self._path):
            if not self._path.exists():
                self._path.touch(mode=0o600)
            with closing(connect(self._path, self._key.of_predictions(), WRITE_WAIT_S)) as connection:
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA wal_autocheckpoint = 0")  # see _fold
                # Else each close would fold the log into the file, with two fsyncs.
                connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                _migrate(connection)
                yield connection


def _doomed(transaction_ids: Sequence[str], categories: Sequence[int]) -> Mapping[str, str]:
    """What is bound in a statement about what is to go."""
    return {"ids": json.dumps(list(transaction_ids)), "numbers": json.dumps(list(categories))}


def _migrate(connection: Connection) -> None:
    """Bring a file to the schema. Raises StoreFault: a later version of Likewise wrote it."""
    if _version(connection) == 0:
        with transaction(connection):
            if _version(connection) == 0:  # somebody else may have been quicker
                connection.execute(_SCHEMA)
    if (version := _version(connection)) > _SCHEMA_VERSION:
        raise StoreFault(
            f"a later Likewise wrote these predictions (schema {version}; this one knows {_SCHEMA_VERSION}):"
            " upgrade"
        )


def _version(connection: Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _add(connection: Connection, row: PredictionRow) -> None:
    connection.execute(
        "INSERT INTO predictions (id, time_us, revision, transaction_id, neighbours, categories, record)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        row.prediction,
    )
    number, day = connection.last_insert_rowid(), row.day
    for answer in row.answers:
        connection.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)", (number, *answer))
        verdicts.count(connection, day, answer, {"answered": 1})
    connection.executemany(_ADD_TO_PROFILE, [(day, measure, bin_, 1) for measure, bin_ in row.bins])


def _recorded(connection: Connection, row: Sequence[Any]) -> Recorded:
    number, prediction_id, record = row
    found = connection.execute(
        "SELECT dimension, label, position FROM answers WHERE prediction = ? AND label IS NOT NULL",
        (number,),
    )
    return Recorded(
        number,
        decoded_prediction(prediction_id, record),
        {dimension: Verdict(label, position) for dimension, label, position in found},
    )


def expire(connection: Connection, keeping: Keeping) -> None:
    """Let go of what is beyond its bounds; within a transaction."""
    now = datetime.now(UTC)
    connection.execute(
        "DELETE FROM predictions WHERE time_us < ? OR number <="
        " (SELECT number FROM predictions ORDER BY number DESC LIMIT 1 OFFSET ?)",
        (time_us(now - timedelta(days=keeping.age_days_max)), keeping.count_max),
    )
    today = now.toordinal()
    connection.execute("DELETE FROM tallies WHERE day < ?", (today - limits.TALLY_DAYS_KEPT_MAX,))
    connection.execute("DELETE FROM profiles WHERE day < ?", (today - limits.TALLY_DAYS_KEPT_MAX,))
