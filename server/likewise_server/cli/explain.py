"""``likewise explain``: why an answer is what it is, and a recorded one decided again."""

import json
from math import exp
from typing import Annotated, Final

import typer
from google.protobuf.json_format import MessageToJson, Parse, ParseError
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import likewise
from likewise_indexer.writers import decision_word
from likewise_server.cli.classify_report import show_classification
from likewise_server.cli.common import (
    DataOption,
    ServerOption,
    TenantArgument,
    connected,
    console,
    fail,
    plain,
)

explain_app = typer.Typer(rich_markup_mode=None, add_completion=False)

_SHOWN_MAX = 12
"""Features shown, the weightiest first; --json has all."""
_FIGURE_MIN: Final = 0.0005
"""Less shows as .000."""


@explain_app.command(
    epilog="Exit status: 0 it is explained, or was decided the same again; 1 it was not, or an error"
    " stopped it; 2 wrong usage."
)
def explain(
    tenant: TenantArgument,
    entry: Annotated[
        str, typer.Argument(metavar="ID", help="Id of an entry of the books.", show_default=False)
    ] = "",
    transaction: Annotated[
        str,
        typer.Option(
            metavar="JSON", help="Explain a transaction instead, as the contract's Transaction in JSON."
        ),
    ] = "",
    prediction: Annotated[
        str, typer.Option(metavar="ID", help="Explain a recorded answer instead, by its prediction_id.")
    ] = "",
    replay: Annotated[
        bool, typer.Option("--replay", help="Decide the recorded answer again, and compare bit by bit.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Explain why a transaction is answered as it is.

    An entry of the books is explained as of before it was labelled: it is left out of its own evidence. Shown
    are the answer with its neighbours, what each feature tells for the first candidate against the second,
    what it takes to FILE, and what would have been answered without some entries or details.
    """
    if sum(map(bool, (entry, transaction, prediction))) != 1:
        fail("give the ID of an entry, --transaction or --prediction: one of them", status=2)
    if replay and not prediction:
        fail("--replay decides a recorded answer again: name it by --prediction", status=2)
    with connected(server, data) as client:
        if replay:
            replayed = client.insight.replay(tenant, prediction)
        else:
            asked = _transaction(transaction) if transaction else entry
            explanation = client.insight.explain(tenant, asked, prediction_id=prediction)
    if replay:
        _show_replay(replayed, as_json=as_json)
    elif as_json:
        typer.echo(MessageToJson(explanation, preserving_proto_field_name=True, ensure_ascii=False))
    else:
        _show(explanation)


def _transaction(told: str) -> likewise.Transaction:
    try:
        return Parse(told, likewise.Transaction())
    except (ParseError, json.JSONDecodeError) as error:
        told = str(error).partition("\n")[0]  # What follows are Python's names of all other fields.
        fail(f"--transaction is no transaction of the contract: {told}", status=2)


def _show_replay(replayed: likewise.ReplayPredictionResponse, *, as_json: bool) -> None:
    if as_json:
        typer.echo(MessageToJson(replayed, preserving_proto_field_name=True, ensure_ascii=False))
    elif replayed.is_identical:
        when = f"{replayed.time.ToDatetime():%Y-%m-%d %H:%M:%S} UTC"
        console.print(f"identical: decided again as on {when}, at revision {replayed.recorded.revision}")
    for difference in () if as_json else replayed.differences:
        console.print(plain(difference), soft_wrap=True)
    if not replayed.is_identical:
        raise typer.Exit(1)


def _show(explanation: likewise.Explanation) -> None:
    if explanation.is_of_books:
        console.print("An entry of the books: it was left out, as of before it was labelled.")
        for part in explanation.still_known:
            console.print(f"Still known of it: {part}.")
    show_classification(explanation.classification)
    for dimension in explanation.dimensions:
        console.print()
        console.print(Text(f"Why, in {plain(dimension.answer.dimension)}", style="bold"))
        if dimension.label:
            console.print(f"  The books say {plain(dimension.label)}.")
        if dimension.HasField("contrast"):
            _show_contrast(dimension.contrast)
        _show_threshold(dimension.threshold)
        for one in dimension.counterfactuals:
            _show_counterfactual(one)


def _show_contrast(contrast: likewise.Contrast) -> None:
    first, second, times = plain(contrast.first), plain(contrast.second), exp(abs(contrast.log_odds))
    order = "likelier" if contrast.log_odds >= 0 else "less likely"
    console.print(f"  By the vote, {first} is {times:,.3g} times {order} than {second}.")
    if not contrast.contributions:
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1))
    table.add_column("odds", justify="right")
    table.add_column("witness")
    table.add_column("what it says", overflow="fold")
    table.add_column(first, justify="right")
    table.add_column(second, justify="right")
    for one in contrast.contributions[:_SHOWN_MAX]:
        odds = f"× {exp(one.log_odds):.2f}"
        table.add_row(odds, one.witness, one.meaning, _figure(one.first), _figure(one.second))
    rest = contrast.contributions[_SHOWN_MAX:]
    if rest:
        table.add_row(f"× {exp(sum(one.log_odds for one in rest)):.2f}", "", f"{len(rest)} more", "", "")
    console.print(Padding(table, (0, 0, 0, 2), expand=False))


def _figure(value: float) -> str:
    """Three digits, and none beyond the third decimal."""
    return f"{value:.3g}" if abs(value) >= _FIGURE_MIN or not value else f"{value:.3f}"


def _show_threshold(threshold: likewise.FileThreshold) -> None:
    is_at = f"{threshold.calibrated:.1%} (by the vote alone {threshold.voted:.1%})"
    takes = (
        f"{threshold.probability:.1%} it takes to file at {threshold.target_precision:.1%}"
        if threshold.HasField("probability")
        else f"nothing would file at {threshold.target_precision:.1%} yet"
    )
    record = f"{threshold.outcomes:,} outcomes"
    if threshold.filed:
        record += f"; of the last {threshold.filed} that were filed {threshold.filed_wrong} were wrong"
    console.print(f"  Sure by {is_at}; {takes}; calibrated by {record}.")
    if threshold.HasField("target_precision_met"):
        console.print(f"  It files at targets up to {threshold.target_precision_met:.1%}.")


def _show_counterfactual(one: likewise.Counterfactual) -> None:
    first = f"{decision_word(one.decision)} {plain(one.category)} ({one.probability:.0%})"
    mark = "→" if one.changes_answer else "="
    console.print(f"  {mark} {one.change}: {first}")
    for entry in one.entries:
        labels = ", ".join(plain(label) for label in entry.labels.values())
        day = likewise.date_value(entry.date) or ""
        console.print(f"      {plain(entry.transaction_id)} {day} {plain(entry.text)}: {labels}")
