"""The page and its drawings."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from accuracy_page.markdown import command, wrapped
from performance_page import scaling, sections
from performance_page.goals import goals_of
from performance_page.results import COMMANDS, PLOTS, Results
from scale_laws.plots import write_plots

PAGE: Final = "performance.md"
DRAWINGS: Final = "performance"
"""The folder of the drawings, beside the page."""
MAKE: Final = "python bench/performance.py RESULTS"
_LATENCY_PLOTS: Final = {
    "latency-by-percentile": "Latency by percentile, the echo dashed.",
    "latency-over-time": "Latency of Classify over time, second by second.",
}


def write_page(results: Results, folder: Path) -> Path:
    """Write the page and its drawings; the same results give the same bytes.

    Raises:
        OSError: it cannot be written.
    """
    drawings = folder / DRAWINGS
    drawings.mkdir(parents=True, exist_ok=True)
    if results.scale is not None:
        write_plots(results.scale, drawings)
    for name in PLOTS:
        if (results.folder / f"{name}.svg").exists():
            shutil.copyfile(results.folder / f"{name}.svg", drawings / f"{name}.svg")
    page = folder / PAGE
    page.write_text(text_of(results), encoding="utf-8")
    return page


def text_of(results: Results) -> str:
    """The page."""
    parts = (
        _opening(results),
        "## What was to be reached\n\n" + sections.goals(results),
        "## Latency under load\n\n" + sections.made_by("latency", results, sections.latency),
        *(f"![{title}]({DRAWINGS}/{name}.svg)\n\n*{title}*" for name, title in _drawn(results)),
        "### The same by two workers\n\n" + sections.made_by("two_workers", results, sections.two_workers),
        "## Capacity\n\n" + sections.made_by("capacity", results, sections.capacity),
        "## Too much load\n\n" + sections.made_by("overload", results, sections.overload),
        "## What it costs in accuracy\n\n" + _accuracy(results),
        "## Beside the peers\n\n" + sections.made_by("peers", results, sections.peers),
        "## How it scales\n\n" + sections.made_by("scale", results, _scaling),
        "## On real books, one caller\n\n" + sections.made_by("books", results, sections.books),
        "## Step by step\n\n" + sections.made_by("micro", results, sections.micro),
        "## Made with\n\n" + _made_with(results),
    )
    return wrapped("\n\n".join(parts)) + "\n"


def _drawn(results: Results) -> Iterator[tuple[str, str]]:
    for name, title in _LATENCY_PLOTS.items():
        if (results.folder / f"{name}.svg").exists():
            yield name, title


def _opening(results: Results) -> str:
    goals = list(goals_of(results))
    reached = sum(goal.holds for goal in goals)
    unmeasured = sum(goal.reached is None for goal in goals)
    verdict = f"Of {len(goals)} figures that were to be reached, {reached} are"
    verdict += f", {len(goals) - reached - unmeasured} are not and {unmeasured} were not measured."
    return _OPENING.format(make=command(MAKE), steps=command(*COMMANDS.values()), verdict=verdict)


def _accuracy(results: Results) -> str:
    steps = command(COMMANDS["before"], COMMANDS["after"])
    missing = [name for name in ("before", "after") if getattr(results, name) is None]
    if missing:
        folders = " and ".join(f"RESULTS/{name}" for name in missing)
        return f"{steps}\n\nNot measured: there are no backtests in {folders}."
    return f"{steps}\n\n{sections.accuracy(results)}"


def _scaling(results: Results) -> str:
    assert results.scale is not None
    said = [_FITTED]
    for name, title in scaling.PARTS.items():
        if results.part(name) is None:
            said.append(f"### {title}\n\nNot measured.")
        else:
            said.append(f"### {title}\n\n{scaling.part_of(results, name)}")
            said.append(
                f"![{title}: the figures, and the laws that they follow]({DRAWINGS}/scale-{name}.svg)"
            )
    said.append(f"### What breaks first\n\n{scaling.breaking(results)}")
    return "\n\n".join(said)


def _made_with(results: Results) -> str:
    """The machines, each once, and what ran on them."""
    machines: dict[str, list[str]] = {}
    for name in ("latency", "two_workers", "capacity", "workers", "overload", "scale", "peers", "books"):
        document = getattr(results, name)
        if document is not None:
            machine = dict(document["machine"])
            memory = f"{machine.pop('memory_bytes') / 1e9:.0f} GB of memory"
            said = f"{machine.pop('cores')} cores of {machine.pop('processor')}, {memory}; "
            said += f"{machine.pop('system')}; "
            said += ", ".join(f"{package} {version}" for package, version in machine.items())
            machines.setdefault(said, []).append(name)
    return (
        "\n".join(f"- {', '.join(names)}: {said}" for said, names in machines.items())
        or "Nothing was measured."
    )


_FITTED: Final = (
    "Each figure is fitted as a power of the size by least squares on the logarithms; in parentheses is the"
    " interval that such a fit gives 95 % of the time. *At the end* is the exponent between the two largest"
    " sizes alone: what comes next."
)
_OPENING: Final = """# Performance

Made by a command, figures and sentences alike; not to be edited:

{make}

from what these have measured, in this order, on one machine that did nothing else:

{steps}

The load generator runs on the same cores as the server: ratios within one run are what counts. Latency is
measured in open loop: from the moment at which a call was due, whatever became of those before.

{verdict}"""
