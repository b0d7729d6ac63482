"""Drawings of a document: one SVG a part, each of its figures with the law that it follows."""

from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scale_laws.law import Law
from scale_laws.report import exponent_in_words

_SIZE_INCHES: Final = (3.2, 2.8)
"""Of one figure's axes."""
_COLUMNS: Final = 3
_MARGIN: Final = 1.2
_DECADE: Final = 10.0


def write_plots(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write scale-PART.svg for each part; the folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, part in document["parts"].items():
        # So that the same figures give the same file.
        with mpl.rc_context({"svg.hashsalt": "likewise"}):
            path = folder / f"scale-{name}.svg"
            _drawing_of(part).savefig(path, metadata={"Date": None})
        paths.append(path)
    return paths


def _drawing_of(part: Mapping[str, Any]) -> Figure:
    laws = {
        name: law
        for name, law in part["laws"].items()
        if any(step[name] is not None for step in part["steps"])
    }
    rows = -(-len(laws) // _COLUMNS)
    columns = min(_COLUMNS, len(laws))
    drawing = Figure(figsize=(columns * _SIZE_INCHES[0], rows * _SIZE_INCHES[1]), layout="constrained")
    for number, (name, law) in enumerate(laws.items(), start=1):
        _draw(drawing.add_subplot(rows, columns, number), part, name, law)
    return drawing


def _draw(axes: Axes, part: Mapping[str, Any], name: str, law: Mapping[str, Any] | None) -> None:
    over = part["over"]
    known = [step for step in part["steps"] if step[name] is not None]
    sizes, figures = [step[over] for step in known], [step[name] for step in known]
    axes.plot(sizes, figures, "o")
    if law is not None:
        fitted = Law(**law)
        axes.plot(sizes, [fitted.at(size) for size in sizes], "--", linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(*_limits(figures))
    axes.set_title(f"{name}: {exponent_in_words(law)}", fontsize="small")
    axes.set_xlabel(over)


def _limits(figures: Sequence[float]) -> tuple[float, float]:
    """Of an axis: a decade at least, so that what hardly grows does not look as if it did."""
    low, high = min(figures) / _MARGIN, max(figures) * _MARGIN
    widen = max(1.0, sqrt(_DECADE * low / high))
    return low / widen, high * widen
