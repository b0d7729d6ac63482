"""``likewise classify``: what would this bookkeeper do with this transaction, or with those of a file?"""

import datetime
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from google.protobuf.json_format import MessageToJson

import likewise
from likewise_engine import limits
from likewise_server.cli import files
from likewise_server.cli.classify_file import Output, classify_sources, interruptible
from likewise_server.cli.classify_report import show_classification
from likewise_server.cli.common import DataOption, ServerOption, connected, console, errors, fail, plain
from likewise_server.cli.suggestions import settled, told

_USAGE: Final = 2
_AMOUNT: Final = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
_OF_ONE: Final = {
    *("payee", "description", "amount", "date", "account", "direction", "fields", "as_json"),
    *("transaction_id", "wait_suggestion", "wording"),
}
"""Parameters that describe one transaction."""
_OF_FILES: Final = {
    *("out", "force", "tenant_column", "mapped", "ignored", "keep_fields", "date_format", "decimal"),
    *("encoding", "separator", "skip_rows"),
}
"""Parameters that say how files are read and written."""
_NO_NEIGHBOURS: Final = -1
"""``max_neighbours`` for none at all, since 0 is the default."""
_NOT_ASKED: Final = "The server asks no language model about it: it has none, or as much to ask as it takes."


class Way(StrEnum):
    """Which way the money went."""

    IN = "in"
    OUT = "out"


_DIRECTIONS: Final = {
    None: likewise.Direction.DIRECTION_UNSPECIFIED,
    Way.IN: likewise.Direction.DIRECTION_IN,
    Way.OUT: likewise.Direction.DIRECTION_OUT,
}

TenantArgument = Annotated[
    str,
    typer.Argument(metavar="TENANT", help="Whose books; not given with --tenant-column.", show_default=False),
]
PayeeOption = Annotated[
    str, typer.Option(metavar="TEXT", help="The other party, as the bank or the invoice words it.")
]
DescriptionOption = Annotated[str, typer.Option(metavar="TEXT", help="Whatever else is worded about it.")]
AmountOption = Annotated[
    str, typer.Option(metavar="NUMBER", help="As booked, with a decimal point: -1234.50.")
]
CurrencyOption = Annotated[
    str, typer.Option(metavar="CODE", help="Of the amount, or of a file's amounts that name none.")
]
DateOption = Annotated[
    datetime.datetime | None, typer.Option(metavar="YYYY-MM-DD", formats=["%Y-%m-%d"], help="Booking date.")
]
AccountOption = Annotated[str, typer.Option(metavar="NAME", help="The own account that it was booked on.")]
DirectionOption = Annotated[
    Way | None, typer.Option(help="Which way the money went; the amount takes its sign from it.")
]
FieldOption = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="NAME=VALUE",
        help="A further field, such as counterparty_iban=DE89370400440532013000; repeatable.",
    ),
]
IdOption = Annotated[
    str, typer.Option("--id", metavar="ID", help="Its id. What is kept of it can be forgotten by that.")
]
WaitOption = Annotated[
    bool,
    typer.Option(
        "--wait-suggestion",
        help="Where it is an ASK, wait for what the server's language model says. Needs --id.",
    ),
]
WordingOption = Annotated[
    bool, typer.Option("--wording", help="Show what the wording was taken to pieces as, too.")
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print the whole answer as JSON: the contract's Classification by protobuf's JSON mapping, with"
        " the names of the contract. What is 0 or empty is left out, as there.",
    ),
]
InOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--in",
        metavar="FILE",
        help="Classify the transactions of a CSV, Parquet or NDJSON file, or a folder of them; repeatable.",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Where the answers go: .csv, .ndjson or .parquet, or - for NDJSON on standard output.",
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace the file of answers if it is there.")]
DimensionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--dimension",
        metavar="NAME",
        help="What to answer, such as tax_code; repeatable. All that the tenant uses if not given; with"
        " --tenant-column the category.",
    ),
]
TargetPrecisionOption = Annotated[
    float | None,
    typer.Option(
        min=0.5,
        max=0.999,
        metavar="SHARE",
        help="How much of what is FILEd must be right; the tenant's policy if not given. Higher files less.",
        show_default=False,
    ),
]
CandidatesOption = Annotated[
    int,
    typer.Option("--candidates", min=1, max=limits.CANDIDATES_MAX, help="Candidates for each dimension."),
]
NeighboursOption = Annotated[
    int, typer.Option("--neighbours", min=0, max=limits.NEIGHBOURS_MAX, help="Neighbours to show.")
]
MinRevisionOption = Annotated[
    int, typer.Option(min=0, metavar="NUMBER", help="The revision that answers must at least have seen.")
]

# Without rich's table, whose columns leave no room for whole sentences.
classify_app = typer.Typer(rich_markup_mode=None, add_completion=False)


