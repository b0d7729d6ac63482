"""Evidence: what the neighbours say for each candidate label, in numbers that know no category.

For one dimension of one question there are m rows of evidence (past entries) and c candidates (the labels
among them). Every candidate gets the same fixed list of features, all about how the evidence lies and none
about what the label is, so that whoever weighs them can be trained on other people's books.

The kernel is tuned by hand: text x amount x age. A row's weight is
exp((s - 1)/τ - amount penalty - age penalty) with s the cosine of the texts, the amount penalty
3.3 (1 - exp(-d/.5)) + 1.67 [d > 1e-6] where d = |log1p|a| - log1p|b||, and age in entries x .0003.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.ledger.view import UNKNOWN, UNLABELLED, View
from likewise_engine.transaction import Direction, Transaction

Floats = NDArray[np.float64]

TAU: Final = 0.05
"""Bandwidth of the kernel over cosines. By hand: .05 answers 1 % more at 98 % precision than .03 does."""
_TAU_NARROW: Final = 0.01
_TAU_WIDE: Final = 0.1
_AMOUNT_PENALTY: Final = 3.3
_AMOUNT_SCALE: Final = 0.5
_INEXACT_PENALTY: Final = 1.67
_EXACT: Final = 1e-6
"""Amounts whose log1p differ by less are the same amount."""
_AGE_PENALTY: Final = 0.0003

FEATURES: Final = (
    "share_narrow",  # of the kernel's weight, with a bandwidth of .01
    "share",  # … of .05: the hand-tuned vote itself
    "share_wide",  # … of .1
    "share_text",  # … of .05, without amounts
    "share_of_dimension",  # of all live labels of the dimension
    "similarity_best",  # of its rows' texts
    "similarity_gap",  # from there to the best of all rows
    "share_same_text",  # of the rows with the same text
    "share_same_payee",  # of the rows with the same payee
    "share_same_amount",  # of the rows with the same amount
    "share_same_direction",  # of its own rows, how many went the same way
    "amount_difference_least",  # d, of its rows; the worst where no amount is known
    "age_least",  # of its rows, log1p of entries since
    "rows_log",  # log1p of its rows
    "is_last_of_payee",  # the latest row of the same payee has it
    "is_last_of_payee_and_amount",  # … and of the same amount
    "is_nearest",  # the weightiest row has it
    "candidates_log",  # log of how many candidates there are
    "rows_all_log",  # log1p of all rows of evidence
    "mass_log",  # log of the kernel's whole weight: is there anything near at all
)
"""Names of the features, in the order of a row of ``Evidence.features``."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The rows around one question, for all dimensions.

    Attributes:
        rows: int64 ``(m,)``, rows of the view; nearest texts first.
        similarity: float64 ``(m,)``, cosine of each row's text; exactly 1 for the same text.
        same_text: bool ``(m,)``.
        same_payee: bool ``(m,)``.
        same_amount: bool ``(m,)``.
        amount_difference: float64 ``(m,)``, d as above; NaN where an amount is not known.
        same_direction: float64 ``(m,)``, 1 where the money went the same way.
        age: float64 ``(m,)``, in live entries between the two dates.
        amount_penalty: float64 ``(m,)``, the kernel's; 0 where an amount is not known: it tells nothing.
        age_penalty: float64 ``(m,)``, the kernel's.
        log_weight: float64 ``(m,)``, the kernel's.
    """

    rows: NDArray[np.int64]
    similarity: Floats
    same_text: NDArray[np.bool_]
    same_payee: NDArray[np.bool_]
    same_amount: NDArray[np.bool_]
    amount_difference: Floats
    same_direction: Floats
    age: Floats
    amount_penalty: Floats
    age_penalty: Floats
    log_weight: Floats


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rows say for the candidates of one dimension.

    Attributes:
        candidates: int64 ``(c,)``, category numbers.
        features: float64 ``(c, len(FEATURES))``.
        log_mass: natural logarithm of the kernel's whole weight.
        rows: int64 ``(k,)``, positions in the surroundings that have an active label of this dimension.
        candidate_of_row: int64 ``(k,)``, index into ``candidates``.
    """

    candidates: NDArray[np.int64]
    features: Floats
    log_mass: float
    rows: NDArray[np.int64]
    candidate_of_row: NDArray[np.int64]

    def feature(self, name: str) -> Floats:
        """One feature of all candidates, float64 ``(c,)``."""
        return self.features[:, FEATURES.index(name)]


