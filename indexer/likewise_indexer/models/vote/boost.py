"""Boosted trees that maximise the likelihood of what each question's answer was.

Trees score pairs one by one, but are grown on questions: the gradient is that of the conditional logit over
the candidates of a question and none of them (see :mod:`likewise_engine.vote.onnx`), so that a candidate is
taught to be better than its rivals, not merely to be right on average. On other sources these have a log loss
of .89 where 250 trees of 31 leaves, trained on pairs alone, had 1.06. LightGBM (Ke et al. 2017) grows them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import lightgbm
import numpy as np
from numpy.typing import NDArray

from likewise_engine.vote.ensemble import LEAF
from likewise_indexer.models.vote.graph import Trees, not_above
from likewise_indexer.models.vote.pairs import Floats, Questions, softmax

Progress = Callable[[int, int], None]
"""Told the trees that are grown, and how many there will be."""

BASE_SCORE: Final = -2.0
"""What all scores begin with. The trees soon say better; it only saves a few of them."""
_GAIN_MIN: Final = 1e-300
"""Trees of one leaf gain nothing."""
_L2: Final = 10.0
"""Draws the values of small leaves towards 0. None and 30 do slightly worse on other sources."""
_HESSIAN_MIN: Final = 1e-6
"""Below it a leaf's value would be mostly rounding."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How trees are grown.

    Attributes:
        trees: how many.
        leaves: of each, at most.
        learning_rate: how much of each is taken.
        leaf_share_min: share of all pairs that a leaf has at least.
        feature_share: share of the features that each tree may ask for, drawn at random.
    """

    trees: int
    leaves: int
    learning_rate: float
    leaf_share_min: float
    feature_share: float


class Ensemble:
    """Trees that were grown.

    Args:
        booster: LightGBM's.
        trees: how many of its first trees count.
    """

    def __init__(self, booster: lightgbm.Booster, trees: int) -> None:
        self._booster = booster
        self._trees = trees

    def first(self, trees: int) -> "Ensemble":
        """The ensemble of its first trees."""
        return Ensemble(self._booster, min(trees, self._trees))

    def scores(self, features: NDArray[np.float32]) -> Floats:
        """The score of each pair, float64 ``(p,)``."""
        predicted = self._booster.predict(features, raw_score=True, num_iteration=self._trees)
        return np.asarray(predicted, dtype=np.float64) + BASE_SCORE

    def importance(self) -> Floats:
        """Share of each feature in all that the splits gained, float64 ``(F,)``."""
        gains: Floats = self._booster.feature_importance("gain", iteration=self._trees)
        return gains / max(float(gains.sum()), _GAIN_MIN)

    def table(self) -> Trees:
        """All nodes, for a graph."""
        rows = [
            (tree, *row)
            for tree, info in enumerate(self._booster.dump_model(num_iteration=self._trees)["tree_info"])
            for row in _nodes(info["tree_structure"])
        ]
        tree, node, feature, threshold, left, right, value = (
            np.array(column) for column in zip(*rows, strict=True)
        )
        return Trees(
            tree, node, feature, not_above(threshold), left, right, value.astype(np.float32), BASE_SCORE
        )


def grow(
    questions: Questions,
    growth: Growth,
    *,
    seed: int,
    threads: int,
    progress: Progress = lambda _done, _total: None,
) -> Ensemble:
    """Train on all these questions, by their weights. With as many threads again, it gives the same trees."""
    right = questions.is_right.astype(np.float64)
    weight = np.repeat(questions.weight / questions.weight.mean(), questions.pairs)

    def gradient(scores: Floats, _: lightgbm.Dataset) -> tuple[Floats, Floats]:
        probability = softmax(scores, questions.pairs)
        hessian = np.maximum(probability * (1.0 - probability), _HESSIAN_MIN)
        return weight * (probability - right), weight * hessian

    parameters: dict[str, Any] = {
        "objective": gradient,
        "num_leaves": growth.leaves,
        "learning_rate": growth.learning_rate,
        "min_data_in_leaf": max(1, int(growth.leaf_share_min * len(right))),
        "lambda_l2": _L2,
        "feature_fraction": growth.feature_share,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(questions.features, right, init_score=np.full(len(right), BASE_SCORE))
    booster = lightgbm.train(
        parameters, data, growth.trees, callbacks=[lambda step: progress(step.iteration + 1, growth.trees)]
    )
    return Ensemble(booster, growth.trees)


_Row = tuple[int, int, float, int, int, float]
"""Of a node: its number, feature, threshold, left, right, value."""


def _nodes(root: dict[str, Any]) -> Iterator[_Row]:
    """Yield the nodes of one tree, parents before their children."""
    waiting, last = [(0, root)], 0
    while waiting:
        number, node = waiting.pop()
        if "left_child" not in node:
            yield number, LEAF, 0.0, 0, 0, node["leaf_value"]
            continue
        left, right = last + 1, last + 2
        last = right
        yield number, node["split_feature"], node["threshold"], left, right, 0.0
        waiting += [(right, node["right_child"]), (left, node["left_child"])]
