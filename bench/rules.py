"""Rules: how right suggestions turn out to be, what a thousand rules cost a question, and whom they hold up.

For each tenant of the books the latest rows are taken in order of time. Suggestions are mined from the first
half of them, by the code that serves; then all of them are made rules, and decide the second half, which
they have not seen. Told are, over tenants: how many suggestions there are, how many rows they decide, and how
often they are right there; the same by how sure a suggestion had to be.

    python bench/rules.py BOOKS… [--tenant-column NAME] [--rows 4000] [--json OUT]
    python bench/rules.py --cost [--json OUT]
    python bench/rules.py --wait 20000 [--json OUT]    # a lesson beside a change of rules, by labels
"""

import argparse
import json
import random
import string
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from latency_load.invented import InventedTenant
from likewise_engine.chart import Category, Chart
from likewise_engine.encoder import HashingEncoder
from likewise_engine.ledger.reshape import Activation
from likewise_engine.rules.kept import NO_TALLY, KeptRule
from likewise_engine.rules.mining import MiningOptions, Suggestion, mined
from likewise_engine.rules.rule import Condition, Operator, Rule, RuleField
from likewise_engine.rules.rulebook import NO_RULES, Rulebook
from likewise_engine.store.base import Entry
from likewise_engine.tenants import Tenants
from likewise_engine.text import text_of
from likewise_engine.transaction import CATEGORY_DIMENSION, Transaction
from likewise_indexer.backtest.books import Book
from likewise_server.cli.building import books_of_sources
from likewise_server.service.translate import whole_batch

_PRECISIONS: Final = (0.5, 0.7, 0.8, 0.85, 0.9, 0.95)
_ROWS_DEFAULT: Final = 4_000
_SEED: Final = 20261121
_RULE_COUNTS: Final = (0, 1, 10, 100, 1_000)
_QUESTIONS: Final = 2_000
_WAITS: Final = 9
_HEAD_START_S: Final = 0.02
"""Of a change, before the lesson comes."""


def chart_of(entries: Sequence[Entry]) -> Chart:
    """The categories that entries have."""
    ids = dict.fromkeys(entry.labels[CATEGORY_DIMENSION] for entry in entries)
    return Chart.of([Category(category) for category in ids])


def entries_of(book: Book) -> list[Entry]:
    """A book's rows as entries, in order of time."""
    return [
        Entry(seq, item.transaction, item.labels, dict.fromkeys(item.labels, item.authority), seq)
        for seq, item in enumerate(book.items, start=1)
        if CATEGORY_DIMENSION in item.labels
    ]


def rulebook_of(suggestions: Sequence[Suggestion], chart: Chart) -> Rulebook:
    """All suggestions as rules, in their order."""
    created = datetime.now(UTC)
    kept = [
        KeptRule.of(number, each.rule, created, [chart.numbers[label] for label in each.rule.labels.items()])
        for number, each in enumerate(suggestions, start=1)
    ]
    return Rulebook.of(kept, chart)


def held_against(rulebook: Rulebook, entries: Sequence[Entry]) -> tuple[int, int]:
    """How many entries rules decide, and how many of them rightly."""
    decided = right = 0
    for entry in entries:
        transaction = entry.transaction
        rulings = rulebook.rulings(transaction, text_of(transaction.payee, transaction.description))
        if (ruling := rulings.get(CATEGORY_DIMENSION)) is not None:
            decided += 1
            right += rulebook.chart.categories[ruling.category].id == entry.labels[CATEGORY_DIMENSION]
    return decided, right


def measured(book: Book, rows_max: int) -> dict[str, Any]:
    """What comes of one tenant's suggestions."""
    entries = entries_of(book)[-rows_max:]
    half = len(entries) // 2
    chart = chart_of(entries)
    by_precision = {}
    for precision_min in _PRECISIONS:
        options = MiningOptions(CATEGORY_DIMENSION, 500, precision_min=precision_min)
        empty = Rulebook((), (), chart, NO_RULES.matcher)
        started = time.perf_counter()
        suggestions = mined(empty, entries[:half], options, lambda: None)
        elapsed_s = time.perf_counter() - started
        decided, right = held_against(rulebook_of(suggestions, chart), entries[half:])
        by_precision[str(precision_min)] = {
            "suggestions": len(suggestions),
            "said_later_support": sum(each.later_support for each in suggestions),
            "said_later_right": sum(each.later_right for each in suggestions),
            "decided": decided,
            "right": right,
            "mining_s": elapsed_s,
        }
    return {"tenant": book.tenant, "rows": len(entries) - half, "by_precision": by_precision}


