"""Writes docs/performance.md from what the benchmarks measured; measures nothing itself.

    python bench/performance.py RESULTS [--docs docs]

RESULTS holds the JSON of the benchmarks, each under the name that the page's own list of commands gives it,
and in ``before`` and ``after`` that of ``likewise backtest``. What is not there is said to be missing.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from accuracy_page.results import ResultsUnusable
from performance_page.page import write_page
from performance_page.results import Results


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of what was measured")
    parser.add_argument("--docs", type=Path, default=Path(__file__).parents[1] / "docs", help="where it goes")
    given = parser.parse_args(arguments)
    if not given.results.is_dir():
        sys.exit(f"performance: there is no folder {given.results}")
    try:
        page = write_page(Results.read(given.results), given.docs)
    except (OSError, ResultsUnusable, ValueError) as error:
        sys.exit(f"performance: {error}")
    print(f"{page} is written")


if __name__ == "__main__":
    main()
