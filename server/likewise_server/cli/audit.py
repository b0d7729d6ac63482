"""``likewise audit``: what may be wrong in a tenant's own history."""

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from google.protobuf.json_format import MessageToDict
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

import likewise
from likewise_engine import limits
from likewise_engine.review import FindingKind
from likewise_server.cli.common import (
    DataOption,
    ServerOption,
    TenantArgument,
    connected,
    console,
    errors,
    fail,
    money,
    plain,
)

audit_app = typer.Typer(rich_markup_mode=None, add_completion=False)

TITLES: Final = {
    FindingKind.PROBABLE_MISTAKE: "Probable mistakes",
    FindingKind.LABEL_CONFLICT: "Look-alikes filed both ways",
    FindingKind.NEAR_DUPLICATE_CATEGORIES: "Categories that may be one",
    FindingKind.DEAD_CATEGORY: "Categories not used any more",
    FindingKind.RARE_CATEGORY: "Categories hardly used",
    FindingKind.PAYEE_SPLIT: "Payees with several categories",
    FindingKind.PAYEE_SPELLINGS: "Payees in several spellings",
}
_WORDS: Final = {kind.name.lower().replace("_", "-"): kind for kind in FindingKind}
_MARGIN_S: Final = 60
"""Beyond its budget an audit may take so long: for heads in training, and for sending what it found."""


@audit_app.command(
    epilog="Exit status: 0 it was looked through, whatever was found; 1 an error stopped it; 2 wrong usage."
)
def audit(
    tenant: TenantArgument,
    dimensions: Annotated[
        list[str] | None,
        typer.Option("--dimension", metavar="NAME", help="Look at this dimension; repeatable. All if none."),
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND", help=f"Look for this; repeatable: {', '.join(_WORDS)}."),
    ] = None,
    entries: Annotated[
        int,
        typer.Option(
            min=1, max=limits.REVIEW_ENTRIES_MAX, help="Ask about so many labels once more at most."
        ),
    ] = limits.REVIEW_ENTRIES_DEFAULT,
    limit: Annotated[
        int,
        typer.Option(min=1, max=limits.REVIEW_FINDINGS_MAX, help="Show so many of each kind and dimension."),
    ] = 10,
    seconds: Annotated[
        int,
        typer.Option(
            min=1,
            max=limits.REVIEW_BUDGET_MS_MAX // 1_000,
            help="End after so long, with what was looked at.",
        ),
    ] = limits.REVIEW_BUDGET_MS_DEFAULT // 1_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print all findings as JSON.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", dir_okay=False, help="Write a page that shows them."),
    ] = None,
    server: ServerOption = None,
    data: DataOption = None,
) -> None:
    """Look through a tenant's own history for what may be wrong in it.

    Probable mistakes (each label is asked about once more, without its entry), look-alikes filed both ways,
    categories that may be one or are not used, and payees with several categories or spellings. Each finding
    names the entries that it rests on and what could be done. Nothing is changed.
    """
    wanted = _kinds(kinds or [])
    if html is not None and not html.parent.is_dir():
        fail(f"{html} cannot be written: there is no folder {html.parent}", status=2)
    with connected(server, data) as client:
        responses = client.insight.audit(
            tenant,
            dimensions=dimensions or (),
            kinds=[likewise.FindingKind.ValueType(kind) for kind in wanted],
            max_entries=entries,
            max_findings=limit,
            budget=timedelta(seconds=seconds),
            deadline_ms=(seconds + _MARGIN_S) * 1_000,
        )
        findings, summary = _received(responses)
    if html is not None:
        from likewise_server.cli.audit_page import write_page

        try:
            write_page(html, tenant, findings, summary, TITLES)
        except OSError as error:
            fail(f"{html} cannot be written: {error}", status=2)
    if as_json:
        shown = [MessageToDict(finding, preserving_proto_field_name=True) for finding in findings]
        told = {"findings": shown, "summary": MessageToDict(summary, preserving_proto_field_name=True)}
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        _show(findings, summary)


def _kinds(words: Sequence[str]) -> list[FindingKind]:
    for word in words:
        if word not in _WORDS:
            fail(f"--kind {word}: there is no such kind; there are {', '.join(_WORDS)}", status=2)
    return [_WORDS[word] for word in words]


def _received(
    responses: Iterable[likewise.AuditTenantResponse],
) -> tuple[list[likewise.Finding], likewise.AuditSummary]:
    findings: list[likewise.Finding] = []
    summary = likewise.AuditSummary()
    with errors.status("Looking through the books …") if sys.stderr.isatty() else nullcontext() as status:
        for response in responses:
            told = response.WhichOneof("told")
            if told == "finding":
                findings.append(response.finding)
            elif told == "summary":
                summary = response.summary
            elif status is not None:
                judged, goal = response.progress.judged, response.progress.goal
                status.update(f"Asked about {judged:,} of {goal:,} labels once more …")
    return findings, summary


def _show(findings: Sequence[likewise.Finding], summary: likewise.AuditSummary) -> None:
    for kind, title in TITLES.items():
        of_kind = [finding for finding in findings if int(finding.kind) == int(kind)]
        if not of_kind:
            continue
        total = summary.found[int(kind)]
        is_part = total > len(of_kind)
        console.print(Text.assemble((title, "bold"), f": {len(of_kind)}", f" of {total:,}" * is_part))
        for finding in of_kind:
            console.print(Padding(_finding(finding), (0, 0, 0, 2), expand=False))
            if finding.entries:
                console.print(Padding(_entries(finding), (0, 0, 0, 4), expand=False))
        console.print()
    console.print(summary_line(summary))


def summary_line(summary: likewise.AuditSummary) -> str:
    """What was looked at, as a sentence."""
    looked = f"{summary.entries:,} entries as of revision {summary.revision}"
    if not summary.judgeable:
        return f"Looked at {looked}."
    asked = f"{summary.judged:,} of {summary.judgeable:,} labels were asked about once more"
    why = " (a random sample)" if summary.judged < summary.judgeable else ""
    ended = "; the time ran out" if summary.ran_out else ""
    return f"Looked at {looked}; {asked}{why}{ended}."


def _finding(finding: likewise.Finding) -> Text:
    return Text.assemble(
        (f"{finding.score:.2f} ", "dim"),
        plain(finding.message),
        " ",
        (plain(finding.action), "italic"),
    )


def _entries(finding: likewise.Finding) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1))
    for justify in ("left", "left", "right", "left", "left"):
        table.add_column(justify="right" if justify == "right" else "left", overflow="fold")
    for entry in finding.entries:
        amount = ""
        if entry.HasField("amount"):
            amount = money(likewise.money_value(entry.amount), entry.amount.currency_code)
        table.add_row(
            Text(plain(entry.transaction_id), style="dim"),
            str(likewise.date_value(entry.date) or ""),
            amount,
            Text(plain(entry.text)),
            Text(plain(entry.category)),
        )
    if finding.total_entries > len(finding.entries):
        table.add_row(Text(f"and {finding.total_entries - len(finding.entries):,} more", style="dim"))
    return table
