"""``likewise index``: the history of one tenant or of many, from files, in bulk."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Self

import typer

from likewise_engine import limits
from likewise_indexer.bulk import (
    REJECTS_SUFFIX,
    BulkImport,
    CheckingSink,
    EngineSink,
    ImportFolder,
    ImportProcesses,
    Progress,
    RejectedInOrder,
    RejectFile,
    ServerSink,
    SharedImport,
    Sink,
    Source,
    SourceOptions,
    Tally,
    TenantChart,
    rare_collections,
    read_chart,
    shares_of,
)
from likewise_indexer.readers import RejectedRow
from likewise_server.cli import files
from likewise_server.cli.common import DataOption, ServerOption, connected, console, fail, reported
from likewise_server.cli.index_report import ProgressLine, show_plan, show_rejected, show_tally
from likewise_server.cli.reach import current_reach
from likewise_server.settings import Settings
from likewise_server.signals import stop_signals

_USAGE: Final = 2
_INTERRUPTED: Final = 130
_MEMORY_MIB_MAX: Final = 64
"""For the tenants that rows go to, of all processes: files are mostly sorted by tenant, or have few. A
million rows by two processes take 462 MB in all, with twice as much here 534."""
_FINISH_SHOWN_S: Final = 1.0

NamesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="[TENANT] FILE...",
        help="Whose history, unless --tenant-column says it; and CSV, Parquet or NDJSON files, or folders of"
        " them, compressed by gzip or not.",
        show_default=False,
    ),
]
RejectsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        dir_okay=False,
        help=f"Where rejected rows go; beside each file, as FILE{REJECTS_SUFFIX}, if not given.",
    ),
]
ChartOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.json",
        dir_okay=False,
        help='The tenant\'s chart: {"name": ..., "categories": [{"id", "name", "description"}, ...]}.',
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Check the rows; import and write nothing.")]
NoUpkeepOption = Annotated[
    bool,
    typer.Option(
        "--no-upkeep",
        help="With --data: end once the rows can be searched, and leave what makes answers better (indexes of"
        " large tenants, training, calibration) to the server, which does it when a tenant is first used.",
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=limits.IMPORT_PROCESSES_MAX,
        metavar="COUNT",
        help="With --data and --tenant-column: processes to use at most, each of which imports its share of"
        " the tenants; as many as there are cores and it pays, if not given.",
    ),
]
NoCreateOption = Annotated[
    bool, typer.Option("--no-create", help="Refuse tenants that do not exist, instead of creating them.")
]

# Without rich's table, whose columns leave no room for whole sentences.
index_app = typer.Typer(rich_markup_mode=None, add_completion=False)


@index_app.command(
    epilog="Exit status: 0 all rows are in; 1 some were rejected (the good ones are in), or an error stopped"
    " the import; 2 wrong usage, or columns that are not clear; 130 interrupted. After 1 and 130 run the same"
    " command again: what is in already stays as it is."
)
def index(
    names: NamesArgument,
    server: ServerOption = None,
    data: DataOption = None,
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
    rejects: RejectsOption = None,
    chart: ChartOption = None,
    dry_run: DryRunOption = False,
    no_create: NoCreateOption = False,
    no_upkeep: NoUpkeepOption = False,
    jobs: JobsOption = None,
) -> None:
    """Index a tenant's history from files, in bulk.

    Columns are recognised by the names that banks, ledgers and spreadsheets give them, in a dozen languages,
    and how a file writes dates and amounts by their values. What was understood is shown first. Rows that are
    wrong are put aside with the reason and do not stop the others; rows without a label are skipped.

    Rows are known by their id, or by their content where they have none: a file can be indexed again, whole
    or grown, and only what is new or changed is written.
    """
    tenant, paths = _tenant_and_paths(names, tenant_column, chart)
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
    sources = files.open_sources(paths, options, labelled=True, tenants=tenant is None)
    show_plan(sources)
    with reported():
        tenant_chart = TenantChart() if chart is None else read_chart(chart)
    target = _Target(server, data, creates=not no_create, dry_run=dry_run, jobs=jobs)
    with ExitStack() as stack:
        # Where nothing is written, rejected rows are only where they are asked for.
        keeps_rejects = not dry_run or rejects is not None
        rejected = stack.enter_context(_Rejected(sources, rejects, keeps=keeps_rejects))
        importer = stack.enter_context(_importer(target, sources, options, tenant, tenant_chart))
        tally = _run(importer, sources, rejected, dry_run=dry_run)
        if tally.is_complete and not no_upkeep:
            _finish(importer)
    if not tally.is_complete:
        raise typer.Exit(_INTERRUPTED)
    if not tally.total.rows:
        fail("there is no row below a header: nothing was indexed, and no tenant created")
    if tally.total.rejected:
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where rows go, and how."""

    server: str | None
    data: Path | None
    creates: bool
    dry_run: bool
    jobs: int | None


@dataclass(frozen=True, slots=True)
class _Hooks:
    """What an import tells and asks meanwhile, as :class:`BulkImport` has it."""

    on_rejected: Callable[[Source, RejectedRow], None]
    on_progress: Callable[[Progress], None]
    keep_on: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class _Importer:
    """Who imports: this process, or several.

    Attributes:
        job: makes the import.
        finish: waits until what was taken is made the most of.
    """

    job: Callable[[_Hooks], BulkImport | SharedImport]
    finish: Callable[[], None]


