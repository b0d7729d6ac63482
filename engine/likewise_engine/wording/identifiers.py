"""What identifies a counterparty, however it is worded: IBAN, VAT number, SEPA creditor id.

Given in fields of the transaction (:data:`KIND_OF_FIELD`), or printed in its wording. Each is checked by its
check digits, with python-stdnum, and written in one way. What fails the check identifies nobody and is left
out, not refused: banks put account numbers of other kinds into a column that is called IBAN, and a row with a
misprint is still worth its label. The field stays as it was sent.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import partial
from typing import Final

from stdnum import get_cc_module, iban
from stdnum.eu import at_02
from stdnum.exceptions import ValidationError

from likewise_engine.transaction import Transaction


class IdentifierKind(StrEnum):
    """Kinds of identifiers; two of one kind that differ are of two counterparties."""

    CREDITOR = "creditor"
    IBAN = "iban"
    VAT = "vat"


KIND_OF_FIELD: Final[Mapping[str, IdentifierKind]] = {
    "counterparty_iban": IdentifierKind.IBAN,
    "counterparty_vat": IdentifierKind.VAT,
    "counterparty_creditor_id": IdentifierKind.CREDITOR,
}
"""The fields of a transaction that identify its counterparty, by name."""
NUMBER_CHARS_MAX: Final = 64
"""Of an identifier as it is given, spaces and dots among it: an IBAN has 34 without."""
FOUND_MAX: Final = 16
"""Of what looks like an identifier in one wording. A statement line has three."""

# ISO 13616: lengths by country, of those that print IBANs in statements' wording.
_IBAN_CHARS: Final = {
    "AD": 24, "AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20,
    "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GI": 23, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26,
    "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28,
    "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27,
}  # fmt: skip
_BEGINNING: Final = re.compile(r"(?:(?<![A-Za-z0-9])|(?<=\?31))[A-Z]{2}[0-9]{2}(?=[A-Z0-9 ])")
_WORD: Final = re.compile(r"[A-Z0-9]{8,35}+(?![A-Za-z0-9])")
_BEFORE_CREDITOR: Final = re.compile(
    r"(?:CRED ?[+:]|/CSID/|EMETTEUR/|ICS[ :/]"
    r"|(?i:incassant(?: id)?:|gl(?:ä|ae)ubiger-?id:?|creditor id:?)) ?\Z"
)
_ANY_BUSINESS: Final = "ZZZ"
"""In a creditor id where the creditor distinguishes no lines of business: nearly always."""
_BEFORE_CHARS_MAX: Final = 20
_SWISS_CHARS: Final = 12


def identifiers_of(transaction: Transaction) -> tuple[str, ...]:
    """The identifiers of a transaction's counterparty, ``kind:number``, in order and each once.

    The tenant's own account, where the wording prints it, is none of them. It takes a microsecond where
    there are none.
    """
    payee, description = transaction.payee, transaction.description
    if not transaction.fields and not _BEGINNING.search(description) and not _BEGINNING.search(payee):
        return ()
    found = {*_given(transaction.fields), *_printed(payee), *_printed(description)}
    own = _canonical(IdentifierKind.IBAN, transaction.account) if transaction.account else ""
    return tuple(sorted(found - {own, ""}))


def _given(fields: Mapping[str, str]) -> Iterator[str]:
    for name, kind in KIND_OF_FIELD.items():
        if value := fields.get(name):
            yield _canonical(kind, value)


def _printed(wording: str) -> Iterator[str]:
    """What a wording prints: IBANs, and creditor ids that are said to be some or look it."""
    for count, beginning in enumerate(_BEGINNING.finditer(wording)):
        if count == FOUND_MAX:
            return
        start = beginning.start()
        if account := _canonical(IdentifierKind.IBAN, _iban_at(wording, start)):
            yield account
            continue
        word = _WORD.match(wording, start)
        before = wording[max(0, start - _BEFORE_CHARS_MAX) : start]
        if word and (word.group()[4:7] == _ANY_BUSINESS or _BEFORE_CREDITOR.search(before)):
            yield _canonical(IdentifierKind.CREDITOR, word.group())


def _iban_at(wording: str, start: int) -> str:
    """What is as long from ``start`` as an IBAN of that country, in one word or with spaces between."""
    chars, end = _IBAN_CHARS.get(wording[start : start + 2], 0), start
    while chars and end < len(wording):
        if wording[end].isalnum():
            chars -= 1
        elif wording[end] != " " or wording[end - 1] == " ":
            break
        end += 1
    is_cut_off = chars > 0 or wording[end : end + 1].isalnum()
    return "" if is_cut_off else wording[start:end]


def _canonical(kind: IdentifierKind, number: str) -> str:
    """An identifier written in one way; empty where its check digits do not hold."""
    if not 0 < len(number) <= NUMBER_CHARS_MAX:
        return ""
    try:
        if kind is IdentifierKind.VAT:
            valid = _vat(number)
        else:
            check = (
                partial(iban.validate, check_country=False) if kind is IdentifierKind.IBAN else at_02.validate
            )
            valid = check(number)
    except (ValidationError, ValueError):
        return ""
    return f"{kind}:{valid}" if valid else ""


def _vat(number: str) -> str:
    """A VAT number with its country in front. Raises ValidationError where its check digits do not hold."""
    compact = "".join(char for char in number.upper() if char.isalnum() and char.isascii())
    country, rest = compact[:2], compact[2:]
    if not country.isalpha() or not rest:
        return ""
    # Greece writes EL for GR, Northern Ireland XI for numbers of the United Kingdom.
    module = get_cc_module({"EL": "gr", "XI": "gb"}.get(country, country.lower()), "vat")
    if module is None:
        return ""
    if country == "CH":  # of which the suffix is MWST, TVA or IVA, by language
        return str(module.validate(compact))[:_SWISS_CHARS]
    return f"{country}{str(module.validate(rest)).removeprefix(country)}"
