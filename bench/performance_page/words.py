"""Figures in words."""

from collections.abc import Mapping
from typing import Any, Final

NOTHING: Final = "–"
_WHOLE_FROM: Final = 100.0


def figure(value: float | None) -> str:
    """Three digits, or all of a whole number: 1,234 and 12.3 and .0012."""
    if value is None:
        return NOTHING
    if abs(value) >= _WHOLE_FROM or value == int(value):
        return f"{value:,.0f}"
    digits = f"{value:.3g}" if abs(value) >= 1 else f"{value:.2g}"
    return digits.replace("0.", ".", 1) if abs(value) < 1 else digits


def times(value: float | None) -> str:
    """A ratio: 2.31 x."""
    return NOTHING if value is None else f"{figure(value)} x"


def exponent(law: Mapping[str, Any] | None) -> str:
    """Of a law as it is written, with the interval that it lies in."""
    if law is None:
        return NOTHING
    interval = "" if law["low"] is None else f" ({two_digits(law['low'])} to {two_digits(law['high'])})"
    return f"{two_digits(law['exponent'])}{interval}"


def two_digits(value: float) -> str:
    """Of an exponent; what would be 0 has no sign."""
    return f"{round(value, 2) + 0.0:.2f}"
