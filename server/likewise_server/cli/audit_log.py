"""``likewise audit-log``: who taught, changed or forgot what, and when."""

import datetime
import json
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from likewise_server.cli.common import DataOption, ServerOption, connected, console, plain

if TYPE_CHECKING:
    import likewise

audit_log_app = typer.Typer(rich_markup_mode=None, add_completion=False)

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@audit_log_app.command()
def audit_log(
    tenant: Annotated[
        str, typer.Argument(help="Id of the tenant; none for what outlives tenants.", metavar="TENANT")
    ] = "",
    since: Annotated[
        datetime.datetime | None,
        typer.Option(metavar="TIME", formats=_FORMATS, help="Only from this time on (UTC)."),
    ] = None,
    until: Annotated[
        datetime.datetime | None,
        typer.Option(metavar="TIME", formats=_FORMATS, help="Only before this time (UTC)."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show so many records at most, the latest.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each record.")] = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Show who taught, changed or forgot what, and when: the latest first.

    Without a tenant: tenants that were created, restored and deleted, and tokens.
    """
    with connected(server, data) as client:
        records = list(islice(client.list_audit_records(tenant, start=_utc(since), end=_utc(until)), limit))
    if as_json:
        from google.protobuf.json_format import MessageToDict

        for record in records:
            shown = MessageToDict(record, preserving_proto_field_name=True)
            console.print(json.dumps(shown), soft_wrap=True)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("record", "time (UTC)", "who", "what", "revision", *(() if tenant else ("tenant",)), ""):
        table.add_column(column, overflow="fold")
    for record in records:
        cells = [record.id, f"{record.time.ToDatetime():%Y-%m-%d %H:%M:%S}", plain(record.actor)]
        cells += [_action(record), str(record.revision), *(() if tenant else (record.tenant,))]
        table.add_row(*cells, _remarks(record))
    console.print(table if records else "There are no records.")


def _utc(time: datetime.datetime | None) -> datetime.datetime | None:
    return time and time.replace(tzinfo=datetime.UTC)


def _action(record: "likewise.AuditRecord") -> str:
    import likewise

    return likewise.AuditAction.Name(record.action).removeprefix("AUDIT_ACTION_").replace("_", " ").lower()


def _remarks(record: "likewise.AuditRecord") -> str:
    counts = [(n, name) for name in ("created", "updated", "moved") if (n := getattr(record, name))]
    erased = [(n, f.name) for f in record.erased.DESCRIPTOR.fields if (n := getattr(record.erased, f.name))]
    told = [f"{n:,} {name}" for n, name in counts] + [f"{n:,} {name} erased" for n, name in erased]
    told += [category.id for category in record.categories]
    if record.token_id:
        told.append(f"token {record.token_id}")
    return ", ".join(told)
