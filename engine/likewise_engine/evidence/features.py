"""The features: what the witnesses say for each candidate.

Every candidate gets the same fixed list, all about how the evidence lies and none about what the label is, so
that whoever weighs them can be trained on other people's books. Candidates are the labels among the rows
around the question and, since a chart may be known before there are labels, the categories whose names are
nearest to the question's text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from math import copysign, isnan, log, log1p
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence.regression import Regression, regression_of
from likewise_engine.evidence.rows import SHARE, best_other, features_of_rows
from likewise_engine.evidence.surroundings import Surroundings
from likewise_engine.ledger.habits import Habits
from likewise_engine.ledger.successions import Successions
from likewise_engine.ledger.view import UNLABELLED, View

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

NAMED_CANDIDATES_MAX: Final = 5
"""Categories that are candidates for their names alone: as many as an answer shows unless asked for more."""
HEAD_CANDIDATES_MAX: Final = 3
"""Categories that are candidates because the tenant's own head finds them likeliest."""
SUCCESSOR_SHARE_MIN: Final = 0.2
"""A category is a candidate if it is so much of what followed the one that the rows speak for most; at most
four are."""
_HEAD_MIN: Final = -30.0
"""Log probability of what the head does not know."""
_HEAD_RANK_MAX: Final = 20.0
_LOG_MASS_MIN: Final = -60.0
"""Where nothing is near, how far off it is tells no more."""
_FIT_MAX: Final = 10.0
"""Bounds the log likelihood ratio of amounts, either way."""


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
    column = view.labels.get(dimension)
    labels = np.full(len(around.rows), UNLABELLED) if column is None else column[around.rows]
    rows = np.flatnonzero((labels != UNLABELLED) & view.category_active[labels])
    # einsum sums each row in the same order whatever the others are; a matrix product may not.
    by_wording = np.einsum("cwd,d->cw", view.category_vectors, around.vector)
    nearness = by_wording.max(axis=1, initial=-1.0).astype(np.float64)
    heard = _heard(view, around, dimension)
    habits = view.habits(dimension)
    others = (
        _nearest_names(view, nearness, dimension),
        _likeliest(heard),
        _successors(view, habits.successions, labels[rows], around.log_weight[rows]),
    )
    candidates = np.unique(np.concatenate((labels[rows], *others))).astype(np.int64)
    of_row = np.searchsorted(candidates, labels[rows])
    log_mass = float(np.logaddexp.reduce(around.log_weight[rows])) if len(rows) else -np.inf
    features, share = np.empty((len(candidates), len(FEATURES))), np.zeros(len(candidates))
    if len(candidates):
        of_rows = features_of_rows(view, around, rows, of_row, len(candidates))
        share = of_rows[SHARE]
        columns: Mapping[str, Floats | float] = {
            **of_rows,
            **_of_habits(habits, around.log_amount, candidates),
            **_of_successions(habits.successions, share, candidates),
            **_of_regression(regression_of(view, around, rows), labels, candidates),
            **_of_head(heard, candidates),
            **_of_names(nearness[candidates]),
            **_of_books(view, around, rows, candidates),
            "mass_log": max(log_mass, _LOG_MASS_MIN),
        }
        for position, name in enumerate(FEATURES):
            features[:, position] = columns[name]
    return Evidence(candidates, features, share, log_mass, rows, of_row)


def _nearest_names(view: View, nearness: Floats, dimension: str) -> NDArray[np.int64]:
    """The active categories of a dimension whose names are nearest to the question's text."""
    numbers = view.active_categories(dimension)
    if len(numbers) > NAMED_CANDIDATES_MAX:
        numbers = numbers[np.argsort(-nearness[numbers], kind="stable")[:NAMED_CANDIDATES_MAX]]
    return numbers


def _heard(view: View, around: Surroundings, dimension: str) -> Floats:
    """The log probability that the tenant's own head gives each category, float64 ``(categories,)``.

    What it gives those that were deactivated since goes to the others.
    """
    log_probability = np.full(len(view.category_counts), _HEAD_MIN)
    head = view.heads.of_dimension.get(dimension)
    if head is not None:
        active = view.category_active[head.categories]
        given = head.log_probabilities(around.hashed)[active]
        given -= np.logaddexp.reduce(np.sort(given))
        log_probability[head.categories[active]] = np.maximum(given, _HEAD_MIN)
    return log_probability


