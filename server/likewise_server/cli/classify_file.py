"""Classifying files: from their sources to the file of answers."""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final, Self

import typer

import likewise
from likewise_engine.transaction import CATEGORY_DIMENSION
from likewise_indexer.asking import FileQuestion, dimensions_of
from likewise_indexer.bulk import Progress, Source
from likewise_indexer.writers import (
    AnswerTable,
    TableWriter,
    UnwritableFile,
    check_writable,
    open_ndjson_stream,
    open_table,
)
from likewise_indexer.writers.files import Schema
from likewise_server.cli.classify_report import FileTally
from likewise_server.cli.common import console, errors, fail
from likewise_server.cli.index_report import ProgressLine, show_plan

_USAGE: Final = 2
_INTERRUPTED: Final = 130
_STANDARD_OUTPUT: Final = Path("-")


@dataclass(frozen=True, slots=True)
class Output:
    """Where the answers go.

    Attributes:
        path: the file; None for standard output.
        replace: whether a file that is there may be replaced.
    """

    path: Path | None
    replace: bool

    @classmethod
    def checked(cls, path: Path | None, *, replace: bool) -> Self:
        """What ``--out`` names; what cannot be written ends the command before it has begun."""
        if path is None:
            fail("say where the answers go: --out FILE.csv, .ndjson, .parquet, or -", status=_USAGE)
        if path == _STANDARD_OUTPUT:
            return cls(None, replace=False)
        try:
            check_writable(path, replace=replace)
        except UnwritableFile as error:
            fail(error.message, status=_USAGE)
        return cls(path, replace)

    @contextmanager
    def open(self, schema: Schema) -> Iterator[TableWriter]:
        """Write the answers; a file is there only when all are. Raises UnwritableFile."""
        if self.path is not None:
            with open_table(self.path, schema, replace=self.replace) as writer:
                yield writer
            return
        try:
            yield open_ndjson_stream(sys.stdout.buffer, "standard output")
        except UnwritableFile as error:
            if not isinstance(error.__cause__, BrokenPipeError):
                raise
            # Whoever reads has enough, as head has. What is buffered would fail once more at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from error


class Interruption:
    """Ctrl-C and SIGTERM: raised where they come, and by :meth:`check` again where that was lost.

    Python raises a signal's exception wherever the main thread is. Where that is a callback of a library or a
    finaliser, it is printed or dropped, and the command would go on to its end.
    """

    def __init__(self) -> None:
        self._is_wanted = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """The handler of a signal. Raises KeyboardInterrupt."""
        self._is_wanted = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt where a signal came."""
        if self._is_wanted:
            raise KeyboardInterrupt


def classify_sources(
    client: likewise.Client,
    sources: Sequence[Source],
    tenant: str | None,
    options: likewise.ClassifyOptions,
    output: Output,
    interruption: Interruption,
) -> None:
    """Ask about all rows and write the answers; exit with 1 where rows have errors.

    Args:
        client: of the server.
        sources: the files.
        tenant: whose books; None where a column of each row says it.
        options: how to answer.
        output: where the answers go.
        interruption: looked at after every thousand rows or so.
    """
    for source in sources:
        if output.path is not None and output.path.exists() and output.path.samefile(source.reader.path):
            fail(f"{output.path} is read and would be replaced: choose another name", status=_USAGE)
    # Standard output may be the table itself.
    told = errors if output.path is None else console
    if output.path is not None:
        show_plan(sources)
    table = AnswerTable(_dimensions(client, tenant, options))
    question = FileQuestion(client, tenant, options)
    tally, started = FileTally(), time.monotonic()
    bytes_total = sum(source.reader.bytes_total for source in sources)
    bytes_before = 0
    with ProgressLine() as progress, output.open(table.schema) as writer:
        for source in sources:
            for asked in question.ask(source):
                writer.write(table.frame(asked.rows))
                tally.add(asked.rows)
                interruption.check()
                progress.update(Progress(bytes_before + asked.bytes_read, bytes_total, tally.rows))
            bytes_before += source.reader.bytes_total
    tally.show(told, str(output.path or "standard output"), time.monotonic() - started)
    if tally.errors:
        raise typer.Exit(1)


@contextmanager
def interruptible(output: Output) -> Iterator[Interruption]:
    """Let Ctrl-C and SIGTERM end the command with all that is half done cleaned up."""
    interruption = Interruption()
    before = {number: signal.signal(number, interruption) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    except KeyboardInterrupt:
        rest = f": {output.path} is not written" if output.path else ""
        errors.print(f"Interrupted{rest}.", soft_wrap=True)
        raise typer.Exit(_INTERRUPTED) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _dimensions(
    client: likewise.Client, tenant: str | None, options: likewise.ClassifyOptions
) -> tuple[str, ...]:
    """The dimensions to write, each with columns of its own; known before the first answer."""
    wanted = tuple(dict.fromkeys(options.dimensions))
    if tenant is None:
        return wanted or (CATEGORY_DIMENSION,)
    known = dimensions_of(client, tenant)
    for dimension in wanted:
        if dimension not in known:
            fail(f"{tenant!r} has no dimension {dimension!r}; it has {', '.join(known)}", status=_USAGE)
    return wanted or known
