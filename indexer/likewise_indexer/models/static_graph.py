"""The static encoder as an ONNX file, of the graph that serves: the same rows give the same bytes."""

from pathlib import Path
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from likewise_engine.encoder import OnnxEncoder
from likewise_engine.encoder.manifest import TOKENIZER_FILE, Kind, Manifest
from likewise_engine.encoder.onnx import OUTPUT
from likewise_engine.encoder.static_model import graph_of
from likewise_engine.model_folder import MODEL_FILE, sha256_of
from likewise_indexer.models.static_ngram import ROW_MAX, StaticNgramEmbedding

_OPSET: Final = 17
_IR_VERSION: Final = 8
"""Of ONNX 1.12 (2022), like the opset: any onnxruntime in use reads it."""


def export_static(module: StaticNgramEmbedding, name: str, folder: Path) -> OnnxEncoder:
    """Write a model folder for the module, and return its encoder.

    Args:
        module: its rows hold whole numbers up to ROW_MAX.
        name: names the model.
        folder: is made if missing; files of the same names are replaced.

    Raises:
        ValueError: rows would not survive as int8.
    """
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(_graph(module), folder / MODEL_FILE)
    module.tokenizer.save(str(folder / TOKENIZER_FILE), pretty=False)
    Manifest(
        name=name,
        kind=Kind.STATIC_NGRAM,
        dimensions=module.get_embedding_dimension(),
        tokens_max=module.tokens_max,
        files={file: sha256_of(folder / file) for file in (MODEL_FILE, TOKENIZER_FILE)},
        ngrams=module.ngrams,
    ).write(folder)
    return OnnxEncoder(folder)


def _graph(module: StaticNgramEmbedding) -> onnx.ModelProto:
    parts = {
        "token": _int8(module.tokens.weight.detach().numpy()),
        "ngram": _int8(module.characters.weight.detach().numpy()),
    }
    constants = [
        numpy_helper.from_array(np.array([1], np.int64), "axis"),
        *(numpy_helper.from_array(rows, f"{part}_rows") for part, rows in parts.items()),
    ]
    # Both parts are of unit length, or the token part is zero: onnxruntime leaves zeros as they are.
    nodes = [
        helper.make_node(operator, inputs, [output], **attributes)
        for operator, inputs, output, attributes in graph_of(OUTPUT)
    ]
    inputs = [helper.make_tensor_value_info(f"{p}_ids", TensorProto.INT32, ["texts", f"{p}s"]) for p in parts]
    output = helper.make_tensor_value_info(
        OUTPUT, TensorProto.FLOAT, ["texts", module.get_embedding_dimension()]
    )
    graph = helper.make_graph(nodes, "static_ngram", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model


def _int8(rows: NDArray[np.float32]) -> NDArray[np.int8]:
    if not np.array_equal(rows, np.rint(rows)) or np.abs(rows).max() > ROW_MAX:
        raise ValueError(f"rows hold other than whole numbers up to {ROW_MAX}")
    return rows.astype(np.int8)
