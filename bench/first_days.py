"""The first answers of a tenant without any label: by names alone, by descriptions too, by a trade's chart.

Of each sample book the first row of every payee and description is asked about, with no label learned. Twice
with the book's own chart, once as names and once with its descriptions; and with the chart of the trade that
is shipped, where CATEGORIES says which of its categories are right for one of the book's. What has no
counterpart there is left out, and counted. Rows that are rightly filed in several ways count by the label
that they have.

    python bench/first_days.py [--model FOLDER] [--small] [--json OUT]
"""

import argparse
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from first_days_side.categories import CATEGORIES, TRADES
from likewise_engine.answers import ClassifyOptions, Decision
from likewise_engine.chart import Category
from likewise_engine.chart_templates import chart_template
from likewise_engine.encoder import load_encoder
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import LabelledTransaction
from likewise_engine.vote import load_vote
from likewise_indexer.backtest.books import read_books
from likewise_indexer.bulk import SourceOptions, TenantChart, open_source, read_chart

RAW = argparse.RawDescriptionHelpFormatter
BOOKS = Path(__file__).parent.parent / "data/books"
OPTIONS = ClassifyOptions(dimensions=("category",), candidates_max=3, neighbours_max=0)
ALL_ROWS = 100_000
SMALL_ROWS = 10


@dataclass
class Tally:
    """Of questions without a label."""

    asked: int = 0
    first: int = 0
    among_three: int = 0
    suggested: int = 0
    suggested_right: int = 0
    filed: int = 0

    def told(self) -> dict[str, float]:
        return {
            "asked": self.asked,
            "first": self.first / self.asked,
            "among_three": self.among_three / self.asked,
            "suggested": self.suggested / self.asked,
            "right_of_suggested": self.suggested_right / max(self.suggested, 1),
            "filed": self.filed,
        }


def read(book: Path, chart: TenantChart) -> Sequence[LabelledTransaction]:
    """The rows of a book, one of each wording, in order of time."""
    source = open_source(book, SourceOptions(), labelled=True, tenants=False)
    (read_book,) = read_books([(source, book.stem)], ALL_ROWS, chart=chart).books
    firsts: dict[tuple[str, str], LabelledTransaction] = {}
    for item in read_book.items:
        if "category" in item.labels:
            firsts.setdefault((item.transaction.payee, item.transaction.description), item)
    return list(firsts.values())


def asked(
    chart: Sequence[Category],
    questions: Sequence[tuple[LabelledTransaction, Collection[str]]],
    model: Path | None,
) -> Tally:
    """Ask about each with nothing but a chart; what is right stands beside it."""
    tally = Tally()
    with (
        TemporaryDirectory() as folder,
        Tenants.open_folder(Path(folder), load_encoder(model), vote=load_vote(None)) as tenants,
    ):
        tenants.create("new", categories=chart)
        with tenants.use("new") as ledger:
            for item, right in questions:
                answer = ledger.classify(replace(item.transaction, id=""), OPTIONS).answers[0]
                named = [candidate.category for candidate in answer.candidates]
                tally.asked += 1
                is_first = bool(named) and named[0] in right
                tally.first += is_first
                tally.among_three += any(category in right for category in named)
                is_suggested = answer.decision is Decision.SUGGEST
                tally.suggested += is_suggested
                tally.suggested_right += is_suggested and is_first
                tally.filed += answer.decision is Decision.FILE
    return tally


def measured(book: Path, rows_max: int, model: Path | None) -> dict[str, Any]:
    """All three charts of a book."""
    chart = read_chart(BOOKS / f"charts/{book.stem}.json")
    own = [category for category in chart.categories if category.dimension == "category"]
    rows = read(book, chart)[:rows_max]
    known = {category.id for category in own}
    questions = [(row, {row.labels["category"]}) for row in rows if row.labels["category"] in known]
    bare = [replace(category, description="") for category in own]
    mapped: Mapping[str, Collection[str]] = CATEGORIES.get(book.stem, {})
    trade, language = TRADES[book.stem]
    covered = [(row, set(mapped[label])) for row in rows if (label := row.labels["category"]) in mapped]
    return {
        "rows": len(questions),
        "names": asked(bare, questions, model).told(),
        "descriptions": asked(own, questions, model).told(),
        "trade": f"{trade} ({language})",
        "covered": len(covered) / len(rows),
        "template": asked(chart_template(trade, language), covered, model).told(),
        "template_names": asked(
            [replace(c, description="") for c in chart_template(trade, language)], covered, model
        ).told(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, help="folder of the encoder; the shipped one if not given")
    parser.add_argument("--small", action="store_true", help="a few rows: whether it works")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    books = sorted(path for path in BOOKS.iterdir() if path.stem in TRADES)
    rows_max = SMALL_ROWS if arguments.small else ALL_ROWS
    result = {book.stem: measured(book, rows_max, arguments.model) for book in books}
    for name, found in result.items():
        print(f"{name}: {found['rows']} wordings; {found['trade']} covers {found['covered']:.0%}")
        for chart in ("names", "descriptions", "template_names", "template"):
            told = found[chart]
            print(
                f"  {chart:15} first {told['first']:.1%}, among three {told['among_three']:.1%},"
                f" suggested {told['suggested']:.1%} of which right {told['right_of_suggested']:.1%},"
                f" filed {told['filed']}"
            )
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
