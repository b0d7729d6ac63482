"""``likewise backtest``: proof on the user's own books, before anybody trusts an answer."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from rich.console import Console

from likewise_engine import limits
from likewise_engine.chart import TARGET_PRECISION_DEFAULT
from likewise_engine.errors import InvalidInput
from likewise_engine.transaction import CATEGORY_DIMENSION
from likewise_indexer.backtest import (
    Backtest,
    BacktestSettings,
    BacktestStopped,
    Contest,
    Reading,
    Visibility,
    read_books,
    run_backtest,
)
from likewise_indexer.backtest.peers import PEERS
from likewise_indexer.bulk import Source, TenantChart, read_chart
from likewise_indexer.readers import RejectedRow
from likewise_indexer.writers import SUFFIXES
from likewise_server.cli import files
from likewise_server.cli.backtest_output import Outputs
from likewise_server.cli.backtest_report import show_backtest
from likewise_server.cli.common import console, errors, fail, reported
from likewise_server.cli.index_report import ProgressLine, show_plan, show_rejected
from likewise_server.signals import stop_signals

_USAGE: Final = 2
_INTERRUPTED: Final = 130

FilesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="CSV, Parquet or NDJSON files, or folders of them, compressed by gzip or not; of one tenant"
        " each, unless --tenant or --tenant-column says otherwise.",
        show_default=False,
    ),
]
TenantOption = Annotated[
    str, typer.Option(metavar="NAME", help="All files are this tenant's. Each is another's if not given.")
]
ChartOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.json",
        dir_okay=False,
        help="The tenant's chart, as it was before the first row; as in 'likewise index'.",
    ),
]
DimensionOption = Annotated[str, typer.Option(metavar="NAME", help="What is measured; all are taught.")]
VisibilityOption = Annotated[
    Visibility,
    typer.Option(
        help="When the label of a row that was asked about becomes known: on the day after, since the lines"
        " of one invoice share text and label; to the very next row; or never."
    ),
]
HistoryOption = Annotated[
    float, typer.Option(metavar="SHARE", help="First rows of a tenant that are history, not asked about.")
]
RowsMaxOption = Annotated[
    int,
    typer.Option(
        min=1,
        max=limits.TENANT_LABELS_MAX,
        metavar="COUNT",
        help="Latest rows of each tenant that are replayed.",
    ),
]
TargetOption = Annotated[
    float,
    typer.Option("--target-precision", metavar="SHARE", help="What is FILEd is to be right in this share."),
]
EncoderOption = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", file_okay=False, help="Another encoder than the one that is shipped."),
]
VoteOption = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", file_okay=False, help="Another vote than the one that is shipped."),
]
PeersOption = Annotated[
    bool, typer.Option("--peers", help="Let all peers that can run here answer the same questions.")
]
PeerOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help=f"Let this peer answer; repeatable. There are {', '.join(PEERS)}."),
]
MinilmOption = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", file_okay=False, help="An exported MiniLM for the peer minilm_knn."),
]
ErrorsOption = Annotated[
    int,
    typer.Option("--errors", min=0, metavar="COUNT", help="Costliest confusions to show, with what misled."),
]
LearningOption = Annotated[
    bool,
    typer.Option("--learning/--no-learning", help="Measure how fast it learns; may take twice as long."),
]
JsonOption = Annotated[
    Path | None, typer.Option("--json", metavar="FILE", help="Write all figures there; - for the terminal.")
]
HtmlOption = Annotated[
    Path | None, typer.Option("--html", metavar="FILE", help="Write a report with plots there.")
]
AnswersOption = Annotated[
    Path | None,
    typer.Option("--answers", metavar="FILE", help=f"Write every answer there: {', '.join(SUFFIXES)}."),
]
JobsOption = Annotated[
    int | None, typer.Option(min=1, metavar="COUNT", help="Processes to use; all cores if not given.")
]
SeedOption = Annotated[int, typer.Option(min=0, help="Of peers that leave something to chance.")]

backtest_app = typer.Typer(rich_markup_mode=None, add_completion=False)


@backtest_app.command(
    epilog="Nothing of yours is changed: books are replayed in a temporary folder. Exit status: 0 all were"
    " replayed; 1 some rows were rejected or some tenants failed (the rest was replayed), or an error stopped"
    " it; 2 wrong usage, or columns that are not clear; 130 interrupted."
)
def backtest(
    paths: FilesArgument,
    tenant: TenantOption = "",
    tenant_column: files.TenantColumnOption = "",
    mapped: files.MapOption = None,
    labels: files.LabelOption = None,
    ignored: files.IgnoreOption = None,
    keep_fields: files.KeepFieldsOption = False,
    currency: files.CurrencyOption = "",
    date_format: files.DateFormatOption = "",
    decimal: files.DecimalOption = None,
    encoding: files.EncodingOption = "",
    separator: files.SeparatorOption = "",
    skip_rows: files.SkipRowsOption = None,
    chart: ChartOption = None,
    dimension: DimensionOption = CATEGORY_DIMENSION,
    visibility: VisibilityOption = Visibility.NEXT_DAY,
    history: HistoryOption = 0.5,
    rows_max: RowsMaxOption = limits.BACKTEST_ROWS_DEFAULT,
    target: TargetOption = TARGET_PRECISION_DEFAULT,
    encoder: EncoderOption = None,
    vote: VoteOption = None,
    peers: PeersOption = False,
    peer: PeerOption = None,
    minilm: MinilmOption = None,
    errors_max: ErrorsOption = 0,
    learning: LearningOption = True,
    json_path: JsonOption = None,
    html_path: HtmlOption = None,
    answers_path: AnswersOption = None,
    jobs: JobsOption = None,
    seed: SeedOption = 0,
) -> None:
    """Find out how often Likewise would have been right on your own books, and whether it knew.

    Each tenant's rows are replayed in order of time through the engine that serves: the first half is
    history, and every later row is asked about before its label is taught.
    """
    settings = _checked(
        BacktestSettings(dimension, visibility, history, rows_max, target, learning, errors_max, seed)
    )
    contest = _contest(tuple(PEERS) if peers else tuple(peer or ()), encoder, vote, minilm)
    options = files.source_options(
        tenant_column=tenant_column,
        mapped=mapped,
        labels=labels,
        ignored=ignored,
        keep_fields=keep_fields,
        currency=currency,
        date_format=date_format,
        decimal=decimal,
        text=files.text_options(encoding, separator, skip_rows),
    )
    sources = files.open_sources(paths, options, labelled=True, tenants=bool(tenant_column))
    outputs = Outputs.checked(json_path, html_path, answers_path, sources)
    if outputs.told is console:
        show_plan(sources)
    named = _named(sources, tenant, tenant_column)
    with stop_signals() as stopped:
        reading = _read(named, rows_max, _chart(chart, named), outputs.told, lambda: not stopped.is_set())
        found = _replay(reading, settings, contest, jobs or os.cpu_count() or 1, lambda: not stopped.is_set())
    show_backtest(outputs.told, found)
    outputs.write(found)
    if reading.rejected or not found.tenants or any(tenant.failed for tenant in found.left_out):
        raise typer.Exit(1)


def _read(
    sources: Sequence[tuple[Source, str | None]],
    rows_max: int,
    chart: TenantChart | None,
    told: Console,
    keep_on: Callable[[], bool],
) -> Reading:
    """Read the books; say what is wrong with rows that are none."""
    rejected: list[tuple[Source, RejectedRow]] = []

    def on_rejected(source: Source, row: RejectedRow) -> None:
        if len(rejected) < limits.REJECTS_SHOWN_MAX:
            rejected.append((source, row))

    with ProgressLine() as progress, reported():
        reading = read_books(
            sources,
            rows_max,
            chart=chart,
            on_rejected=on_rejected,
            on_progress=progress.update,
            keep_on=keep_on,
        )
    if not reading.is_complete:
        _interrupted()
    show_rejected(rejected, reading.rejected, (), told)
    tenants = len(reading.books)
    told.print(
        f"{reading.rows:,} rows read of {tenants:,} tenant{'' if tenants == 1 else 's'},"
        f" {reading.skipped:,} of them without a label and {reading.rejected:,} rejected."
    )
    return reading


def _replay(
    reading: Reading, settings: BacktestSettings, contest: Contest, jobs: int, keep_on: Callable[[], bool]
) -> Backtest:
    with ProgressLine() as progress, reported():
        try:
            return run_backtest(
                reading.books,
                settings,
                contest,
                jobs=jobs,
                on_progress=lambda p: progress.show(p.asked, p.asked, p.asked_total),
                keep_on=keep_on,
            )
        except BacktestStopped:
            _interrupted()


def _interrupted() -> NoReturn:
    errors.print("Interrupted: nothing was measured, and nothing is left behind.")
    raise typer.Exit(_INTERRUPTED)


def _checked(settings: BacktestSettings) -> BacktestSettings:
    """The settings; what they cannot be ends the command."""
    try:
        settings.check()
    except InvalidInput as error:
        fail(error.message, status=_USAGE)
    return settings


def _contest(peers: Sequence[str], encoder: Path | None, vote: Path | None, minilm: Path | None) -> Contest:
    try:
        return Contest.of(peers, encoder=encoder, vote=vote, minilm=minilm)
    except InvalidInput as error:
        fail(error.message, status=_USAGE)


def _named(sources: Sequence[Source], tenant: str, tenant_column: str) -> list[tuple[Source, str | None]]:
    """Each file with whose it is; None where a column says it."""
    if tenant and tenant_column:
        fail("give --tenant or --tenant-column, not both", status=_USAGE)
    if tenant or tenant_column:
        return [(source, tenant or None) for source in sources]
    paths: dict[str, Path] = {}
    for source in sources:
        path = source.reader.path
        other = paths.setdefault(_name(path), path)
        if other != path:
            fail(
                f"{other} and {path} would both be the tenant {_name(path)!r}: give --tenant if they are one"
                " tenant's, or backtest them apart",
                status=_USAGE,
            )
    return [(source, _name(source.reader.path)) for source in sources]


def _name(path: Path) -> str:
    """``books/hazel-and-rye.csv.gz`` -> ``hazel-and-rye``."""
    return path.name.partition(".")[0] or path.name


def _chart(path: Path | None, sources: Sequence[tuple[Source, str | None]]) -> TenantChart | None:
    if path is None:
        return None
    if len({tenant for _, tenant in sources}) > 1 or sources[0][1] is None:
        fail("--chart is one tenant's: give --tenant, or one file", status=_USAGE)
    with reported():
        return read_chart(path)
