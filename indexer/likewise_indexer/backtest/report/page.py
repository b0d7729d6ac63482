"""The page: what the templates are given, and how they are filled in.

Nothing that a template is given can become markup or leave its place: all but our own drawings is escaped,
and stripped of characters that are not printed. Should that ever fail, the page's own policy forbids every
script but ours, and everything from elsewhere.
"""

import base64
import hashlib
from datetime import date
from importlib.resources import files
from typing import Any, Final

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from likewise_engine.answers import Decision
from likewise_indexer.backtest.report import tables, words
from likewise_indexer.backtest.report.plots import plots_of
from likewise_indexer.backtest.report.tiles import tiles_of
from likewise_indexer.backtest.report.verdict import peers_of, verdict
from likewise_indexer.backtest.result import LIKEWISE, Backtest, Visibility

CONFUSIONS_SHOWN_MAX: Final = 50
"""Confusions in the report, the costliest first: nobody reads more of them."""
LEFT_OUT_SHOWN_MAX: Final = 30
"""Tenants named that were not measured."""
FILES_SHOWN_MAX: Final = 20
"""Files named that rows came from."""
NAME_CHARS_MAX: Final = 120
"""Characters of a name or a wording that are shown."""

_VISIBLE: Final = {
    Visibility.NEXT_DAY: "A label is known from the day after its row on, since the lines of one invoice"
    " share their wording and their label.",
    Visibility.IMMEDIATE: "Each label is known to the very next row.",
    Visibility.BATCH: "No label after the history is ever known.",
}
_DECISIONS: Final = {Decision.FILE: "FILEd", Decision.SUGGEST: "SUGGESTed", Decision.ASK: "ASKed"}


def page_of(backtest: Backtest, command: str) -> str:
    """The whole page, as :func:`likewise_indexer.backtest.report.html.write_html` writes it."""
    script = _own("sort.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    values: dict[str, Any] = {
        "backtest": backtest,
        "command": command,
        "verdict": verdict(backtest),
        "visible": _VISIBLE[backtest.settings.visibility],
        "decisions": _DECISIONS,
        "days": _days(backtest),
        "files": sorted({str(file) for tenant in backtest.tenants for file in tenant.files}),
        "peers": peers_of(backtest),
        "plots": (),
        "style": Markup(_own("page.css")),  # noqa: S704  # our own file
        "script": Markup(script),  # noqa: S704  # our own file
        "script_digest": digest,
        "confusions_max": CONFUSIONS_SHOWN_MAX,
        "left_out_max": LEFT_OUT_SHOWN_MAX,
        "files_max": FILES_SHOWN_MAX,
    }
    if backtest.tenants:
        values |= {
            "ours": backtest.macro[LIKEWISE].measures,
            "asked": sum(len(tenant.asked) for tenant in backtest.tenants),
            "tiles": tiles_of(backtest),
            "plots": plots_of(backtest),
            "peers_table": tables.peers_table(backtest) if peers_of(backtest) else None,
            "behind_table": tables.behind_table(backtest),
            "learning_table": tables.learning_table(backtest),
            "slices_table": tables.slices_table(backtest),
            "files_table": tables.files_table(backtest),
            "tenant_tables": tables.tenant_tables(backtest),
        }
    return _environment().get_template("report.html").render(values) + "\n"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("likewise_indexer.backtest.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    environment.filters |= {
        "counted": words.counted,
        "goal": words.goal,
        "money": words.money,
        "of_100": words.share_of_100,
        "out_of_100": words.out_of_100,
        "percent": words.percent,
        "short": lambda text: words.shortened(text, NAME_CHARS_MAX),
    }
    return environment


def _plain(value: Any) -> Any:
    """What a template shows: our own markup as it is, all else without what is not printed."""
    return value if isinstance(value, Markup) else words.plain(str(value))


def _own(name: str) -> str:
    """A file that lies beside the templates."""
    return files("likewise_indexer.backtest.report").joinpath("templates", name).read_text(encoding="utf-8")


def _days(backtest: Backtest) -> tuple[date, ...]:
    """The first day and the last that were asked about; nothing where there are no dates."""
    days = [tenant.asked.day[tenant.asked.day > 0] for tenant in backtest.tenants]
    known = np.concatenate(days) if days else np.zeros(0, dtype=np.int64)
    if not len(known):
        return ()
    return date.fromordinal(int(known.min())), date.fromordinal(int(known.max()))
