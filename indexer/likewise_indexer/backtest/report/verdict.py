"""What a backtest comes to, in sentences for a bookkeeper. A loss is said as plainly as a win."""

import numpy as np

from likewise_indexer.backtest.report.words import (
    goal,
    is_level,
    out_of_100,
    percent,
    points,
    share_of_100,
)
from likewise_indexer.backtest.result import LIKEWISE, Backtest, Measures, Performance


def verdict(backtest: Backtest) -> tuple[str, ...]:
    """The paragraphs that the report begins with: the first is the verdict, the others say more."""
    if not backtest.tenants:
        return ("Nothing was measured: no tenant has enough labelled rows.",)
    ours = backtest.macro[LIKEWISE]
    m, target = ours.measures, backtest.settings.target_precision
    first = f"{_filed(m, target)} {_compared(backtest, 'top1', 'Its first suggestion is right for')}"
    sure = _compared(backtest, "coverage_at_95", "At 95 % precision it can answer")
    return f"{first} {_tenant_by_tenant(backtest)}".rstrip(), f"{_rest(m)} {sure} {_honest(ours)}"


def peers_of(backtest: Backtest) -> tuple[str, ...]:
    """The names of all who answered but ourselves."""
    return tuple(who for who in backtest.titles if who != LIKEWISE)


def best_peer(backtest: Backtest, figure: str) -> str:
    """The peer whose figure of :class:`Measures` is highest on average; there is at least one peer."""
    return max(peers_of(backtest), key=lambda who: getattr(backtest.macro[who].measures, figure))


def _filed(m: Measures, target: float) -> str:
    if not m.filed_share > 0:
        return f"Held to {goal(target)} right, Likewise would have filed nothing by itself."
    gap = m.filed_precision - target
    said = f"Of 100 transactions Likewise would have filed {out_of_100(m.filed_share)} by itself"
    if gap < 0 and not is_level(gap):
        return (
            f"{said}, but only {percent(m.filed_precision)} of them right: {points(gap)} short of the"
            f" {goal(target)} that it was held to."
        )
    return f"{said}, {percent(m.filed_precision)} of them right; it was held to {goal(target)}."


def _compared(backtest: Backtest, figure: str, opening: str) -> str:
    """A figure beside that of the best peer; by itself where there are none."""
    ours = getattr(backtest.macro[LIKEWISE].measures, figure)
    said = f"{opening} {share_of_100(ours)} of 100"
    if not peers_of(backtest):
        return f"{said}."
    best = best_peer(backtest, figure)
    theirs = getattr(backtest.macro[best].measures, figure)
    peer = "the peer" if len(peers_of(backtest)) == 1 else f"the best of {len(peers_of(backtest))} peers"
    if is_level(ours - theirs):
        outcome = "they are level"
    else:
        outcome = f"Likewise is {points(ours - theirs)} {'ahead' if ours > theirs else 'behind'}"
    return f"{said}; {peer} ({backtest.titles[best]}) has {share_of_100(theirs)}, so {outcome}."


def _tenant_by_tenant(backtest: Backtest) -> str:
    """Against whichever peer is best at each tenant; nothing where the averages say it already."""
    behind, tenants = backtest.behind, len(backtest.tenants)
    if behind is None or tenants == 1:
        return ""
    if not behind.tenants:
        return "At no tenant is any peer more often right."
    return (
        f"Held against whichever peer is best at each tenant, it is behind at {len(behind.tenants):,} of"
        f" {tenants:,}, by {points(behind.gap_mean)} on average and {points(behind.gap_max)} at most."
    )


def _rest(m: Measures) -> str:
    return (
        f"For {out_of_100(m.suggested_share)} of 100 it would have suggested a category for somebody to"
        f" confirm, and {out_of_100(m.asked_share)} it would have left to them. With hindsight, the best"
        f" threshold would have filed {out_of_100(m.hindsight_share)}."
    )


def _honest(ours: Performance) -> str:
    bins, error = ours.reliability, ours.measures.ece
    said = f"The chances of being right that it states are off by {points(error)} on average"
    lean = float(np.nansum(bins.rows * (bins.right - bins.probability)))
    if error < 0.005 or abs(lean) < error / 2:
        return f"{said}."
    return f"{said}: it is {'more' if lean > 0 else 'less'} often right than it says."
