"""What the commands that build models have in common."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from likewise_engine import limits
from likewise_engine.encoder import manifest as encoder_manifest
from likewise_engine.encoder.manifest import TOKENIZER_FILE
from likewise_engine.errors import InvalidInput
from likewise_engine.model_folder import CARD_FILE, MODEL_FILE, check_name
from likewise_engine.vote import manifest as vote_manifest
from likewise_indexer.backtest import Book, read_books
from likewise_indexer.bulk.source import SourceOptions
from likewise_indexer.cards import RECORD_FILE, CardKind
from likewise_indexer.cards.shelf import model_in
from likewise_indexer.models.vote.replay import FULL_ROWS_MAX
from likewise_indexer.readers import ColumnWishes
from likewise_indexer.readers.headers import TENANT
from likewise_server.cli import files
from likewise_server.cli.common import LINE_EVERY_S, errors, fail, reported, text_of_file

if TYPE_CHECKING:
    from likewise_indexer.models.vote.record import Record

BooksArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="BOOKS...",
        help="Labelled rows of many tenants: CSV, Parquet or NDJSON files, or folders of them. A file is a"
        " source: each is left out in turn, to see how the vote does on books of another kind; so give two.",
        show_default=False,
    ),
]
RecordedOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        file_okay=False,
        help="Keep there what the engine saw of the books, for other trainings on the same books.",
    ),
]
EncodersOption = Annotated[
    Path | None,
    typer.Option(
        "--encoders-dir",
        metavar="FOLDER",
        file_okay=False,
        exists=True,
        help="Encoders that have not seen a source, as FOLDER/SOURCE: for one that was tuned on these books.",
    ),
]
LanguageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--language",
        metavar="PATTERN=LANGUAGE",
        help="Language of the books whose tenant or file is called so (* for anything), to tell the figures"
        " apart by; repeatable, the first that fits holds.",
    ),
]
WattsOption = Annotated[
    float,
    typer.Option(
        "--watts-per-core", min=0, help="Assumed of a busy core, to estimate the energy on the card."
    ),
]
GramsOption = Annotated[
    float,
    typer.Option("--grams-per-kwh", min=0, help="Assumed CO2 equivalent of your electricity, for the card."),
]
JobsOption = Annotated[
    int | None, typer.Option(min=1, metavar="COUNT", help="Processes and threads; all cores if not given.")
]

AboutOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.md",
        dir_okay=False,
        exists=True,
        help="For the card: whose books these are, and by which right they are used.",
    ),
]


@contextmanager
def building() -> Iterator[None]:
    """Report errors as all commands do, and what to install where the extra is missing."""
    with reported():
        try:
            yield
        except ImportError as error:
            fail(f"building models needs more than serving: pip install 'likewise[models]' ({error})")
        except ValueError as error:  # a name that is none, say
            fail(str(error), status=2)


class Bars:
    """A bar for each thing that is done, as it is first told of; without a terminal, a line now and then.

    On standard error; a context manager.
    """

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=errors, disable=not errors.is_terminal)
        self._tasks: dict[str, TaskID] = {}
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._bars.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how far something is."""
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what)
        self._bars.update(self._tasks[what], completed=done, total=total)
        now = time.monotonic()
        if not errors.is_terminal and (done == total or now - self._told >= LINE_EVERY_S):
            self._told = now
            errors.print(f"{what}: {done:,} of {total:,}")


def books_of_sources(
    paths: Sequence[Path], tenant_column: str, rows_max: int = FULL_ROWS_MAX
) -> Sequence[Book]:
    """The books to train on, the latest rows of each; every file is a source. Errors end the command."""
    columns = {TENANT: (tenant_column,)} if tenant_column else {}
    options = SourceOptions(columns=ColumnWishes(columns=columns))
    sources = files.open_sources(paths, options, labelled=True, tenants=bool(tenant_column))
    named = [
        (source, None if tenant_column else source.reader.path.name.partition(".")[0]) for source in sources
    ]
    return read_books(named, rows_max).books


def records_of_sources(
    paths: Sequence[Path],
    tenant_column: str,
    folder: Path,
    *,
    encoders: Path | None,
    seed: int,
    jobs: int,
    told: Bars,
) -> "list[Record]":
    """What the engine sees of the books of two sources at least, as :func:`recorded` tells.

    Raises:
        InvalidInput: there are fewer sources.
        ModelFault: the encoder that has not seen one of them is missing or damaged.
    """
    from likewise_indexer.models.vote.recorder import recorded

    books = books_of_sources(paths, tenant_column)
    sources = sorted({book.source for book in books})
    if len(sources) < 2:
        what = "are of one source" if sources else "have no labelled rows"
        raise InvalidInput.of("books", f"{what}: give at least two files, to leave one out at a time")
    if encoders is not None:
        for source in sources:
            model_in(encoders / source)
    progress = partial(told, "Replaying rows of books")
    return recorded(books, folder, encoders=encoders, seed=seed, jobs=jobs, progress=progress)


def check_out(out: Path, kind: CardKind) -> None:
    """Raise InvalidInput where a folder that is to be written holds what is no part of a model of a kind.

    One that holds such a model is written over, as whoever calls a command again wants it.
    """
    own = (vote_manifest if kind is CardKind.VOTE else encoder_manifest).MANIFEST_FILE
    parts = {own, MODEL_FILE, TOKENIZER_FILE, RECORD_FILE, CARD_FILE}
    others = sorted(path.name for path in out.iterdir() if path.name not in parts) if out.is_dir() else []
    if others:
        message = f"is {out}, which holds {others[0]}: name a new folder, or one of an earlier {kind.value}"
        raise InvalidInput.of("out", message)


def checked_name(name: str) -> str:
    """What a model is to be called, for an option: empty, or a name. Raises BadParameter."""
    try:
        if name:
            check_name(name)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return name


def about_of(about: Path | None) -> str:
    """What the card is to say of the books; before hours of training, that it is not too long."""
    text = text_of_file(about) if about else ""
    if len(text) > limits.CARD_ABOUT_CHARS_MAX:
        raise InvalidInput.of(
            "about", f"has {len(text):,} characters: at most {limits.CARD_ABOUT_CHARS_MAX:,}"
        )
    return text
