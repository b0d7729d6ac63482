"""Wordings that name their own parts: SEPA remittance tags, MT940 subfields, slashes,
        and labels with a colon.

``SVWZ+…EREF+…`` and ``?20…?32`` are the German banks' (DFÜ agreement, annex 3,
chapter 8: MT940 field 86), ``/NAME/…/REMI/…``
the Dutch ones' (SWIFT field 86 as they publish it),
``Naam: … Omschrijving: …`` and its like what several banks of
Europe and the United States print. Tags stand in any order; what precedes the first is a line of its own.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from likewise_engine.wording.line import Line, trimmed
from likewise_engine.wording.lines import is_opening, line_of
from likewise_engine.wording.parsed import Channel, ParsedWording, Part, Piece

TAGS_MAX: Final = 48
"""Of one wording. A statement has twenty at most."""

_TAG: Final = re.compile(
    r"\?(?P<field>[0-9]{2})|(?<![A-Za-z])(?P<sepa>[A-Z]{3,4})\s?\+|/(?P<slash>[A-Z]{2,4})/|(?P<colon>:)(?!//)"
    r"|(?<=\s)/(?P<french>DE|MOTIF|REF|BEN|REFDO|REFBEN|RNF)\s"
    r"|(?<!\S)(?P<direct>ECH|MDT|RUM|REF|LIB|(?:ID )?EMETTEUR|ICS|MOTIF)/"
)
_SEPA: Final[Mapping[str, Part | None]] = {
    **dict.fromkeys(("EREF", "KREF", "MREF", "BREF", "RREF", "CREF"), Part.REFERENCE),
    **dict.fromkeys(("CRED", "DEBT", "IBAN", "BIC"), Part.ACCOUNT),
    **dict.fromkeys(("COAM", "OAMT"), Part.FOREIGN),
    **dict.fromkeys(("PURP", "SQTP", "CHGS", "ORCR"), None),
    "SVWZ": Part.PURPOSE,
    "RCMT": Part.PURPOSE,
    "ABWA": Part.PAYEE,
    "ABWE": Part.PAYEE,
}
_SLASHED: Final[Mapping[str, Part | None]] = {
    **dict.fromkeys(("EREF", "MARF", "PREF", "NRTX", "ID", "INIT"), Part.REFERENCE),
    **dict.fromkeys(("CSID", "IBAN", "BIC", "CNTP"), Part.ACCOUNT),
    **dict.fromkeys(("ORDP", "BENM", "PURP", "ISDT", "SVCL", "TRCD", "SWOC", "ULTC", "ULTB", "CD"), None),
    "TRTP": Part.CHANNEL,
    "NAME": Part.PAYEE,
    "REMI": Part.PURPOSE,
    "USTD": Part.PURPOSE,
    "STRD": Part.REFERENCE,
    "RTRN": Part.PURPOSE,
    "ADDR": Part.PLACE,
}
_FRENCH: Final[Mapping[str, Part | None]] = {
    **dict.fromkeys(("DE", "BEN"), Part.PAYEE),
    **dict.fromkeys(("MOTIF", "RNF", "LIB"), Part.PURPOSE),
    **dict.fromkeys(("REF", "REFDO", "REFBEN", "MDT", "RUM"), Part.REFERENCE),
    **dict.fromkeys(("EMETTEUR", "ID EMETTEUR", "ICS"), Part.ACCOUNT),
    "ECH": Part.DATE,
}
"""``/MOTIF …`` of transfers, ``MDT/…`` of direct debits."""
_LABELS: Final[Mapping[Part | None, str]] = {
    Part.PAYEE: """
        naam, name, nom, empfänger, empfaenger, auftraggeber, beneficiary, beneficiario, bénéficiaire,
        beneficiaire, ordenante, ordinante, odbiorca, nadawca, nazwa odbiorcy, nazwa nadawcy, orig co name,
        modtager, mottaker, mottagare, avsender, saaja, maksaja, zahlungsempfänger, zahlungsempfaenger,
        merchant, payee, kontrahent, pour, emetteur, émetteur, esercente, de, begünstigter,
        zahlungspflichtiger, donneur d ordre, lokalizacja
    """,
    Part.PURPOSE: """
        omschrijving, verwendungszweck, motif, rem, causale, concepto, tytuł, tytul, tytułem, betreff,
        description, melding, meddelande, viesti, besked, remittance, remittance information,
        co entry descr, descr, memo, libelle, libellé, des, oggetto, buchungstext, zweck, lib, note, opis,
        mededeling, mededelingen, buchungsdetails, vwz
    """,
    Part.REFERENCE: """
        kenmerk, machtiging id, machtiging, machtigingskenmerk, mandaat, mandate, mandatsref,
        mandatsreferenz, mandat, mandatsnummer, id, ref, reference, referentie, referenz, volgnr,
        transactie, transactienr, transactie id, term, terminal, trace, trace#, co id, orig id, ind id, trn,
        kunden-ref, kundenreferenz, end-to-end-ref, end-to-end-ref., end-to-end referenz, rum, referencia,
        riferimento, cro, numer referencyjny, kundennr, ref. no, nr, numer, num, id mandato, mandato, nr.,
        ssn, web id, ppd id, eed, kundennummer, rechnungsnr, rf, conf, confirmation, ref#, mref, eref,
        nr transakcji
    """,
    Part.DATE: """
        datum/tijd, datum, date, data wykonania operacji, data i czas operacji, valutadatum, dato, data,
        orig date, desc date, data transakcji, uitvoeringsdatum, zeit, heure, fecha, data operazione
    """,
    Part.ACCOUNT: """
        iban, bic, rach, rachunek, rachunek odbiorcy, rachunek nadawcy, konto, gläubiger-id, glaeubiger-id,
        gläubiger id, incassant id, incassant, creditor id, ics, bic/swift, cuenta, conto, compte, rekening,
        nr rachunku, sender bank, nr konta
    """,
    Part.CARD: "pasvolgnr, numer karty, kaart, karta, kaartnummer, card, carta, kartennr, tarjeta, pasnr",
    Part.PLACE: "miasto, ort, plaats, lieu, luogo, adres",
    Part.COUNTRY: "kraj, land, pays, paese",
    Part.FOREIGN: """
        oryginalna kwota operacji, kurs, koers, kwota, cours, cambio, valutakurs, oorspronkelijk bedrag,
        bedrag, wisselkoers, kwota oryginalna, wechselkurs, opslag
    """,
    None: "indn, sec, entry class, transaktion, transactietype, typ, uhrzeit, adres nadawcy, tijd",
}
"""Before a colon. None: names nothing that is of use."""
_PART_OF_LABEL: Final = {
    " ".join(label.split()): part for part, labels in _LABELS.items() for label in labels.split(",")
}
_LABEL_CHARS_MAX: Final = 28
_LABEL_WORDS_MAX: Final = 3
_LABELS_MIN: Final = 2
"""Colons stand in any prose: one label alone says nothing, behind a channel it does."""


class _Tag(NamedTuple):
    """A tag, and what follows it until the next; ``part`` is None for what is of no use."""

    start: int
    end: int
    part: Part | None
    is_sure: bool


def parse_tagged(wording: str) -> ParsedWording | None:
    """The parts that a wording names; None where it does not."""
    tags = _tags(wording)
    if not tags:
        return None
    head = line_of(wording, 0, tags[0].start)
    are_telling = head.is_told and any(tag.part in (Part.PAYEE, Part.PURPOSE) for tag in tags)
    if len(tags) < _LABELS_MIN and not (tags[0].is_sure or are_telling):
        return None
    if all(tag.part is Part.REFERENCE or tag.part is Part.FOREIGN for tag in tags) and not any(
        tag.is_sure for tag in tags
    ):
        return None
    channel, processor = head.channel, head.processor
    pieces: list[Piece] = []
    for tag, following in zip(tags, (*tags[1:], None), strict=True):
        if tag.part is None:
            continue
        start, end = trimmed(wording, tag.end, len(wording) if following is None else following.start)
        if tag.part is Part.CARD and start < end:
            start, end = _tail_of(wording, start, end)
        if start < end:
            pieces.append(Piece(tag.part, start, end))
    pieces, channel = _refined(wording, pieces, channel)
    has_name = any(piece.part is Part.PAYEE for piece in pieces)
    before = _head_pieces(wording, head, tags[0].start, has_name=has_name)
    if not has_name and not any(piece.part is Part.PAYEE for piece in before):
        pieces, of_purpose, processor = _named_by_purpose(wording, pieces)
        channel = channel or of_purpose
    return ParsedWording(wording, tuple(_apart((*before, *pieces))), channel, processor or head.processor)


def _tags(wording: str) -> list[_Tag]:
    tags: list[_Tag] = []
    for match in _TAG.finditer(wording):
        if len(tags) == TAGS_MAX:
            break
        tag = _tag_of(wording, match, tags)
        if tag is not None:
            tags.append(tag)
    return tags


def _tag_of(wording: str, match: re.Match[str], tags: Sequence[_Tag]) -> _Tag | None:
    start, end = match.span()
    if number := match["field"]:
        return _Tag(start, end, _part_of_field(int(number), tags), is_sure=True)
    if name := match["sepa"]:
        return _Tag(start, end, _SEPA[name], is_sure=True) if name in _SEPA else None
    if name := match["slash"]:
        return _Tag(start, end, _SLASHED[name], is_sure=True) if name in _SLASHED else None
    if name := match["french"] or match["direct"]:
        return _Tag(start, end, _FRENCH[name], is_sure=name not in ("DE", "REF"))
    found = _label_before(wording, start, tags[-1].end if tags else 0)
    if found is None:
        return None
    begin, label = found
    if label.upper() in _SEPA and wording[begin:start].isupper() and label != "bic":
        return _Tag(begin, end, _SEPA[label.upper()], is_sure=True)
    return _Tag(begin, end, _PART_OF_LABEL[label], is_sure=False)


def _part_of_field(number: int, tags: Sequence[_Tag]) -> Part | None:
    """
    What a subfield of MT940's field 86 is. The purpose goes on over its lines, and holds tags of its own.
    """
    if number == 0:
        return Part.CHANNEL
    if 20 <= number <= 29 or 60 <= number <= 63:
        goes_on = (
            bool(tags) and number != 20 and tags[-1].part in (Part.PURPOSE, Part.REFERENCE, Part.ACCOUNT)
        )
        return tags[-1].part if goes_on else Part.PURPOSE
    if number in (30, 31):
        return Part.ACCOUNT
    return Part.PAYEE if number in (32, 33) else None


def _label_before(wording: str, colon: int, begin: int) -> tuple[int, str] | None:
    """The longest label that ends at a colon, and where it starts."""
    begin = max(begin, colon - _LABEL_CHARS_MAX)
    words = list(re.finditer(r"[^\s,;|]+", wording[begin:colon]))[-_LABEL_WORDS_MAX:]
    for position, word in enumerate(words):
        label = " ".join(w.group() for w in words[position:]).casefold()
        if label in _PART_OF_LABEL:
            return begin + word.start(), label
    return None


def _tail_of(wording: str, start: int, end: int) -> tuple[int, int]:
    """The last digits of the first word: a card's tail."""
    end = min(end, start + len(wording[start:end].split(None, 1)[0]))
    digits = len(wording[start:end]) - len(wording[start:end].rstrip("0123456789"))
    return end - min(digits, 4), end