@classify_app.command(
    epilog="Exit status: 0 all was answered; 1 some rows have errors (the column error has them), or an error"
    " stopped it; 2 wrong usage, columns that are not clear, or a file that cannot be written there; 130"
    " interrupted, and then no file is left."
)
def classify(
    ctx: typer.Context,
    tenant: TenantArgument = "",
    payee: PayeeOption = "",
    description: DescriptionOption = "",
    amount: AmountOption = "",
    currency: CurrencyOption = "",
    date: DateOption = None,
    account: AccountOption = "",
    direction: DirectionOption = None,
    fields: FieldOption = None,
    transaction_id: IdOption = "",
    wait_suggestion: WaitOption = False,
    wording: WordingOption = False,
    as_json: JsonOption = False,
    inputs: InOption = None,
    out: OutOption = None,
    force: ForceOption = False,
    dimensions: DimensionOption = None,
    target_precision: TargetPrecisionOption = None,
    candidates: CandidatesOption = limits.CANDIDATES_DEFAULT,
    neighbours: NeighboursOption = limits.NEIGHBOURS_DEFAULT,
    min_revision: MinRevisionOption = 0,
    server: ServerOption = None,
    data: DataOption = None,
    tenant_column: files.TenantColumnOption = "",
    mapped: files.MapOption = None,
    ignored: files.IgnoreOption = None,
    keep_fields: files.KeepFieldsOption = False,
    date_format: files.DateFormatOption = "",
    decimal: files.DecimalOption = None,
    encoding: files.EncodingOption = "",
    separator: files.SeparatorOption = "",
    skip_rows: files.SkipRowsOption = None,
) -> None:
    """Classify one transaction, or the transactions of files.

    One is described by options and answered as a table: decision, candidates with their probabilities, and
    the past entries that speak for them, each with the similarity of its text and its share in the evidence.

    Files are read as likewise index reads them; their labels are not looked at, and nothing is learned. For
    each row there is one in the file of answers, with its number, what was asked, and for each dimension the
    first candidate, its probability, the decision and the reason, the alternatives and the neighbours.
    """
    options = likewise.ClassifyOptions(
        target_precision=target_precision or 0.0,
        min_revision=min_revision,
        dimensions=dimensions,
        max_candidates=candidates,
        max_neighbours=neighbours or _NO_NEIGHBOURS,
        show_wording=wording,
    )
    _check_kind(ctx, with_files=bool(inputs))
    _check_whose(tenant, tenant_column)
    if not inputs:
        asked = _transaction(payee, description, amount, currency, date, account, direction, fields)
        asked.id = transaction_id
        if wait_suggestion and not transaction_id:
            fail("--wait-suggestion needs --id: what has none is not asked about", status=_USAGE)
        _classify_one(server, data, tenant, asked, options, as_json=as_json, waits=wait_suggestion)
        return
    source_options = files.source_options(
        tenant_column=tenant_column,
        mapped=mapped,
        labels=None,
        ignored=ignored,
        keep_fields=keep_fields,
        currency=currency,
        date_format=date_format,
        decimal=decimal,
        text=files.text_options(encoding, separator, skip_rows),
    )
    output = Output.checked(out, replace=force)
    sources = files.open_sources(inputs, source_options, labelled=False, tenants=not tenant)
    with interruptible(output) as interruption, connected(server, data) as client:
        classify_sources(client, sources, tenant or None, options, output, interruption)


def _classify_one(
    server: str | None,
    data: Path | None,
    tenant: str,
    transaction: likewise.Transaction,
    options: likewise.ClassifyOptions,
    *,
    as_json: bool,
    waits: bool,
) -> None:
    with connected(server, data) as client:
        classification = client.classify(tenant, transaction, options=options)
        if as_json:
            typer.echo(MessageToJson(classification, preserving_proto_field_name=True, ensure_ascii=False))
        else:
            show_classification(classification)
        where = errors if as_json else console
        for answer in classification.answers if waits else ():
            if answer.suggestion_id:
                suggestion = settled(client, tenant, answer.suggestion_id)
                where.print(f"{plain(answer.dimension)}: {told(suggestion)}")
            elif answer.decision == likewise.Decision.DECISION_ASK:
                where.print(f"{plain(answer.dimension)}: {_NOT_ASKED}")


def _transaction(
    payee: str,
    description: str,
    amount: str,
    currency: str,
    date: datetime.datetime | None,
    account: str,
    direction: Way | None,
    fields: list[str] | None,
) -> likewise.Transaction:
    """The transaction that the options describe; what they cannot mean ends the command."""
    files.check_currency(currency)
    if not (payee or description):
        fail("describe a transaction by --payee or --description, or name a file by --in", status=_USAGE)
    if amount and not _AMOUNT.fullmatch(amount):
        fail(
            f"--amount {amount}: give a number with a decimal point and no thousands separators: -1234.50",
            status=_USAGE,
        )
    try:
        return likewise.transaction(
            payee=payee,
            description=description,
            amount=amount or None,
            currency=currency,
            date=date and date.date(),
            account=account,
            direction=_DIRECTIONS[direction],
            fields=dict(files.pairs("--field", fields, "NAME=VALUE")),
        )
    except ValueError as error:  # more digits than any amount has, say
        fail(str(error), status=_USAGE)


def _check_whose(tenant: str, tenant_column: str) -> None:
    if bool(tenant) == bool(tenant_column):
        fail(
            "name a TENANT, or the column of a file that does by --tenant-column: one of them", status=_USAGE
        )


def _check_kind(ctx: typer.Context, *, with_files: bool) -> None:
    """End the command where an option of one kind is given for the other."""
    refused = _OF_ONE if with_files else _OF_FILES
    why = "describes one transaction, and --in names files" if with_files else "is about files: give --in"
    for parameter in ctx.command.params:
        source = ctx.get_parameter_source(str(parameter.name))
        if parameter.name in refused and source is not None and source.name == "COMMANDLINE":
            fail(f"{parameter.opts[0]} {why}", status=_USAGE)
