"""``likewise index``: the history of one tenant or of many, from files, in bulk."""

import codecs
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

import typer

from likewise_engine import limits
from likewise_indexer.bulk import (
    BulkImport,
    CheckingSink,
    EngineSink,
    RejectFile,
    ServerSink,
    Sink,
    Source,
    SourceOptions,
    Tally,
    TenantChart,
    open_source,
    read_chart,
)
from likewise_indexer.readers import (
    MEANINGS,
    ColumnsUnclear,
    ColumnWishes,
    RejectedRow,
    TextOptions,
    find_files,
)
from likewise_indexer.readers.headers import CATEGORY, TENANT
from likewise_server.cli.common import DataOption, ServerOption, connected, console, fail, reported
from likewise_server.cli.index_report import ProgressLine, show_plan, show_rejected, show_tally
from likewise_server.lifecycle import open_tenants, stop_signals
from likewise_server.settings import Settings

_USAGE: Final = 2
_INTERRUPTED: Final = 130
_REJECTS_SUFFIX: Final = ".rejects.csv"
_SEPARATORS: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


class DecimalMark(StrEnum):
    """What stands before the decimals of an amount."""

    COMMA = "comma"
    POINT = "point"


# Without rich's table, whose columns leave no room for whole sentences.
index_app = typer.Typer(rich_markup_mode=None)


@index_app.command(
    epilog="Exit status: 0 all rows are in; 1 some were rejected (the good ones are in), or an error stopped"
    " the import; 2 wrong usage, or columns that are not clear; 130 interrupted. After 1 and 130 run the same"
    " command again: what is in already stays as it is."
)
def index(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="[TENANT] FILE...",
            help="Whose history, unless --tenant-column says it; and CSV, Parquet or NDJSON files, or folders"
            " of them, compressed by gzip or not.",
            show_default=False,
        ),
    ],
    server: ServerOption = None,
    data: DataOption = None,
    tenant_column: Annotated[
        str, typer.Option(metavar="COLUMN", help="The column that says whose row it is: many tenants' files.")
    ] = "",
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="MEANING=COLUMN",
            help="What a column means, where its name does not tell; repeatable. Meanings:"
            f" {', '.join(MEANINGS[1:])}. Several columns can make up the description.",
        ),
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--label",
            metavar="DIMENSION=COLUMN",
            help="A column of labels of a further dimension, such as tax_code=VAT; repeatable.",
        ),
    ] = None,
    ignored: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="COLUMN", help="A column that means nothing; repeatable."),
    ] = None,
    keep_fields: Annotated[
        bool,
        typer.Option("--keep-fields", help="Keep columns without a meaning as fields of the transaction."),
    ] = False,
    currency: Annotated[
        str, typer.Option(metavar="CODE", help="Of amounts that name none, such as EUR.")
    ] = "",
    date_format: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="day-first, month-first, or a pattern such as %d.%m.%Y. Found out if not given.",
        ),
    ] = "",
    decimal: Annotated[
        DecimalMark | None, typer.Option(help="What stands before decimals. Found out if not given.")
    ] = None,
    encoding: Annotated[
        str, typer.Option(metavar="NAME", help="Of text files, such as cp1250. Found out if not given.")
    ] = "",
    separator: Annotated[
        str, typer.Option(metavar="CHARACTER", help="Of CSV files; tab is one too. Found out if not given.")
    ] = "",
    skip_rows: Annotated[
        int | None,
        typer.Option(min=0, metavar="COUNT", help="Lines above the header. Found out if not given."),
    ] = None,
    rejects: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            dir_okay=False,
            help=f"Where rejected rows go; beside each file, as FILE{_REJECTS_SUFFIX}, if not given.",
        ),
    ] = None,
    chart: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            dir_okay=False,
            help='The tenant\'s chart: {"name": ..., "categories": [{"id", "name", "description"}, ...]}.',
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the rows; import and write nothing.")
    ] = False,
    no_create: Annotated[
        bool, typer.Option("--no-create", help="Refuse tenants that do not exist, instead of creating them.")
    ] = False,
) -> None:
    """Index a tenant's history from files, in bulk.

    Columns are recognised by the names that banks, ledgers and spreadsheets give them, in a dozen languages,
    and how a file writes dates and amounts by their values. What was understood is shown first. Rows that are
    wrong are put aside with the reason and do not stop the others; rows without a label are skipped.

    Rows are known by their id, or by their content where they have none: a file can be indexed again, whole
    or grown, and only what is new or changed is written.
    """
    tenant, paths = _tenant_and_paths(names, tenant_column, chart)
    options = _options(
        tenant_column,
        _pairs("--map", mapped),
        _pairs("--label", labels),
        ignored or [],
        keep_fields=keep_fields,
        currency=currency,
        date_format=date_format,
        decimal=decimal,
        text=_text_options(encoding, separator, skip_rows),
    )
    sources = _sources(paths, options, tenants=tenant is None)
    show_plan(sources)
    with reported():
        tenant_chart = TenantChart() if chart is None else read_chart(chart)
    with ExitStack() as stack:
        # Where nothing is written, rejected rows are only where they are asked for.
        keeps_rejects = not dry_run or rejects is not None
        sink = CheckingSink() if dry_run else stack.enter_context(_sink(server, data, creates=not no_create))
        rejected = stack.enter_context(_Rejected(sources, rejects, keeps=keeps_rejects))
        tally = _run(sink, sources, tenant, tenant_chart, rejected, dry_run=dry_run)
    if not tally.is_complete:
        raise typer.Exit(_INTERRUPTED)
    if tally.total.rejected:
        raise typer.Exit(1)


