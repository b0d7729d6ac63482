"""What each block of witnesses takes to say what it says, the rows around a question being gathered."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from likewise_engine.classify import Question
from likewise_engine.evidence import Evidence
from likewise_engine.evidence.candidates import heard_of, nearness_of_names
from likewise_engine.evidence.categories import (
    BOOK_FEATURES,
    HABIT_FEATURES,
    HEAD_FEATURES,
    NAME_FEATURES,
    SUCCESSION_FEATURES,
    fill_books,
    fill_habits,
    fill_head,
    fill_names,
    fill_successions,
)
from likewise_engine.evidence.features import cosines_of
from likewise_engine.evidence.regression import REGRESSION_FEATURES, fill_regression
from likewise_engine.evidence.rows import ROW_FEATURES, fill_rows
from likewise_engine.ledger.view import View
from likewise_engine.transaction import CATEGORY_DIMENSION
from micro_steps.prepared import Prepared

Saying = Callable[[View, Question, Evidence], None]


def _block(
    features: tuple[str, ...], evidence: Evidence
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.empty((len(features), len(evidence.candidates)))


def _rows(view: View, question: Question, evidence: Evidence) -> None:
    share, block = np.zeros(len(evidence.candidates)), _block(ROW_FEATURES, evidence)
    fill_rows(question.around, view.order_day, evidence.rows, evidence.candidate_of_row, block, share)


def _habits(view: View, question: Question, evidence: Evidence) -> None:
    block = _block(HABIT_FEATURES, evidence)
    habits = view.habits(CATEGORY_DIMENSION)
    fill_habits(habits, question.around.log_amount, evidence.candidates, block)


def _regression(view: View, question: Question, evidence: Evidence) -> None:
    cosines, block = cosines_of(view, question.around), _block(REGRESSION_FEATURES, evidence)
    fill_regression(question.around, evidence.rows, evidence.candidate_of_row, cosines, block)


def _succession(view: View, _: Question, evidence: Evidence) -> None:
    block, habits = _block(SUCCESSION_FEATURES, evidence), view.habits(CATEGORY_DIMENSION)
    fill_successions(habits.successions, evidence.share, evidence.candidates, block)


def _head(view: View, question: Question, evidence: Evidence) -> None:
    head = view.heads.of_dimension[CATEGORY_DIMENSION]
    said = head.log_probabilities(question.around.hashed)
    heard = heard_of(head.categories, said, view.category_active)
    fill_head(heard, evidence.candidates, _block(HEAD_FEATURES, evidence))


def _names(view: View, question: Question, evidence: Evidence) -> None:
    vector = question.around.vector
    nearness = nearness_of_names(view.name_vectors, view.description_vectors, view.described, vector)
    fill_names(nearness, evidence.candidates, _block(NAME_FEATURES, evidence))


def _books(view: View, question: Question, evidence: Evidence) -> None:
    counts, dimensions = view.category_counts, view.category_dimension
    block = _block(BOOK_FEATURES, evidence)
    fill_books(
        question.around, evidence.rows, evidence.candidates, counts, dimensions, evidence.log_mass, block
    )


_SAYINGS: Final[Mapping[str, Saying]] = {
    "similarity-payee-amount": _rows,
    "habits": _habits,
    "regression": _regression,
    "succession": _succession,
    "head": _head,
    "names": _names,
    "books": _books,
}


def _prepared(saying: Saying) -> Callable[[Prepared], Callable[[], None]]:
    def prepare(prepared: Prepared) -> Callable[[], None]:
        view = prepared.view
        asked = [(question, question.evidence[CATEGORY_DIMENSION]) for question in prepared.questions]

        def call() -> None:
            for question, evidence in asked:
                saying(view, question, evidence)

        return call

    return prepare


WITNESSES: Final = {f"witness-{name}": _prepared(saying) for name, saying in _SAYINGS.items()}
"""By name of the step. The first three witnesses are read from the same rows, in one pass."""
