"""How well does an audit find mistakes, and how long does it take? Mistakes are planted, and looked for.

Into books whose every label is right (generated: payees of their own categories, some with a dear and a cheap
one) a share of labels is planted that other rows have. Of k planted ones it is counted how many are among the
first k and among all that an audit suspects. Beside it, over the very same held-out probabilities, cleanlab's
own ranking (where the package cleanlab is installed), and a baseline that knows no probabilities: the share
of the entries of the same text that have the label. Times are of the processor, one thread.

    python bench/review.py [--rows 3000] [--shares 0.02 0.05 0.1] [--books BOOK.parquet] [--seed 1]

With --books, rows of the largest tenant of that file are taken, whose own mistakes nobody knows: then planted
ones are found among them, and what is counted is a lower bound.
"""

import argparse
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from latency_load.figures import machine
from likewise_engine import limits
from likewise_engine.encoder import load_encoder
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.review import ReviewOptions, review
from likewise_engine.review.confident import suspicions_of
from likewise_engine.review.held_out import HeldOut, HeldOutJudge
from likewise_engine.review.pace import Pace
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_engine.vote import load_vote

Ints = NDArray[np.int64]
_NAMES = ("Corner", "Harbour", "Maple", "Silver", "Castle", "Union", "River", "Old Mill")
_TRADES = ("Bakery", "Garage", "Power", "Taxi", "Hotel", "Print", "Books", "Water", "Paper", "Insurance")