def _run(
    sink: Sink,
    sources: Sequence[Source],
    tenant: str | None,
    chart: TenantChart,
    rejected: "_Rejected",
    *,
    dry_run: bool,
) -> Tally:
    """Import, and tell what came of it whether it ends well or not."""
    started = time.monotonic()
    with stop_signals() as stopped, ProgressLine() as progress:
        job = BulkImport(
            sink,
            tenant=tenant,
            chart=chart,
            on_rejected=rejected.add,
            on_progress=progress.update,
            keep_on=lambda: not stopped.is_set(),
        )
        try:
            with reported():
                job.run(sources)
        finally:
            progress.stop()
            rejected.close()
            show_rejected(rejected.shown, job.tally.total.rejected, rejected.paths)
            show_tally(job.tally, time.monotonic() - started, dry_run=dry_run)
    if job.tally.is_complete:
        with console.status("Building the indexes that are due; they can be searched meanwhile"):
            sink.finish()
    return job.tally


@contextmanager
def _sink(server: str | None, data: Path | None, *, creates: bool) -> Iterator[Sink]:
    """A running server; or a data folder of our own, without the way over gRPC, which costs speed."""
    if data is None or server is not None:
        with connected(server, data) as client:
            yield ServerSink(client, creates=creates)
        return
    with reported(), open_tenants(Settings(data=data)) as tenants:
        yield EngineSink(tenants, creates=creates)


class _Rejected:
    """The rejected rows: to their files, and the first of them to be shown. A context manager."""

    def __init__(self, sources: Sequence[Source], path: Path | None, *, keeps: bool) -> None:
        self.shown: list[tuple[Source, RejectedRow]] = []
        self._files: Mapping[Path, RejectFile] = {}
        if keeps and path is not None:
            together = RejectFile(path, [column for source in sources for column in source.plan.used])
            self._files = {source.reader.path: together for source in sources}
        elif keeps:
            self._files = {
                source.reader.path: RejectFile(
                    source.reader.path.with_name(source.reader.path.name + _REJECTS_SUFFIX), source.plan.used
                )
                for source in sources
            }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def paths(self) -> list[Path]:
        """The files that were written."""
        return [file.path for file in dict.fromkeys(self._files.values()) if file.is_written]

    def add(self, source: Source, rejected: RejectedRow) -> None:
        """Take a row. Raises OSError where it cannot be written."""
        if len(self.shown) < limits.REJECTS_SHOWN_MAX:
            self.shown.append((source, rejected))
        if file := self._files.get(source.reader.path):
            file.add(source.reader.path, source.plan.used, rejected)

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


