"""What is printed of a run."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from latency_load.capacity import Step
from latency_load.figures import LOADED, PERCENTILES
from latency_load.workload import Kind

_WHOLE_FROM: Final = 100.0


def print_run(document: Mapping[str, Any], console: Console) -> None:
    """The latencies of every kind beside the echo's, and what they cost."""
    load = document["load"]
    title = f"{load['rate_hz']:g} calls a second due, {document['rate_hz']:.1f} answered; milliseconds"
    table = Table(title=title, box=SIMPLE)
    table.add_column("", no_wrap=True)
    table.add_column("calls", justify="right", no_wrap=True)
    for name in PERCENTILES:
        table.add_column(name.removesuffix("_ms").replace("p99_9", "p99.9"), justify="right", no_wrap=True)
    table.add_column("p50/echo", justify="right", no_wrap=True)
    table.add_column("p99/echo", justify="right", no_wrap=True)
    for kind in (Kind.ECHO, *LOADED):
        of_kind = document[kind]
        ratios = [_number(of_kind.get(f"{name}_over_echo")) for name in ("p50_ms", "p99_ms")]
        quantiles = [_number(of_kind[name]) for name in PERCENTILES]
        table.add_row(kind, f"{of_kind['calls']:,}", *quantiles, *ratios)
    console.print(table)
    server, generator = document["server"], document["generator"]
    console.print(
        f"server: {server['cores_used']:.2f} cores, {server['cpu_ms_per_call']:.2f} ms of CPU a call, "
        f"{server['memory_bytes_max'] / 2**20:,.0f} MiB, ready after {server['ready_s']:.1f} s; "
        f"graphs were due in {document['index_build']['share_of_time']:.0%} of the time"
    )
    console.print(
        f"generator: late by {generator['lag_p50_ms']:.2f} ms (p50), {generator['lag_p99_ms']:.2f} (p99); "
        f"{generator['cpu_us_per_call']:.0f} µs of processor time a call"
    )
    failed = ", ".join(f"{count:,} {code}" for code, count in document["errors_by_code"].items())
    console.print(f"errors: {failed or 'none'}")
    for doubt in document["doubts"]:
        console.print(f"[bold red]not valid:[/] {doubt}")


def print_capacity(rate_hz: float, steps: Sequence[Step], budget_ms: float, console: Console) -> None:
    """What was tried, and what came of it."""
    table = Table(
        title=f"capacity within {budget_ms:g} ms (p99 of Classify): {rate_hz:,.0f} calls a second", box=SIMPLE
    )
    for heading in ("calls a second", "p99 ms", "errors"):
        table.add_column(heading, justify="right")
    table.add_column("too much because of")
    for step in steps:
        table.add_row(f"{step.rate_hz:,.0f}", _number(step.p99_ms), str(step.errors), step.why_too_much)
    console.print(table)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.2f}" if value < _WHOLE_FROM else f"{value:,.0f}"
