"""What was to be reached and what was; and everything that others do better, found and not chosen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

from accuracy_page.commands import NamedCommands
from accuracy_page.figures import (
    ALL,
    COVERAGE_AT_95,
    COVERAGE_AT_98,
    ECE,
    STANDING,
    TOP1,
    UNSEEN,
    Figure,
    after,
    best_peer,
    error_by_chance,
)
from accuracy_page.markdown import command, difference, share, table
from accuracy_page.sections import filed_of_possible
from likewise_indexer.backtest import LIKEWISE, Backtest, Performance
from likewise_indexer.backtest.report.words import counted, is_level

TOP1_MIN: Final = 0.77
COVERAGE_AT_95_MIN: Final = 0.58
COVERAGE_AT_98_MIN: Final = 0.46
ECE_MAX: Final = 0.03
BEHIND_SHARE_MAX: Final = 0.05
"""Of the tenants, where the best of all peers there may be ahead …"""
BEHIND_GAP_MAX: Final = 0.01
"""… by less than this."""
POSSIBLE_MIN: Final = 0.85
"""Share FILEd of what hindsight allows."""
LEAD_MIN: Final = 0.05
"""In top-1, on payees never seen and in the first days."""
PRECISION_SHORT: Final = 0.01
"""By so much the precision realised may fall short of the target …"""
PRECISION_OVER: Final = 0.02
"""… or pass it: beyond, more could have been FILEd."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure that was to be reached.

    Attributes:
        what: it is.
        wanted: how much of it, in words.
        reached: what came of it.
        missing: how much is missing; 0 or less where it was reached.
    """

    what: str
    wanted: str
    reached: str
    missing: float


def goals_of(backtest: Backtest) -> Iterator[Goal]:
    """Yield what the project set out to reach."""
    ours = backtest.macro[LIKEWISE]
    for figure, least in (
        (TOP1, TOP1_MIN),
        (COVERAGE_AT_95, COVERAGE_AT_95_MIN),
        (COVERAGE_AT_98, COVERAGE_AT_98_MIN),
    ):
        yield _at_least(figure.title, figure.of(ours), least)
    yield Goal(ECE.title, f"{share(ECE_MAX)} or less", share(ECE.of(ours)), ECE.of(ours) - ECE_MAX)
    if backtest.behind is not None:
        behind = backtest.behind
        most, ahead = int(BEHIND_SHARE_MAX * len(backtest.tenants)), len(behind.tenants)
        what = "tenants where the best peer there is ahead"
        yield Goal(
            what, f"{most} at most", f"{ahead} of {len(backtest.tenants)}", behind.share - BEHIND_SHARE_MAX
        )
        wanted = f"less than {share(BEHIND_GAP_MAX)}"
        yield Goal("… and there by", wanted, share(behind.gap_max), behind.gap_max - BEHIND_GAP_MAX)
    low, high = _precision_bounds(backtest)
    precision = ours.measures.filed_precision
    what = f"precision of what is FILEd, at the target of {share(backtest.settings.target_precision)}"
    wanted, missing = f"{share(low)} to {share(high)}", max(low - precision, precision - high)
    yield Goal(what, wanted, share(precision), missing)
    yield _at_least("FILEd, of what hindsight allows", filed_of_possible(backtest.macro), POSSIBLE_MIN)
    for figure in (UNSEEN, after(10), after(50)):
        peer, theirs = best_peer(backtest.macro, figure)
        if peer:
            what, lead = f"top-1, {figure.title}: ahead of the best peer by", figure.of(ours) - theirs
            yield Goal(what, f"{share(LEAD_MIN)} or more", difference(lead), LEAD_MIN - lead)


def _at_least(what: str, reached: float, least: float) -> Goal:
    return Goal(what, f"{share(least)} or more", share(reached), least - reached)


def _precision_bounds(backtest: Backtest) -> tuple[float, float]:
    target = backtest.settings.target_precision
    return target - PRECISION_SHORT, target + PRECISION_OVER


def goals(backtest: Backtest, commands: NamedCommands) -> str:
    """What was to be reached, what was, and what is missing."""
    rows = [
        [
            goal.what,
            goal.wanted,
            goal.reached,
            f"no: {share(goal.missing)} is missing" if _is_missing(goal) else "yes",
        ]
        for goal in goals_of(backtest)
    ]
    note = (
        f"Of the calibration error, {share(error_by_chance(backtest))} is chance: so far off would be"
        " probabilities that are exactly right, with as few rows of a tenant in each of the ten bins."
    )
    parts = (command(commands.backtest), table(["what", "wanted", "measured", "reached"], rows), note)
    return "\n\n".join(parts)


def _is_missing(goal: Goal) -> bool:
    """Also what could not be measured was not reached."""
    return isnan(goal.missing) or (goal.missing > 0 and not is_level(goal.missing))


def losses(backtest: Backtest, commands: NamedCommands) -> str:
    """Every tenant, figure and source where somebody else is better, or the promise does not hold."""
    parts = (
        ("Tenants where a peer is ahead", _tenants_behind(backtest)),
        ("Figures in which a peer is ahead", _figures_behind(backtest)),
        ("Where the precision asked for is not what came", _imprecise(backtest)),
    )
    return "\n\n".join(f"### {title}\n\n{command(commands.backtest)}\n\n{said}" for title, said in parts)


def _tenants_behind(backtest: Backtest) -> str:
    behind = backtest.behind
    if behind is None:
        return "No peer ran."
    if not behind.tenants:
        return "None: at no tenant is any peer more often right at first."
    tenants = {tenant.tenant: tenant for tenant in backtest.tenants}
    rows = []
    for one in behind.tenants:
        performances = tenants[one.tenant].performance
        figures = (TOP1.of(performances[LIKEWISE]), TOP1.of(performances[one.peer]), one.gap)
        asked = f"{len(tenants[one.tenant].asked):,}"
        rows.append([one.tenant, asked, *map(share, figures), backtest.titles[one.peer]])
    said = (
        "Held against whichever peer is best at each tenant, picked with hindsight, Likewise is behind in"
        f" top-1 at {counted(len(rows), 'tenant')} of {len(tenants)}: by {share(behind.gap_mean)} on average"
        f" and {share(behind.gap_max)} at most."
    )
    return f"{said}\n\n{table(['tenant', 'rows asked', 'Likewise', 'best peer', 'behind by', 'who'], rows)}"


def _figures_behind(backtest: Backtest) -> str:
    rows = _ahead(backtest, "all", backtest.macro, ALL)
    for source, of_source in backtest.by_file.items():
        rows += _ahead(backtest, str(source), of_source, STANDING)
    if not rows:
        return "None: no peer is ahead in any figure on average, nor in those of the first table anywhere."
    return table(["books", "figure", "Likewise", "best peer", "behind by", "who"], rows)


def _ahead(
    backtest: Backtest, books: str, performances: Mapping[str, Performance], figures: Sequence[Figure]
) -> list[list[str]]:
    """Rows of the figures in which a peer is ahead by what can be seen."""
    rows = []
    for figure in figures:
        ours = figure.of(performances[LIKEWISE])
        peer, theirs = best_peer(performances, figure)
        lead = figure.lead(ours, theirs)
        if peer and lead < 0 and not is_level(lead):
            figures_shown = map(share, (ours, theirs, -lead))
            rows.append([books, figure.title, *figures_shown, backtest.titles[peer]])
    return rows


def _imprecise(backtest: Backtest) -> str:
    low, high = _precision_bounds(backtest)
    rows = []
    for source, performances in backtest.by_file.items():
        m = performances[LIKEWISE].measures
        if not low <= m.filed_precision <= high:
            said = (
                "nothing"
                if isnan(m.filed_precision)
                else "too few"
                if m.filed_precision < low
                else "too many"
            )
            rows.append([str(source), share(m.filed_share), share(m.filed_precision), said])
    precisions = [tenant.performance[LIKEWISE].measures.filed_precision for tenant in backtest.tenants]
    filing = [precision for precision in precisions if not isnan(precision)]
    short = [precision for precision in filing if precision < low]
    worst = f": {share(min(short))} at worst" if short else ""
    note = (
        f"At {counted(len(short), 'tenant')} of the {len(filing)} where anything was FILEd, less than"
        f" {share(low)} of that was right{worst}. Where little is FILEd, one mistake does that."
    )
    if not rows:
        return f"All books of a kind together are within {share(low)} and {share(high)}. {note}"
    head = ["books", "FILEd", "of these right", f"for {share(low)} to {share(high)}"]
    return f"{table(head, rows)}\n\n{note}"
