"""Answers about a file's transactions as a table: a row for each that was asked, errors among them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

import likewise
from likewise_indexer.writers.files import Schema
from likewise_indexer.writers.transactions import TRANSACTION_SCHEMA, free_name, transaction_cells

_DIGITS: Final = 6
"""Decimals of probabilities, similarities and weights. More would tell nothing."""

_ALTERNATIVES: Final = pl.List(
    pl.Struct({"category": pl.String, "category_name": pl.String, "probability": pl.Float64})
)
_NEIGHBOURS: Final = pl.List(
    pl.Struct({"transaction_id": pl.String, "similarity": pl.Float64, "weight": pl.Float64})
)
_OF_DIMENSION: Final[Schema] = {
    "": pl.String(),
    "_name": pl.String(),
    "_decision": pl.String(),
    "_probability": pl.Float64(),
    "_witness": pl.String(),
    "_reason": pl.String(),
    "_alternatives": _ALTERNATIVES,
}
"""Columns of each dimension, by what follows its name."""


@dataclass(frozen=True, slots=True)
class AskedRow:
    """A row of a file that was asked about, and what came of it.

    Attributes:
        file: name of the file.
        row: where in it the row starts: the line in a text file, the row (from 1) in others.
        tenant: whose books; empty where the row does not say and should.
        transaction: what was asked; None where the row could not be understood.
        classification: the answer; None where there is an error.
        error: why there is no answer, for a person; empty where there is one.
        id: of a row that could not be understood, where it says one all the same.
    """

    file: str
    row: int
    tenant: str
    transaction: likewise.Transaction | None = None
    classification: likewise.Classification | None = None
    error: str = ""
    id: str = ""


class AnswerTable:
    """A table of answers in some dimensions.

    The columns are ``file``, ``row`` and ``tenant``; those of the transaction; for each dimension, here
    ``category``: ``category`` (id of the first candidate, whatever the decision), ``category_name``,
    ``category_decision`` (FILE, SUGGEST or ASK), ``category_probability``, ``category_witness``,
    ``category_reason`` and ``category_alternatives`` (the other candidates, the likeliest first); the
    ``neighbours`` that all answers rest on, the weightiest first; ``revision``; and ``error``.
    """

    def __init__(self, dimensions: Sequence[str]) -> None:
        """Lay out the table.

        Args:
            dimensions: as asked. An answer in another one is not shown.
        """
        schema: dict[str, pl.DataType] = {
            "file": pl.String(),
            "row": pl.Int64(),
            "tenant": pl.String(),
            **TRANSACTION_SCHEMA,
        }
        last: Schema = {"neighbours": _NEIGHBOURS, "revision": pl.Int64(), "error": pl.String()}
        self._names: dict[str, list[str]] = {}
        for dimension in dimensions:
            names = []
            for suffix, kind in _OF_DIMENSION.items():
                names.append(free_name(dimension + suffix, {*schema, *last}))
                schema[names[-1]] = kind
            self._names[dimension] = names
        self.schema: Schema = {**schema, **last}
        """The columns, in order."""

    def frame(self, rows: Iterable[AskedRow]) -> pl.DataFrame:
        """The rows as a frame of this schema."""
        return pl.DataFrame([self._cells(row) for row in rows], self.schema)

    def _cells(self, row: AskedRow) -> dict[str, Any]:
        cells: dict[str, Any] = dict.fromkeys(self.schema)
        cells |= {"file": row.file, "row": row.row, "tenant": row.tenant or None, "error": row.error or None}
        if row.transaction is None:
            cells["id"] = row.id or None
        else:
            cells |= transaction_cells(row.transaction)
        if row.classification is not None:
            cells["revision"] = row.classification.revision
            cells["neighbours"] = [
                {
                    "transaction_id": neighbour.transaction_id,
                    "similarity": round(neighbour.similarity, _DIGITS),
                    "weight": round(neighbour.weight, _DIGITS),
                }
                for neighbour in row.classification.neighbours
            ]
            for answer in row.classification.answers:
                if answer.dimension in self._names:
                    cells |= zip(self._names[answer.dimension], _answer_cells(answer), strict=True)
        return cells


def _answer_cells(answer: likewise.DimensionAnswer) -> tuple[Any, ...]:
    """In the order of ``_OF_DIMENSION``."""
    candidates = [
        {
            "category": candidate.category,
            "category_name": candidate.category_name,
            "probability": round(candidate.probability, _DIGITS),
        }
        for candidate in answer.candidates
    ]
    first = candidates[0] if candidates else dict.fromkeys(("category", "category_name", "probability"))
    return (
        first["category"],
        first["category_name"],
        decision_word(answer.decision),
        first["probability"],
        witness_word(answer.witness),
        answer.reason,
        candidates[1:],
    )


def decision_word(decision: likewise.Decision.ValueType) -> str:
    """The word for a decision: FILE, SUGGEST or ASK."""
    return likewise.Decision.Name(decision).removeprefix("DECISION_")


def witness_word(witness: likewise.Witness.ValueType) -> str | None:
    """The word for a witness, such as same_text; None where nothing decided."""
    if witness == likewise.Witness.WITNESS_UNSPECIFIED:
        return None
    return likewise.Witness.Name(witness).removeprefix("WITNESS_").lower()
