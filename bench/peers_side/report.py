"""What is printed of a run."""

from collections.abc import Mapping
from typing import Any, Final

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from peers_side.catalogue import OURS
from peers_side.figures import figures
from peers_side.run import Kind

_WHOLE_FROM: Final = 100.0


def print_run(document: Mapping[str, Any], console: Console) -> None:
    """All systems side by side, how they were set up, and where a peer is ahead."""
    for size in document["workload"]["sizes"]:
        console.print(_queries(document, str(size)))
    console.print(_upkeep(document))
    for name, of_system in document["systems"].items():
        settings = "; ".join(f"{key}: {value}" for key, value in of_system["settings"].items())
        console.print(f"[bold]{name}[/] {settings}", highlight=False)
    for name, reason in document["skipped"].items():
        console.print(f"[yellow]skipped {name}:[/] {reason}", highlight=False)
    _print_ahead(document, console)


def _queries(document: Mapping[str, Any], size: str) -> Table:
    workload = document["workload"]
    title = (
        f"a query, {int(size):,} labels a tenant, {workload['tenants']} tenants of each size, "
        f"{workload['neighbours']} neighbours; milliseconds"
    )
    caption = "ratio: of a peer's time without embedding to that of Likewise with it"
    table = Table(title=title, caption=caption, box=SIMPLE)
    table.add_column("", no_wrap=True)
    for what in ("vector ready", "embedding included"):
        table.add_column(f"{what} p50", justify="right")
        table.add_column("p99", justify="right")
    for heading in ("recall", "ratio p50", "ratio p99"):
        table.add_column(heading, justify="right")
    for name, of_system in document["systems"].items():
        of_size = of_system["query"][size]
        latencies = [_number(of_size[kind][quantile]) for kind in Kind for quantile in ("p50_ms", "p99_ms")]
        ratios = document["peer_ready_over_ours_embedded"].get(name, {}).get(size, {}).values()
        recall = "" if of_size["recall"] is None else f"{of_size['recall']:.3f}"
        table.add_row(name, *latencies, recall, *(f"{ratio:.1f}x" for ratio in ratios))
    return table


def _upkeep(document: Mapping[str, Any]) -> Table:
    workload = document["workload"]
    table = Table(title=f"{workload['rows']:,} rows in all", box=SIMPLE)
    table.add_column("", no_wrap=True)
    sizes = [str(size) for size in workload["sizes"]]
    headings = [
        "CPU ms/query",
        "load rows/s",
        "with embedding",
        "until at rest",
        "MiB empty",
        "loaded",
        "bytes/row",
    ]
    for heading in [*headings, *(f"correction visible ms, {int(size):,}" for size in sizes), "restart s"]:
        table.add_column(heading, justify="right")
    for name, of_system in document["systems"].items():
        load, memory = of_system["load"], of_system["memory"]
        table.add_row(
            name,
            _number(of_system["cpu_ms_per_question"]),
            *(_number(load["rows_per_s"][kind]) for kind in Kind),
            _number(load["settled_rows_per_s"]),
            *(_number(memory[key]) for key in ("empty_mib", "loaded_mib", "bytes_per_row")),
            *(_corrected(of_system["correction"].get(size, {})) for size in sizes),
            _number(of_system["restart_s"]),
        )
    return table


def _corrected(correction: Mapping[str, Any]) -> str:
    never = correction.get("never_visible", 0)
    return _number(correction.get("p50_ms")) + (f" ({never} never)" if never else "")


def _print_ahead(document: Mapping[str, Any], console: Console) -> None:
    if OURS not in document["systems"] or len(document["systems"]) == 1:
        return
    ahead = [figure for figure in figures(document) if figure.ahead]
    console.print("[bold]Where a peer is ahead of Likewise[/]" if ahead else "No peer is ahead of Likewise")
    for figure in ahead:
        peers = ", ".join(f"{name} {_number(figure.values[name])}" for name in figure.ahead)
        ours = _number(figure.values[OURS])
        console.print(f"  {figure.name} ({figure.unit}): {peers}; Likewise {ours}", highlight=False)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if value < _WHOLE_FROM else f"{value:,.0f}"
