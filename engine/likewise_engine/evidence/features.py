"""The features: what the witnesses say for each candidate.

Every candidate gets the same fixed list, all about how the evidence lies and none about what the label is, so
that whoever weighs them can be trained on other people's books. Candidates are the labels among the rows
around the question and, since a chart may be known before there are labels, the categories whose names are
nearest to the question's text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence.candidates import (
    HEAD_MIN,
    candidates_of,
    heard_of,
    labelled_rows,
    nearness_of_names,
)
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
from likewise_engine.evidence.regression import REGRESSION_FEATURES, fill_regression
from likewise_engine.evidence.rows import ROW_FEATURES, fill_rows
from likewise_engine.evidence.surroundings import Surroundings
from likewise_engine.ledger.view import View

Floats = NDArray[np.float64]

WITNESSES: Final[Mapping[str, tuple[str, ...]]] = {
    "similarity": (
        "similarity_best",  # of its rows' texts
        "similarity_gap",  # from there to the best of all rows
    ),
    "payee": (
        "share_same_payee",  # of the rows with the same payee
        "share_same_payee_rival",  # … the largest of any other candidate
        "is_last_of_payee",  # the latest row of the same payee has it
        "is_last_of_payee_and_amount",  # … and of the same amount
        "share_same_payee_latest",  # of the rows with the same payee, each weighing two thirds of the next
        "share_same_text_latest",  # … with the same text
    ),
    "amount": (
        "share_same_amount",  # of the rows with the same amount
        "share_same_text_and_amount",  # of the rows with both
        "amount_difference_least",  # d, of its rows; the worst where no amount is known
        "share_same_direction",  # of its own rows, how many went the same way
        "amount_fit",  # log likelihood of the amount among the category's, less that among all
        "sign_fit",  # share of the category's amounts that have the same sign
    ),
    "habits": (
        "category_recent_share",  # of the tenant's latest labels, whatever the text
        "category_overdue",  # log1p of the labels since its last one, by how many were to be expected
    ),
    "regression": (
        "regression",  # the local regression's prediction for it
        "regression_gap",  # … less the best of any other candidate
        "regression_best",  # … the best of all
        "regression_sum",  # … of all together
        "regression_explained",  # share of the question's variance that the rows explain
    ),
    "succession": (
        "share_passed_on",  # share, once categories have passed on what their successors take
        "share_passed_on_gap",  # … less that of the best other candidate
        "succession_stay",  # of what followed it in the same payees, how much was the category itself
    ),
    "head": (
        "head",  # log probability that the tenant's own head gives it
        "head_gap",  # … less that of the best other candidate
        "head_rank",  # how many categories it finds likelier
    ),
    "names": (
        "name_similarity",  # cosine of the text and the category's name or description, the greater
        "name_similarity_gap",  # from there to the best of all candidates
    ),
    "books": (
        "share_of_dimension",  # of all live labels of the dimension
        "labels_log",  # log1p of these labels
        "candidates_log",  # log of how many candidates there are
        "rows_all_log",  # log1p of all rows of evidence
        "rows_same_text_log",
        "rows_same_payee_log",
        "mass_log",  # log of the kernel's whole weight: is there anything near at all
    ),
}
"""What tells for or against a candidate, and the features in which it does."""

FEATURES: Final = tuple(chain.from_iterable(WITNESSES.values()))
"""Names of the features, in the order of a row of ``Evidence.features``."""

_WITNESS_BLOCKS: Final = (
    ROW_FEATURES,
    HABIT_FEATURES,
    REGRESSION_FEATURES,
    SUCCESSION_FEATURES,
    HEAD_FEATURES,
    NAME_FEATURES,
    BOOK_FEATURES,
)
"""What is filled in together, in the order of the features."""
_NO_LABELS: Final = np.empty(0, dtype=np.int32)
_NO_ROWS: Final = np.empty(0, dtype=np.int64)
_ENDS: Final = tuple(accumulate(map(len, _WITNESS_BLOCKS)))
_BLOCKS: Final = tuple(slice(*ends) for ends in pairwise((0, *_ENDS)))
if tuple(chain.from_iterable(_WITNESS_BLOCKS)) != FEATURES:
    raise ImportError("the kernels of the evidence give other features: they are to be compiled anew")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rows and the chart say for the candidates of one dimension.

    Attributes:
        candidates: int64 ``(c,)``, category numbers, ascending.
        features: float64 ``(c, len(FEATURES))``, finite.
        share: float64 ``(c,)``, of the kernel's weight: the hand-tuned vote itself.
        log_mass: natural logarithm of the kernel's whole weight; negative infinity where there are no rows.
        rows: int64 ``(k,)``, positions in the surroundings that have an active label of this dimension.
        candidate_of_row: int64 ``(k,)``, index into ``candidates``.
    """

    candidates: NDArray[np.int64]
    features: Floats
    share: Floats
    log_mass: float
    rows: NDArray[np.int64]
    candidate_of_row: NDArray[np.int64]

    def feature(self, name: str) -> Floats:
        """One feature of all candidates, float64 ``(c,)``."""
        return self.features[:, FEATURES.index(name)]


def evidence_of(view: View, around: Surroundings, dimension: str) -> Evidence:
    """What the rows and the chart say in one dimension. Inactive categories are no candidates."""
    active, habits = view.category_active, view.habits(dimension)
    labels = view.labels.get(dimension, _NO_LABELS)
    rows, label_of_row = labelled_rows(around.rows if len(labels) else _NO_ROWS, labels, active)
    nearness = nearness_of_names(view.name_vectors, view.description_vectors, view.described, around.vector)
    heard = _heard(view, around, dimension)
    candidates, of_row = candidates_of(
        label_of_row,
        rows,
        around.log_weight,
        view.active_categories(dimension),
        nearness,
        heard,
        habits.successions,
        active,
    )
    features, share, log_mass = np.empty((len(FEATURES), len(candidates))), np.zeros(len(candidates)), -np.inf
    if len(candidates):
        blocks = iter([features[block] for block in _BLOCKS])
        log_mass = fill_rows(around, view.order_day, rows, of_row, next(blocks), share)
        fill_habits(habits, around.log_amount, candidates, next(blocks))
        fill_regression(around, rows, of_row, cosines_of(view, around), next(blocks))
        fill_successions(habits.successions, share, candidates, next(blocks))
        fill_head(heard, candidates, next(blocks))
        fill_names(nearness, candidates, next(blocks))
        fill_books(
            around, rows, candidates, view.category_counts, view.category_dimension, log_mass, next(blocks)
        )
    return Evidence(candidates, features.T, share, log_mass, rows, of_row)


def _heard(view: View, around: Surroundings, dimension: str) -> Floats:
    """The log probability that the tenant's own head gives each category, float64 ``(categories,)``."""
    head = view.heads.of_dimension.get(dimension)
    if head is None:
        return np.full(len(view.category_counts), HEAD_MIN)
    return heard_of(head.categories, head.log_probabilities(around.hashed), view.category_active)


def cosines_of(view: View, around: Surroundings) -> NDArray[np.float32]:
    """Of the texts around, ``(t, t)``."""
    vectors = view.index.vectors_of(around.texts)
    return vectors @ vectors.T
