"""Four plots of a run, as SVG, all over time: memory, handles, disk, latency."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from soak_side.verdict import latencies

_SIZE_INCHES: Final = (8.0, 4.5)
_MIB: Final = 2**20
_KINDS: Final = ("classify", "learn", "forget", "import")


def write_plots(document: Mapping[str, Any], calls: Sequence[tuple[float, str, float]], folder: Path) -> None:
    """Write soak-memory.svg, soak-handles.svg, soak-disk.svg, soak-latency.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    columns = document["samples"]
    for name, draw, source in (
        ("memory", _memory, columns),
        ("handles", _handles, columns),
        ("disk", _disk, columns),
        ("latency", _latency, calls),
    ):
        # So that the same figures give the same file.
        with mpl.rc_context({"svg.hashsalt": "likewise"}):
            figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
            axes = figure.add_subplot()
            draw(axes, source, document)
            axes.axvspan(0, document["warmup_s"] / 60, alpha=0.1, label="warm-up")
            axes.set_xlabel("minutes")
            axes.legend()
            figure.savefig(folder / f"soak-{name}.svg", metadata={"Date": None})


def _memory(axes: Axes, columns: Any, document: Mapping[str, Any]) -> None:
    at_min = _minutes(columns)
    axes.plot(at_min, [value / _MIB for value in columns["server_bytes"]], label="server")
    axes.plot(at_min, [value / _MIB for value in columns["background_bytes"]], label="in the background")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("resident memory, MiB")
    axes.set_title(f"{document['workers']} worker(s), {document['memory_mib']} MiB for tenants")


def _handles(axes: Axes, columns: Any, _document: Mapping[str, Any]) -> None:
    at_min = _minutes(columns)
    axes.plot(at_min, columns["open_files"], label="file descriptors")
    axes.plot(at_min, columns["threads"], label="threads")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("of the server's processes")


def _disk(axes: Axes, columns: Any, _document: Mapping[str, Any]) -> None:
    at_min = _minutes(columns)
    axes.plot(at_min, [value / _MIB for value in columns["disk_bytes"]], label="data folder, MiB")
    axes.plot(at_min, columns["tenants"], label="tenants")
    axes.set_ylim(bottom=0)


def _latency(axes: Axes, calls: Any, document: Mapping[str, Any]) -> None:
    for number, kind in enumerate(_KINDS):
        for percentile, style in ((50.0, "-"), (99.0, "--")):
            points = latencies(calls, kind, percentile, 0.0, document["seconds"])
            axes.plot(
                [at_s / 60 for at_s, _ in points],
                [ms for _, ms in points],
                style,
                color=f"C{number}",
                label=f"{kind}, p{percentile:g}",
            )
    axes.set_yscale("log")
    axes.set_ylabel("latency, ms")


def _minutes(columns: Mapping[str, Sequence[float]]) -> list[float]:
    return [at_s / 60 for at_s in columns["at_s"]]
