"""Amounts as banks, ledgers and spreadsheets write them: exact decimals, and what stands beside them.

What an amount alone cannot tell is whether 1.234 is a thousand or a little more than one.
:func:`mark_of` says what one value tells, the conventions of a file are decided over many, and
:class:`AmountParser` holds to them.

The sign: a leading or trailing minus and parentheses are negative; DR and S (Soll) are money out and
negative, CR and H (Haben) money in and positive.
"""

import re
import unicodedata
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from likewise_engine.transaction import Direction
from likewise_indexer.readers.cells import CELL_CHARS_MAX, BadCell, shown

_PLAIN: Final = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?", re.ASCII)
_MINUS_SIGNS: Final = str.maketrans(dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d", "-"))
_TOKEN: Final = re.compile(
    r"(?P<number>(?:\d|[.,](?=\d))(?:[\d.,]|['’´`\s](?=\d))*)"
    r"|(?P<sign>[-+()])"
    r"|(?P<word>[^\W\d_]*[^\w\s.,'’´`()+-]|[^\W\d_]+\.?)"
    r"|\s+"
)
_GROUPS: Final = re.compile(r"['’´`\s]")
_DECIMAL_DASH: Final = re.compile(r"(?<=\d)[.,]--?(?=\D*$)")
"""``12.-`` is Swiss for 12.00, and not negative."""
_EXPONENT: Final = re.compile(r"[+-]?\d{1,18}(?:[.,]\d{1,18})?[eE][+-]?\d{1,2}", re.ASCII)
_GROUPED: Final = re.compile(r"\d{1,3}(?:[.,]\d{2,3})*[.,]\d{3}")
_INTEGER: Final = re.compile(r"\d+|\d{1,3}(?:_\d{2,3})*_\d{3}")
_EMPTY: Final = frozenset({"", "-", "--", "n/a", "na", "null", "none"})
"""Ways to leave a cell of an amount empty. Spreadsheets show nought as a dash in debit and credit columns."""

_DIRECTION_WORDS: Final = {
    **dict.fromkeys(("dr", "db", "d", "s"), Direction.OUT),
    **dict.fromkeys(("cr", "c", "h"), Direction.IN),
}
_SYMBOLS: Final = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₽": "RUB", "₺": "TRY", "₩": "KRW", "₪": "ILS", "₫": "VND",
    "₴": "UAH", "₦": "NGN", "฿": "THB", "₱": "PHP", "zł": "PLN", "kč": "CZK", "ft": "HUF", "lei": "RON",
    "r$": "BRL", "us$": "USD", "a$": "AUD", "c$": "CAD", "nz$": "NZD", "hk$": "HKD", "s$": "SGD", "лв": "BGN",
    "руб": "RUB",
    # Several countries share these: they say that it is money, and not which.
    "$": "", "¥": "", "kr": "", "rs": "", "fr": "", "₨": "", "¢": "",
}  # fmt: skip


class Mark(Enum):
    """What a value tells about the decimal mark."""

    NOTHING = ""
    AMBIGUOUS_POINT = "1.234"
    AMBIGUOUS_COMMA = "1,234"
    POINT = "."
    COMMA = ","


class Money(NamedTuple):
    """What a cell of an amount says.

    Attributes:
        amount: None where the cell is empty.
        currency: ISO 4217 code, where the cell has one.
        direction: which way the money went, where the cell says so in words (DR, CR).
    """

    amount: Decimal | None
    currency: str = ""
    direction: Direction = Direction.UNKNOWN


def mark_of(text: str) -> Mark:
    """Say what one amount tells about the decimal mark of its file."""
    if len(text) > CELL_CHARS_MAX:
        return Mark.NOTHING
    try:
        number = _take_apart(text)[0]
    except BadCell:
        return Mark.NOTHING
    points, commas = number.count("."), number.count(",")
    if points and commas:
        last_is_point = number.rindex(".") > number.rindex(",")
        if (points if last_is_point else commas) > 1:
            return Mark.NOTHING
        return Mark.POINT if last_is_point else Mark.COMMA
    if points + commas == 0:
        return Mark.NOTHING
    if points + commas > 1:  # a decimal mark stands once, so these part groups
        if not _GROUPED.fullmatch(number):
            return Mark.NOTHING
        return Mark.COMMA if points else Mark.POINT
    before, after = re.split("[.,]", number)
    # Groups have three digits, follow one to three, and no number begins with a group of noughts.
    if len(after) != 3 or "_" in before or not 1 <= len(before) <= 3 or before.startswith("0"):
        return Mark.POINT if points else Mark.COMMA
    return Mark.AMBIGUOUS_POINT if points else Mark.AMBIGUOUS_COMMA