def surroundings_of(
    view: View,
    transaction: Transaction,
    text: int,
    payee: int,
    near: tuple[NDArray[np.int64], NDArray[np.float32]],
) -> Surroundings:
    """Gather the rows around a question.

    Args:
        view: the tenant's memory.
        transaction: the question.
        text: number of its text, or UNKNOWN.
        payee: number of its normalised payee, or UNKNOWN.
        near: the nearest texts with their similarities, as the index found them.
    """
    texts, text_similarities = near
    if text != UNKNOWN:
        text_similarities = np.where(texts == text, np.float32(1.0), text_similarities)
    gathered, ranks = view.postings.gather(texts, view.order_day, view.alive)
    rows = gathered.astype(np.int64)
    similarity = np.minimum(text_similarities[ranks].astype(np.float64), 1.0)
    amount = np.nan if transaction.amount is None else float(transaction.amount)
    difference = np.abs(np.log1p(np.abs(view.amount[rows])) - np.log1p(abs(amount)))
    same_amount = difference < _EXACT
    age = _age(view, transaction, rows)
    amount_penalty = _amount_penalty(difference)
    age_penalty = _AGE_PENALTY * age
    return Surroundings(
        rows=rows,
        similarity=similarity,
        same_text=texts[ranks] == text,
        same_payee=(view.payee[rows] == payee) & (payee != UNKNOWN),
        same_amount=same_amount,
        amount_difference=difference,
        same_direction=_same_direction(view, transaction, amount, rows),
        age=age,
        amount_penalty=amount_penalty,
        age_penalty=age_penalty,
        log_weight=(similarity - 1.0) / TAU - amount_penalty - age_penalty,
    )


def evidence_of(view: View, around: Surroundings, dimension: str) -> Evidence:
    """What the rows say in one dimension. Inactive categories are no candidates."""
    column = view.labels.get(dimension)
    labels = np.full(len(around.rows), UNLABELLED) if column is None else column[around.rows]
    rows = np.flatnonzero((labels != UNLABELLED) & view.category_active[labels])
    candidates, of_row = np.unique(labels[rows], return_inverse=True)
    log_weight = around.log_weight[rows]
    log_mass = float(np.logaddexp.reduce(log_weight)) if len(rows) else -np.inf
    features = _features(view, around, candidates.astype(np.int64), rows, of_row, log_mass)
    return Evidence(candidates.astype(np.int64), features, log_mass, rows, of_row)


def _amount_penalty(difference: Floats) -> Floats:
    penalty = _AMOUNT_PENALTY * (1.0 - np.exp(-difference / _AMOUNT_SCALE)) + _INEXACT_PENALTY * (
        difference > _EXACT
    )
    return np.where(np.isnan(penalty), 0.0, penalty)


def _age(view: View, transaction: Transaction, rows: NDArray[np.int64]) -> Floats:
    """Live entries between each row's day and the question's: of past and future alike, for back-filling."""
    asked_day = transaction.date.toordinal() if transaction.date else view.day_ranks.last_day
    days = np.append(view.order_day[rows], np.int32(asked_day))
    ranks = view.day_ranks.rank(days)
    return np.asarray(np.abs(ranks[-1] - ranks[:-1]), dtype=np.float64)


