"""``likewise chart templates`` and ``likewise chart init``: charts to begin with, by trade."""

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from likewise_server.cli.common import (
    DataOption,
    ServerOption,
    TenantArgument,
    connected,
    console,
    fail,
    reported,
)

if TYPE_CHECKING:
    import likewise

LanguageOption = Annotated[
    str, typer.Option("--language", "-l", metavar="CODE", help="Of names and descriptions: de, en or fr.")
]


def templates(
    trade: Annotated[
        str, typer.Argument(metavar="TRADE", help="Show the chart of this trade.", show_default=False)
    ] = "",
    language: LanguageOption = "en",
    as_json: Annotated[
        bool,
        typer.Option("--json", help="As JSON; a trade's chart as likewise tenants create --chart reads it."),
    ] = False,
) -> None:
    """List trades that there are charts for, or show one."""
    from likewise_engine.chart_templates import chart_template, trades

    with reported():
        named = trades(language)
        chart = chart_template(trade, language) if trade else ()
    if as_json:
        described = [{"id": c.id, "name": c.name, "description": c.description} for c in chart]
        console.print_json(json.dumps({"categories": described} if trade else dict(named)))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("category", "name", "description") if trade else ("trade", "", "categories"):
        table.add_column(column, overflow="fold")
    for category in chart:
        table.add_row(category.id, category.name, category.description)
    if not trade:
        for id_, name in named.items():
            table.add_row(id_, name, str(len(chart_template(id_, language))))
    console.print(table)


def init(
    tenant: TenantArgument,
    template: Annotated[
        str, typer.Option("--template", metavar="TRADE", help="See likewise chart templates.")
    ],
    language: LanguageOption = "en",
    add: Annotated[
        bool, typer.Option("--add", help="Add what the tenant's chart lacks, if it has categories already.")
    ] = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Give a tenant, new or not, the chart of a trade."""
    import likewise
    from likewise_engine.chart_templates import chart_template

    with reported():
        chart = [
            likewise.Category(id=category.id, name=category.name, description=category.description)
            for category in chart_template(template, language)
        ]
    if data is not None:
        data.mkdir(parents=True, exist_ok=True)
    with connected(server, data) as client:
        try:
            known = {category.id for category in client.get_tenant(tenant).chart}
        except likewise.NotFound:
            client.create_tenant(likewise.Tenant(id=tenant, chart=chart))
            console.print(f"Created {tenant!r} with {len(chart)} categories.")
            return
        if known and not add:
            fail(f"{tenant!r} has a chart of {len(known)} categories already: pass --add to extend it")
        _extend(client, tenant, [category for category in chart if category.id not in known])


def _extend(client: "likewise.Client", tenant: str, missing: "list[likewise.Category]") -> None:
    import likewise

    if missing:
        client.update_tenant(likewise.Tenant(id=tenant, chart=missing), update_mask=["chart"])
    console.print(f"Added {len(missing)} categories to {tenant!r}.")
