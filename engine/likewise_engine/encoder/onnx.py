"""The encoder that serves: a model folder, run by onnxruntime.

One session serves all threads (onnxruntime's Run is thread-safe) with one compute thread a call by default: a text takes some ten
microseconds, which no second thread would shorten, and calls come in parallel anyway. Runs are bounded in the ids that they take, so that
memory is, whatever the number and length of the texts.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from likewise_engine import limits
from likewise_engine.encoder.feeds import Feeder, StaticFeeder, TransformerFeeder
from likewise_engine.encoder.manifest import (
    MODEL_FILE,
    TOKENIZER_FILE,
    Manifest,
    read_manifest,
    read_model_file,
)
from likewise_engine.errors import InvalidInput, ModelFault
from likewise_engine.text import TEXT_VERSION

OUTPUT = "sentence_embedding"
"""What a model gives: float32 of shape (texts, dimensions), rows of unit length."""

_NORM_TOLERANCE = 1e-3
"""On the squared length. float32 rounding is a thousand times finer; a graph without normalisation is far off."""


class OnnxEncoder:
    """Encodes with the model of a folder.

    Args:
        folder: holds the manifest ``encoder.json`` and the files that it names.
        threads: compute threads of one run.

    Raises:
        ModelFault: the folder lacks something, a file is damaged, or the model is not what the manifest says.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        self._manifest = read_manifest(folder)
        self._session = _session(folder, self._manifest, threads)
        inputs = {node.name for node in self._session.get_inputs()}
        self._feeder = _feeder(folder, self._manifest, inputs)
        if inputs != self._feeder.inputs or OUTPUT not in {node.name for node in self._session.get_outputs()}:
            raise ModelFault(
                f"{folder / MODEL_FILE} has other inputs or outputs than a {self._manifest.kind} model"
            )
        self.encode([""])  # A model that does not run, or lies about its dimensions, is found out at start.

    def __repr__(self) -> str:
        return f"OnnxEncoder({self.fingerprint!r}, dimensions={self.dimensions})"

    @property
    def fingerprint(self) -> str:
        """Names the model's files and settings, and the version of the texts that it is given."""
        return f"{self._manifest.fingerprint}+text{TEXT_VERSION}"

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._manifest.dimensions

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode normalised texts, each as if it were alone: :meth:`likewise_engine.encoder.base.Encoder.encode`.

        Raises:
            InvalidInput: a text holds a lone surrogate or is longer than TEXT_CHARS_MAX.
            ModelFault: the model failed, or returned what is not a finite unit vector.
        """
        _check(texts)
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for positions in _runs(texts, batched=self._feeder.batched):
            vectors[positions] = self._run([texts[position] for position in positions])
        return vectors

    def _run(self, texts: Sequence[str]) -> NDArray[np.float32]:
        try:
            (vectors,) = self._session.run([OUTPUT], self._feeder.feed(texts))
        except Exception as error:  # onnxruntime's and tokenizers' errors have no base of their own
            raise ModelFault(f"{self._manifest.name} failed: {error}") from error
        if vectors.shape != (len(texts), self.dimensions) or vectors.dtype != np.float32:
            raise ModelFault(f"{self._manifest.name} returned {vectors.dtype} of shape {vectors.shape}")
        squares = np.einsum("ij,ij->i", vectors, vectors)
        # Asked this way round, because every comparison with NaN is false.
        if not (np.abs(squares - 1) <= _NORM_TOLERANCE).all():
            raise ModelFault(f"{self._manifest.name} returned what is not a finite unit vector")
        return vectors  # type: ignore[no-any-return]


def _session(folder: Path, manifest: Manifest, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads would burn the cores that the service shares with its callers.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    content = read_model_file(folder, manifest, MODEL_FILE)
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no base of their own
        raise ModelFault(f"{folder / MODEL_FILE} is not a model that onnxruntime can run: {error}") from error


def _feeder(folder: Path, manifest: Manifest, inputs: set[str]) -> Feeder:
    content = read_model_file(folder, manifest, TOKENIZER_FILE)
    try:
        tokenizer = Tokenizer.from_buffer(content)
    except Exception as error:  # tokenizers raises plain Exception
        raise ModelFault(f"{folder / TOKENIZER_FILE} is not a tokeniser: {error}") from error
    if manifest.ngrams is not None:
        return StaticFeeder(tokenizer, manifest.tokens_max, manifest.ngrams)
    return TransformerFeeder(tokenizer, manifest.tokens_max, takes_token_types="token_type_ids" in inputs)


def _check(texts: Sequence[str]) -> None:
    for text in texts:
        if len(text) > limits.TEXT_CHARS_MAX:
            raise InvalidInput.of(
                "text", f"has {len(text)} characters; at most {limits.TEXT_CHARS_MAX} are allowed"
            )
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            raise InvalidInput.of("text", "holds a lone surrogate: it is not valid text")


def _runs(texts: Sequence[str], *, batched: bool) -> Iterator[list[int]]:
    """Yield the positions of texts that go into one run: of like length, and few enough for bounded memory."""
    if not batched or len(texts) == 1:
        yield from ([position] for position in range(len(texts)))
        return
    by_length = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    run: list[int] = []
    for position in by_length:
        if (len(run) + 1) * (len(texts[position]) + 2) > limits.ENCODER_CHARS_PER_RUN_MAX:
            yield run
            run = []
        run.append(position)
    if run:
        yield run
