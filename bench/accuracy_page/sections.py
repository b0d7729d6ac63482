"""The page's tables, each with the command that makes its figures before it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from accuracy_page.commands import NamedCommands
from accuracy_page.figures import MAIN, NAN, STANDING, TOP1, UNSEEN, Figure, after, best_peer, of_slice
from accuracy_page.markdown import NOTHING, best_in_bold, command, difference, share, table
from likewise_engine import limits
from likewise_indexer.backtest import LEARNING_SIZES, LIKEWISE, SLICES, Backtest, Performance
from likewise_indexer.backtest.report.words import goal

_ABLATED: Final = {
    "top1": "top-1",
    "coverage_at_95": "coverage at 95 %",
    "coverage_at_98": "coverage at 98 %",
    "ece": "calibration error",
    "top1_payee_unseen": "payee unseen",
    "top1_after_10": "after 10",
}
"""Figures of an ablation, each with its title."""


def standing(backtest: Backtest, commands: NamedCommands) -> str:
    """Everybody beside everybody."""
    titles = [f"**{title}**" if who == LIKEWISE else title for who, title in backtest.titles.items()]
    columns = [
        best_in_bold(
            [figure.of(backtest.macro[who]) for who in backtest.titles], lowest=figure.lowest_is_best
        )
        for figure in STANDING
    ]
    rows = [list(row) for row in zip(titles, *columns, strict=True)]
    counts = {point.size: point.tenants for point in backtest.macro[LIKEWISE].learning}
    fewer = [
        f"{counts.get(size, 0)} after {size:,} labels"
        for size in LEARNING_SIZES
        if counts.get(size, 0) < len(backtest.tenants)
    ]
    those = f", or of those that have rows enough ({', '.join(fewer)})" if fewer else ""
    note = (
        f"The best of each column is in bold. Averages of the {len(backtest.tenants)} tenants{those}; *payee"
        " unseen* is top-1 on payees never seen before, and *after 10* that with so many labels and no more."
    )
    missing = [f"- {who}: {why}" for who, why in backtest.peers_missing.items()]
    said = ["Peers that could not run:", "\n".join(missing)] if missing else []
    head = ["who", *(figure.title for figure in STANDING)]
    return "\n\n".join((command(commands.backtest), table(head, rows), note, *said))


def by_source(backtest: Backtest, commands: NamedCommands) -> str:
    """Ours and the best peer's, source by source."""
    shown = (*MAIN, UNSEEN)
    rows = [
        [
            str(source),
            str(sum(tenant.files == (source,) for tenant in backtest.tenants)),
            *(share(figure.of(of_source[LIKEWISE])) for figure in shown),
            _best(backtest, of_source, TOP1),
        ]
        for source, of_source in backtest.by_file.items()
    ]
    head = ["books", "tenants", *(figure.title for figure in shown), "best peer's top-1"]
    return f"{command(commands.backtest)}\n\n{table(head, rows)}"


def filing(backtest: Backtest, commands: NamedCommands) -> str:
    """What is FILEd at the target precision, and what hindsight would have allowed."""
    rows = []
    for source, performances in (*backtest.by_file.items(), (Path("**all**"), backtest.macro)):
        m = performances[LIKEWISE].measures
        shares = (m.filed_share, m.filed_precision, m.hindsight_share, filed_of_possible(performances))
        rows.append([str(source), *map(share, (*shares, m.suggested_share, m.asked_share))])
    head = ["books", "FILEd", "of these right", "hindsight", "FILEd of that", "SUGGESTed", "ASKed"]
    note = (
        f"The target is {goal(backtest.settings.target_precision)}. *Hindsight* is the share that the best"
        " threshold on the stated probability would have FILEd at the target, had it been known beforehand."
    )
    return "\n\n".join((command(commands.backtest), table(head, rows), note))


