"""The static encoder as a sentence-transformers module: what is built, trained and compared in Python.

A text's vector has two parts. The token part sums one row for each token of the text, the n-gram part one
row for each hashed character n-gram; each sum is scaled to unit length and the two are laid side by side. So
the cosine of two texts is the mean of two cosines: one sees meaning, the other sees through noise, and
neither drowns the other in long or short texts.
"""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from sentence_transformers.base.modules import InputModule
from tokenizers import Tokenizer
from torch import nn

from likewise_engine.encoder.feeds import TOKEN_PADDING_ID, StaticFeeder
from likewise_engine.encoder.ngrams import NgramHash

ROW_MAX: Final = 127
"""Rows hold whole numbers up to this, as int8 does. Their sums in float32 are exact, in whatever order."""

_CONFIG_FILE: Final = "config.json"
_WEIGHTS_FILE: Final = "model.safetensors"
_TOKENIZER_FILE: Final = "tokenizer.json"


class StaticNgramEmbedding(InputModule):
    """Token rows and n-gram rows, summed, each sum scaled to unit length, side by side, scaled again.

    Args:
        tokenizer: makes token ids, without special tokens.
        token_rows: float32 of shape (vocabulary, token dimensions); the row of TOKEN_PADDING_ID holds zeros.
        ngram_rows: float32 of shape (buckets + 1, n-gram dimensions); the row of ``padding_id`` holds zeros.
        ngrams: how character n-grams are hashed.
        tokens_max: tokens of a text that are read.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        token_rows: NDArray[np.float32],
        ngram_rows: NDArray[np.float32],
        ngrams: NgramHash,
        tokens_max: int,
    ) -> None:
        super().__init__()
        if len(token_rows) != token_ids_end(tokenizer):
            raise ValueError(f"{len(token_rows)} token rows for {token_ids_end(tokenizer)} token ids")
        if len(ngram_rows) != ngrams.padding_id + 1:
            raise ValueError(f"{len(ngram_rows)} n-gram rows for {ngrams.padding_id} buckets")
        if token_rows[TOKEN_PADDING_ID].any() or ngram_rows[ngrams.padding_id].any():
            raise ValueError("the rows of padding hold other than zeros")
        self.tokenizer = tokenizer
        self.ngrams = ngrams
        self.tokens_max = tokens_max
        self.tokens = _summed(token_rows, TOKEN_PADDING_ID)
        self.characters = _summed(ngram_rows, ngrams.padding_id)
        self._feeder = StaticFeeder(tokenizer, tokens_max, ngrams)

    @property
    def max_seq_length(self) -> int:
        """Tokens of a text that are read."""
        return self.tokens_max

    def get_embedding_dimension(self) -> int:
        """Length of a vector."""
        return int(self.tokens.embedding_dim + self.characters.embedding_dim)

    def preprocess(self, inputs: list[str], prompt: str | None = None, **_: Any) -> dict[str, torch.Tensor]:
        """Return ``input_ids`` of tokens and ``ngram_ids``, of shape (texts, width), filled up with
        padding."""
        if prompt:
            inputs = self._prepend_prompt(inputs, prompt)
        feed = self._feeder.feed(inputs)
        # Tokens are named as sentence-transformers' trainer wants them: by that name it knows a text's
        # features.
        return {
            "input_ids": torch.from_numpy(feed["token_ids"]),
            "ngram_ids": torch.from_numpy(feed["ngram_ids"]),
        }

    def forward(self, features: dict[str, torch.Tensor], **_: Any) -> dict[str, torch.Tensor]:
        """Add ``sentence_embedding``, float32 of shape (texts, dimensions), rows of unit length."""
        parts = [
            nn.functional.normalize(self.tokens(features["input_ids"])),
            nn.functional.normalize(self.characters(features["ngram_ids"])),
        ]
        features["sentence_embedding"] = nn.functional.normalize(torch.cat(parts, dim=1))
        return features

    def save(self, output_path: str, *_: Any, **__: Any) -> None:
        """Write weights, tokeniser and settings into an existing folder."""
        folder = Path(output_path)
        save_file(self.state_dict(), folder / _WEIGHTS_FILE)
        self.tokenizer.save(str(folder / _TOKENIZER_FILE))
        config = {
            "tokens_max": self.tokens_max,
            "length_max": self.ngrams.length_max,
            "buckets_log2": self.ngrams.buckets_log2,
        }
        (folder / _CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, model_name_or_path: str, **_: Any) -> "StaticNgramEmbedding":
        """Read what :meth:`save` wrote."""
        folder = Path(model_name_or_path)
        config = json.loads((folder / _CONFIG_FILE).read_text(encoding="utf-8"))
        weights = load_file(folder / _WEIGHTS_FILE)
        return cls(
            Tokenizer.from_file(str(folder / _TOKENIZER_FILE)),
            weights["tokens.weight"].numpy(),
            weights["characters.weight"].numpy(),
            tokens_max=config.pop("tokens_max"),
            ngrams=NgramHash(**config),
        )


def token_ids_end(tokenizer: Tokenizer) -> int:
    """Return the number after the last token id: more than there are tokens where a vocabulary has gaps."""
    return 1 + int(max(tokenizer.get_vocab().values()))


def whole_rows(rows: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Scale rows to whole numbers up to ROW_MAX. Direction and relative length of each stay, up to rounding.

    One scale for all rows: it cancels out when the sum is scaled to unit length.
    """
    whole: NDArray[np.float32] = np.rint(rows * (ROW_MAX / np.abs(rows).max())).astype(np.float32)
    return whole


def _summed(rows: NDArray[np.float32], padding_id: int) -> nn.EmbeddingBag:
    return nn.EmbeddingBag.from_pretrained(
        torch.from_numpy(rows), freeze=False, mode="sum", padding_idx=padding_id
    )
