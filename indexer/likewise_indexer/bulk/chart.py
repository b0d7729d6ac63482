"""A tenant's chart of categories as a JSON file.

    {"name": "Hazel & Rye", "categories": [{"id": "4210", "name": "Rent", "description": "…"}, …]}

A category may also name its ``dimension`` and say ``"active": false``.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from likewise_engine.chart import Category
from likewise_engine.errors import InvalidInput
from likewise_engine.ledger.checks import check_settings

_CHART_BYTES_MAX: Final = 64 * 1024 * 1024
"""More than CATEGORIES_MAX categories with the longest names and descriptions take."""
_CATEGORY_KEYS: Final = {"dimension": str, "id": str, "name": str, "description": str, "active": bool}


@dataclass(frozen=True, slots=True)
class TenantChart:
    """A tenant's name for people and categories, as a file has them."""

    display_name: str = ""
    categories: tuple[Category, ...] = ()


def read_chart(path: Path) -> TenantChart:
    """Read a chart.

    Raises:
        InvalidInput: the file is no chart, or a category of it is out of bounds.
        OSError: the file cannot be read.
    """
    name = str(path)
    with path.open("rb") as file:
        content = file.read(_CHART_BYTES_MAX + 1)
    if len(content) > _CHART_BYTES_MAX:
        raise InvalidInput.of(name, f"is larger than {_CHART_BYTES_MAX:,} bytes: it is no chart")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidInput.of(name, f"is not JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("categories"), list):
        raise InvalidInput.of(name, 'is not a JSON object with a list of "categories"')
    display_name = document.get("name", "")
    if not isinstance(display_name, str):
        raise InvalidInput.of(name, 'has a "name" that is not a string')
    categories = tuple(_category(f"{name}: categories[{n}]", c) for n, c in enumerate(document["categories"]))
    check_settings(None, display_name, categories)
    return TenantChart(display_name, categories)


def _category(where: str, value: Any) -> Category:
    if not isinstance(value, dict) or "id" not in value:
        raise InvalidInput.of(where, 'is not an object with an "id"')
    for key, entry in value.items():
        if key not in _CATEGORY_KEYS or not isinstance(entry, _CATEGORY_KEYS[key]):
            raise InvalidInput.of(where, f"has {key!r} = {entry!r}, which is not part of a category")
    return Category(**value)