def _tenant_and_paths(
    names: list[str], tenant_column: str, chart: Path | None
) -> tuple[str | None, list[Path]]:
    """Whose files, None where a column says it; and which."""
    if tenant_column:
        if chart is not None:
            fail("--chart is one tenant's, and --tenant-column is for files of many", status=_USAGE)
        return None, [Path(name) for name in names]
    if len(names) < 2:
        fail(
            f"only {names[0]!r} is given: name the tenant and then its files, or give --tenant-column COLUMN",
            status=_USAGE,
        )
    return names[0], [Path(name) for name in names[1:]]


def _sources(paths: Sequence[Path], options: SourceOptions, *, tenants: bool) -> list[Source]:
    with reported():
        try:
            files = find_files(paths)
            return [open_source(file, options, labelled=True, tenants=tenants) for file in files]
        except ColumnsUnclear as error:
            fail(error.message, status=_USAGE)


def _options(
    tenant_column: str,
    mapped: Sequence[tuple[str, str]],
    labels: Sequence[tuple[str, str]],
    ignored: Sequence[str],
    *,
    keep_fields: bool,
    currency: str,
    date_format: str,
    decimal: DecimalMark | None,
    text: TextOptions,
) -> SourceOptions:
    columns: dict[str, tuple[str, ...]] = {}
    for meaning, column in mapped:
        if meaning == TENANT:
            fail("give the column of tenants as --tenant-column COLUMN", status=_USAGE)
        columns[meaning] = (*columns.get(meaning, ()), column)
    if tenant_column:
        columns[TENANT] = (tenant_column,)
    by_dimension = dict(labels)
    if CATEGORY in by_dimension:
        columns[CATEGORY] = (by_dimension.pop(CATEGORY),)
    if currency and not re.fullmatch("[A-Z]{3}", currency):
        fail(f"--currency {currency}: give an ISO 4217 code such as EUR", status=_USAGE)
    if date_format not in ("", "day-first", "month-first") and "%" not in date_format:
        fail(
            f"--date-format {date_format}: give day-first, month-first, or a pattern such as %d.%m.%Y",
            status=2,
        )
    return SourceOptions(
        text=text,
        columns=ColumnWishes(
            columns=columns,
            labels=by_dimension,
            ignored=tuple(ignored),
            keep_fields=keep_fields,
            currency=currency,
        ),
        date_format=date_format,
        decimal_mark=decimal and ("," if decimal is DecimalMark.COMMA else "."),
    )


def _text_options(encoding: str, separator: str, skip_rows: int | None) -> TextOptions:
    separator = _SEPARATORS.get(separator, separator)
    if len(separator) > 1 or separator in ('"', "\r", "\n"):
        fail(f"--separator {separator!r}: give one character, or tab", status=_USAGE)
    if encoding:
        try:
            codecs.lookup(encoding)
        except LookupError:
            fail(
                f"--encoding {encoding}: there is none of this name; try utf-8, cp1252 or cp1250",
                status=_USAGE,
            )
    return TextOptions(encoding, separator, skip_rows)


def _pairs(option: str, values: Sequence[str] | None) -> list[tuple[str, str]]:
    """The two sides of ``NAME=COLUMN``."""
    pairs = [tuple(value.partition("=")[::2]) for value in values or ()]
    for name, column in pairs:
        if not (name and column):
            fail(f"{option} {name}: give it as {option} NAME=COLUMN", status=_USAGE)
    return [(name.strip(), column) for name, column in pairs]
