"""An exported model in fewer bits: half precision, or int8 by dynamic or static quantisation.

*Dynamic*: weights in int8 by channel, activations at run time with one scale a run, and so with the text's
own. *Static*: activations too by scales that are found beforehand, on texts like those to come. The range of
each is what holds nearly all values (percentiles) and not their minimum and maximum: the activations of
transformers have outliers (Dettmers et al. 2022), and to keep these costs all others their precision.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16
from tokenizers import Tokenizer

from likewise_engine.encoder.feeds import TransformerFeeder
from likewise_engine.errors import InvalidInput
from likewise_indexer.models.numbers import Precision

CALIBRATION_TEXTS_MIN: Final = 32
"""Below it ranges are those of a few texts."""
CALIBRATION_TEXTS_MAX: Final = 256
"""All activations of all texts are held in memory while percentiles are sought."""
_CALIBRATION_TOKENS: Final = 24
"""More than most texts have."""
_FEWER_BITS: Final = (onnx.TensorProto.FLOAT16, onnx.TensorProto.INT8, onnx.TensorProto.UINT8)
_PERCENTILE: Final = 99.999
_STATIC_OPERATORS: Final = ("MatMul", "Gemm", "Gather")
"""What a text's time and a file's size go into. LayerNorm, Softmax and GELU in int8 would cost cosines."""


class Feeds(CalibrationDataReader):
    """What a model takes in for some texts, one after another: each as long as the others."""

    def __init__(self, path: Path, tokenizer: Tokenizer, tokens_max: int, texts: Sequence[str]) -> None:
        inputs = {value.name for value in onnx.load(path, load_external_data=False).graph.input}
        copy = Tokenizer.from_str(tokenizer.to_str())
        tokens = min(_CALIBRATION_TOKENS, tokens_max)
        feeder = TransformerFeeder(copy, tokens, takes_token_types="token_type_ids" in inputs)
        # onnxruntime makes histograms of runs of one shape alone: each text is repeated until it is cut off.
        self._feeds: Iterator[Any] = iter([feeder.feed(" ".join([text] * tokens)) for text in texts])

    def get_next(self) -> Any:
        """The next feed; None after the last."""
        return next(self._feeds, None)


def convert(
    path: Path, precision: Precision, tokenizer: Tokenizer, tokens_max: int, texts: Sequence[str]
) -> None:
    """Replace an fp32 model by itself in another precision.

    Args:
        path: of the ONNX file.
        precision: which.
        tokenizer: of the model.
        tokens_max: tokens of a text that are read.
        texts: normalised, to calibrate by: of INT8_STATIC alone.

    Raises:
        InvalidInput: it is to be calibrated, and there are too few texts.
    """
    match precision:
        case Precision.FP16:
            model = convert_float_to_float16(onnx.load(path), keep_io_types=True)
            onnx.save(model, path)
        case Precision.INT8:
            _quantise(path, _dynamic)
        case Precision.INT8_STATIC:
            check_calibration(precision, texts)
            feeds = Feeds(path, tokenizer, tokens_max, texts[:CALIBRATION_TEXTS_MAX])
            _quantise(path, lambda source, target: _static(source, target, feeds))


def check_calibration(precision: Precision, texts: Sequence[str]) -> None:
    """Raise InvalidInput where there are too few texts to calibrate by, and that is wanted."""
    if precision is Precision.INT8_STATIC and len(texts) < CALIBRATION_TEXTS_MIN:
        message = f"are {len(texts)}: at least {CALIBRATION_TEXTS_MIN} distinct ones are to calibrate by"
        raise InvalidInput.of("texts", message)


def is_fp32(path: Path) -> bool:
    """Whether a model computes in single precision throughout: has no tables of fewer bits."""
    tables = onnx.load(path).graph.initializer
    return not any(table.data_type in _FEWER_BITS for table in tables)


def _quantise(path: Path, to: Any) -> None:
    prepared = path.with_suffix(".prepared.onnx")
    try:
        quant_pre_process(path, prepared, skip_symbolic_shape=True)  # Without it, quantising warns.
        to(prepared, path)
    finally:
        prepared.unlink(missing_ok=True)


# With all 8 bits, sums saturate on processors without VNNI: no more exact, and other vectors there.


def _dynamic(source: Path, target: Path) -> None:
    quantize_dynamic(source, target, per_channel=True, reduce_range=True, weight_type=QuantType.QInt8)


def _static(source: Path, target: Path, feeds: Feeds) -> None:
    quantize_static(
        source,
        target,
        feeds,
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=list(_STATIC_OPERATORS),
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        activation_type=QuantType.QUInt8,
        calibrate_method=CalibrationMethod.Percentile,
        extra_options={"CalibPercentile": _PERCENTILE, "MatMulConstBOnly": True},
    )
