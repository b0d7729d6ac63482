"""Trees -> the ONNX graph that the engine runs: one TreeEnsembleRegressor, and nothing else.

It is written node by node: a converter would bring in two more packages, and round thresholds to the nearest
float32. Features are float32, so the largest float32 that is not above a threshold parts them just as the
threshold does, and the graph takes every turn that the trees took in training.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from likewise_engine.vote.ensemble import LEAF
from likewise_engine.vote.onnx import INPUT, OUTPUT

_OPSET: Final = 17
_ML_OPSET: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Regression trees whose sum is a score: their n nodes, tree by tree, each beginning with its root.

    Attributes:
        tree: int64 ``(n,)``, number of the node's tree.
        node: int64 ``(n,)``, its number within the tree.
        feature: int64 ``(n,)``, the feature that it asks for, or LEAF.
        threshold: float32 ``(n,)``; a row that is not above it goes left.
        left: int64 ``(n,)``, number of a node of the same tree.
        right: int64 ``(n,)``, likewise.
        value: float32 ``(n,)``, what a leaf adds to the score.
        base: what the score begins with.
    """

    tree: NDArray[np.int64]
    node: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float32]
    base: float


def write_graph(trees: Trees, features_count: int, path: Path) -> None:
    """Write the model of an ensemble; the same trees give the same bytes."""
    leaf = trees.feature == LEAF
    modes = np.where(leaf, "LEAF", "BRANCH_LEQ").tolist()
    node: Any = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT],
        [OUTPUT],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        base_values=[trees.base],
        nodes_treeids=trees.tree.tolist(),
        nodes_nodeids=trees.node.tolist(),
        nodes_featureids=np.maximum(trees.feature, 0).tolist(),
        nodes_modes=modes,
        nodes_values=trees.threshold.tolist(),
        nodes_truenodeids=np.where(leaf, 0, trees.left).tolist(),
        nodes_falsenodeids=np.where(leaf, 0, trees.right).tolist(),
        target_treeids=trees.tree[leaf].tolist(),
        target_nodeids=trees.node[leaf].tolist(),
        target_ids=[0] * int(leaf.sum()),
        target_weights=trees.value[leaf].tolist(),
    )
    graph = helper.make_graph(
        [node],
        "vote",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["candidates", features_count])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["candidates", 1])],
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    model = helper.make_model(graph, producer_name="likewise", opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString(deterministic=True))


def not_above(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 that is not above each threshold, of the same shape."""
    rounded = thresholds.astype(np.float32)
    return np.where(rounded > thresholds, np.nextafter(rounded, np.float32(-np.inf)), rounded)
