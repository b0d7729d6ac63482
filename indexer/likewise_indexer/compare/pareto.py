"""The comparison drawn: how right the engine is with an encoder, against what a text takes."""

from itertools import pairwise
from typing import Any, Final

from matplotlib.figure import Figure

from likewise_indexer.backtest.report.plots import defaults, percents
from likewise_indexer.backtest.report.svg import colour, inline_svg, standing_svg
from likewise_indexer.backtest.report.words import percent, plain, shortened
from likewise_indexer.compare.result import Compared, Comparison

_INCHES: Final = (6.4, 4.2)
_NAME_CHARS_MAX: Final = 32
_POINTS_PER_MB: Final = 6.0
_AREA_MIN: Final = 24.0


def pareto_svg(comparison: Comparison) -> str:
    """A file's content. Each dot is an encoder, as large as its files; those that none beats are joined."""
    with defaults():
        figure = Figure(figsize=_INCHES, layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log")
        front = sorted((e for e in comparison.encoders if e.is_on_front), key=_micros)
        style: dict[str, Any] = {"color": colour("muted"), "linewidth": 0.9, "linestyle": (0, (3, 3))}
        for left, right in pairwise(front):
            axes.plot([_micros(left), _micros(right)], [_top1(left), _top1(right)], **style, zorder=2)
        for encoder in comparison.encoders:
            axes.scatter(
                _micros(encoder),
                _top1(encoder),
                s=_AREA_MIN + _POINTS_PER_MB * encoder.bytes / 1e6,
                facecolor=colour("who-0" if encoder.is_on_front else "who-1"),
                edgecolor=colour("page"),
                linewidth=0.6,
                zorder=3,
            )
            axes.annotate(
                shortened(plain(encoder.name), _NAME_CHARS_MAX),
                (_micros(encoder), _top1(encoder)),
                xytext=(0, 9),
                textcoords="offset points",
                ha="center",
            )
        axes.margins(x=0.18, y=0.2)
        axes.set(xlabel="microseconds a text, median on one thread", ylabel="right at first")
        percents(axes, both=False)
        alternative = "Share right at first against the time of a text. " + " ".join(
            f"{encoder.name}: {percent(_top1(encoder))} at {_micros(encoder):,.0f} microseconds,"
            f" {encoder.bytes / 1e6:.1f} MB."
            for encoder in comparison.encoders
        )
        return standing_svg(inline_svg(figure, "pareto", plain(alternative)))


def _micros(encoder: Compared) -> float:
    return encoder.speed.micros_p50


def _top1(encoder: Compared) -> float:
    return encoder.accuracy.top1 or 0.0
