"""What stands before the name: the channel, which banks say first, and the processor."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Final, NamedTuple

from likewise_engine.wording.line import Line, trimmed
from likewise_engine.wording.marks import is_code
from likewise_engine.wording.parsed import Channel, Part
from likewise_engine.wording.phrases import AMBIGUOUS, CLOSINGS, FILLERS, LEGAL_FORMS, OPENINGS
from likewise_engine.wording.processors import STAR, STAR_WITHIN_CHARS, WITHOUT_STAR, Processor, before_star

_OPENINGS_MAX: Final = 3
"""One behind another: ``BEA, Betaalpas``."""
_WORD: Final = re.compile(r"[^\s,|]+")


class Opening(NamedTuple):
    """A phrase that names the channel."""

    start: int
    end: int
    words: Sequence[str]
    channel: Channel


def opening_at(wording: str, start: int, end: int) -> Opening | None:
    """The longest phrase that ``wording[start:end]`` begins with, whole words."""
    first = _WORD.search(wording, start, end)
    phrases = OPENINGS.get(first.group().casefold().rstrip(".:")) if first else None
    if first is None or phrases is None:
        return None
    words = list(islice(_WORD.finditer(wording, first.start(), end), phrases[0][0]))
    folded = tuple([match.group().casefold().rstrip(".:") for match in words])
    for count, of_length in phrases:
        phrase = folded[:count]
        channel = of_length.get(phrase)
        if channel is not None:
            return Opening(first.start(), words[count - 1].end(), phrase, channel)
    return None


def take(line: Line, opening: Opening) -> bool:
    """Note an opening, which is cut off the line; False where it is the beginning of a name instead."""
    if len(line.columns) == 1 and LEGAL_FORMS.issuperset(line.folded(line.columns[0])):
        return False
    is_ambiguous = len(opening.words) == 1 and opening.words[0] in AMBIGUOUS
    if is_ambiguous and line.columns and not line.has_mark(Part.DATE, Part.CARD):
        return False
    line.channel, line.is_told = line.channel or opening.channel, True
    line.add(Part.CHANNEL, opening.start, opening.end)
    _drop_fillers(line)
    return True


def open_further(line: Line) -> None:
    """Take openings off the first column: behind the first one, or behind a date that leads."""
    for _ in range(_OPENINGS_MAX):
        if not line.columns:
            return
        column = line.columns[0]
        opening = opening_at(line.wording, column.start, column.end)
        if opening is None or (line.is_told and opening.channel is not line.channel):
            return
        if line.is_told and opening.end == column.end and len(line.columns) == 1:
            return  # or nothing would be left to be the payee
        line.begin_column(opening.end)
        if not take(line, opening):
            line.columns = [column, *(c for c in line.columns if c.start >= column.end)]
            return


def close(line: Line) -> None:
    """Take a code of the channel off the end."""
    if not line.columns or line.is_told:
        return
    column = line.columns[-1]
    text = line.wording[column.start : column.end]
    name, _, code = text.rpartition(" ")
    channel = CLOSINGS.get(code.casefold())
    if channel is None or not name.strip() or not text.isupper():
        return
    line.channel, line.is_told = channel, True
    line.add(Part.CHANNEL, column.end - len(code), column.end)
    line.end_column(column.start + len(name))


def take_processor(line: Line) -> None:
    """Take the processor off the beginning of the name."""
    if not line.columns:
        return
    column = line.columns[0]
    # A star that ends the column is trimmed off it: the number behind it was cut out.
    end = min(column.end + 2, column.start + STAR_WITHIN_CHARS)
    has_star = line.wording.find("*", column.start, end) >= 0
    star = STAR.search(line.wording, column.start, end) if has_star else None
    if star is not None:
        found = before_star(line.wording, column.start, star.start())
        if found is not None:
            _pass(line, found[0], star.start(), star.end(), found[1])
        return
    first, *rest = line.folded(column)
    processor = WITHOUT_STAR.get(first)
    if processor is not None and rest and not LEGAL_FORMS.issuperset(rest):
        end = column.start + len(first)
        _pass(line, column.start, end, end, processor)


def _drop_fillers(line: Line) -> None:
    """Let the first column begin behind the fillers that it begins with."""
    while line.columns:
        column = line.columns[0]
        start = column.end
        for word in _WORD.finditer(line.wording, column.start, column.end):
            if word.group().casefold() not in FILLERS:
                start = word.start()
                break
        if start != column.start:
            line.begin_column(start)
        if start < column.end:
            return


def _pass(line: Line, start: int, end: int, rest: int, processor: Processor) -> None:
    """Note a processor at ``wording[start:end]``, and go on at ``rest``.

    Where nothing but a code follows, or who sells is paid, the processor is the payee.
    """
    wording, stop = line.wording, line.columns[0].end
    line.processor, line.is_told = processor.name, True
    begin, stop = trimmed(wording, rest, stop) if rest < stop else (rest, rest)
    code = _WORD.match(wording, begin, stop)
    if code is not None and not any(char.isdigit() for char in code.group()):
        code = None
    if not processor.sells and code is not None and not is_code(code.group()):
        code = None  # "SQ *STUDIO54" is a name
    if processor.sells or begin >= stop or (code is not None and code.end() == stop):
        # "eBay O": the O is of the order's number.
        line.add(Part.PAYEE, start, end - 2 if wording[start:end].casefold().endswith(" o") else end)
        if code is not None:
            line.add(Part.REFERENCE, begin, code.end())
            begin = code.end()
    else:
        line.add(Part.PROCESSOR, start, end)
    line.begin_column(begin)
