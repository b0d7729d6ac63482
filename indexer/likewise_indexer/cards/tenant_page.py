"""A tenant's card for people: the same parts as Markdown and as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from likewise_indexer.cards.markdown import cell, wrapped
from likewise_indexer.cards.record import Cell
from likewise_indexer.cards.tenant import RARE_LABELS_MAX, DimensionStanding, TenantCard

_MODELS: Final = (
    "These models are the same for all tenants; nothing of this one is in them. Its own are the head of each"
    " dimension and the calibration above."
)
_ERASED: Final = (
    "Erased is gone from disk, from memory and from what is made of it when the call returns, and a receipt"
    " says so: likewise tenants forget, likewise chart purge, likewise tenants delete."
)
_IN_BULK: Final = "What was learned in bulk was asked about afterwards, and counts as not FILEd."
_NO_RECORD: Final = "No label was held against an answer yet, so nothing is known of its record."

PageTable = tuple[Sequence[str], Sequence[Sequence[Cell]]]


@dataclass(frozen=True, slots=True)
class PageSection:
    """A part of the page: what is said, and its tables."""

    title: str
    lines: Sequence[str]
    tables: Sequence[PageTable] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page."""

    title: str
    summary: str
    sections: Sequence[PageSection]


def tenant_markdown(card: TenantCard) -> str:
    """The card as Markdown."""
    environment = _environment(escapes=False)
    environment.filters |= {"shown": _shown, "literal": _literal, "wrapped": wrapped}
    return environment.get_template("tenant.md").render(page=page_of(card)).strip() + "\n"


def tenant_html(card: TenantCard) -> str:
    """The card as a page of its own, which loads nothing and runs nothing."""
    environment = _environment(escapes=True)
    environment.filters |= {"shown": _shown}
    # The report's own package is not named: to find a file in it would import all of backtests, in seconds.
    css = files("likewise_indexer").joinpath("backtest/report/templates/page.css").read_text("utf-8")
    style = Markup(css)  # noqa: S704  # our own file
    return environment.get_template("tenant.html").render(page=page_of(card), style=style) + "\n"


def page_of(card: TenantCard) -> Page:
    """What is said, part by part."""
    name = card.display_name or card.tenant
    return Page(
        title=f"The memory of {_plain(name)}",
        summary=f"What Likewise remembers for the tenant {_plain(card.tenant)}, and how well it did:"
        f" as of {card.written}, revision {card.revision:,}.",
        sections=(
            _holds(card),
            *(_dimension(dimension) for dimension in card.dimensions),
            *([_wordings(card)] if card.wordings is not None else []),
            PageSection(
                "What answers",
                [_MODELS],
                [
                    (
                        ("model", "fingerprint"),
                        (("encoder", card.encoder_fingerprint), ("vote", card.vote_fingerprint)),
                    )
                ],
            ),
            PageSection(
                "What is kept, and how it is erased",
                [_ERASED],
                [
                    (
                        ("what", "how long", "erased by"),
                        [(kept.what, kept.how_long, kept.erased_by) for kept in card.kept],
                    )
                ],
            ),
        ),
    )


def _holds(card: TenantCard) -> PageSection:
    period = f"{card.first_day} to {card.last_day}" if card.first_day else "undated"
    currencies = ", ".join(f"{code} {count:,}" for code, count in card.currencies.items())
    rows: list[tuple[Cell, Cell]] = [
        ("entries", card.entries),
        ("distinct texts", card.texts),
        ("days", period),
        ("currencies, with entries", _plain(currencies)),
        ("corrections: labelled otherwise than predicted", card.corrections),
        ("rules", card.rules),
        ("labels outside the chart", "refused" if card.closed_chart else "added to it"),
        ("known since", card.created),
        ("bytes on disk", card.disk_bytes),
    ]
    text = "In which language it is worded is not said: nobody told, and few words tell it badly."
    return PageSection("What it holds", [text], [(("", ""), rows)])


def _dimension(dimension: DimensionStanding) -> PageSection:
    rows = [
        (
            _plain(category.name) + ("" if category.active else " (inactive)"),
            category.labels,
            category.outcomes,
            category.right / category.outcomes if category.outcomes else None,
            category.filed,
            category.filed_right,
        )
        for category in dimension.categories
    ]
    columns = ("category", "labels", "asked", "right at first", "FILEd", "FILEd rightly")
    return PageSection(
        f"Dimension {_plain(dimension.name)}", list(_said_of(dimension)), [(columns, rows)] if rows else []
    )


def _said_of(dimension: DimensionStanding) -> Sequence[str]:
    shown = len(dimension.categories)
    said = [
        f"{dimension.labels:,} entries are labelled; the chart has {dimension.categories_total:,} categories."
        f" Of the active ones {dimension.rare:,} are rare ({RARE_LABELS_MAX} labels or fewer), and"
        f" {dimension.unused:,} have none. Where a category is rare, the answer is right less often."
        + (f" The {shown:,} most used are shown." if shown < dimension.categories_total else "")
    ]
    if dimension.right is None:
        said.append(_NO_RECORD)
    else:
        said.append(
            f"Of the latest {dimension.outcomes:,} labels that it had not seen, {dimension.right:.1%} would"
            f" have been its first candidate. It FILEd {dimension.filed:,} of them as they came,"
            f" {dimension.filed_right:,} rightly. {_IN_BULK}"
        )
    said.append(_filed_now(dimension))
    said.append(
        f"Its own classifier was trained on {dimension.head_labels:,} entries."
        if dimension.head_labels
        else "It has no classifier of its own yet."
    )
    return said


def _filed_now(dimension: DimensionStanding) -> str:
    if dimension.threshold is None:
        return "It FILEs nothing now."
    now = (
        f"It FILEs now from a probability of {dimension.threshold:.3f} on; {dimension.filed_wanted:.1%} of"
        " what it FILEs is to be right."
    )
    if dimension.above is None:
        return now
    if dimension.above_right is None:
        return f"{now} None of these labels reaches it."
    return (
        f"{now} {dimension.above:.1%} of these labels reach it, and {dimension.above_right:.1%} of those are"
        " right. They are what it was set by, which flatters it a little."
    )


def _wordings(card: TenantCard) -> PageSection:
    rows = [(_plain(text), count) for text, count in card.wordings or ()]
    return PageSection(
        "Its most frequent wordings", ["Shown since it was asked for."], [(("text", "entries"), rows)]
    )


def _environment(*, escapes: bool) -> Environment:
    # Markdown has no escaping of its own here: _literal is it.
    return Environment(
        loader=PackageLoader("likewise_indexer.cards"),
        autoescape=escapes,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: Cell) -> str:
    return value if isinstance(value, str) else cell(value)


def _literal(text: str) -> str:
    """Such that Markdown takes it as it stands: names are the tenant's, and may look like markup."""
    return "".join("\\" + c if c in "\\`*_[]<>#|" else c for c in text)


def _plain(text: str) -> str:
    """Without line breaks and what is not printed."""
    return "".join(c if c.isprintable() else " " for c in text)
