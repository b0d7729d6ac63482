"""An exported encoder made smaller: fewer word pieces, fewer dimensions. Needs no torch and no training.

The table of word pieces is most of a static model and half of a small transformer, and one's books use few of
them. Dimensions go by principal components of the vectors of texts, not centred, since cosines are to stay:
for a transformer a projection behind its graph, for a static model of its token rows, as sums are linear.
Layers are not dropped here: without training what is left is another model. See ``layers.py``.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from tokenizers import Tokenizer

from likewise_engine.encoder import OnnxEncoder
from likewise_engine.encoder.manifest import TOKENIZER_FILE, Kind, Manifest, read_manifest
from likewise_engine.encoder.onnx import OUTPUT
from likewise_engine.errors import InvalidInput
from likewise_engine.model_folder import MODEL_FILE, sha256_of
from likewise_indexer.compare.agreement import NEIGHBOURS, agreement_of
from likewise_indexer.compare.result import Agreement
from likewise_indexer.models.vocabulary import pruned

TEXTS_MIN: Final = 4 * NEIGHBOURS
_ROW_MAX: Final = 127
_FULL: Final = "full_embedding"


@dataclass(frozen=True, slots=True)
class Pruned:
    """What became of an encoder.

    Attributes:
        tokens: of its vocabulary, before and after.
        dimensions: of its vectors, before and after.
        agreement: with what it was, over texts that it was not pruned by.
    """

    tokens: tuple[int, int]
    dimensions: tuple[int, int]
    agreement: Agreement


def prune(
    source: Path,
    folder: Path,
    name: str,
    texts: Sequence[str],
    *,
    vocabulary: bool = True,
    dimensions: int | None = None,
) -> tuple[OnnxEncoder, Pruned]:
    """Write a smaller encoder; return it and what became of it.

    Args:
        source: an exported folder of any kind.
        folder: is made if missing; another one than the source.
        name: names the model.
        texts: normalised, at least TEXTS_MIN: it is pruned by the first of each two.
        vocabulary: whether to drop the word pieces that these do not need.
        dimensions: of the vectors to come; of a static model, its n-gram part stays as it is. None: as many.

    Raises:
        InvalidInput: nothing to prune, too few texts, no such dimensions, or a vocabulary that cannot be
            pruned.
        ModelFault: the source holds no encoder.
    """
    if not vocabulary and dimensions is None:
        raise InvalidInput.of("dimensions", "stay, and so do word pieces: there is nothing to prune")
    if len(texts) < TEXTS_MIN:
        raise InvalidInput.of("texts", f"are {len(texts)} distinct ones: at least {TEXTS_MIN} are needed")
    if folder.resolve() == source.resolve():
        raise InvalidInput.of("out", "is the source: write another folder")
    manifest, original = read_manifest(source), OnnxEncoder(source)
    chosen, held_out = texts[::2], texts[1::2]
    model = onnx.load(source / MODEL_FILE)
    tokenizer = Tokenizer.from_file(str(source / TOKENIZER_FILE))
    tokens_before = tokenizer.get_vocab_size()
    folder.mkdir(parents=True, exist_ok=True)
    if vocabulary:
        tokenizer, kept = pruned(tokenizer, chosen)
        _keep_rows(model, tokens_before, kept)
        tokenizer.save(str(folder / TOKENIZER_FILE), pretty=False)
    else:
        shutil.copyfile(source / TOKENIZER_FILE, folder / TOKENIZER_FILE)
    if dimensions is not None:
        _reduce(model, manifest, dimensions, original.encode(chosen))
    onnx.save(model, folder / MODEL_FILE)
    files = {file: sha256_of(folder / file) for file in (MODEL_FILE, TOKENIZER_FILE)}
    width = manifest.dimensions if dimensions is None else dimensions
    replace(manifest, name=name, dimensions=width, files=files).write(folder)
    encoder = OnnxEncoder(folder)
    agreement = agreement_of(encoder.encode(held_out), original.encode(held_out), seed=0)
    tokens = (tokens_before, tokenizer.get_vocab_size())
    return encoder, Pruned(tokens, (manifest.dimensions, width), agreement)


def _keep_rows(model: Any, tokens: int, kept: NDArray[np.int64]) -> None:
    """Keep some rows of the table that has one for each token."""
    tables = [table for table in model.graph.initializer if len(table.dims) == 2 and table.dims[0] == tokens]
    if len(tables) != 1:
        raise InvalidInput.of(
            "source", f"has {len(tables)} tables of {tokens:,} rows: not the one of its tokens"
        )
    rows = numpy_helper.to_array(tables[0])[kept]
    tables[0].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(rows), tables[0].name))


def _reduce(model: Any, manifest: Manifest, dimensions: int, vectors: NDArray[np.float32]) -> None:
    """Fewer dimensions, by the principal components of some vectors."""
    if manifest.kind is Kind.TRANSFORMER:
        if not 1 <= dimensions < manifest.dimensions:
            raise InvalidInput.of(
                "dimensions", f"is {dimensions}: from 1 to {manifest.dimensions - 1} are fewer"
            )
        _project(model, _axes(vectors, dimensions))
        return
    tables = {table.name: table for table in model.graph.initializer}
    rows = numpy_helper.to_array(tables["token_rows"]).astype(np.float64)
    ngrams = int(tables["ngram_rows"].dims[1])
    width = dimensions - ngrams
    if not 1 <= width < rows.shape[1]:
        least, most = ngrams + 1, ngrams + rows.shape[1] - 1
        raise InvalidInput.of("dimensions", f"is {dimensions}: from {least} to {most} are fewer")
    fewer = rows @ _axes(vectors[:, : rows.shape[1]], width)
    whole = np.rint(fewer * (_ROW_MAX / np.abs(fewer).max())).astype(np.int8)
    tables["token_rows"].CopyFrom(numpy_helper.from_array(whole, "token_rows"))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = dimensions


def _project(model: Any, axes: NDArray[np.float64]) -> None:
    """Put a projection behind the model, and make its vectors of unit length again."""
    graph = model.graph
    for node in graph.node:
        for names in (node.input, node.output):
            for position, name in enumerate(names):
                if name == OUTPUT:
                    names[position] = _FULL
    graph.initializer.append(numpy_helper.from_array(axes.astype(np.float32), "axes"))
    graph.node.append(helper.make_node("MatMul", [_FULL, "axes"], ["projected"]))
    graph.node.append(helper.make_node("LpNormalization", ["projected"], [OUTPUT], axis=1, p=2))
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = axes.shape[1]


def _axes(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float64]:
    """The directions that hold most of the vectors' length, float64 ``(d, dimensions)``, largest first."""
    exact = vectors.astype(np.float64)
    _, axes = np.linalg.eigh(exact.T @ exact)
    axes = axes[:, ::-1][:, :dimensions]
    largest = np.abs(axes).argmax(axis=0)
    return np.asarray(axes * np.sign(axes[largest, np.arange(dimensions)]))
