"""``likewise suggestions``: what a language model said of what was ASKed, and how often it was right."""

import json
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from likewise_server.cli.common import DataOption, ServerOption, TenantArgument, connected, console, plain

if TYPE_CHECKING:
    import likewise

suggestions_app = typer.Typer(rich_markup_mode=None, add_completion=False)

_POLL_S: Final = 0.25


@suggestions_app.command()
def suggestions(
    tenant: TenantArgument,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show each as it comes, until interrupted. Needs a server.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Show so many at most, the latest.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each suggestion.")] = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Show what a language model suggested, the latest first, and how often it was right."""
    with connected(server, data) as client:
        if watch:
            for suggestion in client.suggestions.watch(tenant, deadline_ms=None):
                _print_line(suggestion, as_json=as_json)
            return
        found = list(islice(client.suggestions.list(tenant), limit))
        records = client.suggestions.records(tenant)
    if as_json:
        for suggestion in found:
            _print_line(suggestion, as_json=True)
        return
    console.print(_table(found) if found else "There are no suggestions: see likewise serve --llm-url.")
    for record in records:
        console.print(
            f"{plain(record.model)} on {record.dimension}: {record.right:,} right, {record.wrong:,} wrong,"
            f" {record.open:,} without a label yet."
        )


def settled(client: "likewise.Client", tenant: str, suggestion_id: str) -> "likewise.Suggestion":
    """What becomes of a question, waited for; the id bounds how long."""
    import likewise

    while True:
        suggestion = client.suggestions.get(tenant, suggestion_id)
        if suggestion.state != likewise.SuggestionState.SUGGESTION_STATE_PENDING:
            return suggestion
        time.sleep(_POLL_S)


def told(suggestion: "likewise.Suggestion") -> str:
    """A suggestion as a sentence."""
    import likewise

    match suggestion.state:
        case likewise.SuggestionState.SUGGESTION_STATE_ANSWERED:
            return f"{plain(suggestion.model)} suggests {plain(suggestion.category_name)!r}."
        case likewise.SuggestionState.SUGGESTION_STATE_NONE_FITS:
            return f"{plain(suggestion.model)} says that no category fits, or that it cannot tell."
        case _:
            return "No suggestion came."


def _print_line(suggestion: "likewise.Suggestion", *, as_json: bool) -> None:
    if as_json:
        from google.protobuf.json_format import MessageToDict

        shown = MessageToDict(suggestion, preserving_proto_field_name=True)
        console.print(json.dumps(shown, ensure_ascii=False), soft_wrap=True)
    else:
        console.print(
            f"{plain(suggestion.text)} ({suggestion.dimension}): {told(suggestion)}", soft_wrap=True
        )


def _table(suggestions: Iterable["likewise.Suggestion"]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("transaction", "text", "dimension", "suggested", "labelled since", "model"):
        table.add_column(column, overflow="fold")
    for suggestion in suggestions:
        table.add_row(*_cells(suggestion))
    return table


def _cells(suggestion: "likewise.Suggestion") -> Iterator[str]:
    yield plain(suggestion.transaction_id)
    yield plain(suggestion.text)
    yield plain(suggestion.dimension)
    yield plain(suggestion.category_name) or "none fits"
    if not suggestion.label:
        yield ""
    else:
        yield "the same" if suggestion.label == suggestion.category else plain(suggestion.label)
    yield plain(suggestion.model)
