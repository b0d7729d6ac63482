"""``likewise chart``: what becomes of a tenant's categories."""

import datetime
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from likewise_server.cli import chart_templates
from likewise_server.cli.common import (
    DataOption,
    ServerOption,
    TenantArgument,
    YesOption,
    confirm,
    connected,
    console,
    lines_of,
    receipt_line,
    reported,
)

if TYPE_CHECKING:
    import likewise

chart_app = typer.Typer(
    help="Begin, show, rename, merge, split, deactivate and purge categories.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

chart_app.command()(chart_templates.templates)
chart_app.command()(chart_templates.init)

CategoryArgument = Annotated[str, typer.Argument(help="Id of the category.", metavar="CATEGORY")]
DimensionOption = Annotated[
    str, typer.Option(metavar="NAME", help="The dimension, such as tax_code.", show_default=True)
]

# What a split chooses, and what becomes of it.
SplitIntoOption = Annotated[
    str, typer.Option("--into", metavar="CATEGORY", help="Id of the category that the chosen ones get.")
]
SplitNameOption = Annotated[str, typer.Option(metavar="TEXT", help="Its name.")]
TransactionOption = Annotated[
    list[str] | None,
    typer.Option("--transaction", "-t", metavar="ID", help="Choose this transaction; repeatable."),
]
FileOption = Annotated[
    Path | None,
    typer.Option(exists=True, dir_okay=False, metavar="FILE", help="Choose the ids in it, one a line."),
]
PayeeOption = Annotated[str, typer.Option(metavar="TEXT", help="Choose where the payee contains it.")]
DescriptionOption = Annotated[
    str, typer.Option(metavar="TEXT", help="Choose where the description contains it.")
]
MinAmountOption = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Choose this amount or more, signed as booked.")
]
MaxAmountOption = Annotated[
    str | None, typer.Option(metavar="NUMBER", help="Choose this amount or less, signed as booked.")
]
CurrencyOption = Annotated[str, typer.Option(metavar="CODE", help="Of these amounts.")]
MinDateOption = Annotated[
    datetime.datetime | None,
    typer.Option(metavar="YYYY-MM-DD", formats=["%Y-%m-%d"], help="Choose this date or later."),
]
MaxDateOption = Annotated[
    datetime.datetime | None,
    typer.Option(metavar="YYYY-MM-DD", formats=["%Y-%m-%d"], help="Choose this date or earlier."),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only count those that are chosen.")]


@chart_app.command()
def show(
    tenant: TenantArgument,
    dimension: Annotated[
        str, typer.Option(metavar="NAME", help="Only this dimension.", show_default=False)
    ] = "",
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Show the categories, and what became of them."""
    with connected(server, data) as client:
        chart = client.get_tenant(tenant).chart
    shown = [category for category in chart if dimension in ("", category.dimension)]
    if shown:
        console.print(chart_table(shown))
    else:
        console.print("There are no categories yet: they come with labels, or by 'likewise tenants create'.")


@chart_app.command()
def rename(
    tenant: TenantArgument,
    category: CategoryArgument,
    to: Annotated[
        str, typer.Option("--to", metavar="ID", help="Its new id. The old one goes on to mean it.")
    ] = "",
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Its new name.")] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="Its new description.")] = None,
    dimension: DimensionOption = "category",
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Give a category another id, name or description. Its history stays its own."""
    with connected(server, data) as client:
        client.rename_category(
            tenant, category, new_id=to, new_name=name, new_description=description, dimension=dimension
        )
    console.print(f"Renamed {category!r}" + (f" to {to!r}." if to else "."))


@chart_app.command()
def merge(
    tenant: TenantArgument,
    categories: Annotated[
        list[str], typer.Argument(help="Ids of the categories that are merged.", metavar="CATEGORY...")
    ],
    into: Annotated[
        str, typer.Option("--into", metavar="CATEGORY", help="Id of the category that takes over.")
    ],
    dimension: DimensionOption = "category",
    yes: YesOption = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Merge categories into another one. It has their history at once."""
    named = ", ".join(map(repr, categories))
    confirm(f"Merge {named} into {into!r}? Only a split can part them again.", yes=yes)
    with connected(server, data) as client:
        moved = client.merge_categories(tenant, categories, into, dimension=dimension).moved
    console.print(f"Merged {named} into {into!r}: {moved:,} transactions moved.")


@chart_app.command()
def split(
    tenant: TenantArgument,
    category: CategoryArgument,
    into: SplitIntoOption,
    name: SplitNameOption = "",
    transaction: TransactionOption = None,
    file: FileOption = None,
    payee: PayeeOption = "",
    description: DescriptionOption = "",
    min_amount: MinAmountOption = None,
    max_amount: MaxAmountOption = None,
    currency: CurrencyOption = "",
    min_date: MinDateOption = None,
    max_date: MaxDateOption = None,
    dimension: DimensionOption = "category",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Give some of a category's transactions another category. All that is said of them must hold."""
    import likewise

    with reported():
        ids = [*(transaction or ()), *(lines_of(file) if file else ())]
    other = likewise.Category(dimension=dimension, id=into, name=name)
    with connected(server, data) as client:
        selection = likewise.selection(
            transaction_ids=ids,
            payee_contains=payee,
            description_contains=description,
            min_amount=min_amount,
            max_amount=max_amount,
            currency=currency,
            min_date=min_date.date() if min_date else None,
            max_date=max_date.date() if max_date else None,
        )
        chosen = client.split_category(tenant, category, other, selection, validate_only=True).moved
        if dry_run:
            console.print(f"{chosen:,} transactions of {category!r} would move to {into!r}.")
            return
        confirm(f"Move {chosen:,} transactions of {category!r} to {into!r}?", yes=yes)
        moved = client.split_category(tenant, category, other, selection).moved
    console.print(f"Split {category!r}: {moved:,} transactions moved to {into!r}.")


@chart_app.command()
def deactivate(
    tenant: TenantArgument,
    category: CategoryArgument,
    dimension: DimensionOption = "category",
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Never propose a category again. Its transactions keep it."""
    with connected(server, data) as client:
        client.deactivate_category(tenant, category, dimension=dimension)
    console.print(f"Deactivated {category!r}.")


@chart_app.command()
def purge(
    tenant: TenantArgument,
    category: CategoryArgument,
    entries_only: Annotated[
        bool, typer.Option("--entries-only", help="Only forget its transactions: the category stays.")
    ] = False,
    dimension: DimensionOption = "category",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would be erased.")] = False,
    yes: YesOption = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Forget a category with all its transactions, for good. What was merged into it goes along."""
    with connected(server, data) as client:
        doomed = client.purge_category(
            tenant, category, dimension=dimension, entries_only=entries_only, validate_only=True
        ).erased
        what = f"{doomed.entries:,} transactions" + ("" if entries_only else f" and {category!r} itself")
        if dry_run:
            console.print(f"{what} would be erased.")
            return
        confirm(f"Erase {what} for good?", yes=yes)
        purged = client.purge_category(tenant, category, dimension=dimension, entries_only=entries_only)
    has_erased = purged.HasField("receipt")
    console.print(receipt_line(purged.receipt) if has_erased else "There was nothing to erase.")


@chart_app.command()
def activate(
    tenant: TenantArgument,
    category: CategoryArgument,
    dimension: DimensionOption = "category",
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Propose a category again. One that was merged gets its id back."""
    with connected(server, data) as client:
        client.activate_category(tenant, category, dimension=dimension)
    console.print(f"Activated {category!r}.")


def chart_table(categories: "Iterable[likewise.Category]") -> Table:
    """Categories as a table."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("dimension", "category", "name", "description", ""):
        table.add_column(column, overflow="fold")
    for category in categories:
        table.add_row(
            category.dimension, category.id, category.name, category.description, _remarks(category)
        )
    return table


def _remarks(category: "likewise.Category") -> str:
    remarks = []
    if category.merged_into:
        remarks.append(f"merged into {category.merged_into}")
    elif not category.active:
        remarks.append("no longer active")
    if category.former_ids:
        remarks.append(f"formerly {', '.join(category.former_ids)}")
    return "; ".join(remarks)