def _likeliest(heard: Floats) -> NDArray[np.int64]:
    """The categories that the head finds likeliest; none where there is no head."""
    known = np.flatnonzero(heard > _HEAD_MIN)
    return known[np.argsort(-heard[known], kind="stable")[:HEAD_CANDIDATES_MAX]]


def _successors(
    view: View, successions: Successions, labels: NDArray[np.int32], log_weight: Floats
) -> NDArray[np.int64]:
    """The active categories that the one with most of the rows' weight has often given way to."""
    if not len(labels):
        return np.empty(0, dtype=np.int64)
    weight = np.bincount(labels, np.exp(log_weight - log_weight.max()))
    leading = labels[np.argmax(weight[labels])]  # Of equals the one with the first row, whatever its number.
    after, share = successions.successors(int(leading))
    return after[(share >= SUCCESSOR_SHARE_MIN) & view.category_active[after]]


def _of_head(heard: Floats, candidates: NDArray[np.int64]) -> dict[str, Floats]:
    own = heard[candidates]
    ranks = np.searchsorted(np.sort(-heard), -own, side="left").astype(np.float64)
    return {
        "head": own,
        "head_gap": own - best_other(own) if len(own) > 1 else np.zeros(1),
        "head_rank": np.minimum(ranks, _HEAD_RANK_MAX),
    }


def _of_habits(habits: Habits, log_amount: float, candidates: NDArray[np.int64]) -> dict[str, Floats]:
    variance, mean = habits.amount_variance[candidates], habits.amount_mean[candidates]
    positive = 1.0 - habits.negative_share[candidates]
    fit, sign = np.zeros(len(candidates)), np.full(len(candidates), 0.5)
    if not isnan(log_amount):
        sign = 1.0 - positive if copysign(1.0, log_amount) < 0 else positive
        own = np.square(abs(log_amount) - mean) / variance + np.log(variance)
        fit = (habits.misfit(abs(log_amount)) - own) / 2.0
    return {
        "amount_fit": np.clip(fit, -_FIT_MAX, _FIT_MAX),
        "sign_fit": sign,
        "category_recent_share": habits.recent_share[candidates],
        "category_overdue": np.log1p(habits.labels_since[candidates] * habits.share[candidates]),
    }


def _of_successions(
    successions: Successions, share: Floats, candidates: NDArray[np.int64]
) -> dict[str, Floats]:
    passed_on = successions.passed_on(share, candidates)
    return {
        "share_passed_on": passed_on,
        "share_passed_on_gap": passed_on - best_other(passed_on),
        "succession_stay": successions.stay[candidates],
    }


def _of_regression(
    regression: Regression, labels: NDArray[np.int32], candidates: NDArray[np.int64]
) -> dict[str, Floats | float]:
    of_row = np.searchsorted(candidates, labels[regression.rows])
    predicted = np.bincount(of_row, regression.influence, len(candidates)).astype(np.float64)
    return {
        "regression": predicted,
        "regression_gap": predicted - best_other(predicted),
        "regression_best": float(predicted.max()),
        "regression_sum": float(regression.influence.sum()),
        "regression_explained": regression.explained,
    }


def _of_names(nearness: Floats) -> dict[str, Floats]:
    return {"name_similarity": nearness, "name_similarity_gap": nearness - nearness.max()}


def _of_books(
    view: View, around: Surroundings, rows: NDArray[np.int64], candidates: NDArray[np.int64]
) -> dict[str, Floats | float]:
    within = view.category_dimension == view.category_dimension[candidates[0]]
    labels = int(view.category_counts[within].sum())
    return {
        "share_of_dimension": view.category_counts[candidates] / max(1, labels),
        "labels_log": log1p(labels),
        "candidates_log": log(len(candidates)),
        "rows_all_log": log1p(len(rows)),
        "rows_same_text_log": log1p(np.count_nonzero(around.same_text[rows])),
        "rows_same_payee_log": log1p(np.count_nonzero(around.same_payee[rows])),
    }
