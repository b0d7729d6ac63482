"""The static model as an ONNX file holds it: two tables, whose rows are summed for a text.

ONNX is what it is kept in, so that any tool can look at it or run it; what serves is
:mod:`likewise_engine.encoder.vectors`, since onnxruntime takes ten times as long for one text. The file is
read by protobuf's wire format and the numbers of onnx.proto. It is refused where its graph is not, node by
node, what that kernel does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import wire

_MODEL_GRAPH: Final = 7
_GRAPH_NODE, _GRAPH_INITIALIZER = 1, 5
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR, _NODE_ATTRIBUTE = 1, 2, 4, 5
_ATTRIBUTE_NAME, _ATTRIBUTE_I = 1, 3
_TENSOR_DIMENSIONS, _TENSOR_TYPE, _TENSOR_NAME, _TENSOR_RAW = 1, 2, 8, 9
_FLOAT, _INT8 = 1, 3
_CONSTANTS: Final = {"axis", "token_rows", "ngram_rows"}
_ONE: Final = (1).to_bytes(8, "little")

Node = tuple[str, tuple[str, ...], str, Mapping[str, int]]
"""Operator, inputs, output, attributes."""


def _part(part: str) -> tuple[Node, ...]:
    return (
        ("Gather", (f"{part}_rows", f"{part}_ids"), f"{part}_gathered", {}),
        ("Cast", (f"{part}_gathered",), f"{part}_terms", {"to": _FLOAT}),
        ("ReduceSum", (f"{part}_terms", "axis"), f"{part}_sum", {"keepdims": 0}),
        ("LpNormalization", (f"{part}_sum",), f"{part}_unit", {"axis": 1, "p": 2}),
    )


def graph_of(output_name: str) -> tuple[Node, ...]:
    """The graph of every static model, where ``axis`` is 1."""
    return (
        *_part("token"),
        *_part("ngram"),
        ("Concat", ("token_unit", "ngram_unit"), "joined", {"axis": 1}),
        ("LpNormalization", ("joined",), output_name, {"axis": 1, "p": 2}),
    )


@dataclass(frozen=True, slots=True, eq=False)
class StaticModel:
    """Its tables.

    Attributes:
        token_rows: int8 ``(tokens, t)``.
        ngram_rows: int8 ``(buckets + 1, n)``, the last of them zeros.
    """

    token_rows: NDArray[np.int8]
    ngram_rows: NDArray[np.int8]


def read_static_model(content: bytes, output_name: str) -> StaticModel:
    """Read a model.

    Args:
        content: of the ONNX file.
        output_name: what the model is to give.

    Raises:
        ValueError: it is no model of this kind.
    """
    try:
        graph: Message = wire.message(wire.only(wire.message(content), _MODEL_GRAPH))
        if tuple(map(_node, graph.get(_GRAPH_NODE, []))) != graph_of(output_name):
            raise ValueError("it has another graph")
        tensors = {_name(tensor): tensor for tensor in map(wire.message, graph.get(_GRAPH_INITIALIZER, []))}
        if set(tensors) != _CONSTANTS or wire.only(tensors["axis"], _TENSOR_RAW) != _ONE:
            raise ValueError("it has other constants than two tables")
        return StaticModel(_table(tensors["token_rows"]), _table(tensors["ngram_rows"]))
    except (TypeError, AttributeError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(f"it is no ONNX model: {error}") from error


Message = Mapping[int, list[Any]]
"""The values of each field, by its number: bytes, or an int where it is a number."""


def _node(content: Any) -> Node:
    node: Message = wire.message(content)
    attributes: list[Message] = [wire.message(attribute) for attribute in node.get(_NODE_ATTRIBUTE, [])]
    return (
        wire.only(node, _NODE_OPERATOR).decode(),
        tuple(name.decode() for name in node.get(_NODE_INPUT, [])),
        wire.only(node, _NODE_OUTPUT).decode(),
        # What is 0 may be left out.
        {wire.only(a, _ATTRIBUTE_NAME).decode(): a.get(_ATTRIBUTE_I, [0])[-1] for a in attributes},
    )


def _name(tensor: Message) -> str:
    name: str = wire.only(tensor, _TENSOR_NAME).decode()
    return name


def _table(tensor: Message) -> NDArray[np.int8]:
    """A table of int8."""
    dimensions = tensor.get(_TENSOR_DIMENSIONS, [])
    if dimensions and not isinstance(dimensions[0], int):
        dimensions = wire.varints(b"".join(dimensions))
    if len(dimensions) != 2 or wire.only(tensor, _TENSOR_TYPE) != _INT8:
        raise ValueError("a table of it is none of int8")
    return np.frombuffer(wire.only(tensor, _TENSOR_RAW), dtype=np.int8).reshape(dimensions)
