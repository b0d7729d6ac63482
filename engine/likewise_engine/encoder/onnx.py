"""The encoder that serves: a model folder.

A static model is run by a kernel of ours, see :mod:`likewise_engine.encoder.static_model`, any other by
onnxruntime. One session serves all threads, for its Run is thread-safe; by default a run computes in its
caller's thread alone, for calls come in parallel anyway. Runs of a static model are bounded in the characters
that they take, and so in memory, whatever the number and length of the texts.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from likewise_engine import limits
from likewise_engine.encoder.base import check_texts
from likewise_engine.encoder.feeds import StaticFeeder, TransformerFeeder
from likewise_engine.encoder.manifest import (
    TOKENIZER_FILE,
    Manifest,
    read_manifest,
    read_model_file,
)
from likewise_engine.encoder.ngrams import NgramHash
from likewise_engine.encoder.static_model import read_static_model
from likewise_engine.encoder.vectors import are_unit, vectors_of
from likewise_engine.errors import ModelFault
from likewise_engine.model_folder import MODEL_FILE, session_of
from likewise_engine.text import TEXT_VERSION

OUTPUT: Final = "sentence_embedding"
"""What a model gives: float32 of shape (texts, dimensions), rows of unit length."""

_SQUARE_TOLERANCE: Final = 1e-3
"""On a vector's squared length. Rounding is a thousand times finer, a missing normalisation far coarser."""


def fingerprint_of(manifest: Manifest) -> str:
    """The fingerprint of the encoder that a manifest describes."""
    return f"{manifest.fingerprint}+text{TEXT_VERSION}"


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
        if self._manifest.ngrams is None:
            self._model, self._is_batched = _transformer(folder, self._manifest, threads), False
        else:
            self._model, self._is_batched = _static(folder, self._manifest, self._manifest.ngrams), True
        self._fingerprint = fingerprint_of(self._manifest)
        self.encode([""])  # One that does not run, or has other dimensions than it states, is found out here.

    def __repr__(self) -> str:
        return f"OnnxEncoder({self.fingerprint!r}, dimensions={self.dimensions})"

    @property
    def fingerprint(self) -> str:
        """Names the model's files and settings, and the version of the texts that it is given."""
        return self._fingerprint

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self._manifest.dimensions

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode normalised texts; see :meth:`likewise_engine.encoder.base.Encoder.encode`.

        Raises:
            InvalidInput: a text is what no text can be.
            ModelFault: the model failed, or returned what is not a finite unit vector.
        """
        check_texts(texts)
        if len(texts) == 1:
            return self._run(texts)
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for positions in _runs(texts, batched=self._is_batched):
            vectors[positions] = self._run([texts[position] for position in positions])
        return vectors

    def _run(self, texts: Sequence[str]) -> NDArray[np.float32]:
        try:
            vectors = self._model(texts)
        except Exception as error:  # onnxruntime's errors, and tokenizers', have no base of their own.
            raise ModelFault(f"{self._manifest.name} failed: {error}") from error
        if vectors.shape != (len(texts), self.dimensions) or vectors.dtype != np.float32:
            raise ModelFault(f"{self._manifest.name} gave {vectors.dtype} of shape {vectors.shape}")
        if not are_unit(vectors, _SQUARE_TOLERANCE):
            raise ModelFault(f"{self._manifest.name} gave what is not a finite unit vector")
        return vectors


_Model: TypeAlias = Callable[[Sequence[str]], NDArray[np.float32]]
"""Gives the vectors of a run, ``(texts, dimensions)``."""


def _static(folder: Path, manifest: Manifest, ngrams: NgramHash) -> _Model:
    """A model of which several texts go into one run without touching each other's vectors."""
    content = read_model_file(folder, manifest, MODEL_FILE)
    try:
        tables = read_static_model(content, OUTPUT)
    except ValueError as error:
        raise ModelFault(f"{folder / MODEL_FILE} is not a {manifest.kind} model: {error}") from error
    feeder = StaticFeeder(_tokenizer(folder, manifest), manifest.tokens_max, ngrams)

    def run(texts: Sequence[str]) -> NDArray[np.float32]:
        feed = feeder.feed(texts)
        return vectors_of(tables.token_rows, tables.ngram_rows, feed["token_ids"], feed["ngram_ids"])

    return run


def _transformer(folder: Path, manifest: Manifest, threads: int) -> _Model:
    """A model whose runs are of one text each."""
    session = session_of(folder / MODEL_FILE, read_model_file(folder, manifest, MODEL_FILE), threads)
    inputs = {node.name for node in session.get_inputs()}
    feeder = TransformerFeeder(
        _tokenizer(folder, manifest),
        manifest.tokens_max,
        takes_token_types="token_type_ids" in inputs,
    )
    if inputs != feeder.inputs or OUTPUT not in {node.name for node in session.get_outputs()}:
        raise ModelFault(f"{folder / MODEL_FILE} does not take or give what a {manifest.kind} model does")

    def run(texts: Sequence[str]) -> NDArray[np.float32]:
        (text,) = texts
        vectors: NDArray[np.float32]
        (vectors,) = session.run([OUTPUT], feeder.feed(text))
        return vectors

    return run


def _tokenizer(folder: Path, manifest: Manifest) -> Tokenizer:
    content = read_model_file(folder, manifest, TOKENIZER_FILE)
    try:
        return Tokenizer.from_buffer(content)
    except Exception as error:  # tokenizers raises plain Exception.
        raise ModelFault(f"{folder / TOKENIZER_FILE} is not a tokeniser: {error}") from error


def _runs(texts: Sequence[str], *, batched: bool) -> Iterator[list[int]]:
    """Yield the positions of the texts of one run: of like length, and few enough for bounded memory."""
    if not batched:
        yield from ([position] for position in range(len(texts)))
        return
    run: list[int] = []
    for position in sorted(range(len(texts)), key=lambda position: len(texts[position])):
        if (len(run) + 1) * (len(texts[position]) + 2) > limits.ENCODER_CHARS_PER_RUN_MAX:
            yield run
            run = []
        run.append(position)
    if run:
        yield run
