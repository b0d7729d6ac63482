"""What banks, terminals and processors make of a name: the same wording, wrapped at random.

Each way prints what its country's statements print. Persons, numbers and towns are drawn; half of the towns
are none that the parser has a list of.
"""

import random
from collections.abc import Callable, Mapping
from typing import Final

_LISTED: Final = [
    "LONDON",
    "LEEDS",
    "BIRMINGHAM",
    "GLASGOW",
    "BRISTOL",
    "MANCHESTER",
    "CROYDON",
    "HALIFAX",
    "WAKEFIELD",
    "YORK",
]
_UNLISTED: Final = [
    "MIRFIELD",
    "OTLEY",
    "ILKLEY",
    "TODMORDEN",
    "BRIGHOUSE",
    "SELBY",
    "ELLAND",
    "MALTON",
    "OAKHAM",
    "LUDLOW",
]
_CONTINENT: Final = [
    "BERLIN",
    "HAMBURG",
    "PARIS",
    "LYON",
    "MADRID",
    "AMSTERDAM",
    "UTRECHT",
    "BARNIM",
    "CELLE",
    "VICHY",
]
_STATES: Final = ("SEATTLE WA", "AUSTIN TX", "BROOKLYN NY", "TACOMA WA", "BOISE ID", "PLANO TX")
_PREFIXES: Final = ("SQ *", "SumUp *", "PAYPAL *", "IZ *", "SP ", "ZETTLE_*", "TST* ", "CKO*", "PP*")


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count))


def _day(rng: random.Random) -> tuple[str, str]:
    return f"{rng.randint(1, 28):02}", f"{rng.randint(1, 12):02}"


def _town(rng: random.Random) -> str:
    return rng.choice(_LISTED + _UNLISTED)


def processor(name: str, rng: random.Random) -> str:
    """A processor's prefix, and the terminal's 22 characters."""
    return f"{rng.choice(_PREFIXES)}{name}"[:22]


def store(name: str, rng: random.Random) -> str:
    """Upper case, a store's number and a town."""
    return f"{name.upper()} {_digits(rng, 4)} {_town(rng)}"


def card_uk(name: str, rng: random.Random) -> str:
    """A British card payment."""
    day, month = _day(rng)
    kind = rng.randrange(3)
    if kind == 0:
        return f"CARD PAYMENT TO {name.upper()},12.50 GBP, RATE 1.00/GBP ON {day}-{month}-2026"
    if kind == 1:
        return f"{_digits(rng, 4)} {day}MAR26 , {name.upper()} , {_town(rng)} GB"
    return f"{name.upper()} {_town(rng)} GB CD {_digits(rng, 4)}"


def card_us(name: str, rng: random.Random) -> str:
    """An American card payment."""
    day, month = _day(rng)
    if rng.randrange(2):
        place, trace = rng.choice(_STATES), _digits(rng, 15)
        return f"PURCHASE AUTHORIZED ON {month}/{day} {name.upper()} {place} S{trace} CARD {_digits(rng, 4)}"
    return f"CHECKCARD {month}{day} {name.upper()} {rng.choice(_STATES)} {_digits(rng, 23)}"


def card_continent(name: str, rng: random.Random) -> str:
    """A card payment of Germany, France, Spain or the Netherlands."""
    day, month = _day(rng)
    town = rng.choice(_CONTINENT)
    kind = rng.randrange(4)
    if kind == 0:
        return f"{name}//{town}/DE 2026-{month}-{day}T12:11:00 Debitk.0 2028-12"
    if kind == 1:
        return f"CARTE {day}/{month}/26 {name.upper()} {town} CB*{_digits(rng, 4)}"
    if kind == 2:
        return f"COMPRA TARJ. {_digits(rng, 4)}XXXXXXXX{_digits(rng, 4)} {name.upper()}-{town}"
    return f"BEA, Betaalpas {name},PAS{_digits(rng, 3)} NR:{_digits(rng, 6)} {day}.{month}.26/12:34 {town}"


def debit(name: str, rng: random.Random) -> str:
    """A direct debit or a transfer."""
    kind = rng.randrange(5)
    if kind == 0:
        return f"DIRECT DEBIT PAYMENT TO {name.upper()} REF {_digits(rng, 10)}, MANDATE NO {_digits(rng, 4)}"
    if kind == 1:
        return (
            f"SEPA-LASTSCHRIFT {name} EREF+{_digits(rng, 9)} MREF+M-{_digits(rng, 5)} CRED+DE98ZZZ09999999999"
        )
    if kind == 2:
        mandate = _digits(rng, 6)
        return f"/TRTP/SEPA INCASSO/CSID/NL12ZZZ123456780000/NAME/{name}/MARF/{mandate}/EREF/NOTPROVIDED"
    if kind == 3:
        return f"PRLV SEPA {name.upper()} ECH/{_digits(rng, 6)} MDT/{_digits(rng, 8)} REF/{_digits(rng, 8)}"
    return f"FASTER PAYMENT TO {name.upper()} REF {_digits(rng, 6)}"


def cut(name: str, rng: random.Random) -> str:
    """Upper case, cut off at 18 to 22 characters."""
    return name.upper()[: rng.randint(18, 22)]


WRAPS: Final[Mapping[str, Callable[[str, random.Random], str]]] = {
    "processor": processor,
    "store and town": store,
    "card, British": card_uk,
    "card, American": card_us,
    "card, continental": card_continent,
    "debit or transfer": debit,
    "cut off": cut,
}
"""By what they are called in the table."""