def filed_of_possible(performances: Mapping[str, Performance]) -> float:
    """What was FILEd, as a share of what hindsight would have; NaN where that is nothing."""
    m = performances[LIKEWISE].measures
    return m.filed_share / m.hindsight_share if m.hindsight_share else NAN


def slices(backtest: Backtest, commands: NamedCommands) -> str:
    """Where it is easy and where it is hard, for us and for the peer that is best there."""
    rows = []
    for name, what in SLICES.items():
        ours = backtest.macro[LIKEWISE].slices[name]
        if ours.rows < limits.BACKTEST_ASKED_ROWS_MIN:
            continue
        top1, coverage = of_slice(name)
        cells = (share(ours.top1), _best(backtest, backtest.macro, top1))
        sure = (share(ours.coverage_at_95), _best(backtest, backtest.macro, coverage))
        rows.append([what, f"{ours.rows:,}", str(ours.tenants), *cells, *sure])
    head = ["part of the rows", "rows", "tenants", "top-1", "best peer", "coverage at 95 %", "best peer"]
    return f"{command(commands.backtest)}\n\n{table(head, rows)}"


def first_days(backtest: Backtest, commands: NamedCommands) -> str:
    """How much was learned from so many labels."""
    rows = []
    for point in backtest.macro[LIKEWISE].learning:
        _, theirs = best_peer(backtest.macro, after(point.size))
        cells = (
            share(point.top1),
            _best(backtest, backtest.macro, after(point.size)),
            difference(point.top1 - theirs),
            share(point.coverage_at_95),
        )
        size = "all but the last" if point.size is None else f"{point.size:,}"
        rows.append([size, str(point.tenants), *cells])
    head = ["labels taught", "tenants", "top-1", "best peer", "difference", "coverage at 95 %"]
    return f"{command(commands.backtest)}\n\n{table(head, rows)}"


def ablation(found: Mapping[str, Any], commands: NamedCommands) -> str:
    """What each witness brings, from the JSON of ``likewise model ablate-vote``."""
    everything, *others = found["tried"]
    rows = [
        [everything["what"], str(everything["features"]), *(known(everything, name) for name in _ABLATED)]
    ]
    for row in others:
        cells = [f"{known(row, name)} ({change(row, everything, name)})" for name in _ABLATED]
        rows.append([row["what"], str(row["features"] or NOTHING), *cells])
    rows.append(["*chance gives*", "", *(f"±{known(found['noise'], name)}" for name in _ABLATED)])
    growth = found["growth"]
    trees = f"{growth['trees']} trees of at most {growth['leaves']} leaves"
    grown_on = f"{found['questions']:,} questions of {found['tenants']} tenants"
    note = (
        f"Each vote was grown anew: {trees}, on {grown_on} less those of the source that is asked about,"
        f" {found['seeds']} times with other questions drawn."
        " That is fewer than the shipped vote has, and none is calibrated to a tenant: compare the rows with"
        f" each other alone. They are averages over {found['questions_asked']:,} questions; after each figure"
        " is its difference from *everything*. A difference within what *chance gives*, which is two standard"
        " errors, says nothing."
    )
    head = ["the vote sees", "features", *_ABLATED.values()]
    return "\n\n".join((command(commands.ablate), table(head, rows), note))


def _best(backtest: Backtest, performances: Mapping[str, Performance], figure: Figure) -> str:
    """The best peer's figure, and whose it is."""
    peer, theirs = best_peer(performances, figure)
    return f"{share(theirs)} ({backtest.titles[peer]})" if peer else NOTHING


def known(row: Mapping[str, Any], name: str) -> str:
    """A figure of an ablation's row, as a cell."""
    return NOTHING if row[name] is None else share(row[name])


def change(row: Mapping[str, Any], everything: Mapping[str, Any], name: str) -> str:
    """By how much a row of an ablation is above another, as a cell."""
    if row[name] is None or everything[name] is None:
        return NOTHING
    return difference(row[name] - everything[name])
