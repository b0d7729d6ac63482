"""What the parsers of cells have in common."""

from typing import Final

CELL_CHARS_MAX: Final = 64
"""Longer is no date and no amount, whatever it is. It bounds what is remembered of cells, and what the
expressions that read them cost: that of some goes by the square of the length."""
_SHOWN_CHARS_MAX: Final = 40


class BadCell(ValueError):
    """A cell does not hold what its column should; the message says why, for a person."""


def shown(text: str) -> str:
    """A cell's text as a reason shows it: quoted, and cut where it is long."""
    return repr(text if len(text) <= _SHOWN_CHARS_MAX else text[: _SHOWN_CHARS_MAX - 1] + "…")
