"""Classify of tenants at the edge of what there is, beside an ordinary one: how much longer can it take?

Every tenant is taught in process, has its head trained, and is asked by the shipped models, without gRPC. The
figures are processor time, taken in rounds over all tenants: so what else the machine does counts little and
hits them alike, and ratios can be trusted where microseconds cannot. Questions are drawn from the tenant's
own transactions, every other one under a payee that it has never met. That the work is bounded is a test of
its own (tests/test_bounded_work.py).

    python bench/classify.py [--questions 1000] [--rounds 10] [--seed 1] [--json OUT]
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from likewise_engine import limits
from likewise_engine.answers import ClassifyOptions
from likewise_engine.chart import Category
from likewise_engine.classify import question_of
from likewise_engine.encoder import load_encoder
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import CATEGORY_DIMENSION, LabelledTransaction, Transaction
from likewise_engine.vote import load_vote
from recall import generated

_ORDINARY = "ordinary"
_ORDINARY_ROWS = 20_000
_ORDINARY_TEXTS = 2_500
_ORDINARY_CATEGORIES = 40
_CATEGORIES = 2_000
_ROWS_OF_ONE_TEXT = 5_000
_PAYEE = "Same Payee"
_OPTIONS = ClassifyOptions()


@dataclass(frozen=True)
class Tenant:
    """What it is taught.

    Attributes:
        rows: payee, description and category, in order of time; without any, all payees asked about are new.
        categories: the chart, where it is more than the categories of the rows.
    """

    rows: Sequence[tuple[str, str, str]]
    categories: Sequence[Category] = ()


@dataclass
class Timed:
    """A tenant while it is measured.

    Attributes:
        ledger: of the tenant.
        asked: the questions.
        evidence_rows: of all of them.
        candidates: likewise.
        spent_us: microseconds of processor time of each Classify.
    """

    ledger: Ledger
    asked: Sequence[Transaction]
    evidence_rows: Sequence[int]
    candidates: Sequence[int]
    spent_us: list[float] = field(default_factory=list)


def tenants(rng: random.Random) -> dict[str, Tenant]:
    """All that are measured, the ordinary one first."""
    texts = generated(_ORDINARY_TEXTS, rng)
    weights = [1 / (n + 10) for n in range(len(texts))]
    chosen = rng.choices(range(len(texts)), weights, k=_ORDINARY_ROWS)
    long = " ".join(texts)[: limits.DESCRIPTION_CHARS_MAX]
    words = generated(_CATEGORIES, rng)
    return {
        _ORDINARY: Tenant([(texts[n], "", f"c{n % _ORDINARY_CATEGORIES}") for n in chosen]),
        f"{_CATEGORIES:,} categories of one text": Tenant(
            [(_PAYEE, "", f"c{n}") for n in range(_CATEGORIES)]
        ),
        f"{_ROWS_OF_ONE_TEXT:,} rows of one text": Tenant(
            [(_PAYEE, "", f"c{n % 2}") for n in range(_ROWS_OF_ONE_TEXT)]
        ),
        f"{_CATEGORIES:,} categories with names nearly alike": Tenant(
            [(f"Consulting services {word}", "", f"c{n}") for n, word in enumerate(words)],
            [Category(f"c{n}", name=f"Consulting services {word}") for n, word in enumerate(words)],
        ),
        "near texts, each row of its own category": Tenant(
            [(f"Consulting {words[n % 36]}", "", f"c{n}") for n in range(_CATEGORIES)]
        ),
        "texts at the limits of length": Tenant(
            [(f"{word} {long}"[: limits.PAYEE_CHARS_MAX], long, f"c{n % 40}") for n, word in enumerate(words)]
        ),
        f"a chart of {limits.CATEGORIES_MAX:,} and no label": Tenant(
            [], [Category(f"c{n}", name=name) for n, name in enumerate(generated(limits.CATEGORIES_MAX, rng))]
        ),
    }


def taught(ledger: Ledger, tenant: Tenant, rng: random.Random) -> Sequence[Transaction]:
    """Teach a tenant, train its head; what it was taught."""
    transactions = [
        Transaction(
            id=f"t{number}",
            payee=payee,
            description=description,
            date=date(2025, 1, 1) + timedelta(days=number // 50),
            amount=Decimal(-rng.randrange(100, 100_000)) / 100,
        )
        for number, (payee, description, _) in enumerate(tenant.rows)
    ]
    items = [
        LabelledTransaction(transaction, {CATEGORY_DIMENSION: category})
        for transaction, (_, _, category) in zip(transactions, tenant.rows, strict=True)
    ]
    for start in range(0, len(items), limits.IMPORT_BATCH_ROWS):
        ledger.import_batch(items[start : start + limits.IMPORT_BATCH_ROWS])
    if tenant.categories:
        ledger.update(categories=tenant.categories)
    if items:
        ledger.train_heads()
    return transactions


def questions(known: Sequence[Transaction], count: int, rng: random.Random) -> Iterator[Transaction]:
    """Transactions of the tenant, every other one under a new payee."""
    new = generated(count, rng)
    for number, payee in enumerate(new):
        transaction = rng.choice(known) if known else Transaction(payee=payee)
        yield replace(transaction, payee=payee) if number % 2 else transaction


def measured(timed: Timed) -> dict[str, float]:
    """What came of one tenant."""
    p50, p99 = np.quantile(timed.spent_us, (0.5, 0.99)).tolist()
    return {
        "evidence_rows_max": max(timed.evidence_rows),
        "candidates_max": max(timed.candidates),
        "p50_us": p50,
        "p99_us": p99,
    }


def measure(questions_per_tenant: int, rounds: int, seed: int, folder: Path) -> dict[str, dict[str, float]]:
    """Teach all tenants and ask them in turn."""
    rng = random.Random(seed)
    encoder, vote = load_encoder(), load_vote()
    with ExitStack() as stack:
        served = stack.enter_context(Tenants.open_folder(folder, encoder, vote=vote))
        all_timed: dict[str, Timed] = {}
        for number, (name, tenant) in enumerate(tenants(rng).items()):
            served.create(f"t{number}")
            ledger = stack.enter_context(served.use(f"t{number}"))
            asked = list(questions(taught(ledger, tenant, rng), questions_per_tenant, rng))
            # This warms up, too: a view works out the tenant's habits when first asked.
            evidence = [
                question_of(ledger.view, encoder, one, [CATEGORY_DIMENSION]).evidence[CATEGORY_DIMENSION]
                for one in asked
            ]
            rows, candidates = [len(e.rows) for e in evidence], [len(e.candidates) for e in evidence]
            all_timed[name] = Timed(ledger, asked, rows, candidates)
            print(f"taught: {name}", file=sys.stderr)
        for part in range(rounds):
            for timed in all_timed.values():
                for transaction in timed.asked[part::rounds]:
                    started_ns = time.process_time_ns()
                    timed.ledger.classify(transaction, _OPTIONS)
                    timed.spent_us.append((time.process_time_ns() - started_ns) / 1e3)
    return {name: measured(timed) for name, timed in all_timed.items()}


def main() -> None:
    """Read the arguments, run, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--questions", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with threadpool_limits(1), tempfile.TemporaryDirectory() as folder:
        figures = measure(arguments.questions, arguments.rounds, arguments.seed, Path(folder))
    ordinary = figures[_ORDINARY]
    print(f"{'':45} {'rows':>5} {'candidates':>10} {'p50 µs':>7} {'ratio':>6} {'p99 µs':>7} {'ratio':>6}")
    for name, of in figures.items():
        p50, p99 = of["p50_us"], of["p99_us"]
        print(
            f"{name:45} {of['evidence_rows_max']:5} {of['candidates_max']:10} "
            f"{p50:7,.0f} {p50 / ordinary['p50_us']:6.2f} {p99:7,.0f} {p99 / ordinary['p99_us']:6.2f}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
