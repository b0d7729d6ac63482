"""What a bank or card string says, piece by piece: values without behaviour of their own."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from likewise_engine.wording.places import COUNTRIES, PROVINCES, STATES, TOWNS, US_TOWNS


class Channel(StrEnum):
    """How the money moved, as far as the wording tells."""

    UNKNOWN = ""
    CARD = "card"
    CASH = "cash"
    CHEQUE = "cheque"
    DIRECT_DEBIT = "direct debit"
    FEE = "fee"
    INTEREST = "interest"
    ONLINE = "online"
    REFUND = "refund"
    STANDING_ORDER = "standing order"
    TRANSFER = "transfer"


class Part(StrEnum):
    """What a piece of a wording is."""

    PAYEE = "payee"
    PURPOSE = "purpose"
    PLACE = "place"
    COUNTRY = "country"
    REFERENCE = "reference"
    CHANNEL = "channel"
    PROCESSOR = "processor"
    DATE = "date"
    CARD = "card"
    STORE = "store"
    FOREIGN = "foreign"
    PHONE = "phone"
    URL = "url"
    ACCOUNT = "account"


class Piece(NamedTuple):
    """A piece of a wording: ``wording[start:end]`` is the part; never empty, and none overlaps another."""

    part: Part
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ParsedWording:
    """A wording with what is known about its pieces. What is in none of them (fillers, labels) is left over.

    Attributes:
        wording: as it was given.
        pieces: in the order in which they stand.
        channel: how the money moved.
        processor: who stood between, by its usual name (``PayPal``); empty where nobody did.
        understood: whether anything told that this is a bank's or card terminal's string. Where nothing did,
            the whole wording is the payee.
    """

    wording: str
    pieces: tuple[Piece, ...]
    channel: Channel = Channel.UNKNOWN
    processor: str = ""
    understood: bool = True

    def part(self, part: Part) -> str:
        """The pieces of one part, a space between; empty where there are none."""
        return " ".join([self.wording[start:end] for of, start, end in self.pieces if of is part])

    @property
    def payee(self) -> str:
        """The other party, without what banks and processors wrap around its name."""
        return self.part(Part.PAYEE)

    @property
    def purpose(self) -> str:
        """What it was for, where the wording says so apart from the payee."""
        return self.part(Part.PURPOSE)

    @property
    def country(self) -> str:
        """ISO 3166-1 alpha-2 code of the country where the terminal stands; empty where it is not told.

        What is a state's code and a country's (IL, IN, CA) is the state's, but for DE, and behind a town that
        is known to be elsewhere.
        """
        said, town = self.part(Part.COUNTRY).casefold(), self.place.casefold()
        if said in PROVINCES:
            return "CA"
        is_elsewhere = town in TOWNS and town not in US_TOWNS
        is_state = said in STATES and said != "de" and not is_elsewhere
        return "US" if is_state else COUNTRIES.get(said, "US" if said in STATES else "")

    @property
    def place(self) -> str:
        """Where the terminal stands."""
        return self.part(Part.PLACE)


@dataclass(frozen=True, slots=True)
class WordingParts:
    """What the wordings of a transaction tell, for people; a part is empty where it is not told.

    Attributes:
        payee: without what is wrapped around it.
        purpose: what it was for.
        place: where the terminal stands.
        country: ISO 3166-1 alpha-2.
        reference: references of all kinds.
        channel: how the money moved.
        processor: by its usual name.
        date: dates and times.
        card_tail: last digits of the card.
        store: number of the store.
        foreign: amounts abroad, rates.
        phone: telephone numbers.
        url: addresses of the web.
        counterparty_ids: identifiers of the counterparty.
    """

    payee: str
    purpose: str
    place: str
    country: str
    reference: str
    channel: str
    processor: str
    date: str
    card_tail: str
    store: str
    foreign: str
    phone: str
    url: str
    counterparty_ids: tuple[str, ...]
