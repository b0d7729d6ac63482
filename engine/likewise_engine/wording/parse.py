"""A bank's or card terminal's string -> its pieces. Linear in its length, and nothing makes it raise."""

import re
from typing import Final

from likewise_engine.wording.lines import line_of
from likewise_engine.wording.parsed import ParsedWording, Part, Piece
from likewise_engine.wording.phrases import CLOSINGS, OPENINGS, WHOLE
from likewise_engine.wording.places import COUNTRIES, STATES, TOWNS
from likewise_engine.wording.processors import WITHOUT_STAR
from likewise_engine.wording.tagged import parse_tagged

_FIRST_WORDS: Final = frozenset({*OPENINGS, *WITHOUT_STAR, *(phrase.partition(" ")[0] for phrase in WHOLE)})
_SIGN: Final = re.compile(r"[*•+:?]|//|(?:\A|\s)/|[xX][xX]-?[0-9]")
_PART_OF_SIGN: Final = re.compile(r"[*•+:?/xX]")
"""Every sign has one of these, which most wordings have not: that is seen in a sixth of the time."""
_ANY_DIGIT: Final = re.compile(r"[0-9]")
_SIGN_OF_TAGS: Final = re.compile(r"[:+?/]")
_CARD: Final = re.compile(
    r"\b(?:card|carte|karte|carta|tarj(?:eta)?|kort|karta|pas|cb|cd|pasnr|debitk)\b[ .]{0,2}[0-9x]"
    r"|\A[0-9]{4} [0-9]{2}[a-z]{3}"
)
"""A card's tail: folded."""
_BEHIND_LAST_WORD: Final = " \t.,;:/-#0123456789"
_LAST_WORDS: Final = frozenset({*CLOSINGS, *COUNTRIES, *STATES, *(town.split()[-1] for town in TOWNS)})
_MAY_BE_TAGGED: Final = re.compile(r"\?[0-9]{2}|[A-Z]\s?\+|/[A-Z]{2,4}/|[A-Z]{3}/|\s/[A-Z]|[\w#.] ?:")


def parse(wording: str) -> ParsedWording:
    """Take a wording to pieces.

    A wording that nothing tells to be a bank's or a terminal's (most supplier lines) is its own payee, whole,
    and is said not to be understood: a name is not to lose its "Leeds" or its "2".
    """
    parsed = None if is_plain(wording) else understood(wording)
    if parsed is not None:
        return parsed
    whole = (Piece(Part.PAYEE, 0, len(wording)),) if wording.strip() else ()
    return ParsedWording(wording, whole, understood=False)


def understood(wording: str) -> ParsedWording | None:
    """The pieces of a wording that is not plain; None where nothing tells what they are."""
    tagged = tagged_of(wording)
    if tagged is not None:
        return tagged
    line = line_of(wording, 0, len(wording))
    return ParsedWording(wording, line.all_pieces(), line.channel, line.processor) if line.is_told else None


def tagged_of(wording: str) -> ParsedWording | None:
    """The pieces of a wording that names its own parts; None where it does not."""
    may_be = _SIGN_OF_TAGS.search(wording) and _MAY_BE_TAGGED.search(wording)
    return parse_tagged(wording) if may_be else None


def is_plain(wording: str) -> bool:
    """Whether a quick look suffices to say that nothing here is a bank's or terminal's: .4 to 3 microseconds.

    Most wordings are suppliers' names. What a line is told by stands at its beginning, at its end, or is a
    sign.
    """
    if _PART_OF_SIGN.search(wording) and _SIGN.search(wording):
        return False
    folded = wording.casefold()
    first = folded.split(None, 1)
    if not first or first[0] in _FIRST_WORDS or first[0].rstrip(".:,") in _FIRST_WORDS:
        return not first
    last = folded.rstrip(_BEHIND_LAST_WORD)
    if last[last.rfind(" ") + 1 :] in _LAST_WORDS:
        return False
    return _ANY_DIGIT.search(wording) is None or _CARD.search(folded) is None
