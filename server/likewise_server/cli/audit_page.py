"""The page of ``likewise audit --html``: self-contained, and without a script.

Nothing that it is given can become markup: all is escaped and stripped of characters that are not printed,
and the page's own policy forbids every script and everything from elsewhere.
"""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import likewise
from likewise_engine.review import FindingKind
from likewise_server.cli.common import money, plain


def write_page(
    path: Path,
    tenant: str,
    findings: Sequence[likewise.Finding],
    summary: likewise.AuditSummary,
    titles: Mapping[FindingKind, str],
) -> None:
    """Write the page. It is there whole or not at all; one that was there is replaced.

    Args:
        path: the file.
        tenant: that was audited.
        findings: what was found.
        summary: what was looked at.
        titles: of the kinds, in their order.

    Raises:
        OSError: the file cannot be written.
    """
    page = page_of(tenant, findings, summary, titles)
    with TemporaryDirectory(prefix=".likewise-", suffix=".part", dir=path.parent) as aside:
        whole = Path(aside) / "audit.html"
        whole.write_text(page, encoding="utf-8")
        whole.replace(path)


def page_of(
    tenant: str,
    findings: Sequence[likewise.Finding],
    summary: likewise.AuditSummary,
    titles: Mapping[FindingKind, str],
) -> str:
    """The page as a text; see :func:`write_page`."""
    sections = [
        {
            "name": kind.name.lower(),
            "title": title,
            "found": summary.found[int(kind)],
            "findings": [finding for finding in findings if int(finding.kind) == int(kind)],
        }
        for kind, title in titles.items()
    ]
    environment = Environment(
        loader=PackageLoader("likewise_server.cli"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    environment.filters |= {"amount": _amount, "day": lambda entry: likewise.date_value(entry.date) or "–"}
    values: dict[str, Any] = {
        "tenant": tenant,
        "summary": summary,
        "sections": [section for section in sections if section["findings"]],
        "style": Markup(_style()),  # noqa: S704  # our own file
    }
    return environment.get_template("audit.html").render(values) + "\n"


def _style() -> str:
    """That of the backtest's report."""
    folder = files("likewise_indexer.backtest.report")
    return folder.joinpath("templates", "page.css").read_text(encoding="utf-8")


def _plain(value: Any) -> Any:
    return value if isinstance(value, Markup) else plain(str(value))


def _amount(entry: likewise.FindingEntry) -> str:
    if not entry.HasField("amount"):
        return "–"
    return money(likewise.money_value(entry.amount), entry.amount.currency_code)
