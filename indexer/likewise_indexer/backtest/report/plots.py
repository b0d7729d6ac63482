"""The report's plots: how much can be left to it, whether its chances hold, how fast it learns.

Whoever answers has the same colour, dash and marker in every plot, so none is told by colour alone.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from likewise_indexer.backtest.report.svg import WHO_COLOURS, colour, inline_svg
from likewise_indexer.backtest.report.verdict import peers_of
from likewise_indexer.backtest.report.words import counted, goal, percent, plain, points, shortened
from likewise_indexer.backtest.result import LIKEWISE, SLICES, Backtest, Floats, LearningPoint

_WIDTH_INCHES: Final = 5.0
"""At a phone's width its letters are the size they say, and two stand side by side on a desk."""
_TITLE_CHARS_MAX: Final = 34
_BIN_SHARE_MIN: Final = 0.01
"""Bins with a smaller share of the rows say nothing, and would be drawn as if they did."""
_DASHES: Final[tuple[Any, ...]] = ((0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (9, 2)))
_MARKERS: Final = "sD^vPX*<>p"


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with its title and what to know when reading it."""

    name: str
    title: str
    caption: str
    svg: Markup


def plots_of(backtest: Backtest) -> tuple[Plot, ...]:
    """All plots for which there is something to draw; at least one tenant was measured."""
    with defaults():
        found = [_coverage(backtest), _reliability(backtest)]
        if len(backtest.tenants) > 1:
            found += [_filing(backtest), *([_duels(backtest)] if peers_of(backtest) else [])]
        return (*found, *_learning(backtest), _slices(backtest))


@contextmanager
def defaults() -> Iterator[None]:
    """Draw as this module says, whatever settings of matplotlib the user has."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": "DejaVu Sans",  # comes with matplotlib: room for text is the same everywhere
                "font.size": 9,
                "text.parse_math": False,
                "text.color": colour("ink"),
                "axes.edgecolor": colour("muted"),
                "axes.facecolor": "none",
                "axes.labelcolor": colour("ink"),
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.grid": True,
                "grid.color": colour("line"),
                "grid.linewidth": 0.6,
                "xtick.color": colour("muted"),
                "xtick.labelcolor": colour("ink"),
                "ytick.color": colour("muted"),
                "ytick.labelcolor": colour("ink"),
                "legend.frameon": False,
                "legend.fontsize": 8,
                "lines.linewidth": 1.2,
            }
        )
        yield


def _coverage(backtest: Backtest) -> Plot:
    figure = _figure(3.6, _legend_rows(backtest))
    axes = figure.subplots()
    target = backtest.settings.target_precision
    axes.axhline(target, color=colour("muted"), linewidth=0.8, linestyle=(0, (3, 3)))
    lowest = target
    for who in _backmost_first(backtest):
        curve = backtest.macro[who].curve
        lowest = min(lowest, float(curve.precision.min()))
        axes.plot(curve.coverage, curve.precision, **look_of(backtest, who), markevery=(9, 20))
    ours = backtest.macro[LIKEWISE].measures
    if ours.filed_share > 0:
        _mark(axes, ours.filed_share, ours.filed_precision, "FILEd")
    axes.set(xlim=(0, 1), ylim=(max(0.0, np.floor(10 * lowest - 0.2) / 10), 1.005))
    axes.set(xlabel="share of the transactions answered, surest first", ylabel="right of these")
    percents(axes)
    _legend(figure, axes)
    alternative = "Precision of the surest answers against the share answered. " + " ".join(
        f"{backtest.titles[who]}: {percent(backtest.macro[who].measures.coverage_at_95)} of the transactions"
        f" at 95 % precision, {percent(backtest.macro[who].measures.top1)} right if all are answered."
        for who in backtest.titles
    )
    caption = (
        "From left to right more and more is answered, the surest first. The higher a line stays, the more"
        f" can be left to it. The star is what Likewise FILEd; the dashed line, the {goal(target)} that"
        " it was held to."
    )
    return Plot("coverage", "How much can be left to it?", caption, _svg(figure, "coverage", alternative))


def _reliability(backtest: Backtest) -> Plot:
    figure = _figure(3.9, _legend_rows(backtest))
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    axes.plot((0, 1), (0, 1), color=colour("muted"), linewidth=0.8, linestyle=(0, (3, 3)))
    for who in _backmost_first(backtest):
        bins = backtest.macro[who].reliability
        enough = bins.rows >= _BIN_SHARE_MIN
        axes.plot(bins.probability[enough], bins.right[enough], **look_of(backtest, who))
    rows = backtest.macro[LIKEWISE].reliability.rows
    width = 1 / len(rows)
    below.bar((np.arange(len(rows)) + 0.5) * width, rows, 0.86 * width, color=colour("who-0"), alpha=0.75)
    axes.set(xlim=(0, 1), ylim=(0, 1.01), ylabel="right of these")
    below.set(xlabel="chance of being right that was stated", ylabel="share of rows", ylim=(0, None))
    percents(axes, below)
    _legend(figure, axes)
    error = backtest.macro[LIKEWISE].measures.ece
    alternative = (
        f"Share right against the chance stated. Likewise is off by {points(error)} on average;"
        f" {percent(float(rows[-1]))} of its answers are stated at 90 % or more."
    )
    caption = (
        "On the dashed line, what is said to be 80 % sure is right in 80 %: above it one is better than one"
        " says, below it worse. Beneath: how often Likewise says so. Points with fewer than 1 % of the rows"
        " are left out."
    )
    return Plot(
        "reliability", "Does it know when it is right?", caption, _svg(figure, "reliability", alternative)
    )


