"""What terminals print around the name: the card, the day without separators, the country, the town."""

from collections.abc import Sequence
from typing import Final

from likewise_engine.wording.line import Column, Line
from likewise_engine.wording.marks import is_address
from likewise_engine.wording.parsed import Channel, Part
from likewise_engine.wording.phrases import FILLERS
from likewise_engine.wording.places import (
    COUNTRIES,
    STATES,
    TOWN_WORDS_MAX,
    TOWNS,
    TWO_WORD_TOWNS,
    UNSURE_CODES,
    UNSURE_STATES,
)

TERMINAL: Final = frozenset({Channel.CARD, Channel.CASH, Channel.REFUND, Channel.ONLINE, Channel.UNKNOWN})
"""Whose bookings say where a terminal stands."""

_COUNTS_BY_LAST: Final = {
    last: sorted({town.count(" ") + 1 for town in TOWNS if town.rpartition(" ")[2] == last}, reverse=True)
    for last in {town.rpartition(" ")[2] for town in TOWNS}
}
"""How many words the towns have that end in a word, the most first."""
_CARD_DIGITS: Final = 4
_DATE_DIGITS: Final = 6
_DAY_DIGITS: Final = 4
_BEFORE_DAY: Final = (" cb", " psc", "checkcard")
"""Openings behind which four digits are the day and the month."""
_KIND_CHARS_MAX: Final = 2
_WORDS_BEFORE_TOWN: Final = 2
"""Where a processor alone tells what the line is: "BELLA ROMA" is a name."""


def tell_by_marks(line: Line) -> None:
    """Read from the marks that a line is a terminal's, and which of them is the day."""
    if line.channel is Channel.UNKNOWN and line.has_mark(Part.CARD):
        line.channel, line.is_told = Channel.CARD, True
    elif line.channel in (Channel.CARD, Channel.CASH) and _is_day(line):
        line.marks = [line.marks[0]._replace(part=Part.DATE), *line.marks[1:]]
    elif [mark.part for mark in line.marks[:2]] == [Part.STORE, Part.DATE]:
        # The digits of the card, and the day: as one group of British banks begins its lines.
        card, day, *_ = line.marks
        if line.columns and day.end <= line.columns[0].start and card.end - card.start == _CARD_DIGITS:
            line.marks = [card._replace(part=Part.CARD), *line.marks[1:]]
            line.channel, line.is_told = Channel.CARD, True
            kind = line.columns[0]
            if len(line.columns) > 1 and kind.end - kind.start <= _KIND_CHARS_MAX:
                line.columns.pop(0)  # "C", contactless, or "CD"


def take_place(line: Line) -> None:
    """Take country and town off the end, where there is a terminal."""
    if not line.columns or line.channel not in TERMINAL or _take_slashed(line):
        return
    _drop_last_fillers(line)
    if not line.columns:
        return
    last = line.columns[-1]
    country = _take_country(line)
    if not line.columns:
        return
    column = line.columns[-1]
    is_apart = len(line.columns) > 1 or line.has_payee or line.channel is Channel.CASH
    if is_apart and _is_place(line, column, country):
        line.is_told = True
        _add_place(line, column)
    elif line.is_told:
        _take_town(line, column, country if column.start == last.start else "")


def _is_day(line: Line) -> bool:
    """Whether the first number is the day: ``KORTKÖP 260312 ICA``, ``PAIEMENT CB 1203 DUPAIN``."""
    first = line.marks[0] if line.marks else None
    if first is None or first.part is not Part.STORE or not line.columns or first.end > line.columns[0].start:
        return False
    digits = first.end - first.value
    if digits != _DAY_DIGITS:
        return digits == _DATE_DIGITS
    return line.wording[: first.start].rstrip().casefold().endswith(_BEFORE_DAY)


def _drop_last_fillers(line: Line) -> None:
    """Let columns end before the fillers that lead to a mark: ``ON`` before a date."""
    if not (line.is_told and line.marks):
        return
    kept = []
    for column in line.columns:
        end = column.end if column.after is None else _end_without_fillers(line, column)
        if end == column.end:
            kept.append(column)
        elif end > column.start:
            kept.append(Column(column.start, end, column.before, column.after))
    line.columns = kept


def _end_without_fillers(line: Line, column: Column) -> int:
    """Where a column ends without the fillers at its end; where it begins, if it has nothing else."""
    text = line.wording[column.start : column.end]
    while (last := text[text.rfind(" ") + 1 :]).isalnum():  # as it nearly always is, and then it is a word
        if last.casefold() not in FILLERS:
            return column.start + len(text)
        text = text[: -len(last)].rstrip(" ")
    words = line.words(column)
    while words and words[-1].group().casefold() in FILLERS:
        words.pop()
    return words[-1].end() if words else column.start


