"""Figures and names as people read them."""

from decimal import Decimal
from math import isnan
from typing import Final

NOTHING: Final = "–"
"""In place of a figure that does not exist."""

_SPACE: Final = "\N{NO-BREAK SPACE}"
_ELLIPSIS: Final = "…"


def percent(share: float) -> str:
    """.9612 -> ``96.1 %``."""
    return NOTHING if isnan(share) else f"{100 * share:.1f}{_SPACE}%"


def share_of_100(share: float) -> str:
    """.9612 -> ``96.1``: of a column whose head says per cent."""
    return NOTHING if isnan(share) else f"{100 * share:.1f}"


def out_of_100(share: float) -> str:
    """.4419 -> ``44``; what is more than nothing does not become nothing, nor what is less than all, all."""
    if 0 < share < 0.005:
        return "fewer than 1"
    if 0.995 <= share < 1:
        return "more than 99"
    return f"{100 * share:.0f}"


def goal(share: float) -> str:
    """.95 -> ``95 %``, .975 -> ``97.5 %``: what somebody set."""
    return f"{100 * share:.6g}{_SPACE}%"


def points(difference: float) -> str:
    """.0123 -> ``1.2 points``, whichever sign it has."""
    rounded = f"{abs(100 * difference):.1f}"
    return f"{rounded} point{'' if rounded == '1.0' else 's'}"


def is_level(difference: float) -> bool:
    """Whether two shares look the same as the report shows them."""
    return abs(difference) < 0.0005


def milliseconds(seconds: float) -> str:
    """.00123 -> ``1.23``: of a column whose head says milliseconds."""
    return NOTHING if isnan(seconds) else f"{1e3 * seconds:,.{2 if seconds < 0.1 else 0}f}"


def counted(count: int, noun: str) -> str:
    """(1, ``tenant``) -> ``1 tenant``; (1200, ``tenant``) -> ``1,200 tenants``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def money(amount: Decimal | None, currency: str) -> str:
    """-1200.5, ``EUR`` -> ``-1,200.5 EUR``; a dash where there is no amount."""
    return NOTHING if amount is None else f"{amount:,f} {currency}".rstrip().replace(" ", _SPACE)


def shortened(text: str, chars_max: int) -> str:
    """A text of so many characters at most; one that is cut ends with an ellipsis."""
    return text if len(text) <= chars_max else text[: chars_max - 1].rstrip() + _ELLIPSIS


def plain(text: str) -> str:
    """Without control characters, lone surrogates, and what turns the direction of the text around it."""
    return "".join(c if c.isprintable() or c == _SPACE else " " for c in text)
