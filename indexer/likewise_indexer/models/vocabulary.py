"""A smaller vocabulary of word pieces: those that some texts need, and what spells all others."""

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from likewise_engine.errors import InvalidInput

_KIND: Final = "WordPiece"


def pruned(tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[Tokenizer, NDArray[np.int64]]:
    """A tokeniser with the pieces that texts need, and single characters, so that any word is still spelled.

    Returns:
        The tokeniser, and the former ids of its tokens, int64 ``(kept,)``, ascending; id 0 stays.

    Raises:
        InvalidInput: the tokeniser knows no word pieces, or its ids have gaps.
    """
    document: dict[str, Any] = json.loads(tokenizer.to_str())
    model = document["model"]
    if model.get("type") != _KIND:
        raise InvalidInput.of("source", f"has a tokeniser of {model.get('type')}: only {_KIND} can be pruned")
    vocabulary: dict[str, int] = model["vocab"]
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        raise InvalidInput.of("source", "has a vocabulary with gaps")
    needed = {id_ for text in texts for id_ in tokenizer.encode(text).ids}
    needed |= {0, *(added["id"] for added in document["added_tokens"])}
    prefix = model["continuing_subword_prefix"]
    needed |= {id_ for piece, id_ in vocabulary.items() if len(piece.removeprefix(prefix)) == 1}
    kept = np.array(sorted(needed), dtype=np.int64)
    ids = {int(old): new for new, old in enumerate(kept)}
    model["vocab"] = {piece: ids[id_] for piece, id_ in vocabulary.items() if id_ in ids}
    for added in document["added_tokens"]:
        added["id"] = ids[added["id"]]
    for special in (document["post_processor"] or {}).get("special_tokens", {}).values():
        special["ids"] = [ids[id_] for id_ in special["ids"]]
    return Tokenizer.from_str(json.dumps(document)), kept
