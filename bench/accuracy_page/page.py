"""The page and its drawings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from accuracy_page import losses, sections
from accuracy_page.commands import NamedCommands
from accuracy_page.markdown import command, wrapped
from likewise_indexer.backtest import LIKEWISE, Backtest
from likewise_indexer.backtest.report.plots import Plot, plots_of
from likewise_indexer.backtest.report.svg import standing_svg
from likewise_indexer.backtest.report.verdict import verdict
from likewise_indexer.backtest.report.words import counted

PAGE: Final = "accuracy.md"
DRAWINGS: Final = "accuracy"
"""The folder of the drawings, beside the page."""
_SHOWN: Final = {
    "coverage": "standing",
    "reliability": "standing",
    "learning": "first_days",
    "duels": "losses",
}
"""Drawings of the report that the page has, each with its section."""


def write_page(
    backtest: Backtest, ablation: Mapping[str, Any] | None, commands: NamedCommands, folder: Path
) -> Path:
    """Write the page and its drawings; the same results give the same bytes.

    Args:
        backtest: of all sources.
        ablation: the JSON of ``likewise model ablate-vote``; None where it was not measured.
        commands: as the page names them.
        folder: where to; its drawings go into a folder there.

    Raises:
        OSError: it cannot be written.
    """
    plots = {plot.name: plot for plot in plots_of(backtest) if plot.name in _SHOWN}
    drawings = folder / DRAWINGS
    drawings.mkdir(parents=True, exist_ok=True)
    for name, plot in plots.items():
        (drawings / f"{name}.svg").write_text(standing_svg(plot.svg), encoding="utf-8")
    page = folder / PAGE
    page.write_text(_text_of(backtest, ablation, commands, plots), encoding="utf-8")
    return page


def _text_of(
    backtest: Backtest, ablation: Mapping[str, Any] | None, commands: NamedCommands, plots: Mapping[str, Plot]
) -> str:
    drawn = {
        section: "\n\n".join(
            _shown(plots[name]) for name, of in _SHOWN.items() if of == section and name in plots
        )
        for section in _SHOWN.values()
    }
    witnesses = "Not measured." if ablation is None else sections.ablation(ablation, commands)
    parts = (
        _opening(backtest, commands),
        "## What was to be reached\n\n" + losses.goals(backtest, commands),
        "## Beside the peers\n\n" + sections.standing(backtest, commands),
        drawn["standing"],
        "## By the kind of books\n\n" + sections.by_source(backtest, commands),
        "## What is FILEd\n\n" + sections.filing(backtest, commands),
        "## Where it is easy, where it is hard\n\n" + sections.slices(backtest, commands),
        "## The first days\n\n" + sections.first_days(backtest, commands),
        drawn["first_days"],
        "## Losses\n\n" + losses.losses(backtest, commands),
        drawn["losses"],
        "## What each witness brings\n\n" + witnesses,
        "## Made with\n\n" + _made_with(backtest),
    )
    return wrapped("\n\n".join(part for part in parts if part)) + "\n"


def _opening(backtest: Backtest, commands: NamedCommands) -> str:
    sources = ", ".join(str(source) for source in backtest.by_file)
    asked = sum(len(tenant.asked) for tenant in backtest.tenants)
    return _OPENING.format(
        make=command(commands.make),
        steps=command(commands.train, f"{commands.backtest}    # for each BOOK", commands.ablate),
        tenants=len(backtest.tenants),
        sources=sources,
        rows=f"{sum(tenant.rows for tenant in backtest.tenants):,}",
        rows_max=f"{backtest.settings.rows_max:,}",
        asked=f"{asked:,}",
        encoders=_TUNED if commands.are_encoders_left_out else "",
        verdict="\n\n".join(verdict(backtest)),
    )


def _shown(plot: Plot) -> str:
    return f"![{plot.title}]({DRAWINGS}/{plot.name}.svg)\n\n*{plot.title}* {plot.caption}"


def _made_with(backtest: Backtest) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in backtest.versions.items())
    answer_ms = 1e3 * backtest.macro[LIKEWISE].measures.seconds_p50
    lines = [
        f"- {versions}",
        f"- the encoder {backtest.encoder_fingerprint}",
        f"- votes, each without one source: {backtest.vote_fingerprint}",
        f"- {backtest.seconds / 60:.0f} minutes for the backtests, {answer_ms:.1f} ms for an answer (median)",
    ]
    if backtest.left_out:
        failed = sum(left_out.failed for left_out in backtest.left_out)
        lines.append(
            f"- not measured: {counted(len(backtest.left_out), 'tenant')}, {failed} of them since something"
            " failed, the others since they have too few rows"
        )
    return "\n".join(lines)


_TUNED: Final = """The encoder is tuned on such books, so each kind was answered by one that was tuned without
it, here and in training the votes. """
_OPENING: Final = """# Accuracy

Made by a command, figures and sentences alike; not to be edited:

{make}

which runs these, in this order, and writes what they measured as this page:

{steps}

**The books**: {rows} rows of {tenants} tenants, each labelled by its own bookkeepers: {sources}. They are not
shipped; any books with labels do in their place. Tenants are numbered here and not named.

**The protocol**: of each tenant's latest {rows_max} rows at most, in order of time, the first half is
history. Each later row is asked before it is taught, {asked} in all, and a label is visible from the day
after its date. It is the engine that serves that answers, calibration per tenant included, and each kind of
books by a vote that was trained on all the others: its trees know nothing of these books; the pooled map
that calibrates new tenants was made with ensembles that did, and the way of growing trees was chosen with all
sources. {encoders}Peers are given the same rows in the same order. Averages are plain averages over
tenants; *coverage* is the share of rows that can be answered at that precision when ranked by the stated
probability.

{verdict}"""
