"""What is printed of a part."""

from collections.abc import Mapping
from typing import Any, Final

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

_WHOLE_FROM: Final = 1_000.0


def print_part(name: str, part: Mapping[str, Any], console: Console) -> None:
    """The steps, a column each, and the laws."""
    steps, over = part["steps"], part["over"]
    table = Table(title=f"{name}: against {over}", box=SIMPLE)
    table.add_column(over)
    for step in steps:
        table.add_column(_cell(step[over]), justify="right", no_wrap=True)
    for figure in steps[0]:
        if figure != over:
            table.add_row(figure, *(_cell(step[figure]) for step in steps))
    console.print(table)
    for figure, law in part["laws"].items():
        if law is not None:
            console.print(f"{figure} grows as {over} to the power of {exponent_in_words(law)}")


def exponent_in_words(law: Mapping[str, Any] | None) -> str:
    """The exponent, and the interval that it lies in."""
    if law is None:
        return "–"
    interval = "" if law["low"] is None else f" ({two_digits(law['low'])} to {two_digits(law['high'])})"
    return f"{two_digits(law['exponent'])}{interval}"


def two_digits(exponent: float) -> str:
    """1.234 -> ``1.23``; what would be 0 has no sign."""
    return f"{round(exponent, 2) + 0.0:.2f}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value < _WHOLE_FROM:
        return f"{value:.3g}"
    return f"{value:,.0f}" if isinstance(value, float | int) and not isinstance(value, bool) else str(value)
