"""What the rows say: each speaks for the candidate that it was labelled with."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence.surroundings import Surroundings
from likewise_engine.ledger.view import View

Floats = NDArray[np.float64]

SHARE: Final = "share"
"""Names what is no feature: each candidate's share of the kernel's weight."""
_LATEST_FADING: Final = 2 / 3
"""What a row weighs against the next of its payee or text, however long ago that was."""
_SIMILARITY_MIN: Final = -1.0
_WORST_DIFFERENCE: Final = 30.0
"""Stands for an unknown amount difference: beyond any between two allowed amounts."""


def features_of_rows(
    view: View, around: Surroundings, rows: NDArray[np.int64], of_row: NDArray[np.int64], count: int
) -> Mapping[str, Floats]:
    """Features by name, float64 ``(count,)`` each; and the share of the kernel's weight, by :data:`SHARE`.

    Args:
        view: the tenant's memory.
        around: the rows around the question.
        rows: int64 ``(k,)``, positions in the surroundings, of rows that have a label.
        of_row: int64 ``(k,)``, which candidate each speaks for.
        count: candidates; not all of them need to have a row.
    """
    per_candidate = np.bincount(of_row, minlength=count).astype(np.float64)
    # What orders the rows by their day and then by row.
    when = (view.order_day[around.rows[rows]].astype(np.int64) << 32) + around.rows[rows]
    features = _shares(_weights(around, rows, when), of_row, count)
    same_direction = np.bincount(of_row, around.same_direction[rows], count) / np.maximum(per_candidate, 1.0)
    similarity, difference = _nearest(around, rows, of_row, per_candidate)
    same_payee, same_amount = around.same_payee[rows], around.same_amount[rows]
    return features | {
        "similarity_best": similarity,
        "similarity_gap": similarity - similarity.max(),
        "share_same_payee_rival": best_other(features["share_same_payee"]),
        "is_last_of_payee": _has_latest(when, of_row, same_payee, count),
        "is_last_of_payee_and_amount": _has_latest(when, of_row, same_payee & same_amount, count),
        "amount_difference_least": difference,
        "share_same_direction": same_direction,
    }


def best_other(values: Floats) -> Floats:
    """For each candidate the greatest value of any other one, ``(c,)``; 0 where there is no other."""
    if len(values) == 1:
        return np.zeros(1)
    second, first = np.partition(values, -2)[-2:].tolist()
    return np.asarray(np.where(values == first, second, first), dtype=np.float64)


def _weights(
    around: Surroundings, rows: NDArray[np.int64], when: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """What each row weighs, ``(k,)``, by the name of the share that its candidate has of all."""
    same_text, same_payee, same_amount = (
        same[rows] for same in (around.same_text, around.same_payee, around.same_amount)
    )
    return {
        SHARE: _kernel(around.log_weight[rows]),
        "share_same_payee": same_payee,
        "share_same_amount": same_amount,
        "share_same_text_and_amount": same_text & same_amount,
        "share_same_text_latest": _fading_by_rank(same_text, when),
        "share_same_payee_latest": _fading_by_rank(same_payee, when),
    }


def _shares(weights: Mapping[str, NDArray[Any]], of_row: NDArray[np.int64], count: int) -> dict[str, Floats]:
    """Each candidate's share of what the rows weigh, by name; 0 for all where nothing weighs anything."""
    stacked = np.array(list(weights.values()), dtype=np.float64)
    # One call for all, and each sum in the order of the rows: the same bits for candidates in any order.
    cells = of_row + count * np.arange(len(stacked))[:, np.newaxis]
    sums = np.bincount(cells.ravel(), stacked.ravel(), count * len(stacked)).reshape(len(stacked), count)
    totals = stacked.sum(axis=1, keepdims=True)
    return dict(zip(weights, sums / np.where(totals > 0, totals, 1.0), strict=True))


def _fading_by_rank(among: NDArray[np.bool_], when: NDArray[np.int64]) -> Floats:
    """1 for the latest of some rows, less for each earlier one, and 0 for all others."""
    chosen = np.flatnonzero(among)
    weights = np.zeros(len(among))
    latest_first = chosen[np.argsort(-when[chosen])]
    weights[latest_first] = _LATEST_FADING ** np.arange(len(chosen))
    return weights


def _kernel(log_weight: Floats) -> Floats:
    """Weights, the greatest of which is 1: however far off all rows are, their shares are defined."""
    return np.asarray(np.exp(log_weight - log_weight.max(initial=-np.inf)))


def _nearest(
    around: Surroundings, rows: NDArray[np.int64], of_row: NDArray[np.int64], per_candidate: Floats
) -> tuple[Floats, Floats]:
    """Each candidate's best similarity and least amount difference, ``(c,)`` each."""
    difference = around.amount_difference[rows]
    values = np.stack(
        (-around.similarity[rows], np.where(np.isnan(difference), _WORST_DIFFERENCE, difference))
    )
    least = np.repeat([[-_SIMILARITY_MIN], [_WORST_DIFFERENCE]], len(per_candidate), axis=1)
    has_rows = per_candidate > 0
    if len(rows):
        grouped = values[:, np.argsort(of_row, kind="stable")]
        counts = per_candidate[has_rows].astype(np.int64)
        least[:, has_rows] = np.minimum.reduceat(grouped, np.cumsum(counts) - counts, axis=1)
    return -least[0], least[1]


def _has_latest(
    when: NDArray[np.int64], of_row: NDArray[np.int64], among: NDArray[np.bool_], count: int
) -> Floats:
    """1 for the candidate of the latest of some rows; 0 for all if there are none."""
    chosen = np.flatnonzero(among)
    has = np.zeros(count)
    if len(chosen):
        has[of_row[chosen[np.argmax(when[chosen])]]] = 1.0
    return has
