"""``likewise feedback``: how good the answers were, and whether something has changed since."""

import datetime
import json
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer
from rich.table import Table

from likewise_server.cli.common import DataOption, ServerOption, connected, console, errors, plain

if TYPE_CHECKING:
    import likewise

    Cell: TypeAlias = Callable[[likewise.FeedbackGroup], str]

feedback_app = typer.Typer(rich_markup_mode=None, add_completion=False)

_CATEGORIES_SHOWN: Final = 15
_FIGURES: Final = ("answered", "judged", "offered", "right", "95 % sure", "stated")
_WHOLE: Final = ("from", "decision")


class PeriodName(StrEnum):
    """By which stretches of time answers are counted."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@feedback_app.command()
def feedback(
    tenant: Annotated[
        str, typer.Argument(help="Id of the tenant; none for all, in short.", metavar="TENANT")
    ] = "",
    period: Annotated[PeriodName, typer.Option(help="Count by day, week or month.")] = PeriodName.WEEK,
    since: Annotated[
        datetime.datetime | None,
        typer.Option(metavar="DATE", formats=["%Y-%m-%d"], help="Only answers from this day on (UTC)."),
    ] = None,
    until: Annotated[
        datetime.datetime | None,
        typer.Option(metavar="DATE", formats=["%Y-%m-%d"], help="Only answers before this day (UTC)."),
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            help="Draw the precision of what was FILEd over time against the target, into this file.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON; a line a tenant where none is named.")] = (
        False
    ),
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Show what became of answers, by decision, witness, category and time; and what has changed.

    Of answers that nobody has labelled since there is no telling: teach what was right, too.
    """
    if not tenant and (svg is not None or since is not None or until is not None):
        raise typer.BadParameter("--svg, --since and --until are of one tenant: name it")
    with connected(server, data) as client:
        if not tenant:
            _show_overview(client.feedback.overview(), as_json=as_json)
            return
        told = client.feedback.get(
            tenant,
            start=since and since.date(),
            end=until and until.date(),
            period=_number(period),
        )
    if svg is not None:
        _draw(told, svg)
    if as_json:
        console.print(json.dumps(_as_json(told)), soft_wrap=True)
        return
    _show(told)


def _number(period: PeriodName) -> "likewise.FeedbackPeriod.ValueType":
    import likewise

    return likewise.FeedbackPeriod.Value(f"FEEDBACK_PERIOD_{period.name}")


def _draw(told: "likewise.GetFeedbackResponse", file: Path) -> None:
    from likewise_server.cli.feedback_plot import precision_svg

    drawn = precision_svg(told)
    if drawn is None:
        errors.print("Nothing that was FILEd has been judged yet: there is nothing to draw.")
        return
    file.write_text(drawn, encoding="utf-8")
    errors.print(f"Drawn: {file}")


def _as_json(told: "likewise.GetFeedbackResponse | likewise.TenantFeedback") -> Mapping[str, object]:
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(told, preserving_proto_field_name=True)


def _show(told: "likewise.GetFeedbackResponse") -> None:
    for alert in told.alerts:
        _show_alert(alert)
    if not told.decisions:
        console.print("No answer has been recorded yet.")
        return
    _table("By decision", told.decisions, {})
    is_one = len({group.dimension for group in told.decisions}) == 1
    for title, groups, leading in (
        ("Over time", told.periods, {"from": _start}),
        ("By witness", told.witnesses, {"witness": _witness}),
        ("By proposed category", told.categories[:_CATEGORIES_SHOWN], {"category": _category}),
    ):
        _table(title, groups, leading, is_one_dimension=is_one)
    console.print(
        f"{told.predictions:,} answers are kept. {told.target_precision:.1%} of what is FILEd is to be right."
    )


def _show_overview(tenants: "Iterable[likewise.TenantFeedback]", *, as_json: bool) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("tenant", "dimension", "decision", "answered", "judged", "right", "95 % sure", "alerts"):
        _add_column(table, heading)
    for tenant in tenants:
        if as_json:
            console.print(json.dumps(_as_json(tenant)), soft_wrap=True)
            continue
        alerts = ", ".join(alert.measure for alert in tenant.alerts)
        for group in tenant.decisions:
            cells = _cells(group)
            table.add_row(plain(tenant.tenant), *cells[:4], *cells[5:7], alerts)
    if not as_json:
        console.print(table if table.row_count else "No answer has been recorded yet.")


def _show_alert(alert: "likewise.Alert") -> None:
    where = f" ({plain(alert.dimension)})" if alert.dimension else ""
    console.print(f"Changed: {alert.measure}{where}", style="bold yellow")
    console.print(plain(alert.message))
    console.print(f"{plain(alert.advice)}\n", style="dim")


def _table(
    title: str,
    groups: "Iterable[likewise.FeedbackGroup]",
    told: "Mapping[str, Cell]",
    *,
    is_one_dimension: bool = False,
) -> None:
    headings = ["dimension", "decision", "answered", "judged", "offered", "right", "95 % sure", "stated"]
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for heading in (*told, *headings[is_one_dimension:]):
        _add_column(table, heading)
    for group in groups:
        leading = [cell(group) for cell in told.values()]
        table.add_row(*leading, *_cells(group)[is_one_dimension:])
    console.print(table)
    console.print()


def _add_column(table: Table, heading: str) -> None:
    """Names give way where a line is short; days and figures do not."""
    is_figure = heading in _FIGURES
    table.add_column(
        heading,
        overflow="fold",
        no_wrap=is_figure or heading in _WHOLE,
        justify="right" if is_figure else "left",
    )


def _cells(group: "likewise.FeedbackGroup") -> list[str]:
    import likewise

    counts = group.counts
    judged = counts.accepted + counts.corrected
    decision = likewise.Decision.Name(group.decision).removeprefix("DECISION_")
    cells = [plain(group.dimension), decision, f"{counts.answered:,}", f"{judged:,}", f"{counts.offered:,}"]
    if not counts.HasField("precision"):
        return [*cells, "", "", ""]
    interval = f"{counts.precision_low:.1%}–{counts.precision_high:.1%}"
    return [*cells, f"{counts.precision:.1%}", interval, f"{counts.precision_stated:.1%}"]


def _start(group: "likewise.FeedbackGroup") -> str:
    start = group.start_date
    return f"{start.year:04}-{start.month:02}-{start.day:02}"


def _witness(group: "likewise.FeedbackGroup") -> str:
    import likewise

    return likewise.Witness.Name(group.witness).removeprefix("WITNESS_").replace("_", " ").lower()


def _category(group: "likewise.FeedbackGroup") -> str:
    return plain(group.category) or "(none)"
