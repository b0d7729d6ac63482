"""Teacher -> static student, with nothing but the teacher: no corpus, no training, half a minute on one core.

Token rows, as model2vec makes them (Tulkens & van Dongen 2024): every token of the vocabulary goes through
the teacher as a sentence of its own; principal components keep what tells tokens apart; and a row is as
long as its token is rare, where the rank in the vocabulary stands for the frequency (Zipf). Tokens without a
letter or digit, and special ones, get zeros.

N-gram rows are random signs: sums of them keep the cosines of n-gram counts, within 1/sqrt(dimensions)
(Johnson & Lindenstrauss 1984; with signs, Achlioptas 2003). Weights by inverse document frequency, from brand
names or from the vocabulary, were tried: they changed nothing, so there are none.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer

from likewise_engine import limits
from likewise_engine.encoder.ngrams import NgramHash
from likewise_engine.errors import InvalidInput
from likewise_indexer.models.export import tokenizer_of
from likewise_indexer.models.static_ngram import StaticNgramEmbedding, token_ids_end, whole_rows

Progress = Callable[[int, int], None]
"""Told the tokens done and the tokens in all."""

_TOKENS_PER_RUN: Final = 1_024


@dataclass(frozen=True, slots=True)
class Distillation:
    """What a student looks like.

    Attributes:
        token_dimensions: length of the token part.
        ngram_dimensions: length of the n-gram part.
        ngrams: how character n-grams are hashed.
        seed: of the n-gram rows.
    """

    token_dimensions: int = 64
    ngram_dimensions: int = 64
    ngrams: NgramHash = field(default_factory=NgramHash)
    seed: int = 0


def distil(
    teacher: SentenceTransformer, distillation: Distillation, progress: Progress
) -> StaticNgramEmbedding:
    """Make the student of a teacher. The same machine and libraries give the same student, bit by bit.

    Raises:
        InvalidInput: the teacher's tokeniser is not of the ``tokenizers`` library, or its vectors too short.
    """
    teacher_dimensions = teacher.get_embedding_dimension()
    if distillation.token_dimensions > teacher_dimensions:
        message = f"is {distillation.token_dimensions}; the teacher's vectors have {teacher_dimensions}"
        raise InvalidInput.of("token_dimensions", message)
    tokenizer = tokenizer_of(teacher)
    vectors = _token_vectors(teacher, tokenizer, progress)
    rows = principal_components(vectors, distillation.token_dimensions)
    rows *= np.log(2 + np.arange(len(rows)))[:, np.newaxis]
    rows[~_naming(tokenizer)] = 0
    return StaticNgramEmbedding(
        tokenizer,
        whole_rows(rows),
        _random_signs(distillation),
        distillation.ngrams,
        tokens_max=limits.TEXT_CHARS_MAX,
    )


def principal_components(vectors: NDArray[np.float32], dimensions: int) -> NDArray[np.float64]:
    """Project centred rows on their first principal components, each signed so that the result is unique."""
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :dimensions]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(dimensions)])
    return np.asarray(centred @ axes)


def _token_vectors(
    teacher: SentenceTransformer, tokenizer: Tokenizer, progress: Progress
) -> NDArray[np.float32]:
    """Return the teacher's vector of every token as a sentence: (vocabulary, teacher's dimensions)."""
    special = np.array(tokenizer.encode("a").special_tokens_mask)
    (content,) = np.flatnonzero(special == 0)
    template = torch.tensor(tokenizer.encode("a").ids)
    size = token_ids_end(tokenizer)
    vectors = []
    for start in range(0, size, _TOKENS_PER_RUN):
        tokens = torch.arange(start, min(start + _TOKENS_PER_RUN, size))
        ids = template.repeat(len(tokens), 1)
        ids[:, content] = tokens
        features: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        with torch.inference_mode():
            vectors.append(teacher.forward(features)["sentence_embedding"].numpy())
        progress(start + len(tokens), size)
    return np.concatenate(vectors)


def _naming(tokenizer: Tokenizer) -> NDArray[np.bool_]:
    """Tell which tokens have a letter or digit and are not special."""
    naming = np.zeros(token_ids_end(tokenizer), bool)
    for token, index in tokenizer.get_vocab().items():
        naming[index] = any(char.isalnum() for char in token)
    for index, added in tokenizer.get_added_tokens_decoder().items():
        naming[index] &= not added.special
    return naming


def _random_signs(distillation: Distillation) -> NDArray[np.float32]:
    padding_id = distillation.ngrams.padding_id
    shape = (padding_id + 1, distillation.ngram_dimensions)
    rows = np.random.default_rng(distillation.seed).integers(0, 2, shape).astype(np.float32) * 2 - 1
    rows[padding_id] = 0
    return rows
