"""What became of answers: labels that persons gave afterwards, and the counts of both.

All within whatever transaction the connection to the file of predictions is in.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from likewise_engine.answers import DimensionAnswer
from likewise_engine.store.connection import Connection
from likewise_engine.store.trail import moment_of

NO_CATEGORY: Final = -1
"""Number of what was proposed where nothing was."""
_COUNT: Final = (
    "INSERT INTO tallies VALUES (:day, :dimension, :decision, :witness, :category,"
    " :answered, :accepted, :offered, :corrected, :expected)"
    " ON CONFLICT DO UPDATE SET answered = answered + excluded.answered,"
    " accepted = accepted + excluded.accepted, offered = offered + excluded.offered,"
    " corrected = corrected + excluded.corrected, expected = expected + excluded.expected"
)
_NOTHING: Final = dict.fromkeys(("answered", "accepted", "offered", "corrected", "expected"), 0)


class AnswerRow(NamedTuple):
    """An answer in one dimension, as its row has it.

    Attributes:
        dimension: the dimension.
        decision: a Decision.
        witness: a Witness.
        proposed: JSON list of the numbers of the candidates that were shown, the likeliest first.
        probability: of the first; 0 where there was none.
    """

    dimension: str
    decision: int
    witness: int
    proposed: str
    probability: float

    @classmethod
    def of(cls, answer: DimensionAnswer, numbers: Mapping[str, int]) -> "AnswerRow":
        """The row of an answer; ``numbers`` has those of the categories by id."""
        proposed = [numbers[candidate.category] for candidate in answer.candidates]
        probability = answer.candidates[0].probability if proposed else 0.0
        decision, witness = int(answer.decision), int(answer.witness)
        return cls(answer.dimension, decision, witness, json.dumps(proposed), probability)


@dataclass(frozen=True, slots=True)
class Given:
    """Labels that a person gave one transaction.

    Attributes:
        transaction_id: of the transaction.
        prediction_id: of what was answered, where the caller said so; else empty.
        labels: category number by dimension.
        revision: with which it was learned.
        heirs: number of the category that took over, by that of one that was merged.
    """

    transaction_id: str
    prediction_id: str
    labels: Mapping[str, int]
    revision: int
    heirs: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an answer in one dimension.

    Attributes:
        label: number of the category that a person gave.
        position: of that among the candidates that were shown, from 1; 0 where it was not among them.
    """

    label: int
    position: int


def count(connection: Connection, day: int, answer: AnswerRow, counts: Mapping[str, float]) -> None:
    """Add to the counts of the answers of a day that are like one."""
    proposed = json.loads(answer.proposed)
    counted = {
        "day": day,
        "dimension": answer.dimension,
        "decision": answer.decision,
        "witness": answer.witness,
        "category": proposed[0] if proposed else NO_CATEGORY,
    }
    connection.execute(_COUNT, {**_NOTHING, **counted, **counts})


def add(connection: Connection, tallies: Sequence[Sequence[Any]]) -> None:
    """Add counts that were made elsewhere, each with all columns in the order of the table."""
    connection.executemany(_COUNT, tallies)


def tie(connection: Connection, given: Given) -> bool:
    """Tie labels to the latest answer from before them; whether there is one.

    One that shows the transaction itself as a neighbour had been told already, and is not judged.
    """
    found = connection.execute(
        "SELECT number, time_us FROM predictions"
        " WHERE (CASE WHEN :id <> '' THEN id = :id ELSE transaction_id = :transaction END)"
        " AND revision < :revision AND NOT EXISTS (SELECT 1 FROM json_each(neighbours) AS shown"
        " WHERE shown.value = :transaction) ORDER BY number DESC LIMIT 1",
        {"id": given.prediction_id, "transaction": given.transaction_id, "revision": given.revision},
    ).fetchone()
    if found is None:
        return False
    number, us = found
    for dimension, label in given.labels.items():
        row = connection.execute(
            "SELECT dimension, decision, witness, proposed, probability, position FROM answers"
            " WHERE prediction = ? AND dimension = ?",
            (number, dimension),
        ).fetchone()
        if row is None:  # it was not asked in this dimension
            continue
        *answer, before = row
        verdict = _verdict(AnswerRow(*answer), label, given.heirs)
        connection.execute(
            "UPDATE answers SET label = ?, position = ? WHERE prediction = ? AND dimension = ?",
            (label, verdict.position, number, dimension),
        )
        _judge(connection, moment_of(us).toordinal(), AnswerRow(*answer), before, verdict)
    return True


def _verdict(answer: AnswerRow, label: int, heirs: Mapping[int, int]) -> Verdict:
    proposed = [heirs.get(category, category) for category in json.loads(answer.proposed)]
    return Verdict(label, proposed.index(label) + 1 if label in proposed else 0)


def _judge(connection: Connection, day: int, answer: AnswerRow, before: int | None, verdict: Verdict) -> None:
    """Count a verdict; and not the one before it, where somebody has changed their mind."""
    if before is not None:
        undone = {name: -by for name, by in _counts(before, answer).items()}
        count(connection, day, answer, undone)
    count(connection, day, answer, _counts(verdict.position, answer))


def _counts(position: int, answer: AnswerRow) -> dict[str, float]:
    return {
        "accepted": int(position == 1),
        "offered": int(position > 1),
        "corrected": int(position != 1),
        "expected": answer.probability,
    }
