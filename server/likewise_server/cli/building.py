"""What the commands that build models have in common."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from likewise_server.cli.common import console, fail, reported


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


def progress_bars() -> Progress:
    """Bars on the terminal, for whoever waits."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)
