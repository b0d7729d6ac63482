"""What the world knows: brands with the kind of business they are, and the card schemes' merchant
categories."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from likewise_engine.errors import InvalidInput
from likewise_engine.text import NAMELESS, normalise
from likewise_indexer.readers import UnreadableFile

_BRAND_COLUMNS: Final = ("name", "tag_key", "tag_value", "countries")
_LATIN_END: Final = "\u0250"
"""Scripts other than Latin begin here or later; they are for a student whose tokeniser knows them."""


@dataclass(frozen=True, slots=True)
class Brand:
    """A chain or operator.

    Attributes:
        text: its name, normalised.
        kind: of its places: ``shop=bakery``.
        countries: where it is, ISO 3166-1 in small letters; none if world-wide or unknown.
    """

    text: str
    kind: str
    countries: Sequence[str]


def read_brands(path: Path) -> list[Brand]:
    """Read brands of Latin script from a Parquet file with the columns of OpenStreetMap's
    name-suggestion-index.

    Raises:
        UnreadableFile: there is no such file, or it is no Parquet.
        InvalidInput: a column is missing.
    """
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UnreadableFile(path, str(error)) from error
    missing = set(_BRAND_COLUMNS) - set(frame.columns)
    if missing:
        raise InvalidInput.of("brands", f"lacks the columns {', '.join(sorted(missing))}")
    rows: Iterable[tuple[Any, ...]] = frame.select(_BRAND_COLUMNS).drop_nulls("name").iter_rows()
    brands = {}
    for name, key, value, countries in rows:
        text = normalise(name)
        if text and text != NAMELESS and max(text) < _LATIN_END:
            brands[text, key, value] = Brand(text, f"{key}={value}", _countries(countries or ""))
    return list(brands.values())


def worded(kind: str) -> str:
    """What a kind of place is called: ``amenity=fast_food`` -> ``fast food``."""
    return normalise(kind.partition("=")[2].replace("_", " "))


def read_merchant_categories(path: Path) -> Mapping[str, Sequence[str]]:
    """Read merchant category codes: a CSV file whose first column is the code, others among them
    descriptions.

    Returns:
        The distinct descriptions of each code, normalised; codes with one alone are left out.

    Raises:
        UnreadableFile: there is no such file, or it is not UTF-8.
        InvalidInput: no column's name ends with ``description``.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UnreadableFile(path, str(error)) from error
    columns = [at for at, name in enumerate(rows[0] if rows else []) if name.endswith("description")]
    if not columns:
        raise InvalidInput.of("merchant_categories", "has no column whose name ends with 'description'")
    codes: dict[str, Sequence[str]] = {}
    for row in rows[1:]:
        texts = (normalise(row[at]) for at in columns if at < len(row))
        distinct = list(dict.fromkeys(text for text in texts if text and text != NAMELESS))
        if len(distinct) > 1:
            codes[row[0]] = distinct
    return codes


def _countries(cell: str) -> tuple[str, ...]:
    """Country codes of a cell such as ``de,at`` or ``us-al.geojson``."""
    parts = (part.strip().lower() for part in cell.replace(";", ",").split(","))
    return tuple(dict.fromkeys(part[:2] for part in parts if part and part != "001"))
