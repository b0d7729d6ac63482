"""A regression made for one question, on the rows around it.

Weighing each row by its own nearness, as the kernel does, counts forty copies of one habit forty times.
Gaussian-process regression (Rasmussen & Williams 2006, section 2.2) of each label's indicator knows how
near the rows are to one another too, and shares their say: f = k' (K + noise I)^-1 Y. With

    k = exp((s - 1)/.15) x (.3 + .4 exp(-d) + .3 [d < 1e-6]) x (.7 + .3 exp(-t/200))

of the texts' cosine s, the difference d of log1p amounts (1 where one is not known; the sign counts) and
the entries t between two days. Every factor is a sum of positive definite kernels, and so is their product.
"""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence.surroundings import EXACT, Surroundings
from likewise_engine.ledger.view import View

Floats = NDArray[np.float64]
F = TypeVar("F", np.float32, np.float64)

ROWS_MAX: Final = 64
"""The weightiest rows that are regressed on: with twice as many the answers are as often right, at four times
the cost."""
_TEXT_SCALE: Final = 0.15
_AMOUNT_ANY: Final = 0.3
_AMOUNT_NEAR: Final = 0.4
_AMOUNT_EXACT: Final = 0.3
_AMOUNT_UNKNOWN_DIFFERENCE: Final = 1.0
_AGE_ANY: Final = 0.7
_AGE_SCALE: Final = 200.0
_NOISE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Regression:
    """What a question's prediction is made of.

    Attributes:
        rows: int64 ``(r,)``, positions in the surroundings, r <= ROWS_MAX.
        influence: float64 ``(r,)``, how much of each row's label there is in the prediction; may be negative.
        explained: share of the question's variance that the rows explain: 0 where nothing is near.
    """

    rows: NDArray[np.int64]
    influence: Floats
    explained: float


def regression_of(view: View, around: Surroundings, rows: NDArray[np.int64]) -> Regression:
    """Regress on the weightiest of some rows.

    Args:
        view: the tenant's memory.
        around: the rows around the question.
        rows: int64 ``(k,)``, positions in the surroundings.
    """
    if len(rows) > ROWS_MAX:
        rows = rows[np.argsort(-around.log_weight[rows], kind="stable")[:ROWS_MAX]]
    among, to_question = _kernels(view, around, rows)
    among[np.diag_indices(len(rows))] += _NOISE
    influence = np.linalg.solve(among, to_question).astype(np.float64)
    return Regression(rows, influence, float(influence @ to_question))


def _kernels(view: View, around: Surroundings, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """k of each pair of rows, ``(r, r)``, and of each row and the question, ``(r,)``."""
    text_of = around.text_of_row[rows]
    vectors = view.index.matrix[around.texts]
    cosine = np.minimum(vectors @ vectors.T, 1.0)
    np.fill_diagonal(cosine, 1.0)
    amount = view.signed_amounts(around.rows[rows])
    log_amount = np.copysign(np.log1p(np.abs(amount)), amount)
    rank = around.rank[rows]
    # Single precision: a third of the time, and the noise keeps the system well conditioned.
    among = (
        np.exp((cosine - 1.0) / _TEXT_SCALE)[text_of[:, np.newaxis], text_of]
        * _of_amounts((log_amount[:, np.newaxis] - log_amount).astype(np.float32))
        * _of_ages((rank[:, np.newaxis] - rank).astype(np.float32))
    )
    to_question = (
        np.exp((around.similarity[rows] - 1.0) / _TEXT_SCALE)
        * _of_amounts(log_amount - around.log_amount)
        * _of_ages(around.age[rows])
    )
    return among.astype(np.float64), to_question


def _of_amounts(difference: NDArray[F]) -> NDArray[F]:
    apart = np.abs(difference)
    apart[np.isnan(apart)] = _AMOUNT_UNKNOWN_DIFFERENCE
    return _AMOUNT_ANY + _AMOUNT_NEAR * np.exp(-apart) + _AMOUNT_EXACT * (apart < EXACT)


def _of_ages(entries: NDArray[F]) -> NDArray[F]:
    return np.asarray(
        _AGE_ANY + (1.0 - _AGE_ANY) * np.exp(np.abs(entries) / -_AGE_SCALE), dtype=entries.dtype
    )