def generated(rows: int, seed: int) -> list[LabelledTransaction]:
    """Books without a mistake: 80 payees, 24 categories, two years."""
    rng = random.Random(seed)
    payees = [f"{name} {trade}" for name in _NAMES for trade in _TRADES]
    home = {payee: f"c{rng.randrange(24)}" for payee in payees}
    dear = {payee: f"c{rng.randrange(24)}" for payee in payees if rng.random() < 0.2}
    weights = [1 / (1 + rank) for rank in range(len(payees))]
    rng.shuffle(weights)
    books = []
    for number in range(rows):
        payee = rng.choices(payees, weights)[0]
        is_dear = payee in dear and rng.random() < 0.4
        cents = rng.randrange(50_000, 90_000) if is_dear else rng.randrange(500, 9_000)
        day = date(2024, 1, 1) + timedelta(days=number * 700 // rows)
        worded = f"{payee} {rng.randrange(1_000, 9_999)}"
        description = rng.choice(("", "card payment", "invoice"))
        transaction = Transaction(f"t{number}", day, Decimal(cents) / 100, "EUR", worded, description)
        books.append(LabelledTransaction(transaction, {"category": (dear if is_dear else home)[payee]}))
    return books


def from_file(path: Path, rows: int) -> list[LabelledTransaction]:
    """Rows of the largest tenant of a file of books."""
    frame = pl.read_parquet(path)
    largest = frame.group_by("tenant").len().sort("len", "tenant", descending=True)["tenant"][0]
    found = []
    for number, row in enumerate(frame.filter(pl.col("tenant") == largest).head(rows).to_dicts()):
        if not (row["payee"] or row["description"]):
            continue
        day = date.fromisoformat(str(row["date"])) if row["date"] else None
        amount = None if row["amount"] is None else Decimal(str(round(row["amount"], 2)))
        transaction = Transaction(
            f"t{number}", day, amount, row["currency"] or "", row["payee"] or "", row["description"] or ""
        )
        found.append(LabelledTransaction(transaction, {"category": row["category"]}))
    return found


def planted(
    books: Sequence[LabelledTransaction], share: float, seed: int
) -> tuple[list[LabelledTransaction], set[str]]:
    """The books with labels of other rows planted, and the ids of the entries that have them."""
    rng = random.Random(seed)
    labels = [item.labels["category"] for item in books]
    wrong = set(rng.sample(range(len(books)), round(share * len(books))))
    changed = []
    for number, item in enumerate(books):
        label = labels[number]
        while number in wrong and label == labels[number]:
            label = rng.choice(labels)
        changed.append(replace(item, labels={"category": label}))
    return changed, {books[number].transaction.id for number in wrong}


def judged(ledger: Ledger) -> HeldOut:
    """All labels, each judged without its entry."""
    encoder, vote = load_encoder(), load_vote()
    pace = Pace(limits.REVIEW_BUDGET_MS_MAX, lambda _done, _goal: True)
    judge = HeldOutJudge(ledger.view, encoder, vote)
    return judge.judged(["category"], ledger.store.entries_by_id, limits.REVIEW_ENTRIES_MAX, pace)["category"]


def rankings(ledger: Ledger, held_out: HeldOut) -> dict[str, Ints]:
    """Positions of the suspected, the surest first, by who suspects them."""
    suspicions = suspicions_of(held_out, len(ledger.view.category_counts))
    found = {"likewise": suspicions.ranked, "… confident": suspicions.ranked[: suspicions.is_confident.sum()]}
    if find_spec("cleanlab") is not None:
        found |= _by_cleanlab(held_out)
    same = defaultdict(Counter)  # type: defaultdict[int, Counter[int]]
    texts = ledger.view.text[held_out.rows].tolist()
    for text, label in zip(texts, held_out.given.tolist(), strict=True):
        same[text][label] += 1
    share = [
        same[text][label] / same[text].total()
        for text, label in zip(texts, held_out.given.tolist(), strict=True)
    ]
    found["share of the same text"] = np.argsort(share, kind="stable")
    return found


def _by_cleanlab(held_out: HeldOut) -> dict[str, Ints]:
    from cleanlab.filter import find_label_issues

    used, labels = np.unique(held_out.given, return_inverse=True)
    of, place = held_out.entry_of, np.searchsorted(used, held_out.candidates).clip(max=len(used) - 1)
    known = used[place] == held_out.candidates
    matrix = np.full((len(held_out), len(used)), 1e-9)
    matrix[of[known], place[known]] += held_out.probabilities[known]
    matrix /= matrix.sum(1, keepdims=True)
    return {
        f"cleanlab, {by.replace('_', ' ')}": find_label_issues(
            labels, matrix, filter_by="confident_learning", return_indices_ranked_by=by, n_jobs=1
        )
        for by in ("normalized_margin", "self_confidence")
    }


def measured(books: Sequence[LabelledTransaction], share: float, seed: int) -> None:
    """Plant, look, and print a row for each ranking."""
    items, wrong = planted(books, share, seed + 1)
    encoder, vote = load_encoder(), load_vote()
    with (
        tempfile.TemporaryDirectory() as folder,
        Tenants.open_folder(Path(folder), encoder, vote=vote) as tenants,
    ):
        tenants.create("books")
        with tenants.use("books") as ledger:
            for start in range(0, len(items), limits.BATCH_ITEMS_MAX):
                ledger.import_batch(items[start : start + limits.BATCH_ITEMS_MAX])
        tenants.settle()
        with tenants.use("books") as ledger:
            started = time.process_time()
            held_out = judged(ledger)
            took = time.process_time() - started
            ids = [ledger.view.transaction_ids[row] for row in held_out.rows.tolist()]
            is_wrong = np.array([key in wrong for key in ids])
            found = rankings(ledger, held_out)
            if not share:
                started = time.process_time()
                every = review(
                    ledger.view, encoder, vote, ledger.store.entries_by_id,
                    ReviewOptions(entries_max=len(items), budget_ms=limits.REVIEW_BUDGET_MS_MAX),
                    lambda _done, _goal: True,
                )  # fmt: skip
                whole = time.process_time() - started
                counts = {} if every is None else {kind.name.lower(): n for kind, n in every.found.items()}
                print(f"a whole audit of {len(items):,} entries: {whole:.1f} s of the processor; {counts}")
    print(f"planted {share:.0%}: {len(wrong)} of {len(items):,}; {1e3 * took / len(held_out):.2f} ms a label")
    for name, ranked in found.items() if wrong else ():
        hits, k = is_wrong[ranked], len(wrong)
        among_first, among_all = hits[:k].sum() / k, hits.sum() / k
        print(f"  {name:30} of the first {k}: {among_first:.3f}; suspects {len(ranked)}, has {among_all:.3f}")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=3_000)
    parser.add_argument("--shares", type=float, nargs="*", default=[0.02, 0.05, 0.1])
    parser.add_argument("--books", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(machine())
    books = from_file(asked.books, asked.rows) if asked.books else generated(asked.rows, asked.seed)
    for share in asked.shares:
        measured(books, share, asked.seed)


if __name__ == "__main__":
    main()
