"""What is masked in a wording before a language model sees it.

Masked are e-mail addresses, IBANs, card numbers and other runs of four digits or more, and what stands behind
a form of address (Mr, Frau, Mme). That is all: a person's name without one is a payee like any other, and no
rule tells *Anna Müller* from *Anna's Bakery*. Whoever may send no names may not ask another machine.
"""

import re
from typing import Final

EMAIL: Final = "<email>"
ACCOUNT: Final = "<iban>"
NUMBER: Final = "<number>"
NAME: Final = "<name>"

_EMAIL: Final = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,255}")
# ISO 13616: two letters, two check digits, 11 to 30 more, mostly in fours. Those after the bank's have
# digits, unlike the word that follows.
_IBAN: Final = re.compile(
    r"\b[A-Z]{2}\d{2}[ -]?[A-Z0-9]{4}(?:[ -]?(?=[A-Z]{0,3}\d)[A-Z0-9]{4}){1,7}"
    r"(?:[ -]?(?=[A-Z]{0,2}\d)[A-Z0-9]{1,3})?\b",
    re.IGNORECASE,
)
_IBAN_DIGITS_SHARE_MIN: Final = 0.5
"""Of its characters. Every country's has more; *No12 Corner Bakery* has not."""
# Digits with what stands between those of one number: 4000 1234 5678 9010, 020-7946-0958, 12.345.678.
_NUMBER: Final = re.compile(r"[*x#]*\d(?:[ ./*-]?\d){3,}", re.IGNORECASE)
_FORMS_OF_ADDRESS: Final = (
    "mr",
    "mrs",
    "ms",
    "miss",
    "mx",
    "dr",
    "prof",
    "herr",
    "herrn",
    "frau",
    "hr",
    "fr",
    "monsieur",
    "madame",
    "mme",
    "mlle",
    "sig",
    "signora",
    "señor",
    "señora",
    "sr",
    "sra",
)
_NAME: Final = re.compile(
    rf"\b({'|'.join(_FORMS_OF_ADDRESS)})\b\.?((?:\s+[^\W\d_][\w'’.-]*){{1,2}})", re.IGNORECASE
)


def redacted(wording: str) -> str:
    """The wording with what is masked replaced by what it was: ``<iban>``, ``<number>`` and so on."""
    wording = _IBAN.sub(_account, _EMAIL.sub(EMAIL, wording))
    return _NAME.sub(rf"\1 {NAME}", _NUMBER.sub(NUMBER, wording))


def _account(found: re.Match[str]) -> str:
    characters = [character for character in found[0] if character.isalnum()]
    digits = sum(character.isdigit() for character in characters)
    return ACCOUNT if digits >= _IBAN_DIGITS_SHARE_MIN * len(characters) else found[0]
