"""A file that was looked at: its reader, what its columns mean, and how it writes dates and amounts."""

from dataclasses import dataclass, field
from pathlib import Path

from likewise_indexer.readers import (
    ColumnPlan,
    ColumnWishes,
    Conventions,
    Reader,
    TextOptions,
    find_conventions,
    open_reader,
    recognise,
)


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What the user says about files; all else is found out.

    Attributes:
        text: about text files.
        columns: about the columns.
        date_format: ``day-first``, ``month-first``, a pattern of ``strptime``, or empty.
        decimal_mark: ``"."``, ``","``, or None.
    """

    text: TextOptions = field(default_factory=TextOptions)
    columns: ColumnWishes = field(default_factory=ColumnWishes)
    date_format: str = ""
    decimal_mark: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A file, ready to be converted."""

    reader: Reader
    plan: ColumnPlan
    conventions: Conventions


def open_source(path: Path, options: SourceOptions, *, labelled: bool, tenants: bool) -> Source:
    """Look at a file.

    Args:
        path: the file.
        options: what the user says about it.
        labelled: whether there must be a column of labels.
        tenants: whether there must be a column that names the tenant.

    Raises:
        UnreadableFile: the file is missing, empty, damaged, or of another format.
        ColumnsUnclear: its columns cannot be told apart, or one is missing; the message says what to give.
    """
    reader = _reader_of(path, options)
    plan = recognise(reader.columns, options.columns, labelled=labelled, tenants=tenants)
    conventions = find_conventions(
        reader, plan, date_format=options.date_format, decimal_mark=options.decimal_mark
    )
    return Source(reader, plan, conventions)


def reopened(path: Path, plan: ColumnPlan, conventions: Conventions, options: SourceOptions) -> Source:
    """A file that :func:`open_source` has looked at, in another process. Raises UnreadableFile."""
    return Source(_reader_of(path, options), plan, conventions)


def _reader_of(path: Path, options: SourceOptions) -> Reader:
    wishes = options.columns
    named = {*wishes.labels.values(), *(name for names in wishes.columns.values() for name in names)}
    return open_reader(path, options.text, named)
