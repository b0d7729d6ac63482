"""Wording: normalisation, and what encodes it."""

import re
from typing import Final

import numpy as np

from fuzz_side.chance import Chance
from fuzz_side.target import Input, UntypedOutcome
from likewise_engine import limits
from likewise_engine.encoder import load_encoder
from likewise_engine.selection import folded
from likewise_engine.text import normalise, text_and_payee

_ENCODED_ONE_IN: Final = 16
_SPLIT: Final = "\x1e"
_SPACES: Final = re.compile(r"  |^ | $")


class Texts:
    """Any wording has a text, which is bounded, and normal when normalised again; and that has a vector."""

    name = "texts"

    def __init__(self) -> None:
        self._encoder = load_encoder(None)
        self._fed = 0

    def make(self, chance: Chance) -> Input:
        """A payee and a description of any length that is let in."""
        payee, description = chance.text(), chance.text()
        if chance.one_in(50):
            description = (description or "x") * (limits.DESCRIPTION_CHARS_MAX // max(1, len(description)))
        wording = f"{payee[: limits.PAYEE_CHARS_MAX]}{_SPLIT}{description[: limits.DESCRIPTION_CHARS_MAX]}"
        return Input("wording", wording.encode(errors="surrogatepass"))

    def feed(self, made: Input) -> str:
        """Raise UntypedOutcome for a text that is none."""
        payee, _, description = made.content.decode(errors="surrogatepass").partition(_SPLIT)
        text, of_payee = text_and_payee(payee, description)
        folded(description)
        if not 0 < len(text) <= limits.TEXT_CHARS_MAX or _SPACES.search(text):
            raise UntypedOutcome(f"the text is {text!r}")
        if normalise(of_payee) != of_payee:
            raise UntypedOutcome(f"{of_payee!r} is not normal")
        self._fed += 1
        if self._fed % _ENCODED_ONE_IN:
            return "text"
        vector = self._encoder.encode([text])
        if not np.isfinite(vector).all():
            raise UntypedOutcome(f"{text!r} has no vector")
        return "text and vector"

    def close(self) -> None:
        """Nothing is held."""
