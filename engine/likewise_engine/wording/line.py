"""A line of a statement while it is understood: its marks cut out, and what is left in columns."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, NamedTuple

from likewise_engine.wording.marks import MARKED, Mark, marks_in
from likewise_engine.wording.parsed import Channel, Part, Piece

_COLUMNS: Final = re.compile(r"\s{2,}(?![\s*])|\s*[,|;]\s+|\s+[,|;]\s*|(?<!:)//|\s+-\s+|\\\\+")
_LETTER: Final = re.compile(r"[^\W\d_]")
_EDGES: Final = frozenset(" \t\r\n\u00a0,;|-:.\\/*_>+")
_WORD: Final = re.compile(r"[^\s,|]+")
_START_OF: Final = itemgetter(1)
_ALL: Final = frozenset(Part)


class Column(NamedTuple):
    """Words between two marks or separators.

    Attributes:
        start: of the wording.
        end: of the wording.
        before: the mark that it follows, if it follows one at once.
        after: the mark that follows it at once.
    """

    start: int
    end: int
    before: Part | None
    after: Part | None


@dataclass(slots=True)
class Line:
    """A line while it is understood.

    Attributes:
        wording: that it is part of.
        marks: what was cut out.
        columns: what is left, none empty.
        pieces: found so far, the marks apart.
        channel: if it is known.
        processor: if there is one.
        is_told: whether anything says that this is a bank's or a terminal's line.
        has_payee: whether a piece is the payee.
    """

    wording: str
    marks: Sequence[Mark]
    columns: list[Column]
    pieces: list[Piece] = field(default_factory=list)
    channel: Channel = Channel.UNKNOWN
    processor: str = ""
    is_told: bool = False
    has_payee: bool = False

    def has_mark(self, *parts: Part) -> bool:
        """Whether a mark is one of these parts."""
        for mark in self.marks:  # noqa: SIM110 - a generator takes thrice as long
            if mark.part in parts:
                return True
        return False

    def words(self, column: Column) -> list[re.Match[str]]:
        """A column's words."""
        return list(_WORD.finditer(self.wording, column.start, column.end))

    def folded(self, column: Column) -> list[str]:
        """A column's words in lower case."""
        return self.wording[column.start : column.end].casefold().split()

    def add(self, part: Part, start: int, end: int) -> None:
        """Note a piece, without the spaces and the punctuation around it."""
        start, end = trimmed(self.wording, start, end)
        if start < end:
            self.pieces.append(Piece(part, start, end))
            self.has_payee = self.has_payee or part is Part.PAYEE

    def end_column(self, end: int) -> None:
        """Let the last column end at a position, or be none."""
        column = self.columns.pop()
        start, end = trimmed(self.wording, column.start, end)
        if start < end:
            self.columns.append(Column(start, end, column.before, None))

    def begin_column(self, start: int) -> None:
        """Let the first column begin at a position, or be none."""
        column = self.columns[0]
        begin, _ = trimmed(self.wording, start, column.end)
        before = column.before if begin == column.start else None
        self.columns[:1] = [Column(begin, column.end, before, column.after)] if begin < column.end else []

    def all_pieces(self) -> tuple[Piece, ...]:
        """Pieces and marks in the order in which they stand."""
        return self.pieces_of(_ALL)

    def pieces_of(self, parts: frozenset[Part]) -> tuple[Piece, ...]:
        """Pieces and marks in the order in which they stand, those of some parts at least."""
        pieces = self.pieces
        if not parts.isdisjoint(MARKED):
            pieces = pieces + [Piece(part, value, end) for part, _, value, end in self.marks if value < end]
        return tuple(sorted(pieces, key=_START_OF))


def cut(wording: str, start: int, end: int) -> Line:
    """Cut the marks out of ``wording[start:end]``."""
    marks = marks_in(wording, start, end)
    return Line(wording, marks, _columns(wording, marks, start, end))


def trimmed(wording: str, start: int, end: int) -> tuple[int, int]:
    """A span without the spaces and the punctuation at its ends."""
    while start < end and wording[start] in _EDGES:
        start += 1
    while start < end and wording[end - 1] in _EDGES:
        end -= 1
    return start, end


def _columns(wording: str, marks: Sequence[Mark], start: int, end: int) -> list[Column]:
    columns: list[Column] = []
    before: Part | None = None
    for part, begin, _, after in marks:
        if begin - start > 1 or (begin > start and wording[start] not in _EDGES):
            _add_columns(columns, wording, start, begin, before, part)
        start, before = after, part
    _add_columns(columns, wording, start, end, before, None)
    return columns


def _add_columns(
    columns: list[Column], wording: str, start: int, end: int, before: Part | None, after: Part | None
) -> None:
    """Add what stands between two marks, in one column or more; what has neither letter nor digit is none."""
    if _may_have_columns(wording[start:end]):
        for separator in _COLUMNS.finditer(wording, start, end):
            _add_column(columns, wording, start, separator.start(), before, None)
            if separator.end() > start:
                start, before = separator.end(), None
    _add_column(columns, wording, start, end, before, after)


def _add_column(
    columns: list[Column], wording: str, start: int, end: int, before: Part | None, after: Part | None
) -> None:
    start, end = trimmed(wording, start, end)
    if start < end and (
        wording[start].isalpha() or _LETTER.search(wording, start, end) or wording[start:end].isdigit()
    ):
        columns.append(Column(start, end, before, after))


def _may_have_columns(words: str) -> bool:
    """Whether separators could be within; mostly they are not, and a few looks take a fifth of the time."""
    return (
        "  " in words
        or "," in words
        or " - " in words
        or "//" in words
        or ";" in words
        or "|" in words
        or "\\" in words
        or not words.isprintable()  # white space of other kinds
    )
