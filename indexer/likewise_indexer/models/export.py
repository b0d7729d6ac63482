"""Any sentence-transformers model -> a model folder that the server can run, in fp32 or int8."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from likewise_engine import limits
from likewise_engine.encoder import OnnxEncoder
from likewise_engine.encoder.manifest import TOKENIZER_FILE, Kind, Manifest
from likewise_engine.encoder.onnx import OUTPUT
from likewise_engine.errors import InvalidInput, ModelFault
from likewise_engine.model_folder import MODEL_FILE, sha256_of

_OPSET: Final = 17
_INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")

_PROBES: Final = (
    "",
    "#",
    "tesco stores",
    "m&s simply food euston stn",
    "direct debit thames water utilities | account payment",
    "sq *the corner bakery",
    "überweisung stadtwerke münchen abschlag strom",
    "prlv sepa edf clients particuliers",
    "оплата услуг связи",
    "東京電力 エナジーパートナー",
    "professional fees for the quarter | meridian and partners chartered accountants, advice on lease " * 3,
)
"""Wordings of several lengths and scripts, on which the exported model is held against the original."""

_DIFFERENCE_MAX_FP32: Final = 1e-4
"""Of any component of a unit vector. Rounding gives some 1e-7; a wrong pooling or a lost prompt far more."""
_COSINE_MIN_INT8: Final = 0.9
"""Of the mean over the probes. int8 MiniLM has .99; a model that quantises badly is better served in fp32."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How the exported model agrees with the original, over some texts.

    Attributes:
        difference_max: largest absolute difference of any component of the unit vectors.
        cosine_min: of a text's two vectors, the lowest.
        cosine_mean: the mean over all texts.
    """

    difference_max: float
    cosine_min: float
    cosine_mean: float


def export_transformer(
    model: SentenceTransformer, name: str, folder: Path, *, int8: bool
) -> tuple[OnnxEncoder, Agreement]:
    """Write a model folder, with the model's own pooling and length; return its encoder and its agreement.

    Args:
        model: any sentence-transformers model of texts, with a tokeniser of the ``tokenizers`` library.
        name: names the model.
        folder: is made if missing; files of the same names are replaced.
        int8: quantise weights per channel and activations at run time (dynamically).

    Raises:
        InvalidInput: the tokeniser is of another kind, or vectors are longer than VECTOR_DIMENSIONS_MAX.
        ModelFault: the exported model does not agree with the original.
    """
    tokenizer = tokenizer_of(model)
    dimensions = model.get_embedding_dimension()
    if not dimensions or dimensions > limits.VECTOR_DIMENSIONS_MAX:
        limit = limits.VECTOR_DIMENSIONS_MAX
        raise InvalidInput.of("source", f"has {dimensions} dimensions; at most {limit} are allowed")
    folder.mkdir(parents=True, exist_ok=True)
    _trace(model, folder / MODEL_FILE)
    if int8:
        _quantise(folder / MODEL_FILE)
    tokenizer.save(str(folder / TOKENIZER_FILE), pretty=False)
    Manifest(
        name=name,
        kind=Kind.TRANSFORMER,
        dimensions=dimensions,
        tokens_max=min(model.max_seq_length or limits.ENCODER_TOKENS_MAX, limits.ENCODER_TOKENS_MAX),
        files={file: sha256_of(folder / file) for file in (MODEL_FILE, TOKENIZER_FILE)},
    ).write(folder)
    encoder = OnnxEncoder(folder)
    agreement = agreement_of(model, encoder)
    if agreement.difference_max > _DIFFERENCE_MAX_FP32 and not int8:
        raise ModelFault(f"{name} differs from the original by {agreement.difference_max:.1e} once exported")
    if agreement.cosine_mean < _COSINE_MIN_INT8:
        raise ModelFault(
            f"{name} keeps a cosine of {agreement.cosine_mean:.3f} to the original: export it in fp32"
        )
    return encoder, agreement


def agreement_of(model: SentenceTransformer, encoder: OnnxEncoder) -> Agreement:
    """Hold an encoder against the sentence-transformers model that it comes from."""
    texts = [text[: limits.TEXT_CHARS_MAX] for text in _PROBES]
    # One by one, for padding would change the original's last digits.
    original = model.encode(texts, batch_size=1, normalize_embeddings=True, show_progress_bar=False)
    exported = encoder.encode(texts)
    cosines = np.einsum("ij,ij->i", original, exported)
    return Agreement(float(np.abs(original - exported).max()), float(cosines.min()), float(cosines.mean()))


def tokenizer_of(model: SentenceTransformer) -> Tokenizer:
    """Return a copy of a model's tokeniser that neither pads nor truncates.

    Raises:
        InvalidInput: it is not of the ``tokenizers`` library.
    """
    if not isinstance(model.tokenizer, PreTrainedTokenizerFast):
        raise InvalidInput.of("source", "has a tokeniser that is not of the tokenizers library")
    tokenizer = Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class _EndToEnd(torch.nn.Module):
    """All of a model's modules, from ids to a unit vector, with arrays for arguments as ONNX wants them."""

    def __init__(self, model: SentenceTransformer, inputs: list[str]) -> None:
        super().__init__()
        self.model = model
        self.inputs = inputs

    def forward(self, *arrays: Any) -> Any:
        features = self.model.forward(dict(zip(self.inputs, arrays, strict=True)))
        return torch.nn.functional.normalize(features["sentence_embedding"])


def _trace(model: SentenceTransformer, path: Path) -> None:
    taken = model.tokenizer.model_input_names
    inputs = [name for name in _INPUTS if name in taken]
    example = model.tokenizer(["a first text", "and another one"], padding=True, return_tensors="pt")
    axes = {0: "texts", 1: "tokens"}
    with warnings.catch_warnings():
        # Tracing warns of every condition in Python that it cannot follow; whether one mattered is found out
        # by agreement_of, on texts of other lengths than the example's.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _EndToEnd(model, inputs).eval(),
            tuple(example[name] for name in inputs),
            path,
            dynamo=False,  # The newer exporter would need onnxscript as well.
            opset_version=_OPSET,
            input_names=inputs,
            output_names=[OUTPUT],
            dynamic_axes=dict.fromkeys(inputs, axes) | {OUTPUT: {0: "texts"}},
        )


def _quantise(path: Path) -> None:
    """Replace a model by its int8 version: weights by channel, activations by the run."""
    prepared = path.with_suffix(".prepared.onnx")
    try:
        quant_pre_process(path, prepared, skip_symbolic_shape=True)  # Without it, quantize_dynamic warns.
        # With all 8 bits, sums saturate on processors without VNNI: no more exact, and other vectors there.
        quantize_dynamic(prepared, path, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)
    finally:
        prepared.unlink(missing_ok=True)