def _run(importer: _Importer, sources: Sequence[Source], rejected: "_Rejected", *, dry_run: bool) -> Tally:
    """Import, and tell what came of it whether it ends well or not."""
    started = time.monotonic()
    with stop_signals() as stopped, rare_collections(), ProgressLine() as progress:
        job = importer.job(_Hooks(rejected.add, progress.update, lambda: not stopped.is_set()))
        try:
            with reported():
                job.run(sources)
        finally:
            progress.stop()
            with reported():
                rejected.close()
            show_rejected(rejected.shown, job.tally.total.rejected, rejected.paths)
            show_tally(job.tally, time.monotonic() - started, dry_run=dry_run)
    return job.tally


def _finish(importer: _Importer) -> None:
    started = time.monotonic()
    with (
        console.status("Training, calibrating, and building indexes. Ctrl-C leaves that to the server"),
        reported(),
    ):
        importer.finish()
    seconds = time.monotonic() - started
    if seconds >= _FINISH_SHOWN_S:
        console.print(f"Training, calibrating, and building indexes took {seconds:,.1f} s more.")


@contextmanager
def _importer(
    target: _Target, sources: Sequence[Source], options: SourceOptions, tenant: str | None, chart: TenantChart
) -> Iterator[_Importer]:
    """Several processes where there are rows and tenants for them; else this one."""
    if target.data is not None and target.server is None and not target.dry_run and tenant is None:
        with reported():
            shares = shares_of(sources, target.jobs)
        if len(shares) > 1:
            settings = Settings(data=target.data, master_key_file=current_reach().master_key_file)
            folder = ImportFolder(
                target.data,
                settings.model,
                settings.vote,
                _MEMORY_MIB_MAX * 1024 * 1024,
                target.creates,
                settings.master_key_file,
            )
            with reported(), ImportProcesses(folder, shares, options) as processes:
                yield _Importer(
                    lambda hooks: SharedImport(
                        processes,
                        on_rejected=hooks.on_rejected,
                        on_progress=hooks.on_progress,
                        keep_on=hooks.keep_on,
                    ),
                    processes.finish,
                )
            return
    with _sink(target) as sink:
        yield _Importer(
            lambda hooks: BulkImport(
                sink,
                tenant=tenant,
                chart=chart,
                on_rejected=hooks.on_rejected,
                on_progress=hooks.on_progress,
                keep_on=hooks.keep_on,
            ),
            sink.finish,
        )


@contextmanager
def _sink(target: _Target) -> Iterator[Sink]:
    """A running server; or a data folder of our own, without the way over gRPC, which costs speed."""
    if target.dry_run:
        yield CheckingSink()
        return
    if target.data is None or target.server is not None:
        with connected(target.server, target.data) as client:
            yield ServerSink(client, creates=target.creates)
        return
    from likewise_server.lifecycle import open_tenants

    settings = Settings(
        data=target.data,
        memory_mib_max=_MEMORY_MIB_MAX,
        master_key_file=current_reach().master_key_file,
    )
    with reported(), open_tenants(settings) as tenants, EngineSink(tenants, creates=target.creates) as sink:
        yield sink


class _Rejected:
    """The rejected rows: to their files, and the first of them to be shown. A context manager."""

    def __init__(self, sources: Sequence[Source], path: Path | None, *, keeps: bool) -> None:
        self.shown: list[tuple[Source, RejectedRow]] = []
        self._sources = list(sources)
        self._rows = RejectedInOrder()
        self._files: Mapping[Path, RejectFile] = {}
        if keeps and path is not None:
            together = RejectFile(path, [column for source in sources for column in source.plan.used])
            self._files = {source.reader.path: together for source in sources}
        elif keeps:
            self._files = {
                source.reader.path: RejectFile(
                    source.reader.path.with_name(source.reader.path.name + REJECTS_SUFFIX), source.plan.used
                )
                for source in sources
            }
        read = {source.reader.path.resolve() for source in sources}
        for file in self._files.values():
            if file.path.resolve() in read:
                fail(
                    f"{file.path} is read, and rejected rows would replace it: index it on its own, or give"
                    " another place by --rejects",
                    status=_USAGE,
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        with self._rows:
            self.close()

    @property
    def paths(self) -> list[Path]:
        """The files that were written."""
        return [file.path for file in dict.fromkeys(self._files.values()) if file.is_written]

    def add(self, source: Source, rejected: RejectedRow) -> None:
        """Take a row. Raises OSError where it cannot be kept."""
        self._rows.add(self._sources.index(source), rejected)

    def close(self) -> None:
        """Write the files. Raises OSError where that cannot be."""
        for number, row in self._rows.taken():
            source = self._sources[number]
            if len(self.shown) < limits.REJECTS_SHOWN_MAX:
                self.shown.append((source, row))
            if file := self._files.get(source.reader.path):
                file.add(source.reader.path, source.plan.used, row)
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
    if Path(names[0]).suffix and Path(names[0]).is_file():
        fail(
            f"the tenant is missing: {names[0]!r} is a file. Give TENANT FILE..., or --tenant-column COLUMN",
            status=_USAGE,
        )
    if len(names) < 2:
        fail(
            f"only {names[0]!r} is given: name the tenant and then its files, or give --tenant-column COLUMN",
            status=_USAGE,
        )
    return names[0], [Path(name) for name in names[1:]]
