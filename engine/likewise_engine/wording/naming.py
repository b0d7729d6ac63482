"""Which of a wording's pieces name: what the text is made of that is compared.

Decided by measurement, piece by piece: docs/wording.md has the tables and ``bench/wording.py`` makes them.
"""

from typing import Final

from likewise_engine.wording.lines import line_of
from likewise_engine.wording.parse import is_plain, tagged_of
from likewise_engine.wording.parsed import Part

NAMING: Final = frozenset({Part.PAYEE, Part.PURPOSE})
"""Parts that make the text."""


def naming(wording: str, parts: frozenset[Part] = NAMING) -> tuple[str, str]:
    """Who a wording names, and what for; the whole wording where nothing tells the parts apart.

    A processor that neither a star nor a channel sets apart ("PAYPAL TOOLSTATION") leaves the wording
    whole: on the purchase cards of 17 schools and offices, whose export had dropped the stars, its going
    cost .001 of top-1.

    Args:
        wording: as it was given.
        parts: that are kept. What is kept besides the purpose goes with the payee, in the order in which it
            stands.
    """
    if not wording or is_plain(wording):
        return wording, ""
    tagged = tagged_of(wording)
    if tagged is not None:
        pieces, processor, channel = tagged.pieces, tagged.processor, tagged.channel
    else:
        line = line_of(wording, 0, len(wording))
        if not line.is_told:
            return wording, ""
        pieces, processor, channel = line.pieces_of(parts), line.processor, line.channel
    if processor and not channel and "*" not in wording:
        return wording, ""
    names, purposes = list[str](), list[str]()
    for part, start, end in pieces:
        if part in parts:
            (purposes if part is Part.PURPOSE else names).append(wording[start:end])
    return " ".join(names), " ".join(purposes)