def _same_direction(view: View, transaction: Transaction, amount: float, rows: NDArray[np.int64]) -> Floats:
    """1 where the money went the same way, by direction if both have one, else by sign of the amount."""
    same_sign = np.signbit(view.amount[rows]) == np.signbit(amount)
    if transaction.direction is Direction.UNKNOWN:
        return np.asarray(same_sign, dtype=np.float64)
    directions = view.direction[rows]
    same = np.where(directions == Direction.UNKNOWN, same_sign, directions == transaction.direction)
    return np.asarray(same, dtype=np.float64)


def _features(
    view: View,
    around: Surroundings,
    candidates: NDArray[np.int64],
    rows: NDArray[np.int64],
    of_row: NDArray[np.int64],
    log_mass: float,
) -> Floats:
    """The list FEATURES for each candidate, ``(c, len(FEATURES))``."""
    count = len(candidates)
    if not count:
        return np.empty((0, len(FEATURES)))
    similarity, difference, age = around.similarity[rows], around.amount_difference[rows], around.age[rows]
    same_payee, same_amount = around.same_payee[rows], around.same_amount[rows]

    def share(weights: Floats) -> Floats:
        """Each candidate's share of what the rows weigh; 0 for all where nothing weighs anything."""
        total = weights.sum()
        return np.bincount(of_row, weights, minlength=count) / (total if total > 0 else 1.0)

    def kernel(log_weight: Floats) -> Floats:
        return np.exp(np.asarray(log_weight - log_weight.max(), dtype=np.float64))

    def least(values: Floats) -> Floats:
        smallest = np.full(count, np.inf)
        np.minimum.at(smallest, of_row, values)
        return smallest

    per_row = np.bincount(of_row, minlength=count).astype(np.float64)
    best = -least(-similarity)
    weight = around.log_weight[rows]
    distance, age_penalty = similarity - 1.0, around.age_penalty[rows]
    penalty = around.amount_penalty[rows] + age_penalty
    books = view.category_counts[candidates]
    dimension = view.category_dimension[candidates[0]]
    columns: Sequence[Floats | float] = (
        share(kernel(distance / _TAU_NARROW - penalty)),
        share(kernel(weight)),
        share(kernel(distance / _TAU_WIDE - penalty)),
        share(kernel(distance / TAU - age_penalty)),
        books / max(1, int(view.category_counts[view.category_dimension == dimension].sum())),
        best,
        best - similarity.max(),
        share(around.same_text[rows].astype(np.float64)),
        share(same_payee.astype(np.float64)),
        share(same_amount.astype(np.float64)),
        np.bincount(of_row, around.same_direction[rows], minlength=count) / per_row,
        least(np.where(np.isnan(difference), _WORST_DIFFERENCE, difference)),
        np.log1p(least(age)),
        np.log1p(per_row),
        _has_latest(view, around.rows[rows], of_row, same_payee, count),
        _has_latest(view, around.rows[rows], of_row, same_payee & same_amount, count),
        (np.arange(count) == of_row[np.argmax(weight)]).astype(np.float64),
        np.log(count),
        np.log1p(len(rows)),
        max(log_mass, _LOG_MASS_MIN),
    )
    features = np.empty((count, len(FEATURES)))
    for position, values in enumerate(columns):
        features[:, position] = values
    return features


_WORST_DIFFERENCE: Final = 30.0
"""Stands for an unknown amount difference: beyond any between two allowed amounts."""
_LOG_MASS_MIN: Final = -60.0
"""Where nothing is near, how far off it is tells no more."""


def _has_latest(
    view: View, rows: NDArray[np.int64], of_row: NDArray[np.int64], among: NDArray[np.bool_], count: int
) -> Floats:
    """1 for the candidate of the latest of some rows, by day and then by row; 0 for all if there are none."""
    chosen = np.flatnonzero(among)
    has = np.zeros(count)
    if len(chosen):
        when = (view.order_day[rows[chosen]].astype(np.int64) << 32) + rows[chosen]
        has[of_row[chosen[np.argmax(when)]]] = 1.0
    return has
