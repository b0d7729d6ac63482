"""The student before and after: where it comes from, what of it is judged, and how it becomes a model that
serves."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from likewise_engine.encoder import OnnxEncoder
from likewise_engine.errors import ModelFault
from likewise_indexer.models.export import export_transformer
from likewise_indexer.models.numbers import Precision
from likewise_indexer.models.static_graph import export_static
from likewise_indexer.models.static_ngram import StaticNgramEmbedding, whole_rows
from likewise_indexer.models.teacher import load_teacher
from likewise_indexer.models.tune.measures import Encode

_MODULES_FILE: Final = "modules.json"
_TEXTS_PER_RUN: Final = 256
_CLIPPED_SHARE: Final = 1e-5
"""Of a table's numbers, those that int8 may cut: a few are far larger than all others, and would take its
steps."""


def load_student(source: str) -> SentenceTransformer:
    """Load a model to be tuned, on the CPU; a static one of ours with numbers of the order of 1.

    Args:
        source: as for :func:`load_teacher`, or a folder that ``likewise model distil --student`` wrote.

    Raises:
        InvalidInput: there is no such package.
        ModelFault: the model does not load.
    """
    if not _is_static(Path(source)):
        return load_teacher(source)
    try:
        module = StaticNgramEmbedding.load(source)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFault(f"{source} is not a static model: {error}") from error
    for table in (module.tokens, module.characters):
        table.weight.data /= table.weight.data.abs().mean()
    return SentenceTransformer(modules=[module], device="cpu")


def encode_of(student: SentenceTransformer) -> Encode:
    """What a student makes of texts as it is now, to be measured."""

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = student.encode(
            list(texts), batch_size=_TEXTS_PER_RUN, show_progress_bar=False, normalize_embeddings=True
        )
        return vectors

    return encode


def export_student(student: SentenceTransformer, name: str, folder: Path, *, int8: bool) -> OnnxEncoder:
    """Write a model folder; return its encoder.

    Args:
        student: a static one is rounded to whole numbers.
        name: names the model.
        folder: is made if missing.
        int8: quantise a transformer; a static model always is.

    Raises:
        InvalidInput: its vectors are longer than VECTOR_DIMENSIONS_MAX.
        ModelFault: the exported model does not agree with the student.
    """
    module = student[0]
    if not isinstance(module, StaticNgramEmbedding):
        encoder, _ = export_transformer(student, name, folder, Precision.INT8 if int8 else Precision.FP32)
        return encoder
    for table in (module.tokens, module.characters):
        rows = table.weight.detach().numpy()
        largest = np.quantile(np.abs(rows), 1 - _CLIPPED_SHARE)
        table.weight.data = torch.from_numpy(whole_rows(rows.clip(-largest, largest)))
    return export_static(module, name, folder)


def _is_static(folder: Path) -> bool:
    """Whether a folder holds one of ours. Such a one is loaded by us: sentence-transformers would have to be
    told to trust the code that the folder names."""
    try:
        modules = json.loads((folder / _MODULES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    ours = f"{StaticNgramEmbedding.__module__}.{StaticNgramEmbedding.__qualname__}"
    return isinstance(modules, list) and [part.get("type") for part in modules] == [ours]
