"""How the same name comes to be written differently: spoilt copies of texts, to train on.

The kinds are those of card terminals and bank exports: names cut off, branch and city behind them, a payment
processor before them, words run together or left out, slips of typing. Upper case, accents and long numbers
need none: normalisation has taken them out by then.
"""

from collections.abc import Callable, Sequence
from string import ascii_lowercase
from typing import Final, TypeVar

import numpy as np

T = TypeVar("T")
Spoiler = Callable[[str, np.random.Generator], str]

_CITIES: Final = (
    "london", "leeds", "manchester", "york", "bristol", "dublin", "paris", "lyon", "nantes", "berlin",
    "munchen", "hamburg", "koln", "wien", "zurich", "madrid", "sevilla", "barcelona", "roma", "milano",
    "torino", "lisboa", "porto", "amsterdam", "utrecht", "bruxelles", "antwerpen", "warszawa", "krakow",
    "praha", "brno", "stockholm", "goteborg", "kobenhavn", "aarhus", "oslo", "bergen", "helsinki",
    "tampere", "budapest", "bucuresti",
)  # fmt: skip
_COUNTRIES: Final = (
    "gb", "ie", "de", "at", "ch", "fr", "be", "es", "it", "pt", "nl", "pl", "cz", "se", "no", "dk", "fi",
    "hu", "ro", "us", "lu",
)  # fmt: skip
_PROCESSORS: Final = (
    "sq", "paypal", "sumup", "zettle", "stripe", "klarna", "amzn", "google", "adyen", "mollie",
    "card payment to", "direct debit", "contactless", "visa", "pos", "sepa lastschrift", "kartenzahlung",
    "prlv sepa", "carte", "achat", "pago", "compra", "pagamento", "acquisto", "betaling", "betaalverzoek",
    "karta", "platba", "kortkop", "korttiosto", "vasarlas", "plata",
)  # fmt: skip
_TAILS: Final = (
    "store", "shop", "ref", "inv", "nr", "no", "filiale", "magasin", "tienda", "negozio", "loja", "winkel",
    "sklep", "butik",
)  # fmt: skip

_LETTERS_A_SLIP: Final = 10
_TWICE_SHARE: Final = 0.35
_CHARS_KEPT_MIN: Final = 4


def spoilt(text: str, rng: np.random.Generator) -> str:
    """Return a copy of a normalised text, spoilt in one way, or now and then in two."""
    for _ in range(1 + (rng.random() < _TWICE_SHARE)):
        text = _one_of(_SPOILERS, rng)(text, rng) or text
    return text


def cut_off(text: str, rng: np.random.Generator) -> str:
    """Keep the first half or more."""
    return text[: max(_CHARS_KEPT_MIN, int(len(text) * rng.uniform(0.45, 0.85)))].strip(" |&")


def mistyped(text: str, rng: np.random.Generator) -> str:
    """One slip in ten characters: a letter too many or too few, another one, or two swapped."""
    chars = list(text)
    for _ in range(max(1, len(text) // _LETTERS_A_SLIP)):
        at, letter = int(rng.integers(len(chars))), ascii_lowercase[rng.integers(26)]
        slip = rng.integers(4)
        if slip == 0 and len(chars) > _CHARS_KEPT_MIN:
            chars.pop(at)
        elif slip == 1:
            chars.insert(at, letter)
        elif slip == 2 and at + 1 < len(chars):
            chars[at], chars[at + 1] = chars[at + 1], chars[at]
        else:
            chars[at] = letter
    return " ".join("".join(chars).split())


def run_together(text: str, rng: np.random.Generator) -> str:
    """Lose one space, or all of them."""
    spaces = [at for at, char in enumerate(text) if char == " "]
    if not spaces or rng.random() < 0.6:
        return text.replace(" ", "")
    at = _one_of(spaces, rng)
    return text[:at] + text[at + 1 :]


def word_lost(text: str, rng: np.random.Generator) -> str:
    """Lose one word of three or more."""
    words = text.split(" ")
    if len(words) > 2:
        words.pop(int(rng.integers(len(words))))
    return " ".join(words).strip(" |&")


def with_city(text: str, rng: np.random.Generator) -> str:
    """A city behind it, with its country or not."""
    country = f" {_one_of(_COUNTRIES, rng)}" if rng.random() < 0.5 else ""
    return f"{text} {_one_of(_CITIES, rng)}{country}"


def with_tail(text: str, rng: np.random.Generator) -> str:
    """What stands before a branch's number or a reference, once that is masked."""
    return f"{text} {_one_of(_TAILS, rng)}"


def with_processor(text: str, rng: np.random.Generator) -> str:
    """Who or what the payment went through, before it."""
    return f"{_one_of(_PROCESSORS, rng)} {text}"


_SPOILERS: Final[Sequence[Spoiler]] = (
    cut_off,
    mistyped,
    mistyped,  # twice as often: it has the most ways to go
    run_together,
    word_lost,
    with_city,
    with_tail,
    with_processor,
)


def _one_of(choices: Sequence[T], rng: np.random.Generator) -> T:
    return choices[int(rng.integers(len(choices)))]