def _refined(wording: str, pieces: Sequence[Piece], channel: Channel) -> tuple[list[Piece], Channel]:
    """Read the channel from the piece that names it, and the place out of ``NAME//TOWN/DE``."""
    refined: list[Piece] = []
    for piece in pieces:
        if piece.part is Part.CHANNEL:
            channel = channel or line_of(wording, piece.start, piece.end).channel
        elif piece.part is Part.PAYEE and "//" in wording[piece.start : piece.end]:
            line = line_of(wording, piece.start, piece.end)
            if line.is_told:
                refined += line.all_pieces()
                continue
        refined.append(piece)
    return refined, channel


def _head_pieces(wording: str, head: Line, end: int, *, has_name: bool) -> list[Piece]:
    """The pieces of what precedes the first tag; where a tag names the payee, nothing here does."""
    if not head.is_told:
        start, stop = trimmed(wording, 0, end)
        if not any(char.isalpha() for char in wording[start:stop]):
            return []
        return [Piece(Part.PURPOSE if has_name else Part.PAYEE, start, stop)]
    other = Part.PURPOSE if has_name else Part.PAYEE
    return [
        Piece(Part.CHANNEL if is_opening(wording, *piece[1:]) else other, *piece[1:])
        if piece.part is Part.PAYEE
        else piece
        for piece in head.all_pieces()
    ]


def _named_by_purpose(wording: str, pieces: Sequence[Piece]) -> tuple[list[Piece], Channel, str]:
    """Where nothing is labelled a name, the purpose may be a line that holds one."""
    for position, piece in enumerate(pieces):
        if piece.part is Part.PURPOSE:
            line = line_of(wording, piece.start, piece.end)
            if line.is_told:
                rest = [*pieces[:position], *line.all_pieces(), *pieces[position + 1 :]]
                return rest, line.channel, line.processor
    return list(pieces), Channel.UNKNOWN, ""


def _apart(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Pieces in order, none of them over another."""
    end = 0
    for piece in sorted(pieces, key=lambda piece: (piece.start, -piece.end)):
        if piece.start >= end:
            yield piece
            end = piece.end
