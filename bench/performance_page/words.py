"""Figures in words."""

from typing import Final

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
