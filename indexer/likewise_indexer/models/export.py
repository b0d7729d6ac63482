"""Any sentence-transformers model -> a model folder that the server can run, in fp32 or fewer bits."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from likewise_engine import limits
from likewise_engine.encoder import OnnxEncoder
from likewise_engine.encoder.manifest import TOKENIZER_FILE, Kind, Manifest
from likewise_engine.encoder.onnx import OUTPUT
from likewise_engine.errors import InvalidInput, ModelFault
from likewise_engine.model_folder import MODEL_FILE, check_name, sha256_of
from likewise_indexer.models.agreement import Agreement
from likewise_indexer.models.numbers import Precision
from likewise_indexer.models.precision import check_calibration, convert

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


def export_transformer(
    model: SentenceTransformer,
    name: str,
    folder: Path,
    precision: Precision = Precision.FP32,
    texts: Sequence[str] = (),
) -> tuple[OnnxEncoder, Agreement]:
    """Write a model folder, with the model's own pooling and length; return its encoder and its agreement.

    Args:
        model: any sentence-transformers model of texts, with a tokeniser of the ``tokenizers`` library.
        name: names the model.
        folder: is made if missing; files of the same names are replaced.
        precision: in which numbers it is to compute.
        texts: normalised ones; of each two the first is to calibrate INT8_STATIC by, and the agreement is
            over the others. Over a few of our own where there are none.

    Raises:
        InvalidInput: the tokeniser is of another kind, vectors are longer than VECTOR_DIMENSIONS_MAX, or
            there are too few texts to calibrate by.
        ValueError: the name is none. Nothing was written.
        ModelFault: the exported model does not agree with the original.
    """
    tokenizer = tokenizer_of(model)
    dimensions = model.get_embedding_dimension()
    if not dimensions or dimensions > limits.VECTOR_DIMENSIONS_MAX:
        limit = limits.VECTOR_DIMENSIONS_MAX
        raise InvalidInput.of("source", f"has {dimensions} dimensions; at most {limit} are allowed")
    check_name(name)
    check_calibration(precision, texts[::2])
    folder.mkdir(parents=True, exist_ok=True)
    _trace(model, folder / MODEL_FILE)
    tokens_max = min(model.max_seq_length or limits.ENCODER_TOKENS_MAX, limits.ENCODER_TOKENS_MAX)
    convert(folder / MODEL_FILE, precision, tokenizer, tokens_max, texts[::2])
    tokenizer.save(str(folder / TOKENIZER_FILE), pretty=False)
    Manifest(
        name=name,
        kind=Kind.TRANSFORMER,
        dimensions=dimensions,
        tokens_max=tokens_max,
        files={file: sha256_of(folder / file) for file in (MODEL_FILE, TOKENIZER_FILE)},
    ).write(folder)
    encoder = OnnxEncoder(folder)
    agreement = agreement_of(model, encoder, texts[1::2])
    if agreement.difference_max > _DIFFERENCE_MAX_FP32 and precision is Precision.FP32:
        raise ModelFault(f"{name} differs from the original by {agreement.difference_max:.1e} once exported")
    agreement.check(name)
    return encoder, agreement


def agreement_of(model: SentenceTransformer, encoder: OnnxEncoder, texts: Sequence[str] = ()) -> Agreement:
    """Hold an encoder against the model that it comes from, on these texts or on our own."""
    probed = [text[: limits.TEXT_CHARS_MAX] for text in texts or _PROBES]
    # One by one, for padding would change the original's last digits.
    original = model.encode(probed, batch_size=1, normalize_embeddings=True, show_progress_bar=False)
    return Agreement.between(original, encoder.encode(probed))


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
