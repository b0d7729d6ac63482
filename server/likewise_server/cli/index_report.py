"""What ``likewise index`` tells: the plan before, the progress during, the tally after."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from likewise_indexer.bulk import Progress, Source, Tally, TenantTally
from likewise_indexer.readers import RejectedRow
from likewise_server.cli.common import LINE_EVERY_S, console, errors

_TENANTS_SHOWN_MAX: Final = 20
_UNUSED_SHOWN_MAX: Final = 12
_COUNTS: Final = ("created", "updated", "unchanged", "kept", "skipped", "rejected")


def show_plan(sources: Sequence[Source]) -> None:
    """Show what was understood of each file; files alike are shown once."""
    before = None
    for source in sources:
        plan, name = source.plan, str(source.reader.path)
        if (plan, source.conventions, source.reader.notes) == before:
            console.print(f"{name}: likewise", style="bold", soft_wrap=True)
            continue
        before = (plan, source.conventions, source.reader.notes)
        console.print(name, style="bold", soft_wrap=True)
        for note in source.reader.notes:
            console.print(f"  {note}")
        meanings = {**plan.columns, "description": " + ".join(plan.descriptions), **plan.labels}
        for meaning, column in meanings.items():
            if column:
                console.print(f"  {meaning:<12} {column}")
        if plan.fields:
            console.print(f"  kept as fields: {_listed(plan.fields)}")
        if plan.unused:
            console.print(f"  not used: {_listed(plan.unused)}", style="dim")
        if plan.currency:
            console.print(f"  {plan.currency} where no currency is named")
        if described := source.conventions.described():
            console.print(f"  {described}")
        for warning in source.conventions.warnings:
            console.print(f"  Warning: {warning}", style="yellow")


class ProgressLine:
    """A bar on a terminal; elsewhere a line every few seconds. On standard error; a context manager."""

    def __init__(self) -> None:
        self._started = self._told = time.monotonic()
        self._bar: Bar | None = None
        if errors.is_terminal:
            self._bar = Bar(
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f} rows/s, left"),
                TimeRemainingColumn(),
                console=errors,
                transient=True,
            )
            self._task = self._bar.add_task("", rows=0, rate=0.0)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def update(self, progress: Progress) -> None:
        """Show how far reading is."""
        self.show(progress.rows, progress.bytes_read, progress.bytes_total)

    def show(self, rows: int, done: int, total: int) -> None:
        """Show how far it is: the rows, and how much is done of the total in whatever unit that has."""
        now = time.monotonic()
        elapsed_s = max(now - self._started, 1e-3)
        rate = rows / elapsed_s
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, rows=rows, rate=rate)
        elif done and now - self._told >= LINE_EVERY_S:
            self._told = now
            share = done / max(total, 1)
            left_s = elapsed_s * (1 - share) / max(share, 1e-6)
            errors.print(f"{rows:,} rows ({share:.0%}), {rate:,.0f} rows/s, {left_s:,.0f} s left")


def show_rejected(
    shown: Sequence[tuple[Source, RejectedRow]], count: int, paths: Sequence[Path], told: Console = console
) -> None:
    """Show the first rejected rows, and where all of them are."""
    if not count:
        return
    table = Table("file", "row", "column", "reason", title="Rejected rows", title_justify="left")
    for source, rejected in shown:
        row = f"{source.reader.row_word} {rejected.row:,}"
        table.add_row(source.reader.path.name, row, rejected.column, rejected.reason)
    told.print(table)
    if count > len(shown):
        told.print(f"and {count - len(shown):,} more.")
    for path in paths:
        told.print(f"Rejected rows are in {path}: mend them there and index that file.", soft_wrap=True)


def show_tally(tally: Tally, seconds: float, *, dry_run: bool) -> None:
    """Show what came of it, by tenant where there are few."""
    total = tally.total
    table = Table("tenant", *("valid" if dry_run and name == "created" else name for name in _COUNTS))
    for column in table.columns[1:]:
        column.justify = "right"
    tenants = sorted(tally.tenants.items())
    if 1 <= len(tenants) <= _TENANTS_SHOWN_MAX:
        for tenant, counts in tenants:
            table.add_row(tenant or "(unknown)", *_cells(counts))
    if len(tenants) != 1:
        table.add_section()
        table.add_row(f"{sum(bool(tenant) for tenant in tally.tenants):,} tenants", *_cells(total))
    console.print(table)
    console.print(
        f"{total.rows:,} rows in {seconds:,.1f} s, {total.rows / max(seconds, 1e-3):,.0f} rows/s.",
    )
    if dry_run:
        console.print("Nothing was written: this was a dry run.")
    elif not tally.is_complete:
        console.print(
            f"Not all was read. {total.committed:,} rows are committed; the same command again goes on"
            " from there.",
            style="yellow",
        )
    if total.inactive_labels:
        count = total.inactive_labels
        labels = "1 label has" if count == 1 else f"{count:,} labels have"
        console.print(
            f"{labels} a category that is not active, which nothing will be filed under until"
            " 'likewise chart activate'.",
            style="yellow",
        )
    if total.skipped and not total.committed and not total.rejected:
        console.print("No row has a label. Is it in another column? Name it with --map category=COLUMN.")


def _cells(counts: TenantTally) -> list[str]:
    return [f"{getattr(counts, name):,}" for name in _COUNTS]


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(columns[:_UNUSED_SHOWN_MAX])
    return (
        f"{shown} and {len(columns) - _UNUSED_SHOWN_MAX} more" if len(columns) > _UNUSED_SHOWN_MAX else shown
    )
