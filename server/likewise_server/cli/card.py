"""``likewise card``: a tenant's own memory, for people and programs."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown

from likewise_server.cli.common import DataOption, ServerOption, TenantArgument, connected, console, reported

card_app = typer.Typer(rich_markup_mode=None, add_completion=False)


@card_app.command()
def card(
    tenant: TenantArgument,
    wordings: Annotated[
        bool, typer.Option("--wordings", help="Show the most frequent wordings of its entries too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
    markdown: Annotated[
        Path | None,
        typer.Option(metavar="FILE.md", dir_okay=False, help="Write it there, as Markdown."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", dir_okay=False, help="Write it there, as a page."),
    ] = None,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Write the card of a tenant's memory.

    What it holds, how well it did and in which categories, what is kept, and how it is erased. No wording of
    an entry is in it, unless --wordings asks for it.
    """
    with connected(server, data) as client:
        found = client.cards.get(tenant, wordings=wordings)
    with reported():
        for path, text in ((markdown, found.markdown), (html, found.html)):
            if path is not None:
                path.write_text(text, encoding="utf-8")
                console.print(f"Written: {path}", soft_wrap=True)
    if as_json:
        typer.echo(found.record_json)
    elif markdown is None and html is None:
        console.print(Markdown(found.markdown))
