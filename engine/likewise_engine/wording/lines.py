"""One line of a statement, as terminals and banks print it: what stands before, within and behind a name.

The marks (dates, cards, numbers: :mod:`likewise_engine.wording.marks`) are cut out first. What is left
stands in columns; the first of them opens with the channel and the processor, then comes the payee; of
the others the last is the place where a terminal took the money, and what is between says what for.
"""

import re
from collections.abc import Sequence

from likewise_engine.wording.line import Line, cut, trimmed
from likewise_engine.wording.marks import is_address
from likewise_engine.wording.openings import close, open_further, opening_at, take, take_processor
from likewise_engine.wording.parsed import Part, Piece
from likewise_engine.wording.phrases import FILLERS, REFERRING, WHOLE
from likewise_engine.wording.terminals import TERMINAL, take_place, tell_by_marks


def line_of(wording: str, start: int, end: int) -> Line:
    """Understand ``wording[start:end]``. Where nothing tells what it is, the line is not told."""
    opening = opening_at(wording, start, end)
    line = cut(wording, start if opening is None else opening.end, end)
    if opening is not None and not take(line, opening):
        line = cut(wording, start, end)
    if _is_whole(line):
        return line
    open_further(line)
    close(line)
    take_processor(line)
    tell_by_marks(line)
    take_place(line)
    if line.is_told:
        _name(line)
    return line


def is_opening(wording: str, start: int, end: int) -> bool:
    """Whether ``wording[start:end]`` is a channel's phrase and nothing besides."""
    opening = opening_at(wording, start, end)
    return opening is not None and opening.end == end


def _is_whole(line: Line) -> bool:
    """Whether the line is a booking of the bank's own, which has no payee but itself; it is then noted."""
    if line.is_told or not 0 < len(line.columns) <= 2:
        return False
    first, *rest = line.columns
    channel = WHOLE.get(" ".join(line.folded(first)))
    if channel is None:
        return False
    line.channel, line.is_told = channel, True
    line.add(Part.PAYEE, first.start, first.end)
    for column in rest:
        line.add(Part.PURPOSE, column.start, column.end)
    return True


def _name(line: Line) -> None:
    """What is left: the first column is the payee, unless there is one; the others say what for."""
    if line.channel not in TERMINAL:
        line.marks = [m._replace(part=Part.REFERENCE) if m.part is Part.STORE else m for m in line.marks]
    for column in line.columns:
        if _is_name(line.wording[column.start : column.end]):
            line.add(Part.PURPOSE if line.has_payee else Part.PAYEE, column.start, column.end)
            continue
        words = line.words(column)
        if column.before is not None and len(words) == 1 and words[0].group().casefold() in FILLERS:
            continue
        position = _referring(words)
        if position is None:
            _add_words(line, words)
            continue
        line.add(Part.PURPOSE, words[position].end(), column.end)
        _add_words(line, words[:position])
    if not line.has_payee:
        _name_by_what_there_is(line)


def _is_name(text: str) -> bool:
    """Whether a quick look suffices to say that a column is a name, or says what for, as it stands."""
    folded = text.casefold().split(" ")
    return (
        len(folded) > 1
        and REFERRING.isdisjoint(folded)
        and text.isprintable()
        and not ("." in folded[-1] or "," in text or "|" in text)
    )


def _referring(words: Sequence[re.Match[str]]) -> int | None:
    """The position of a word such as "REF" among others."""
    for position, word in enumerate(words):
        if word.group().casefold() in REFERRING:
            return position
    return None


def _add_words(line: Line, words: Sequence[re.Match[str]]) -> None:
    """Note the payee, or the purpose where there is a payee; addresses at its end apart."""
    part, kept = (Part.PURPOSE, 0) if line.has_payee else (Part.PAYEE, 1)
    count = len(words)
    while count > kept and "." in words[count - 1].group() and is_address(words[count - 1].group()):
        count -= 1
        line.add(Part.URL, *words[count].span())
    if count:
        line.add(part, *trimmed(line.wording, words[0].start(), words[count - 1].end()))


def _name_by_what_there_is(line: Line) -> None:
    """Where no name is left, what the processor or the bank calls it stands for one."""
    for part in (Part.PROCESSOR, Part.CHANNEL):
        for position, piece in enumerate(line.pieces):
            if piece.part is part:
                line.pieces[position] = Piece(Part.PAYEE, piece.start, piece.end)
                return
