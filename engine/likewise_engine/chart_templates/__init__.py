"""Charts to begin with, by trade and language: shipped as data, for tenants that have none.

A business's chart is what nearly all have (``business``) and what is the trade's own. Descriptions name the
kinds of merchants that belong there, and well-known ones: before anything is labelled, all that there is to
go by is how a transaction's text is like what a category is called and described by.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from likewise_engine.chart import Category
from likewise_engine.errors import InvalidInput

_FOLDER: Final = Path(__file__).parent
_TRADES: Final = "trades"
LANGUAGES: Final = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml") if path.stem != _TRADES))
"""ISO 639-1 codes."""


def trades(language: str) -> Mapping[str, str]:
    """What each trade is called, by its id. Raises InvalidInput where there is no such language."""
    named: Mapping[str, str] = _wordings(language)["trades"]
    return named


def chart_template(trade: str, language: str) -> Sequence[Category]:
    """The chart of a trade, its own categories before those that all businesses have.

    Raises:
        InvalidInput: there is no such trade, or no such language.
    """
    told: Mapping[str, tuple[str, str]] = _wordings(language)["categories"]
    composition = _read(_TRADES)
    if trade in composition["whole"]:
        ids = composition["whole"][trade]
    elif trade in composition["trades"]:
        ids = [*composition["trades"][trade], *composition["business"]]
    else:
        known = ", ".join(trades(language))
        raise InvalidInput.of("template", f"{trade!r} is none of {known}")
    return [Category(id_, name=told[id_][0], description=told[id_][1]) for id_ in ids]


def _wordings(language: str) -> Mapping[str, Any]:
    if language not in LANGUAGES:
        raise InvalidInput.of("language", f"{language!r} is none of {', '.join(LANGUAGES)}")
    return _read(language)


@cache
def _read(name: str) -> Mapping[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
