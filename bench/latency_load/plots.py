"""Two plots of a run, as SVG: latency by percentile, and latency over time."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from hdrh.histogram import HdrHistogram
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from latency_load.figures import histograms_of
from latency_load.run import Run
from latency_load.workload import Kind

_TICKS_PER_HALF_DISTANCE: Final = 10
_SIZE_INCHES: Final = (8.0, 4.5)
_SHOWN_PERCENTILES: Final = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99)
_SPAN_S: Final = 1.0


def write_plots(run: Run, folder: Path) -> list[Path]:
    """Write latency-by-percentile.svg and latency-over-time.svg; the folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, draw in (("latency-by-percentile", _by_percentile), ("latency-over-time", _over_time)):
        # So that the same figures give the same file.
        with mpl.rc_context({"svg.hashsalt": "likewise"}):
            figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
            draw(figure.add_subplot(), run)
            path = folder / f"{name}.svg"
            figure.savefig(path, metadata={"Date": None})
        paths.append(path)
    return paths


def _by_percentile(axes: Axes, run: Run) -> None:
    for kind, histogram in histograms_of(run).items():
        if histogram.get_total_count():
            rarity, latency_ms = _curve(histogram)
            style = "--" if kind is Kind.ECHO else "-"
            axes.step(rarity, latency_ms, style, where="post", label=kind)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks([_rarity(p) for p in _SHOWN_PERCENTILES], [f"{p:g} %" for p in _SHOWN_PERCENTILES])
    axes.minorticks_off()
    axes.set_xlabel("calls that took no longer")
    axes.set_ylabel("latency from the moment it was due, ms")
    axes.set_title(f"{run.load.rate_hz:g} calls a second")
    axes.legend()


def _over_time(axes: Axes, run: Run) -> None:
    samples = run.samples
    is_shown = samples.schedule.is_of(Kind.CLASSIFY) & samples.schedule.is_measured & samples.is_ok
    at_s = (samples.schedule.due_ns[is_shown] - samples.schedule.warmup_ns) / 1e9
    latency_ms = samples.latency_ns[is_shown] / 1e6
    spans = np.unique(at_s // _SPAN_S)
    within = [latency_ms[at_s // _SPAN_S == span] for span in spans]
    for name, percentile in (("p50", 50), ("p99", 99), ("max", 100)):
        axes.plot(spans * _SPAN_S, [np.percentile(span, percentile) for span in within], label=name)
    axes.set_yscale("log")
    axes.set_xlabel("seconds since the warm-up")
    axes.set_ylabel("latency of Classify, ms")
    if run.build_share:
        axes.axvspan(0, run.build_share * run.load.seconds, alpha=0.1, label="graphs are due")
    axes.legend()


def _curve(histogram: HdrHistogram) -> tuple[list[float], list[float]]:
    """One over the share of calls that took longer, and the latency in milliseconds."""
    points = [
        (_rarity(item.percentile_level_iterated_to), item.value_iterated_to / 1e6)
        for item in histogram.get_percentile_iterator(_TICKS_PER_HALF_DISTANCE)
        if item.percentile_level_iterated_to < 100.0
    ]
    return [rarity for rarity, _ in points], [latency_ms for _, latency_ms in points]


def _rarity(percentile: float) -> float:
    return 1.0 / (1.0 - percentile / 100.0)
