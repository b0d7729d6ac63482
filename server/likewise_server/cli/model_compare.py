"""``likewise model compare``: several encoders side by side, by the user's own books."""

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.box import SIMPLE
from rich.table import Table

from likewise_engine import limits
from likewise_indexer.cards.markdown import cell
from likewise_indexer.cards.shelf import shipped
from likewise_indexer.cards.slices import languages_of
from likewise_server.cli import files
from likewise_server.cli.building import Bars, JobsOption, LanguageOption, books_of_sources
from likewise_server.cli.common import console, errors, plain, reported
from likewise_server.signals import stop_signals

if TYPE_CHECKING:
    from likewise_indexer.backtest import Book
    from likewise_indexer.compare import CompareSettings, Comparison
    from likewise_indexer.compare.contender import Contender

_INTERRUPTED: Final = 130
_COLUMNS: Final = (
    "right",
    "sure at\n95 %",
    "payee\nunseen",
    "after 50\nlabels",
    "MB",
    "µs a text\np50",
    "µs\np99",
    "ms to\nload",
    "neighbours\nshared",
)
_RESULTS: Final = "measured"
_DOCUMENT: Final = "comparison.json"
_PLOT: Final = "pareto.svg"


def compare_encoders(
    encoders: Annotated[
        list[str],
        typer.Argument(
            metavar="ENCODER...",
            help="Encoders to compare: model folders, or names of shipped ones.",
            show_default=False,
        ),
    ],
    books: Annotated[
        list[Path],
        typer.Option(
            metavar="FILE", help="Labelled books to replay with each: files, or folders of them; repeatable."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            file_okay=False,
            help=f"Folder of the results: {_DOCUMENT}, {_PLOT}, and what need not be measured again.",
        ),
    ],
    teacher: Annotated[
        str, typer.Option(metavar="ENCODER", help="Also say how far each finds alike what this one does.")
    ] = "",
    vote: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", file_okay=False, help="Another vote than the one that is shipped."),
    ] = None,
    tenant_column: files.TenantColumnOption = "",
    languages: LanguageOption = None,
    rows_max: Annotated[
        int,
        typer.Option(
            min=1, max=limits.TENANT_LABELS_MAX, metavar="COUNT", help="Latest rows of each tenant."
        ),
    ] = limits.BACKTEST_ROWS_DEFAULT,
    learning: Annotated[
        bool, typer.Option("--learning/--no-learning", help="Measure the first labels too; twice as long.")
    ] = True,
    jobs: JobsOption = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the texts that are drawn.")] = 0,
) -> None:
    """Compare encoders: how right with each, and what each costs.

    Books are replayed with each encoder and the vote that serves. It may be interrupted: called again with
    the same folder, it goes on with the encoder that it was at. Needs no more than the server does.
    """
    with reported(), stop_signals() as stopped:
        from likewise_indexer.backtest import BacktestSettings
        from likewise_indexer.compare import CompareSettings
        from likewise_indexer.compare.contender import contenders_of

        contenders = contenders_of([_folder(name) for name in encoders])
        if teacher:
            contenders_of([_folder(teacher)])  # Before hours of comparing: it is an encoder.
        settings = CompareSettings(
            BacktestSettings(rows_max=rows_max, learning=learning, seed=seed),
            vote=vote,
            teacher=_folder(teacher) if teacher else None,
            languages=languages_of(languages or ()),
            jobs=jobs or os.cpu_count() or 1,
        )
        replayed = books_of_sources(books, tenant_column, rows_max)
        found = _compared(contenders, replayed, settings, out, lambda: not stopped.is_set())
        _write(found, out)
    _show(found)
    console.print(f"All figures: {out / _DOCUMENT}; drawn: {out / _PLOT}", soft_wrap=True)


def _folder(encoder: str) -> Path:
    """The folder of an encoder that is named by it, or by the name of a shipped one."""
    return next((path for path in shipped() if path.name == encoder), Path(encoder))


def _compared(
    contenders: Sequence["Contender"],
    books: Sequence["Book"],
    settings: "CompareSettings",
    out: Path,
    keep_on: Callable[[], bool],
) -> "Comparison":
    """Compare, and show how far it is. Raises Exit where it was interrupted."""
    from likewise_indexer.backtest import BacktestStopped
    from likewise_indexer.compare import compare

    try:
        with Bars() as told:
            return compare(
                contenders,
                books,
                settings,
                out / _RESULTS,
                command=_typed(),
                progress=told,
                keep_on=keep_on,
            )
    except BacktestStopped:
        errors.print(f"Interrupted: what is measured is kept in {out}; call it again to go on.")
        raise typer.Exit(_INTERRUPTED) from None


def _write(found: "Comparison", out: Path) -> None:
    from likewise_indexer.compare.pareto import pareto_svg

    (out / _DOCUMENT).write_text(found.json_text(), encoding="utf-8")
    (out / _PLOT).write_text(pareto_svg(found), encoding="utf-8")


def _show(found: "Comparison") -> None:
    table = Table("encoder", *_COLUMNS, box=SIMPLE, padding=0)
    for column in table.columns[1:]:
        column.justify = "right"
    for encoder in found.encoders:
        right, speed, agreement = encoder.accuracy, encoder.speed, encoder.agreement
        shares = (right.top1, right.coverage_at_95, right.top1_payee_unseen, right.top1_after_50)
        table.add_row(
            plain(encoder.name) + (" *" if encoder.is_on_front else ""),
            *map(cell, shares),
            f"{encoder.bytes / 1e6:.1f}",
            f"{speed.micros_p50:,.0f}",
            f"{speed.micros_p99:,.0f}",
            f"{speed.load_ms:,.0f}",
            cell(agreement.neighbours_shared if agreement else None),
        )
    console.print(table)
    console.print("* no other is as often right and faster, or as fast and more often right.")


def _typed() -> str:
    """The command as it was typed; paths by their last part, for a card tells nobody's folders."""
    return shlex.join(["likewise", *map(_last_part, sys.argv[1:])])


def _last_part(argument: str) -> str:
    return Path(argument).name if Path(argument).is_absolute() else argument
