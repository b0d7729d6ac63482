"""The precision of what was FILEd over time, drawn against the target."""

import datetime
from collections import defaultdict
from typing import Final

import numpy as np
from matplotlib.figure import Figure

import likewise
from likewise_indexer.backtest.report.plots import defaults, percents
from likewise_indexer.backtest.report.svg import WHO_COLOURS, colour, inline_svg, standing_svg

_WIDTH_INCHES: Final = 6.4
_HEIGHT_INCHES: Final = 3.2


def precision_svg(told: likewise.GetFeedbackResponse) -> str | None:
    """A drawing as an SVG file's text; None where nothing that was FILEd is judged."""
    filed = defaultdict[str, list[likewise.FeedbackGroup]](list)
    for group in told.periods:
        if group.decision == likewise.Decision.DECISION_FILE and group.counts.HasField("precision"):
            filed[group.dimension].append(group)
    if not filed:
        return None
    with defaults():
        figure = Figure(figsize=(_WIDTH_INCHES, _HEIGHT_INCHES), layout="constrained")
        axes = figure.subplots()
        axes.axhline(told.target_precision, color=colour("muted"), linewidth=0.8, linestyle=(0, (3, 3)))
        for number, (dimension, groups) in enumerate(sorted(filed.items())):
            days = [datetime.date(g.start_date.year, g.start_date.month, g.start_date.day) for g in groups]
            precision = [group.counts.precision for group in groups]
            low = [max(0.0, g.counts.precision - g.counts.precision_low) for g in groups]
            high = [max(0.0, g.counts.precision_high - g.counts.precision) for g in groups]
            axes.errorbar(
                np.array(days, dtype="datetime64[D]"),
                precision,
                yerr=(low, high),
                color=colour(f"who-{number % WHO_COLOURS}"),
                marker="o",
                markersize=3,
                elinewidth=0.8,
                label=dimension,
            )
        axes.set(ylabel="right of what was FILEd", ylim=(None, 1.005))
        percents(axes, both=False)
        figure.autofmt_xdate()
        if len(filed) > 1:
            axes.legend()
        alternative = f"Precision of what was FILEd over time; {told.target_precision:.1%} is the target."
        return standing_svg(inline_svg(figure, "precision", alternative))
