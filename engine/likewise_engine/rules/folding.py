"""Wordings as rules compare them: regardless of capitals, accents, width, and how much space there is.

A rule's words are the bookkeeper's, who wrote down what is seen on a statement. So nothing is masked here, as
it is in a text, where a store's number would be lost; and punctuation stays.
"""

import unicodedata
from typing import Final

_STROKES: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th"}
)
"""Latin letters that Unicode does not decompose, as :mod:`likewise_engine.text` spells them."""


def folded(wording: str) -> str:
    """A wording as it is compared. Idempotent; any string is taken."""
    if not wording.isascii():
        # Compatibility decomposition, case folding and decomposition again: Unicode 3.13, D146.
        decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", wording).casefold())
        bare = "".join(char for char in decomposed if not unicodedata.combining(char))
        wording = unicodedata.normalize("NFC", bare.translate(_STROKES))
    return " ".join(wording.lower().split())
