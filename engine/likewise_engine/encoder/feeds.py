"""Texts -> what a model takes in, for each kind of model."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from likewise_engine.encoder.ngrams import NgramHash

TOKEN_PADDING_ID: Final = 0
"""The id of no token, whose row holds zeros: ``[PAD]`` in the vocabularies of BERT."""


class StaticFeeder:
    """Feeds the static model: token ids and n-gram ids, filled up with ids whose rows hold zeros.

    Whole numbers are summed, exact in float32 too up to 2**24: neither padding nor company changes a sum.
    """

    def __init__(self, tokenizer: Tokenizer, tokens_max: int, ngrams: NgramHash) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._tokens_max = tokens_max
        self._ngrams = ngrams

    def feed(self, texts: Sequence[str]) -> dict[str, NDArray[np.int32]]:
        """Return ``token_ids`` and ``ngram_ids``, int32 of shape (texts, the most that one of them has)."""
        # Not encode_batch: its threads would take the cores from other requests, to win 7 %.
        encodings = [self._tokenizer.encode(text, add_special_tokens=False) for text in texts]
        ids = [encoding.ids[: self._tokens_max] for encoding in encodings]
        width = max(1, *map(len, ids))
        token_ids = np.array([row + [TOKEN_PADDING_ID] * (width - len(row)) for row in ids], np.int32)
        return {"token_ids": token_ids, "ngram_ids": self._ngrams.ids(texts)}


class TransformerFeeder:
    """Feeds an exported sentence-transformers model, text by text and without padding.

    A batch is faster, by a third for int8 MiniLM, but there a vector depends on its company: dynamic
    quantisation takes one scale for all activations of a run, and sums are taken in another order. The same
    question must get the same answer.
    """

    def __init__(self, tokenizer: Tokenizer, tokens_max: int, *, takes_token_types: bool) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(tokens_max)
        self._tokenizer = tokenizer
        self._takes_token_types = takes_token_types
        token_types = {"token_type_ids"} if takes_token_types else set[str]()
        self.inputs = frozenset({"input_ids", "attention_mask"} | token_types)

    def feed(self, text: str) -> dict[str, NDArray[np.int64]]:
        """Return the inputs, int64 of shape (1, tokens)."""
        encoding = self._tokenizer.encode(text)
        feed = {
            "input_ids": np.array([encoding.ids], np.int64),
            "attention_mask": np.array([encoding.attention_mask], np.int64),
        }
        if self._takes_token_types:
            feed["token_type_ids"] = np.array([encoding.type_ids], np.int64)
        return feed