def _learning(backtest: Backtest) -> list[Plot]:
    """Two plots, or none where learning was not measured."""
    if not backtest.macro[LIKEWISE].learning:
        return []
    caption = (
        "Each point is a fresh start: so many labels were taught, and the next rows asked. Fewer tenants have"
        " enough rows for the points to the right, so a line may bend for that alone."
    )
    first = _learning_plot(backtest, "learning", "top1", "right at first")
    sure = _learning_plot(backtest, "learning-sure", "coverage_at_95", "answered at 95 % precision")
    return [
        Plot("learning", "How fast does it learn?", caption, first),
        Plot("learning-sure", "How fast can it be left alone?", caption, sure),
    ]


def _learning_plot(backtest: Backtest, name: str, field: str, label: str) -> Markup:
    figure = _figure(3.2, _legend_rows(backtest))
    axes = figure.subplots()
    ours = backtest.macro[LIKEWISE].learning
    for who in _backmost_first(backtest):
        heights = [getattr(point, field) for point in backtest.macro[who].learning]
        axes.plot(range(len(heights)), heights, **look_of(backtest, who))
    axes.set_xticks(range(len(ours)), [_size(point) for point in ours])
    axes.set(xlabel="labels taught", ylabel=label, ylim=(0, 1.01), xlim=(-0.3, len(ours) - 0.7))
    percents(axes, both=False)
    _legend(figure, axes)
    alternative = f"Share {label} against labels taught. " + " ".join(
        f"{backtest.titles[who]}: "
        + ", ".join(
            f"{percent(getattr(point, field))} after {_size(point)}" for point in backtest.macro[who].learning
        )
        + "."
        for who in backtest.titles
    )
    return _svg(figure, name, alternative)


def _slices(backtest: Backtest) -> Plot:
    names = [name for name in SLICES if backtest.macro[LIKEWISE].slices[name].rows]
    figure = _figure(0.9 + 0.27 * len(names), _legend_rows(backtest))
    axes = figure.subplots()
    heights = np.arange(len(names))[::-1]
    for who in _backmost_first(backtest):
        style = {**look_of(backtest, who), "linestyle": "none"}
        shares = [backtest.macro[who].slices[name].top1 for name in names]
        axes.plot(shares, heights, **style)
    axes.set_yticks(heights, [SLICES[name] for name in names])
    axes.set(xlim=(0, 1.01), ylim=(-0.6, len(names) - 0.4), xlabel="right at first")
    axes.tick_params(axis="y", length=0, labelsize=8)
    axes.xaxis.set_major_formatter(_PERCENT)
    _legend(figure, axes)
    alternative = "Share right at first by kind of transaction. Likewise: " + ", ".join(
        f"{SLICES[name]} {percent(backtest.macro[LIKEWISE].slices[name].top1)}" for name in names
    )
    caption = "The same transactions, parted by what makes them easy or hard."
    return Plot("slices", "Where is it hard?", caption, _svg(figure, "slices", f"{alternative}."))


def _filing(backtest: Backtest) -> Plot:
    """A dot a tenant: how much was FILEd, and how right that was."""
    target = backtest.settings.target_precision
    filing = [t for t in backtest.tenants if t.performance[LIKEWISE].measures.filed_share > 0]
    share = np.array([t.performance[LIKEWISE].measures.filed_share for t in filing])
    precision = np.array([t.performance[LIKEWISE].measures.filed_precision for t in filing])
    short = precision < target
    figure = _figure(3.6, 1)
    axes = figure.subplots()
    axes.axhline(target, color=colour("muted"), linewidth=0.8, linestyle=(0, (3, 3)))
    _dots(axes, share, precision, short, (f"{goal(target)} or more right", "fewer right"))
    lowest = float(precision.min(initial=target))
    axes.set(xlim=(0, 1), ylim=(max(0.0, np.floor(10 * lowest - 0.2) / 10), 1.01))
    axes.set(xlabel="share of the transactions FILEd", ylabel="right of these")
    percents(axes)
    _legend(figure, axes)
    nothing = len(backtest.tenants) - len(filing)
    alternative = (
        f"{counted(len(filing), 'tenant')} by share FILEd and its precision; at {int(short.sum())} fewer than"
        f" {goal(target)} are right."
    )
    caption = "Each dot is a tenant. Where little is FILEd, one mistake moves it far below the line." + (
        f" At {counted(nothing, 'tenant')} nothing was FILEd." if nothing else ""
    )
    return Plot("filing", "Does it hold for every tenant?", caption, _svg(figure, "filing", alternative))