def _take_slashed(line: Line) -> bool:
    """Take ``//BERLIN/DE`` out: so German terminals write where they stand."""
    slashes = line.wording.find("//", line.columns[0].end)
    if slashes < 0:
        return False
    for position, column in enumerate(line.columns):
        if slashes < column.start <= slashes + 3 and position:
            town, _, country = line.wording[column.start : column.end].partition("/")
            line.add(Part.PLACE, column.start, column.start + len(town))
            if country.casefold() in COUNTRIES:
                line.add(Part.COUNTRY, column.end - len(country), column.end)
            line.columns.pop(position)
            line.channel, line.is_told = line.channel or Channel.CARD, True
            return True
    return False


def _take_country(line: Line) -> str:
    """Take the code or name of a country or a state off the end; its code, or an empty string."""
    column = line.columns[-1]
    text = line.wording[column.start : column.end]
    name, _, code = text.rpartition(" ")
    if not name and "/" in text:
        name, _, code = text.rpartition("/")
    folded = code.casefold()
    is_state = folded in STATES and folded != "de"
    if not (is_state or folded in COUNTRIES) or not (code.isupper() or len(folded) > 3):
        return ""
    if folded in FILLERS and column.after is not None:
        return ""
    if not (name or len(line.columns) > 1 or line.has_payee):
        return ""  # nothing would be left
    unsure = UNSURE_STATES if is_state else UNSURE_CODES
    if not _may_be_country(line, column, name, is_state=is_state, is_unsure=folded in unsure):
        return ""
    line.is_told = True
    line.add(Part.COUNTRY, column.end - len(code), column.end)
    line.end_column(column.start + len(name))
    return "US" if is_state else COUNTRIES[folded]


def _may_be_country(line: Line, column: Column, name: str, *, is_state: bool, is_unsure: bool) -> bool:
    """Whether what could be a country's code or a state's is one here, behind ``name`` in its column."""
    if _town_words(name.split()):
        return True
    is_apart = not name or len(line.columns) > 1
    begins_with_address = is_address(line.words(line.columns[0])[0].group())
    if is_state and (begins_with_address or line.has_mark(Part.PHONE)):
        return True
    if not (line.is_told or begins_with_address or (is_apart and column.before is Part.STORE)):
        return False
    if not is_unsure and (not is_state or line.channel is not Channel.UNKNOWN):
        return True
    return not name or (is_apart and column.before is not None) or (is_state and line.has_mark(Part.STORE))


def _is_place(line: Line, column: Column, country: str) -> bool:
    """Whether a column behind the payee's is a place."""
    words = line.wording[column.start : column.end].split()
    if len(words) > TOWN_WORDS_MAX or any(map(str.isdigit, "".join(words[:-1]))):
        return False
    if _town_words(words) == len(words):
        return line.is_told or column.before is not None
    return line.is_told if line.channel is not Channel.UNKNOWN else bool(country and column.before)


def _add_place(line: Line, column: Column) -> None:
    """Note the last column as a place; what precedes a town in it is none."""
    if line.wording[column.start : column.end].isalpha():
        line.add(Part.PLACE, column.start, column.end)
        line.columns.pop()
        return
    words = line.words(column)
    count = _town_words([word.group() for word in words])
    start = words[-count].start() if count else column.start
    line.add(Part.PLACE, start, column.end)
    line.end_column(start)


def _take_town(line: Line, column: Column, country: str) -> None:
    """Take a town off the end of the payee's own column; ``country`` where it stood right behind."""
    words = line.words(column)
    count = _town_words([word.group() for word in words])
    if not count and country and len(words) > 1:
        if is_address(words[0].group()):
            count = min(len(words) - 1, TOWN_WORDS_MAX)
        elif country == "US":
            count = 2 if len(words) > 2 and words[-2].group().casefold() in TWO_WORD_TOWNS else 1
    if not count:
        name, hyphen, town = line.wording[column.start : column.end].rpartition("-")
        if name and hyphen and town.casefold() in TOWNS:
            line.add(Part.PLACE, column.end - len(town), column.end)
            line.end_column(column.start + len(name))
        return
    is_bare = not country and line.channel is Channel.UNKNOWN
    if len(words) - count >= (_WORDS_BEFORE_TOWN if is_bare else 1):
        start = words[-count].start()
        line.add(Part.URL if is_address(words[-count].group()) else Part.PLACE, start, column.end)
        line.end_column(start)


def _town_words(words: Sequence[str]) -> int:
    """How many of the last words are a town; 0 where they are none."""
    if not words:
        return 0
    for count in _COUNTS_BY_LAST.get(words[-1].casefold(), ()):
        if count <= len(words) and " ".join(words[-count:]).casefold() in TOWNS:
            return count
    return 0
