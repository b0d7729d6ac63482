"""Writing the report. What draws and fills in is imported when it is needed: it takes most of a second."""

from pathlib import Path
from tempfile import TemporaryDirectory

from likewise_indexer.backtest.result import Backtest


def write_html(backtest: Backtest, path: Path, *, command: str = "") -> None:
    """Write a backtest's report. The file is there whole or not at all; one that was there is replaced.

    Args:
        backtest: what to report.
        path: the file.
        command: what was typed to get it, shown so that it can be repeated; not shown if empty.

    Raises:
        OSError: the file cannot be written.
    """
    page = html_of(backtest, command=command)
    with TemporaryDirectory(prefix=".likewise-", suffix=".part", dir=path.parent) as aside:
        whole = Path(aside) / "report.html"
        whole.write_text(page, encoding="utf-8")
        whole.replace(path)


def html_of(backtest: Backtest, *, command: str = "") -> str:
    """A backtest's report as a text; see :func:`write_html`."""
    from likewise_indexer.backtest.report.page import page_of

    return page_of(backtest, command)