def summary(tenants: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each precision that was asked for, over all tenants."""
    lines = []
    for precision_min in map(str, _PRECISIONS):
        found = [tenant["by_precision"][precision_min] for tenant in tenants]
        decided, right = sum(f["decided"] for f in found), sum(f["right"] for f in found)
        said, said_right = (
            sum(f["said_later_support"] for f in found),
            sum(f["said_later_right"] for f in found),
        )
        shares = [f["right"] / f["decided"] for f in found if f["decided"]]
        lines.append(
            {
                "precision_min": float(precision_min),
                "tenants": len(tenants),
                "tenants_with_any": sum(f["suggestions"] > 0 for f in found),
                "suggestions_median": float(np.median([f["suggestions"] for f in found])),
                "decided_share": float(
                    np.mean([f["decided"] / t["rows"] for f, t in zip(found, tenants, strict=True)])
                ),
                "right_share": right / decided if decided else None,
                "right_share_mean_of_tenants": float(np.mean(shares)) if shares else None,
                "right_share_worst_tenth": float(np.quantile(shares, 0.1)) if shares else None,
                "right_share_that_was_stated": said_right / said if said else None,
                "mining_s_max": max(f["mining_s"] for f in found),
            }
        )
    return lines


def cost() -> list[dict[str, Any]]:
    """How long rules take a question, by how many there are: a third payees, words, and patterns each."""
    rng = random.Random(_SEED)
    words = ["".join(rng.choices(string.ascii_lowercase, k=rng.randint(4, 9))) for _ in range(3_000)]
    questions = []
    for _ in range(_QUESTIONS):
        payee, description = " ".join(rng.choices(words, k=3)), " ".join(rng.choices(words, k=5))
        transaction = Transaction(payee=payee.upper(), description=description)
        questions.append((transaction, text_of(payee, description)))
    lines = []
    for count in _RULE_COUNTS:
        rulebook = _invented(count, words, rng)
        took = []
        for transaction, text in questions * 2:
            started_ns = time.perf_counter_ns()
            if rulebook:
                rulebook.rulings(transaction, text)
            took.append(time.perf_counter_ns() - started_ns)
        p50, p99 = np.quantile(took[_QUESTIONS:], (0.5, 0.99)) / 1e3
        lines.append({"rules": count, "p50_us": float(p50), "p99_us": float(p99), "bytes": rulebook.nbytes})
    return lines


def waits(labels: int) -> list[dict[str, Any]]:
    """How long a lesson takes beside a change of the rules, or of the chart, of a tenant's so many labels."""
    tenant, rng = InventedTenant.of_size("tenant", labels, _SEED), random.Random(_SEED)
    batches = [
        whole_batch([tenant.row(f"row-{number}", rng).message() for number in range(start, start + 500)])
        for start in range(0, labels, 500)
    ]
    lessons = [whole_batch([tenant.row(f"lesson-{number}", rng).message()]) for number in range(99)]
    with TemporaryDirectory() as folder, Tenants.open_folder(Path(folder), HashingEncoder()) as tenants:
        tenants.create("tenant")
        with tenants.use("tenant") as ledger:
            for batch in batches:
                ledger.import_batch(batch)
            categories = [category.id for category in ledger.view.chart.categories]

            def lesson() -> None:
                ledger.learn(lessons.pop())

            def create() -> None:
                condition = Condition(RuleField.TEXT, Operator.CONTAINS, (rng.choice(string.ascii_letters),))
                ledger.rules.create(Rule("", (condition,), {CATEGORY_DIMENSION: categories[0]}))

            def switch() -> None:
                is_active = ledger.view.chart.categories[1].active
                ledger.reshape(Activation(CATEGORY_DIMENSION, categories[1], active=not is_active))

            return [
                {"beside": "nothing", **_beside(lambda: None, lesson)},
                {"beside": "a new rule", **_beside(create, lesson)},
                {"beside": "a category that is closed or opened", **_beside(switch, lesson)},
            ]


def _beside(change: Callable[[], None], lesson: Callable[[], None]) -> dict[str, float]:
    """Milliseconds of a change and of a lesson that comes soon after it began: medians of some."""
    took: dict[str, list[float]] = {"change_ms": [], "lesson_ms": []}

    def timed(name: str, call: Callable[[], None]) -> None:
        started = time.perf_counter()
        call()
        took[name].append((time.perf_counter() - started) * 1e3)

    for _ in range(_WAITS):
        thread = threading.Thread(target=timed, args=("change_ms", change))
        thread.start()
        time.sleep(_HEAD_START_S)
        timed("lesson_ms", lesson)
        thread.join()
    return {name: float(np.median(values)) for name, values in took.items()}


def _invented(count: int, words: Sequence[str], rng: random.Random) -> Rulebook:
    chart, created, kept = Chart.of([Category("x")]), datetime.now(UTC), []
    for number in range(1, count + 1):
        condition = (
            Condition(RuleField.PAYEE, Operator.EQUALS, (" ".join(rng.choices(words, k=3)),)),
            Condition(RuleField.TEXT, Operator.CONTAINS, (" ".join(rng.choices(words, k=2)),)),
            Condition(RuleField.DESCRIPTION, Operator.MATCHES, (".*".join(rng.choices(words, k=2)),)),
        )[number % 3]
        kept.append(KeptRule(number, f"r{number}", "", 0, True, (condition,), created, {0: NO_TALLY}))
    return Rulebook.of(kept, chart)


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("books", nargs="*", type=Path)
    parser.add_argument("--tenant-column", default="", help="names the tenant; else each file is one")
    parser.add_argument("--rows", type=int, default=_ROWS_DEFAULT)
    parser.add_argument("--cost", action="store_true")
    parser.add_argument("--wait", type=int, metavar="LABELS")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    if wanted.cost:
        found: Any = {"cost": cost()}
        lines = found["cost"]
    elif wanted.wait:
        found = {"labels": wanted.wait, "waits": waits(wanted.wait)}
        lines = found["waits"]
    else:
        books = books_of_sources(wanted.books, wanted.tenant_column)
        tenants = [measured(book, wanted.rows) for book in books]
        found = {"tenants": tenants, "summary": summary(tenants)}
        lines = found["summary"]
    for line in lines:
        told = {name: value for name, value in line.items() if value is not None}
        print("  ".join(f"{n} {v if isinstance(v, str) else f'{v:.4g}'}" for n, v in told.items()))
    if wanted.json:
        wanted.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
