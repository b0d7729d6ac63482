"""The student before and after: where it comes from, what of it is judged, and how it becomes a model that
serves."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from likewise_engine.encoder import OnnxEncoder
from likewise_engine.errors import InvalidInput, ModelFault
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
    except Exception as error:  # As for a teacher: by whatever is damaged.
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


def digest_of(model: SentenceTransformer, texts: Iterable[str]) -> str:
    """Tells a model by its weights, and texts."""
    digest = hashlib.sha256("\n".join(texts).encode())
    for weight in model.state_dict().values():
        digest.update(weight.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def check_precision(student: SentenceTransformer, precision: Precision | None) -> None:
    """Raise InvalidInput where a student cannot compute so: a static one is in int8 always."""
    if precision not in (None, Precision.INT8) and isinstance(student[0], StaticNgramEmbedding):
        raise InvalidInput.of("precision", f"is {precision}, and the student static: it is always in int8")


def export_student(
    student: SentenceTransformer,
    name: str,
    folder: Path,
    precision: Precision | None = None,
    texts: Sequence[str] = (),
) -> OnnxEncoder:
    """Write a model folder; return its encoder.

    Args:
        student: a static one is rounded to whole numbers.
        name: names the model.
        folder: is made if missing.
        precision: in which numbers a transformer is to compute, FP32 if None; a static one is in int8.
        texts: normalised, in an order drawn at random: to calibrate INT8_STATIC by.

    Raises:
        InvalidInput: its vectors are longer than VECTOR_DIMENSIONS_MAX, it is static and another precision
            is wanted, or there are too few texts to calibrate by.
        ModelFault: the exported model does not agree with the student.
    """
    check_precision(student, precision)
    module = student[0]
    if not isinstance(module, StaticNgramEmbedding):
        encoder, _ = export_transformer(student, name, folder, precision or Precision.FP32, texts)
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
