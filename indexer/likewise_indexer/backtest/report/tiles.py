"""The report's tiles: the figures to see first, each with what to hold it against."""

from dataclasses import dataclass

from likewise_indexer.backtest.report.verdict import best_peer, peers_of
from likewise_indexer.backtest.report.words import NOTHING, goal, is_level, milliseconds, percent
from likewise_indexer.backtest.result import LIKEWISE, Backtest


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure.

    Attributes:
        title: what it is.
        figure: the figure.
        note: what to hold it against.
        loses: whether the note says that it is worse than that.
    """

    title: str
    figure: str
    note: str = ""
    loses: bool = False


def tiles_of(backtest: Backtest) -> tuple[Tile, ...]:
    """The tiles; at least one tenant was measured."""
    ours = backtest.macro[LIKEWISE].measures
    return (
        _filed(backtest),
        _against_best(backtest, "Right at first", "top1"),
        _against_best(backtest, "Among first three", "top3"),
        _against_best(backtest, "Sure at 95 % precision", "coverage_at_95"),
        _against_best(backtest, "Sure at 98 % precision", "coverage_at_98"),
        Tile(
            "A decision takes",
            f"{milliseconds(ours.seconds_p50)} ms",
            f"99 of 100 take {milliseconds(ours.seconds_p99)} ms at most",
        ),
    )


def _filed(backtest: Backtest) -> Tile:
    precision, target = backtest.macro[LIKEWISE].measures.filed_precision, backtest.settings.target_precision
    if not precision >= 0:
        return Tile("Right of what it FILEd", NOTHING, "nothing was FILEd")
    is_short = precision < target and not is_level(precision - target)
    note = f"short of the {goal(target)}" if is_short else f"held to {goal(target)}"
    return Tile("Right of what it FILEd", percent(precision), note, loses=is_short)


def _against_best(backtest: Backtest, title: str, figure: str) -> Tile:
    ours = getattr(backtest.macro[LIKEWISE].measures, figure)
    if not peers_of(backtest):
        return Tile(title, percent(ours))
    best = best_peer(backtest, figure)
    theirs = getattr(backtest.macro[best].measures, figure)
    loses = theirs > ours and not is_level(theirs - ours)
    who = f"{percent(theirs)} ({backtest.titles[best]})"
    return Tile(title, percent(ours), f"a peer is better: {who}" if loses else f"best peer: {who}", loses)