def _duels(backtest: Backtest) -> Plot:
    """A dot a tenant: we against whichever peer is best there."""
    peers = peers_of(backtest)
    theirs = np.array([max(t.performance[who].measures.top1 for who in peers) for t in backtest.tenants])
    ours = np.array([t.performance[LIKEWISE].measures.top1 for t in backtest.tenants])
    behind = theirs > ours
    figure = _figure(3.6, 1)
    axes = figure.subplots()
    axes.plot((0, 1), (0, 1), color=colour("muted"), linewidth=0.8, linestyle=(0, (3, 3)))
    _dots(axes, theirs, ours, behind, ("Likewise is level or ahead", "a peer is ahead"))
    lowest = max(0.0, np.floor(10 * float(min(ours.min(), theirs.min())) - 0.2) / 10)
    axes.set(xlim=(lowest, 1.01), ylim=(lowest, 1.01))
    axes.set(xlabel="right at first: the best peer there", ylabel="right at first: Likewise")
    percents(axes)
    _legend(figure, axes)
    alternative = (
        f"{counted(len(ours), 'tenant')} by what the best peer and what Likewise has right at first; at"
        f" {int(behind.sum())} a peer is ahead."
    )
    caption = (
        "Each dot is a tenant, and its opponent is whichever peer is best there, picked with hindsight. Above"
        " the dashed line Likewise is ahead."
    )
    return Plot("duels", "Likewise against the best peer", caption, _svg(figure, "duels", alternative))


def _dots(
    axes: Axes, x: Floats, y: Floats, short: np.ndarray[Any, np.dtype[np.bool_]], labels: Sequence[str]
) -> None:
    for chosen, marker, ink, label in ((~short, "o", "who-0", labels[0]), (short, "v", "bad", labels[1])):
        axes.scatter(
            x[chosen],
            y[chosen],
            s=34,
            marker=marker,
            facecolor=colour(ink),
            edgecolor=colour("page"),
            linewidth=0.5,
            label=f"{label}: {int(chosen.sum()):,}",
            clip_on=False,
            zorder=3,
        )


def _mark(axes: Axes, x: float, y: float, label: str) -> None:
    """A star with its name beside it, within the plot."""
    style: dict[str, Any] = {"marker": "*", "markersize": 14, "linestyle": "none", "zorder": 5}
    axes.plot(x, y, **style, color=colour("who-0"), markeredgecolor=colour("page"), clip_on=False)
    aside: dict[str, Any] = (
        {"xytext": (-8, -12), "ha": "right"} if x > 0.8 else {"xytext": (8, 4), "ha": "left"}
    )
    axes.annotate(label, (x, y), textcoords="offset points", weight="bold", color=colour("who-0"), **aside)


def _figure(height_inches: float, legend_rows: int) -> Figure:
    return Figure(figsize=(_WIDTH_INCHES, height_inches + 0.19 * legend_rows), layout="constrained")


def _legend_rows(backtest: Backtest) -> int:
    return (len(backtest.titles) + 1) // 2


def _legend(figure: Figure, axes: Axes) -> None:
    """All who answer, ours first, beneath the plot; of one alone there is nothing to tell apart."""
    handles, labels = axes.get_legend_handles_labels()
    if len(handles) < 2:
        return
    order = sorted(range(len(labels)), key=lambda number: handles[number].get_zorder(), reverse=True)
    figure.legend(
        [handles[number] for number in order],
        [labels[number] for number in order],
        loc="outside lower left",
        ncols=2,
        handlelength=3,
    )


def look_of(backtest: Backtest, who: str) -> dict[str, Any]:
    """How somebody is drawn in every plot."""
    label = shortened(plain(backtest.titles[who]), _TITLE_CHARS_MAX)
    position = list(backtest.titles).index(who)
    if who == LIKEWISE:
        return {
            "color": colour("who-0"),
            "linewidth": 2.4,
            "marker": "o",
            "markersize": 5.5,
            "label": label,
            "zorder": 4,
        }
    number = position - 1
    return {
        "color": colour(f"who-{1 + number % (WHO_COLOURS - 1)}"),
        "linestyle": _DASHES[number % len(_DASHES)],
        "marker": _MARKERS[number % len(_MARKERS)],
        "markersize": 4,
        "label": label,
        # Ours above all, and those named first above those named later.
        "zorder": 3 - position / len(backtest.titles),
    }


def _backmost_first(backtest: Backtest) -> list[str]:
    return list(backtest.titles)[::-1]


def _size(point: LearningPoint) -> str:
    return "all" if point.size is None else f"{point.size:,}"


_PERCENT: Final = FuncFormatter(lambda share, _position: goal(float(share)))


def percents(*all_axes: Axes, both: bool = True) -> None:
    """Show shares as per cent on the upright axis, and unless told otherwise on the level one."""
    for axes in all_axes:
        axes.yaxis.set_major_formatter(_PERCENT)
        if both:
            axes.xaxis.set_major_formatter(_PERCENT)


def _svg(figure: Figure, name: str, alternative: str) -> Markup:
    return inline_svg(figure, f"plot-{name}", plain(alternative))