class AmountParser:
    """Parses the amounts of one file.

    Args:
        decimal_mark: ``"."`` or ``","``; the other one then separates thousands. None if the file told
            nothing, and then a value that depends on it is refused.
    """

    def __init__(self, decimal_mark: str | None = ".") -> None:
        self._mark = decimal_mark
        # A quarter of the amounts of books are ones that were seen shortly before: fees, rents, fares.
        self.parse = lru_cache(maxsize=65_536)(self._parse)

    def _parse(self, text: str) -> Money:
        """What a cell says. Raises BadCell with a reason for a person."""
        if len(text) > CELL_CHARS_MAX:
            raise BadCell(f"{shown(text)} is not an amount")
        if self._mark != "," and _PLAIN.fullmatch(text) and not self._undecided(text):
            return Money(Decimal(text))
        if text.casefold() in _EMPTY:
            return Money(None)
        if _EXPONENT.fullmatch(text):
            return Money(Decimal(text.replace(",", ".")))
        number, negative, currency, direction = _take_apart(text)
        amount = self._decimal(text, number)
        if direction is Direction.IN and negative:
            raise BadCell(f"{shown(text)} has a minus and says that money came in")
        if negative or direction is Direction.OUT:
            amount = amount.copy_negate()
        return Money(amount, currency, direction)

    def _undecided(self, text: str) -> bool:
        return self._mark is None and mark_of(text) is Mark.AMBIGUOUS_POINT

    def _decimal(self, text: str, number: str) -> Decimal:
        mark = self._mark
        if mark is None:
            told = mark_of(text)
            if told in (Mark.AMBIGUOUS_COMMA, Mark.AMBIGUOUS_POINT):
                raise BadCell(
                    f"{shown(text)}: decimals or thousands? Give --decimal point or --decimal comma"
                )
            mark = "," if told is Mark.COMMA else "."
        whole, found, decimals = number.partition(mark)
        whole = whole.replace("." if mark == "," else ",", "_")
        if not _INTEGER.fullmatch(whole or "0") or not (decimals.isdecimal() or not decimals):
            name = "comma" if mark == "," else "point"
            raise BadCell(f"{shown(text)} is not an amount with a decimal {name}")
        if not (whole or decimals):
            raise BadCell(f"{shown(text)} is not an amount")
        return Decimal(f"{whole.replace('_', '') or '0'}{'.' if found else ''}{decimals}")


def _take_apart(text: str) -> tuple[str, bool, str, Direction]:
    """The number without sign, ``_`` where spaces or apostrophes part groups; negative; currency; direction.

    Raises:
        BadCell: there is no number, or something else besides.
    """
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text.translate(_MINUS_SIGNS))
    found: dict[str, list[str]] = {"number": [], "sign": [], "word": []}
    position = 0
    plain = _DECIMAL_DASH.sub("", plain)
    while position < len(plain):
        match = _TOKEN.match(plain, position)
        if match is None:
            raise BadCell(f"{shown(text)} is not an amount")
        if match.lastgroup is not None:
            found[match.lastgroup].append(match[0])
        position = match.end()
    sign = "".join(found["sign"])
    if len(found["number"]) != 1 or sign not in ("", "-", "+", "()"):
        raise BadCell(f"{shown(text)} is not an amount")
    currency, direction = "", Direction.UNKNOWN
    for word in found["word"]:
        plain_word = word.rstrip(".").casefold()
        if plain_word in _DIRECTION_WORDS and direction is Direction.UNKNOWN:
            direction = _DIRECTION_WORDS[plain_word]
        elif plain_word in _SYMBOLS and not currency:
            currency = _SYMBOLS[plain_word]
        elif len(plain_word) == 3 and plain_word.isascii() and not currency:
            currency = plain_word.upper()
        else:
            raise BadCell(f"{shown(text)} is not an amount")
    return _GROUPS.sub("_", found["number"][0]), sign in ("-", "()"), currency, direction
