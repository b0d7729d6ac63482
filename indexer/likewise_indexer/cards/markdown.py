"""A card's record as Markdown, by a template: the same record gives the same bytes."""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from likewise_indexer.cards.record import CardRecord, Slice

_WIDTH: Final = 108
_NOTHING: Final = "–"
_FIGURE_DECIMALS: Final = 3


def markdown_of(record: "CardRecord") -> str:
    """The card."""
    # autoescape is HTML's; a record's lines hold no "|", and its prose is Markdown of whoever made the model.
    environment = Environment(  # noqa: S701
        loader=PackageLoader("likewise_indexer.cards"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cell": cell, "wrapped": wrapped, "duration": _duration}
    values: dict[str, Any] = {"card": record, "slice_tables": _slice_tables(record.slices)}
    return environment.get_template("card.md").render(values).strip() + "\n"


def cell(value: str | float | None) -> str:
    """As it stands in a table: counts with their thousands parted, other figures with three decimals."""
    match value:
        case None:
            return _NOTHING
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.{_FIGURE_DECIMALS}f}" if abs(value) < 100 else f"{value:,.0f}"
    return value.replace("|", "\\|").replace("\n", " ")


def _slice_tables(slices: Sequence["Slice"]) -> list[tuple[str, Sequence[str], list[list[str]]]]:
    """What the parts differ by, the heads of the columns and the rows: for each that there is, a table."""
    tables: list[tuple[str, Sequence[str], list[list[str]]]] = []
    for by in dict.fromkeys(part.by for part in slices):
        order = list(dict.fromkeys(part.part for part in slices if part.by == by))
        parts = sorted((part for part in slices if part.by == by), key=lambda part: order.index(part.part))
        names = list(dict.fromkeys(name for part in parts for name in part.figures))
        rows = [
            [
                part.part,
                part.who,
                cell(part.tenants),
                cell(part.questions),
                *(cell(part.figures.get(name)) for name in names),
            ]
            for part in parts
        ]
        tables.append((by, (by, "who", "tenants", "questions", *names), rows))
    return tables


def wrapped(text: str) -> str:
    """Prose as lines that an editor shows whole; lists, tables and code as they are."""
    blocks = text.strip().split("\n\n")
    return "\n\n".join(
        block if block.startswith(("- ", "|", "    ", "* ")) else _filled(block) for block in blocks
    )


def _filled(block: str) -> str:
    return fill(" ".join(block.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:,.0f} s"
    return f"{seconds / 60:,.0f} min" if seconds < 7_200 else f"{seconds / 3600:,.1f} h"
