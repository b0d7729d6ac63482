"""What is printed."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console


def print_overload(part: Mapping[str, Any], console: Console) -> None:
    """What became of those who were let in, of the others, and of those who came later."""
    console.print(
        f"capacity {part['capacity_hz']:,.0f} calls a second; {part['due_hz']:,.0f} were due"
        f" for {part['seconds']:g} s, {part['goodput_hz']:,.0f} answered ({part['goodput_share']:.0%})"
    )
    console.print(
        f"p99 of those answered: {_ms(part['accepted'])}, {_ms(part['calm'])} before;"
        f" all well {part['recovery_s']:.1f} s after"
    )
    console.print(f"errors: {_errors(part)}")


def print_import(part: Mapping[str, Any], console: Console) -> None:
    """What the import did to the others."""
    ratio = "" if part["p99_ratio"] is None else f" ({part['p99_ratio']:.2f} times)"
    console.print(
        f"import of {part['rows']:,} rows: {part['rows_per_s']:,.0f} rows/s beside"
        f" {part['rate_hz']:,.0f} calls a second;"
        f" their p99 {_ms(part['beside'])}{ratio}, {_ms(part['quiet'])} without it"
    )
    console.print(f"errors: {_errors(part)}")


def _ms(quantiles: Mapping[str, Any]) -> str:
    return "none" if quantiles["p99_ms"] is None else f"{quantiles['p99_ms']:.1f} ms"


def _errors(part: Mapping[str, Any]) -> str:
    return ", ".join(f"{count:,} {code}" for code, count in part["errors_by_code"].items()) or "none"
