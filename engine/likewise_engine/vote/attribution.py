"""How much each feature adds to the score of one candidate against another: Shapley values of the trees.

The game: of the features in a set S the first candidate's values are taken, of the others the second's, and
the worth of S is the score f of that mixture. So what is shared out is f(first) - f(second), which is the
logarithm of the odds of the two, and features that are equal get nothing. It is the interventional TreeSHAP
of Lundberg et al. ("From local explanations to global understanding with explainable AI for trees", Nature
Machine Intelligence 2020, algorithm 3) with the second candidate as the one reference, also known as baseline
Shapley (Sundararajan and Najmi 2020). Exact; and no counts of training rows are needed, which an ONNX file
does not keep and path-dependent TreeSHAP would ask for.

What it does not say: a mixture of two candidates' features may be one that no books would show, and features
that move together share what either would have had alone. It says what the vote did, not what is so.
"""

from math import factorial

import numpy as np
from numpy.typing import NDArray

from likewise_engine.vote.ensemble import Ensemble

Floats = NDArray[np.float64]


def contrast(ensemble: Ensemble, first: NDArray[np.float32], second: NDArray[np.float32]) -> Floats:
    """What each feature adds to the score of a row against that of another.

    Args:
        ensemble: the trees.
        first: float32 ``(features,)``, as the vote sees it.
        second: likewise.

    Returns:
        float64 ``(features,)``: their sum is the difference of the two scores, which are float32 and so
        rounded.
    """
    given = np.zeros(len(first))
    goes_left = [row[np.maximum(ensemble.feature, 0)] <= ensemble.threshold for row in (first, second)]
    by_first, by_second = (side.tolist() for side in goes_left)
    feature, left, right = (column.tolist() for column in (ensemble.feature, ensemble.left, ensemble.right))
    value = ensemble.value.tolist()
    for root in ensemble.roots.tolist():
        # Nodes with the features that were taken from the first and from the second on the way there.
        ahead: list[tuple[int, frozenset[int], frozenset[int]]] = [(root, frozenset(), frozenset())]
        while ahead:
            node, ours, theirs = ahead.pop()
            asked = feature[node]
            if asked < 0:
                _share_out(value[node], ours, theirs, given)
                continue
            of_first, of_second = ((left if side[node] else right)[node] for side in (by_first, by_second))
            if of_first == of_second or asked in ours:
                ahead.append((of_first, ours, theirs))
            elif asked in theirs:
                ahead.append((of_second, ours, theirs))
            else:
                ahead.append((of_first, ours | {asked}, theirs))
                ahead.append((of_second, ours, theirs | {asked}))
    return given


def _share_out(value: float, ours: frozenset[int], theirs: frozenset[int], given: Floats) -> None:
    """Add the Shapley values of one leaf, which is reached where S has all of ours and none of theirs."""
    players = factorial(len(ours) + len(theirs))
    for feature in ours:
        given[feature] += value * factorial(len(ours) - 1) * factorial(len(theirs)) / players
    for feature in theirs:
        given[feature] -= value * factorial(len(ours)) * factorial(len(theirs) - 1) / players
