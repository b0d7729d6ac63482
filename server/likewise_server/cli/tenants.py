"""``likewise tenants``: whose books there are, what they hold, and their end."""

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from likewise_server.cli.archive import tenant_of_archive, write_archive
from likewise_server.cli.chart import chart_table
from likewise_server.cli.common import (
    DataOption,
    ServerOption,
    TenantArgument,
    YesOption,
    confirm,
    connected,
    console,
    fail,
    lines_of,
    receipt_line,
    reported,
)

if TYPE_CHECKING:
    import likewise

tenants_app = typer.Typer(
    help="List, show, create, export and forget tenants.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

_EXPORT_ROWS: Final = 5_000
"""Entries made into one frame; some 10 MB."""


@tenants_app.command("list")
def list_tenants(
    statistics: Annotated[
        bool, typer.Option("--statistics", help="Also count labels, texts and bytes: one more call for each.")
    ] = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """List the tenants."""
    with connected(server, data) as client:
        tenants = client.list_tenants()
        table = Table(box=None, header_style="bold", pad_edge=False)
        for column in ("tenant", "name", "target", "created"):
            table.add_column(column, overflow="fold")
        for column in ("labels", "texts", "on disk") if statistics else ():
            table.add_column(column, justify="right")
        for tenant in tenants:
            row = [tenant.id, tenant.display_name, f"{tenant.policy.target_precision:.1%}", _created(tenant)]
            if statistics:
                counts = client.get_tenant(tenant.id).statistics
                row += [f"{counts.labels:,}", f"{counts.texts:,}", _size(counts.disk_bytes)]
            table.add_row(*row)
    if table.row_count:
        console.print(table)
    else:
        console.print("There are no tenants yet: 'likewise index TENANT FILE' makes one from its history.")


@tenants_app.command()
def show(tenant: TenantArgument, server: ServerOption = None, data: DataOption = None) -> None:
    """Show a tenant's policy, statistics, record and chart."""
    import likewise

    with connected(server, data) as client:
        found = client.get_tenant(tenant)
    counts = found.statistics
    index = {likewise.IndexKind.INDEX_KIND_EXACT: "exact scan", likewise.IndexKind.INDEX_KIND_GRAPH: "graph"}
    closed = "closed: other categories are refused" if found.policy.closed_chart else "open"
    facts = {
        "tenant": found.id,
        "name": found.display_name,
        "created": _created(found),
        "target precision": f"{found.policy.target_precision:.1%}",
        "chart": f"{len(found.chart)} categories, {closed}",
        "labelled": f"{counts.labels:,} transactions with {counts.texts:,} distinct texts",
        "corrections": f"{counts.corrections:,}",
        "revision": f"{counts.revision:,}",
        "on disk": _size(counts.disk_bytes),
        "in memory": _size(counts.memory_bytes) if counts.memory_bytes else "not loaded",
        "index": index.get(counts.index_kind, "not loaded"),
        "encoder": counts.encoder_fingerprint,
    }
    summary = Table.grid(padding=(0, 2))
    summary.add_column(style="bold")
    summary.add_column(overflow="fold")
    for name, value in facts.items():
        summary.add_row(name, value)
    console.print(summary)
    if counts.calibrations:
        console.print()
        console.print(_calibration_table(counts.calibrations))
    if found.chart:
        console.print()
        console.print(chart_table(found.chart))


@tenants_app.command()
def create(
    tenant: TenantArgument,
    name: Annotated[str, typer.Option("--name", help="A name for people.")] = "",
    chart: Annotated[
        Path | None,
        typer.Option(
            "--chart",
            exists=True,
            dir_okay=False,
            help='Chart of categories, as JSON: {"categories": [{"id": …, "name": …, "description": …}]}.',
        ),
    ] = None,
    target_precision: Annotated[
        float,
        typer.Option(
            help="Precision wanted of what is filed, 0.5 to 0.999. Higher files less, and errs less."
        ),
    ] = 0.95,
    closed_chart: Annotated[
        bool, typer.Option("--closed-chart", help="Refuse labels that are not in the chart.")
    ] = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Create a tenant."""
    import likewise
    from likewise_indexer.bulk import TenantChart, read_chart

    with reported():
        known = read_chart(chart) if chart else TenantChart()
    wanted = likewise.Tenant(
        id=tenant,
        display_name=name or known.display_name,
        policy=likewise.Policy(target_precision=target_precision, closed_chart=closed_chart),
        chart=[
            likewise.Category(
                dimension=category.dimension,
                id=category.id,
                name=category.name,
                description=category.description,
                active=category.active,
            )
            for category in known.categories
        ],
    )
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
    with connected(server, data) as client:
        created = client.create_tenant(wanted)
    console.print(f"Created {created.id!r} with {len(created.chart)} categories.")


@tenants_app.command()
def export(
    tenant: TenantArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help=".csv, .ndjson or .parquet; NDJSON to standard output if not given."
        ),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--everything",
            help="All that is known about the tenant, as a zip file of JSON: its policy and chart, labels and"
            " who gave them, corrections, calibration, recorded answers and their counts. 'likewise tenants"
            " import' takes it in again; but for the audit trail and the answers, which are only told.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Export all labelled transactions to a file, or all there is. It shows one revision."""
    if everything:
        if out is None:
            fail("--everything needs a file: give it as --out FILE.zip", status=2)
        with connected(server, data) as client:
            size_bytes = write_archive(client, tenant, out, replace=force)
        console.print(f"Exported everything about {tenant!r}, {_size(size_bytes)}, to {out}.")
        return
    from likewise_indexer.writers import EntryTable, open_ndjson_stream, open_table

    with connected(server, data) as client:
        chart = client.get_tenant(tenant).chart
        table = EntryTable(sorted({category.dimension for category in chart}))
        frames = map(table.frame, _batches(client.export_transactions(tenant)))
        count = 0
        if out is None:
            stream = open_ndjson_stream(sys.stdout.buffer, "standard output")
            for frame in frames:
                stream.write(frame)
            return
        with open_table(out, table.schema, replace=force) as writer:
            for frame in frames:
                writer.write(frame)
                count += frame.height
    console.print(f"Exported {count:,} transactions to {out}.")


@tenants_app.command("import")
def import_tenant(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="What 'export --everything' wrote.")
    ],
    new_id: Annotated[
        str, typer.Option("--as", metavar="NEW_ID", help="Import it under this id; its own if not given.")
    ] = "",
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Create a tenant from all that is known about it."""
    with reported():
        tenant = new_id or tenant_of_archive(file)
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
    with connected(server, data) as client, file.open("rb") as content:
        created = client.import_tenant(tenant, content)
    console.print(f"Imported {created.id!r} with {created.statistics.labels:,} labelled transactions.")


@tenants_app.command()
def forget(
    tenant: TenantArgument,
    transaction: Annotated[
        list[str] | None, typer.Option("--transaction", "-t", help="Id of a transaction; may be repeated.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", exists=True, dir_okay=False, help="File of transaction ids, one a line."),
    ] = None,
    yes: YesOption = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Forget transactions for good: from disk, memory and index. Those that are not there are counted."""
    from likewise_engine import limits

    with reported():
        ids = [*(transaction or ()), *(lines_of(file) if file else ())]
    if not ids:
        fail(
            "name transactions by --transaction or --file; 'likewise tenants delete' forgets them all",
            status=2,
        )
    confirm(f"Forget {len(ids):,} transactions of {tenant!r} for good?", yes=yes)
    forgotten = missing = 0
    receipts: list[str] = []
    with connected(server, data) as client:
        rest = iter(dict.fromkeys(ids))
        while batch := list(islice(rest, limits.BATCH_ITEMS_MAX)):
            outcome = client.forget_transactions(tenant, batch)
            forgotten += outcome.forgotten
            missing += outcome.missing
            if outcome.HasField("receipt"):
                receipts.append(receipt_line(outcome.receipt))
    absent = f" {missing:,} were not there." if missing else ""
    console.print("\n".join([f"Forgot {forgotten:,} transactions.{absent}", *receipts]))


@tenants_app.command()
def delete(
    tenant: TenantArgument, yes: YesOption = False, server: ServerOption = None, data: DataOption = None
) -> None:
    """Delete a tenant with all that it taught. It is gone from disk when this returns."""
    with connected(server, data) as client:
        labels = client.get_tenant(tenant).statistics.labels
        confirm(f"Delete {tenant!r} and its {labels:,} labelled transactions for good?", yes=yes)
        receipt = client.delete_tenant(tenant)
    console.print(f"Deleted {tenant!r}.")
    if receipt.HasField("erased"):
        console.print(receipt_line(receipt))


def _calibration_table(calibrations: "Iterable[likewise.CalibrationStatistics]") -> Table:
    """How answers turned out, and from which probability on they are FILEd on that account."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("dimension", overflow="fold")
    for column in ("outcomes", "latest filed", "of them right", "errors beyond target", "files from"):
        table.add_column(column, justify="right")
    for told in calibrations:
        table.add_row(
            told.dimension,
            f"{told.outcomes:,}",
            f"{told.filed:,}",
            f"{told.filed_right:,}",
            f"{told.excess_sigmas:.1f} σ",
            f"{told.file_threshold:.1%}" if told.HasField("file_threshold") else "nothing yet",
        )
    return table


def _batches(entries: "Iterator[likewise.LedgerEntry]") -> "Iterator[list[likewise.LedgerEntry]]":
    while batch := list(islice(entries, _EXPORT_ROWS)):
        yield batch


def _created(tenant: "likewise.Tenant") -> str:
    return f"{tenant.create_time.ToDatetime():%Y-%m-%d %H:%M}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1024:,.0f} KiB" if size_bytes < 2**20 else f"{size_bytes / 2**20:,.1f} MiB"
