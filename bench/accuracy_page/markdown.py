"""Figures, tables and commands as they stand in Markdown."""

from collections.abc import Sequence
from math import isnan
from textwrap import fill
from typing import Final

NOTHING: Final = "–"
"""In place of a figure that does not exist."""
_WIDTH: Final = 118
_AS_IT_IS: Final = ("|", "    ", "#", "-", "!")


def share(figure: float) -> str:
    """.7271 -> ``.727``."""
    return NOTHING if isnan(figure) else f"{figure:.3f}".removeprefix("0")


def difference(figure: float) -> str:
    """-.0123 -> ``-.012``; what would be 0 has no sign."""
    if isnan(figure):
        return NOTHING
    size = share(abs(figure))
    return size if float(size) == 0 else f"{'+' if figure > 0 else '-'}{size}"


def best_in_bold(figures: Sequence[float], *, lowest: bool = False) -> list[str]:
    """A column of figures, the best of them in bold; all that look the same as the best are."""
    known = [figure for figure in figures if not isnan(figure)]
    best = share((min if lowest else max)(known)) if known else NOTHING
    return [f"**{share(f)}**" if share(f) == best and not isnan(f) else share(f) for f in figures]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table. Bars within a cell would end it, so they become strokes."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def wrapped(text: str) -> str:
    """Prose in lines of a readable length; tables, commands, headings, lists and drawings as they are."""
    return "\n\n".join(
        part
        if part.startswith(_AS_IT_IS)
        else fill(part, _WIDTH, break_long_words=False, break_on_hyphens=False)
        for part in text.split("\n\n")
    )


def command(*lines: str) -> str:
    """Commands to be typed."""
    return "\n".join(f"    {line}" for line in lines)
