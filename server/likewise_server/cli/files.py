"""Options of the commands that read files: what the user says about columns, dates, amounts and text."""

import codecs
import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from likewise_indexer.bulk import Source, SourceOptions, open_source
from likewise_indexer.readers import (
    MEANINGS,
    ColumnsUnclear,
    ColumnWishes,
    TextOptions,
    fault_of_pattern,
    find_files,
)
from likewise_indexer.readers.headers import CATEGORY, TENANT
from likewise_server.cli.common import fail, reported

_USAGE: Final = 2
_SEPARATORS: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}


class DecimalMark(StrEnum):
    """What stands before the decimals of an amount."""

    COMMA = "comma"
    POINT = "point"


TenantColumnOption = Annotated[
    str, typer.Option(metavar="COLUMN", help="The column that says whose row it is: many tenants' files.")
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="MEANING=COLUMN",
        help="What a column means, where its name does not tell; repeatable. Meanings:"
        f" {', '.join(MEANINGS[1:])}. Several columns can make up the description.",
    ),
]
LabelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        metavar="DIMENSION=COLUMN",
        help="A column of labels of a further dimension, such as tax_code=VAT; repeatable.",
    ),
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="COLUMN", help="A column that means nothing; repeatable."),
]
KeepFieldsOption = Annotated[
    bool, typer.Option("--keep-fields", help="Keep columns without a meaning as fields of the transaction.")
]
CurrencyOption = Annotated[str, typer.Option(metavar="CODE", help="Of amounts that name none, such as EUR.")]
DateFormatOption = Annotated[
    str,
    typer.Option(
        metavar="FORMAT",
        help="day-first, month-first, or a pattern such as %d.%m.%Y. Found out if not given.",
    ),
]
DecimalOption = Annotated[
    DecimalMark | None, typer.Option(help="What stands before decimals. Found out if not given.")
]
EncodingOption = Annotated[
    str, typer.Option(metavar="NAME", help="Of text files, such as cp1250. Found out if not given.")
]
SeparatorOption = Annotated[
    str, typer.Option(metavar="CHARACTER", help="Of CSV files; tab is one too. Found out if not given.")
]
SkipRowsOption = Annotated[
    int | None, typer.Option(min=0, metavar="COUNT", help="Lines above the header. Found out if not given.")
]


def open_sources(
    paths: Sequence[Path], options: SourceOptions, *, labelled: bool, tenants: bool
) -> list[Source]:
    """Look at files; what cannot be read, or is not clear, ends the command."""
    with reported():
        try:
            return [
                open_source(file, options, labelled=labelled, tenants=tenants) for file in find_files(paths)
            ]
        except ColumnsUnclear as error:
            fail(error.message, status=_USAGE)


def source_options(
    *,
    tenant_column: str,
    mapped: Sequence[str] | None,
    labels: Sequence[str] | None,
    ignored: Sequence[str] | None,
    keep_fields: bool,
    currency: str,
    date_format: str,
    decimal: DecimalMark | None,
    text: TextOptions,
) -> SourceOptions:
    """What the options say, checked; what they cannot mean ends the command."""
    columns: dict[str, tuple[str, ...]] = {}
    for meaning, column in pairs("--map", mapped):
        if meaning == TENANT:
            fail("give the column of tenants as --tenant-column COLUMN", status=_USAGE)
        columns[meaning] = (*columns.get(meaning, ()), column)
    if tenant_column:
        columns[TENANT] = (tenant_column,)
    by_dimension = dict(pairs("--label", labels))
    if CATEGORY in by_dimension:
        columns[CATEGORY] = (by_dimension.pop(CATEGORY),)
    check_currency(currency)
    check_date_format(date_format)
    return SourceOptions(
        text=text,
        columns=ColumnWishes(
            columns=columns,
            labels=by_dimension,
            ignored=tuple(ignored or ()),
            keep_fields=keep_fields,
            currency=currency,
        ),
        date_format=date_format,
        decimal_mark=decimal and ("," if decimal is DecimalMark.COMMA else "."),
    )


def text_options(encoding: str, separator: str, skip_rows: int | None) -> TextOptions:
    """What the options say about text files, checked; what they cannot mean ends the command."""
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


def check_date_format(date_format: str) -> None:
    """End the command where dates cannot be read so."""
    if date_format in ("", "day-first", "month-first"):
        return
    if fault := fault_of_pattern(date_format):
        wanted = "give day-first, month-first, or a pattern such as %d.%m.%Y"
        fail(f"--date-format {date_format}: {fault}; {wanted}", status=_USAGE)


def check_currency(currency: str) -> None:
    """End the command where this is not a currency's code."""
    if currency and not re.fullmatch("[A-Z]{3}", currency):
        fail(f"--currency {currency}: give an ISO 4217 code such as EUR", status=_USAGE)


def pairs(option: str, values: Sequence[str] | None, of: str = "NAME=COLUMN") -> list[tuple[str, str]]:
    """The two sides of each value of an option; one that has not two ends the command."""
    found = [tuple(value.partition("=")[::2]) for value in values or ()]
    for name, value in found:
        if not (name and value):
            fail(f"{option} {name}: give it as {option} {of}", status=_USAGE)
    return [(name.strip(), value) for name, value in found]
