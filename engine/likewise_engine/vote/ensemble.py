"""A tree ensemble as an ONNX file holds it: one TreeEnsembleRegressor and nothing else.

ONNX is what a vote is kept in, so that any tool can look at it or run it; what serves is
:mod:`likewise_engine.vote.trees`, since onnxruntime takes four times as long for the thirty rows of a
question. The file is read by protobuf's wire format and the numbers of onnx.proto.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import wire

_MODEL_GRAPH: Final = 7
_GRAPH_NODE, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 11, 12
_VALUE_NAME: Final = 1
_NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_NAME, _ATTRIBUTE_I, _ATTRIBUTE_S = 1, 3, 4
_ATTRIBUTE_FLOATS, _ATTRIBUTE_INTS, _ATTRIBUTE_STRINGS = 7, 8, 9
_OPERATOR: Final = (b"TreeEnsembleRegressor", b"ai.onnx.ml")
_TEXT: Final = {"aggregate_function": b"SUM", "post_transform": b"NONE"}
LEAF: Final = -1
"""In place of a feature, of a node that asks for none."""


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """Regression trees whose sum is a score: n nodes, tree by tree, parents before their children.

    Attributes:
        roots: int32 ``(trees,)``.
        feature: int32 ``(n,)``, the feature that a node asks for, or LEAF.
        threshold: float32 ``(n,)``; a row that is not above it goes left.
        left: int32 ``(n,)``, a node.
        right: int32 ``(n,)``, likewise.
        value: float32 ``(n,)``, what a leaf adds to the score.
        base: what the score begins with.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float32]
    base: float


def read_ensemble(content: bytes, input_name: str, output_name: str) -> Ensemble:
    """Read a model.

    Args:
        content: of the ONNX file.
        input_name: what the model is to take.
        output_name: what it is to give.

    Raises:
        ValueError: it is no model of this kind.
    """
    try:
        return _read(content, input_name, output_name)
    except (KeyError, IndexError, TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"it is no model of trees: {error!r}") from error


def _read(content: bytes, input_name: str, output_name: str) -> Ensemble:
    graph = _message(wire.only(_message(content), _MODEL_GRAPH))
    for number, name in ((_GRAPH_INPUT, input_name), (_GRAPH_OUTPUT, output_name)):
        named = [wire.only(_message(value), _VALUE_NAME) for value in graph.get(number, [])]
        if named != [name.encode()]:
            raise ValueError("it does not take or give what a vote does")
    if len(graph.get(_GRAPH_NODE, [])) != 1:
        raise ValueError("it has more to it than trees")
    node = _message(wire.only(graph, _GRAPH_NODE))
    if (wire.only(node, _NODE_OPERATOR), wire.only(node, _NODE_DOMAIN)) != _OPERATOR:
        raise ValueError("it is not a TreeEnsembleRegressor")
    attributes = dict(map(_attribute, node[_NODE_ATTRIBUTE]))
    for name, wanted in _TEXT.items():
        if attributes.get(name) != wanted:
            raise ValueError(f"its {name} is not {wanted.decode()}")
    if attributes.get("n_targets") != 1:
        raise ValueError("it has more than one target")
    return _ordered(attributes)


def _ordered(attributes: Mapping[str, Any]) -> Ensemble:
    tree, node = attributes["nodes_treeids"], attributes["nodes_nodeids"]
    modes = attributes["nodes_modes"]
    if set(modes) - {b"LEAF", b"BRANCH_LEQ"}:
        raise ValueError("it branches otherwise than by <=")
    is_leaf = np.array([mode == b"LEAF" for mode in modes], dtype=np.bool_)
    number = {key: position for position, key in enumerate(zip(tree, node, strict=True))}
    if len(number) != len(tree):
        raise ValueError("a node is there twice")
    children = [
        [number[key] for key in zip(tree, attributes[f"nodes_{side}nodeids"], strict=True)]
        for side in ("true", "false")
    ]
    value = np.zeros(len(tree), dtype=np.float32)
    targets = zip(attributes["target_treeids"], attributes["target_nodeids"], strict=True)
    for key, weight in zip(targets, attributes["target_weights"], strict=True):
        value[number[key]] += weight
    roots, order = _parents_first(children, is_leaf)
    position = np.empty(len(tree), dtype=np.int32)
    position[order] = np.arange(len(order), dtype=np.int32)
    left, right = (position[np.array(side)][order] for side in children)
    (base,) = attributes.get("base_values", [0.0])
    threshold = np.array(attributes["nodes_values"], dtype=np.float32)[order]
    if not np.isfinite(threshold).all():  # they are sorted, and NaN has no place in an order
        raise ValueError("a threshold of it is not finite")
    return Ensemble(
        roots=position[roots],
        feature=np.where(is_leaf, LEAF, np.array(attributes["nodes_featureids"]))[order].astype(np.int32),
        threshold=threshold,
        left=left,
        right=right,
        value=value[order],
        base=float(base),
    )


def _parents_first(children: list[list[int]], is_leaf: NDArray[np.bool_]) -> tuple[list[int], list[int]]:
    """Roots, and all nodes in an order in which they can be walked. Raises ValueError: these are no trees."""
    left, right = children
    inner = np.flatnonzero(~is_leaf).tolist()
    parents = np.zeros(len(is_leaf), dtype=np.int64)
    for position in inner:
        parents[left[position]] += 1
        parents[right[position]] += 1
    roots = np.flatnonzero(parents == 0).tolist()
    order: list[int] = []
    for root in roots:
        walked = [root]
        while walked:
            position = walked.pop()
            order.append(position)
            if not is_leaf[position]:
                walked += (right[position], left[position])
            if len(order) > len(is_leaf):
                raise ValueError("its nodes make no trees")
    if len(order) != len(is_leaf) or parents.max(initial=0) > 1:
        raise ValueError("its nodes make no trees")
    return roots, order


Message = Mapping[int, list[Any]]
"""The values of each field, by its number: bytes, or an int where it is a number."""


def _attribute(content: bytes) -> tuple[str, Any]:
    """The name of an ONNX attribute, and what it holds."""
    message = _message(content)
    name = wire.only(message, _ATTRIBUTE_NAME).decode()
    if floats := message.get(_ATTRIBUTE_FLOATS):
        return name, np.frombuffer(b"".join(floats), dtype="<f4").tolist()
    if ints := message.get(_ATTRIBUTE_INTS):
        return name, ints if isinstance(ints[0], int) else wire.varints(b"".join(ints))
    if strings := message.get(_ATTRIBUTE_STRINGS):
        return name, strings
    if text := message.get(_ATTRIBUTE_S):
        return name, text[-1]
    return name, wire.only(message, _ATTRIBUTE_I)


def _message(content: Any) -> Message:
    if not isinstance(content, bytes):
        raise ValueError("it has a number in place of a message")
    return wire.message(content)
