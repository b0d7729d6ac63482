"""What is told by its shape: dates, times, cards, amounts abroad, references, store numbers, phones.

All of it holds digits. So only the words with a digit in them are looked at, each with the word before
it, which may say what the number is (``REF 1234``, ``CARD 1234``). Quantifiers are bounded or
possessive: a word costs a hundred steps at most, and a wording is read once.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from likewise_engine.wording.parsed import Part
from likewise_engine.wording.words import words

MARKS_MAX: Final = 64
"""Of one wording: the longest statement lines have a dozen."""


MARKED: Final = frozenset({Part.CARD, Part.DATE, Part.FOREIGN, Part.PHONE, Part.REFERENCE, Part.STORE})
"""Parts that are told by their shape."""


class Mark(NamedTuple):
    """A piece told by its shape.

    Attributes:
        part: what it is.
        start: where the word that says so begins, or the piece itself.
        value: where the piece begins.
        end: where it ends.
    """

    part: Part
    start: int
    value: int
    end: int


_MONTHS: Final = words(
    """
    jan feb mar apr may jun jul aug sep oct nov dec mai okt dez maj mrz avr juil fev abr ago dic gen
    mag giu lug set ott mrt mei ene sept january february march april june july august september
    october november december
    """
)
_MONTH: Final = (
    r"(?=[adefgjlmnos])(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mai|okt|dez|maj|mrz|avr|juil|fev|abr|ago|dic|gen|mag|giu|lug"
    r"|set|ott|mrt|mei|ene)[a-zäéû]{0,6}+\.?"
)
_CURRENCIES: Final = words(
    """
    aed aud bgn brl cad chf cny czk dkk eur gbp hkd huf idr ils inr jpy krw mxn myr nok nzd php pln
    ron rub sek sgd thb try uah usd zar kr zł € $ £ ¥ £$
    """
)
_CURRENCY: Final = (
    r"(?=[abcdeghijkmnprstuz€$£¥])(?:aed|aud|bgn|brl|cad|chf|cny|czk|dkk|eur|gbp|hkd|huf|idr|ils|inr|jpy|krw|mxn|myr|nok|nzd|php|pln|ron|rub|sek"
    r"|sgd|thb|try|uah|usd|zar|kr|zł|[€$£¥])"
)

_AT_DIGIT: Final = re.compile(
    rf"""
    (?P<date>(?:19|20)[0-9]{{2}}(?P<iso>[-./])[01][0-9](?P=iso)[0-3][0-9](?:[t\s][0-2][0-9][:.][0-5][0-9](?:[:.][0-5][0-9])?)?z?
        |[0-3]?[0-9](?P<sep>[./-])[01]?[0-9](?P=sep)(?:20)?[0-9]{{2}}(?:[/\s][0-2]?[0-9][:.][0-5][0-9](?:[:.][0-5][0-9])?)?
        |[0-3]?[0-9](?:st|nd|rd|th)?[\s.-]{{0,2}}{_MONTH}(?:[\s.-]{{0,2}}(?:20[0-9]{{2}}|[0-9]{{2}}))?
        |[0-2]?[0-9](?::[0-5][0-9]){{1,2}}(?:\s?(?:uhr|[ap]m))?|[0-2]?[0-9]h[0-5][0-9]
        |[0-3]?[0-9][./][01]?[0-9]\.?(?!\s?{_CURRENCY}(?![a-z]|\s?[0-9]))|[0-3][0-9]-[01][0-9](?:\s[0-2][0-9]-[0-5][0-9])?)(?![\w%/]|[.,][0-9])
    |(?P<foreign>[0-9]{{1,9}}+(?:[.,'][0-9]{{3}}(?![0-9])){{0,3}}(?:[.,][0-9]{{1,2}})?\s?{_CURRENCY}(?!\s?[0-9]))(?![a-z0-9])
    |(?P<card>[0-9]{{4,6}}[\s]?[x*•]{{2,12}}[\sx*•]{{0,8}}[0-9]{{3,4}})(?!\w)
    |(?P<phone>[0-9]{{3}}[-. ][0-9]{{3}}[-. ][0-9]{{4}}|[0-9]{{3}}-[0-9]{{7}}
        |0[0-9]{{9,10}}|0[0-9]{{2,4}}[ /-][0-9]{{5,8}})(?![\w-])
    |(?P<store>[0-9]{{3,6}})(?![\w:%-]|/[^/]|\.[0-9]|,[0-9]{{1,2}}(?![0-9.]))
    |(?P<number>[0-9]{{7,34}}+(?:[-/][0-9]{{1,12}}+){{0,3}}|[0-9]{{2,10}}(?:[-/][0-9]{{2,12}}){{1,4}})(?![\w.,][0-9]|\w)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_CODE: Final = re.compile(r"[\w./+-]{1,60}+")
_RATE: Final = re.compile(rf"[0-9]{{1,6}}[.,][0-9]{{1,8}}(?:\s?/\s?{_CURRENCY})?", re.IGNORECASE)
_TAIL: Final = re.compile(
    r"[0-9]{3,4}(?![\w/:-]|[.,][0-9])|[0-9]{4}-[0-9]{2}(?![0-9-])|[0-9]{4,6}[x*•]{2,12}[0-9]{3,4}",
    re.IGNORECASE,
)
_TIME: Final = re.compile(r"[0-2]?[0-9][.:][0-5][0-9](?![\w.:])")
_PHONE: Final = re.compile(r"\+[0-9]{2,15}+(?:[ -][0-9]{2,5}){0,4}")
_REST_OF_WORD: Final = re.compile(r"[^ ,|\t\n\r]*+")
_DIGITED: Final = re.compile(r"(?<![^\s,|])[^\s,|0-9]*+[0-9]")
_ADDRESS: Final = re.compile(
    r"(?<![\w@.-])(?:https?://[^\s,]{1,80}|www\.[^\s,*]{1,60}|[a-z0-9-]{1,40}+(?:\.[a-z0-9-]{1,40}){0,3}?"
    r"\.(?:com|net|org|co\.uk|de|fr|es|it|nl|eu|io|at|be|dk|se|no|pl|ie|co|uk|us|info|tv|me)(?:/[^\s,*]{0,40})?)(?![\w@-]|\.\w)",
    re.IGNORECASE,
)

_REFERENCE_WORDS: Final = words(
    """
    ref reference referentie referencia referenz rf mandate mandat mandaat kenmerk inv invoice rechnung
    rechnungsnr rgnr re facture fact fattura factuur order auftrag kundennr vertrag vertragsnr
    bestellung commande a/c acct account policy client ocr kid faktura fakt nota cust customer
    membership contrato poliza no nr num n n° nº id trn tid txn arn auth term terminal trace seq ga
    conto number numero nummer kdnr kd-nr re-nr rg-nr rech-nr beleg folgenr token transaction trx
    machtiging mandatsref machtigingskenmerk #
    """
)
_CARD_WORDS: Final = words(
    """
    card carte karte carta tarjeta tarj kort karta karty kaart betaalpas pas cb cd kartennr karten-nr
    pasnr pasvolgnr kaartnummer ending visa mastercard maestro kartennummer debitk debitk.0 kortnr crd
    """
)
_WORDS: Final[Mapping[str, Part]] = {
    **dict.fromkeys(_REFERENCE_WORDS, Part.REFERENCE),
    **dict.fromkeys(_CARD_WORDS, Part.CARD),
    **dict.fromkeys(words("store str shop filiale fil magasin butik sklep"), Part.STORE),
    **dict.fromkeys(words("rate kurs cours cambio wisselkoers koers @"), Part.FOREIGN),
    **dict.fromkeys(words("kl ore um godz klo uhrzeit hora"), Part.DATE),
    **dict.fromkeys(words("tel phone tlf"), Part.PHONE),
}
"""What a word says of the number behind it."""
_ALONE: Final = {**dict.fromkeys(_MONTHS, Part.DATE), **dict.fromkeys(_CURRENCIES, Part.FOREIGN)}
"""Likewise, of words that no other word before them explains."""
_CODE_CHARS_MIN: Final = 6
"""Of letters and digits mixed, from which they are a reference; fewer make names (``3com``, ``mk1``)."""


_CARD_TAIL_DIGITS: Final = 4


def marks_in(wording: str, start: int, end: int) -> list[Mark]:
    """What is told by its shape in ``wording[start:end]``, at most MARKS_MAX, in the order of standing."""
    marks: list[Mark] = []
    position = start
    while len(marks) < MARKS_MAX:
        found = _DIGITED.search(wording, position, end)
        if found is None:
            break
        mark = _mark_at(wording, found.start(), found.end() - 1, position, end)
        if mark is None:
            rest = _REST_OF_WORD.match(wording, found.end(), end)
            position = found.end() if rest is None else rest.end()
        else:
            marks.append(mark)
            position = mark.end
    return marks


def is_code(word: str) -> bool:
    """Whether a word of letters and digits is a reference, by its length and its share of digits."""
    is_long = len(word) >= _CODE_CHARS_MIN
    return is_long and 3 * sum(map(str.isdigit, word)) >= len(word) and not is_address(word)


def is_address(word: str) -> bool:
    """Whether a word is an address of the web, whole or cut off."""
    return ("." in word or "//" in word) and _ADDRESS.fullmatch(word) is not None


def _mark_at(wording: str, word: int, digit: int, begin: int, end: int) -> Mark | None:
    """The mark whose first digit is at ``digit``, in the word from ``word``; the word before may name it."""
    lead = wording[word:digit].casefold()
    said = _said_before(wording, word, begin)
    if not lead:
        if said is not None and (mark := _as_said(*said, wording, word, end)):
            return mark
        found = _AT_DIGIT.match(wording, word, end)
        return _code(wording, word, end, said) if found is None else _mark_of(found, said)
    kind = _WORDS.get(lead.rstrip(".:#*x°"))
    if kind is None and ":" in lead:
        kind = _WORDS.get(lead.partition(":")[0])
        digit = word + lead.index(":") + 1 if kind is Part.REFERENCE else digit
    if kind is not None and (mark := _as_said(kind, word, wording, digit, end)):
        return mark
    if not lead.strip("x*•#-") and lead != "-":
        return _masked(wording, word, digit, end, said)
    if (currency := lead.strip("(-+.")) in _CURRENCIES:
        found = _RATE.match(wording, digit, end) or _CODE.match(wording, digit, end)
        return Mark(Part.FOREIGN, word, word + lead.index(currency), found.end()) if found else None
    if lead.rstrip(".") in _MONTHS:
        found = _CODE.match(wording, digit, end)
        return Mark(Part.DATE, word, word, found.end()) if found else None
    if lead == "+":
        found = _PHONE.match(wording, word, end)
        return Mark(Part.PHONE, word, word, found.end()) if found else None
    return _code(wording, word, end, said)


def _said_before(wording: str, word: int, begin: int) -> tuple[Part, int] | None:
    """What the word before says of the number at ``word``, and where it starts."""
    before = wording[begin:word].rstrip()
    if not before:
        return None
    start = max(before.rfind(" "), before.rfind(","), before.rfind("|")) + 1
    said = before[start:].casefold().rstrip(".:#°")
    kind = _WORDS.get(said)
    if kind is None and "." in said:
        kind = _WORDS.get(said.partition(".")[0])
    if kind is None:
        alone = _ALONE.get(said)
        return None if alone is None else (alone, begin + start)
    # "mandate no 12": two words that say it
    earlier = before[:start].rstrip()
    first = max(earlier.rfind(" "), earlier.rfind(",")) + 1
    other = _WORDS.get(earlier[first:].casefold().rstrip(".:#"))
    return (kind, begin + start) if other is None else (other, begin + first)


def _as_said(kind: Part, start: int, wording: str, digit: int, end: int) -> Mark | None:
    """The number at ``digit`` as what the word before it says that it is, if it looks it."""
    if kind is Part.CARD:
        found = _TAIL.match(wording, digit, end)
        return _card(wording, start, digit, found.end()) if found else None
    if kind is Part.FOREIGN:
        found = _RATE.match(wording, digit, end) or _CODE.match(wording, digit, end)
        return Mark(kind, start, start, found.end()) if found else None
    if kind is Part.DATE and (time := _TIME.match(wording, digit, end)):
        return Mark(kind, start, digit, time.end())
    shape = _AT_DIGIT.match(wording, digit, end)
    if shape is not None and shape.lastgroup in _DATES_AND_AMOUNTS:
        return Mark(kind, start, digit, shape.end()) if kind is Part.DATE else None
    found = _CODE.match(wording, digit, end)
    return Mark(kind, start, digit, found.end()) if found and kind is not Part.DATE else None


def _card(wording: str, start: int, digit: int, end: int) -> Mark:
    """A card's tail, of three or four digits at the end; a date of expiry has none."""
    value = end
    while value > digit and wording[value - 1].isdigit() and end - value < _CARD_TAIL_DIGITS:
        value -= 1
    return Mark(Part.CARD, start, value, end)


_GROUPS: Final = {
    "date": Part.DATE,
    "iso": Part.DATE,
    "sep": Part.DATE,
    "foreign": Part.FOREIGN,
    "card": Part.CARD,
    "phone": Part.PHONE,
    "store": Part.STORE,
    "number": Part.REFERENCE,
}
_DATES_AND_AMOUNTS: Final = frozenset(
    group for group, part in _GROUPS.items() if part in (Part.DATE, Part.FOREIGN)
)


def _mark_of(found: re.Match[str], said: tuple[Part, int] | None) -> Mark:
    part = _GROUPS[found.lastgroup or "number"]
    start, end = found.span()
    if part is Part.CARD:
        return _card(found.string, start if said is None or said[0] is not part else said[1], start, end)
    return Mark(part, said[1] if said is not None and said[0] is part else start, start, end)


def _masked(wording: str, word: int, digit: int, end: int, said: tuple[Part, int] | None) -> Mark | None:
    """A card's tail behind stars or crosses, or a store's number behind a ``#``."""
    lead = wording[word:digit]
    if lead == "#":
        found = _CODE.match(wording, digit, end)
        return Mark(Part.STORE, word, digit, found.end()) if found else None
    found = _TAIL.match(wording, digit, end)
    if found is None or (lead == "x" or (lead == "X" and found.end() - digit != _CARD_TAIL_DIGITS)):
        return _code(wording, word, end, said)
    return _card(wording, said[1] if said and said[0] is Part.CARD else word, digit, found.end())


def _code(wording: str, word: int, end: int, said: tuple[Part, int] | None) -> Mark | None:
    """A word of letters and digits mixed as a reference, if it is long enough, or is said to be one."""
    found = _CODE.match(wording, word, end)
    if found is None:
        return None
    if said is not None and said[0] is Part.REFERENCE:
        return Mark(Part.REFERENCE, said[1], word, found.end())
    code = found.group().rstrip(".")
    if not is_code(code):
        return None
    return Mark(Part.REFERENCE, word, word, word + len(code))
