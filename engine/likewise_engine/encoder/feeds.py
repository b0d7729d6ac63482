"""Texts -> what a model takes in, for each kind of model."""

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from likewise_engine.encoder.ngrams import NgramHash

Feed = dict[str, NDArray[np.int32] | NDArray[np.int64]]
"""Arrays by input name; the first axis counts texts."""

TOKEN_PADDING_ID: Final = 0
"""The id of no token, whose row holds zeros: ``[PAD]`` in the vocabularies of BERT."""


class Feeder(Protocol):
    """Makes the feeds of one kind of model. Immutable and safe to call from many threads."""

    inputs: frozenset[str]
    """Names of what the model takes in."""
    batched: bool
    """Whether several texts go into one run without touching each other's vectors."""

    def feed(self, texts: Sequence[str]) -> Feed:
        """Return what the model takes in for these texts; one text if not batched."""


class StaticFeeder:
    """Feeds the static model: token ids and n-gram ids, filled up with ids whose rows hold zeros.

    The graph sums whole numbers in float32, exact up to 2**24: neither padding nor company changes a sum.
    """

    inputs = frozenset({"token_ids", "ngram_ids"})
    batched = True

    def __init__(self, tokenizer: Tokenizer, tokens_max: int, ngrams: NgramHash) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._tokens_max = tokens_max
        self._ngrams = ngrams

    def feed(self, texts: Sequence[str]) -> Feed:
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

    batched = False

    def __init__(self, tokenizer: Tokenizer, tokens_max: int, *, takes_token_types: bool) -> None:
        tokenizer.no_padding()
        tokenizer.enable_truncation(tokens_max)
        self._tokenizer = tokenizer
        self._takes_token_types = takes_token_types
        token_types = {"token_type_ids"} if takes_token_types else set[str]()
        self.inputs = frozenset({"input_ids", "attention_mask"} | token_types)

    def feed(self, texts: Sequence[str]) -> Feed:
        """Return the inputs, int64 of shape (1, tokens)."""
        (text,) = texts
        encoding = self._tokenizer.encode(text)
        feed: Feed = {
            "input_ids": np.array([encoding.ids], np.int64),
            "attention_mask": np.array([encoding.attention_mask], np.int64),
        }
        if self._takes_token_types:
            feed["token_type_ids"] = np.array([encoding.type_ids], np.int64)
        return feed
