"""Replay real books through the engine, honestly: how often would it have been right, and did it know?

Each tenant's rows are taken in order of time. The first half is history; then every later row is asked for
before it is taught, and a label becomes visible on the day after its date, since the lines of one invoice
carry the same text and label. It is the engine that serves which answers: same store, same index, same vote.

    python bench/replay.py BOOKS.parquet… [--rows-max 4000] [--jobs 2] [--json OUT]

A book needs the columns tenant, date (ISO), payee, description, amount, currency, category. Two simple peers
run beside it: the last label of the payee, and the payee's majority label.
"""

import argparse
import json
import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from likewise_engine.answers import ClassifyOptions, Decision
from likewise_engine.encoder import load_encoder
from likewise_engine.ledger.ledger import Ledger
from likewise_engine.tenants import Tenants
from likewise_engine.transaction import CATEGORY_DIMENSION, LabelledTransaction, Transaction

ROWS_MAX_DEFAULT: Final = 4_000
_ECE_BINS: Final = 10
_OPTIONS: Final = ClassifyOptions(candidates_max=50, neighbours_max=0)


@dataclass(frozen=True, slots=True)
class Answered:
    """One replayed row.

    Attributes:
        rank: of the true label among the candidates, from 0; -1 where it is not among them.
        probability: of the first candidate, 0 where there is none.
        is_filed: whether it would have been FILEd.
        is_payee_known: whether the payee had been labelled before.
        micros: time of the decision.
    """

    rank: int
    probability: float
    is_filed: bool
    is_payee_known: bool
    micros: float


def rows_of(frame: pl.DataFrame) -> list[LabelledTransaction]:
    """The rows of one tenant's book, with their position as id; a month stands for its first day."""
    rows = []
    for position, row in enumerate(frame.iter_rows(named=True)):
        amount = row["amount"]
        transaction = Transaction(
            id=str(position),
            date=date.fromisoformat((row["date"] + "-01")[:10]) if row["date"] else None,
            amount=None if amount is None else Decimal(str(round(amount, 2))),
            currency=row["currency"] or "",
            payee=row["payee"] or "",
            description=row["description"] or "",
        )
        item = LabelledTransaction(transaction, {CATEGORY_DIMENSION: row["category"]})
        if not list(item.violations()):
            rows.append(item)
    return rows


def replay(ledger: Ledger, rows: Sequence[LabelledTransaction]) -> Iterator[tuple[str, Answered]]:
    """Teach the first half, then ask and teach day by day. Yields (who answers, answer)."""
    half = len(rows) // 2
    # The day that the halves share: its rows of the first half are not visible to those of the second.
    boundary = rows[half].transaction.date
    shared = sum(1 for item in rows[:half] if item.transaction.date == boundary)
    history = rows[: half - shared] if shared < half else rows[:half]
    peers = {"last label of the payee": _last, "majority label of the payee": _majority}
    seen: dict[str, list[str]] = defaultdict(list)

    def teach(items: Sequence[LabelledTransaction]) -> None:
        for start in range(0, len(items), 5_000):
            ledger.import_batch(items[start : start + 5_000])
        for item in items:
            seen[_payee(item)].append(item.labels[CATEGORY_DIMENSION])

    teach(history)
    later = rows[len(history) :]
    for _, group in groupby(enumerate(later, start=len(history)), key=lambda r: r[1].transaction.date):
        day = list(group)
        for position, item in day:
            if position < half:
                continue
            true = item.labels[CATEGORY_DIMENSION]
            is_payee_known = _payee(item) in seen
            started = time.perf_counter()
            answer = ledger.classify(item.transaction, _OPTIONS).answer(CATEGORY_DIMENSION)
            micros = (time.perf_counter() - started) * 1e6
            ranked = [candidate.category for candidate in answer.candidates]
            yield (
                "likewise",
                Answered(
                    rank=ranked.index(true) if true in ranked else -1,
                    probability=answer.candidates[0].probability if ranked else 0.0,
                    is_filed=answer.decision is Decision.FILE,
                    is_payee_known=is_payee_known,
                    micros=micros,
                ),
            )
            for name, peer in peers.items():
                label, confidence = peer(seen.get(_payee(item), []))
                yield name, Answered(0 if label == true else -1, confidence, False, is_payee_known, 0.0)
        teach([item for _, item in day])


def _payee(item: LabelledTransaction) -> str:
    return item.transaction.payee or item.transaction.description


def _last(labels: Sequence[str]) -> tuple[str, float]:
    return (labels[-1], labels.count(labels[-1]) / (len(labels) + 1)) if labels else ("", 0.0)


def _majority(labels: Sequence[str]) -> tuple[str, float]:
    if not labels:
        return "", 0.0
    label, count = Counter(reversed(labels)).most_common(1)[0]
    return label, count / (len(labels) + 1)


def measures(answers: Sequence[Answered]) -> dict[str, float]:
    """Top-1, top-3, coverage at 95 % and 98 % precision, calibration error, what was FILEd and how well."""
    right = np.array([a.rank == 0 for a in answers])
    confidence = np.array([a.probability for a in answers])
    filed = np.array([a.is_filed for a in answers])
    unknown = ~np.array([a.is_payee_known for a in answers])
    micros = np.array([a.micros for a in answers])
    return {
        "top1": float(right.mean()),
        "top3": float(np.mean([0 <= a.rank < 3 for a in answers])),
        "coverage_at_95": coverage(right, confidence, 0.95),
        "coverage_at_98": coverage(right, confidence, 0.98),
        "ece": calibration_error(right, confidence),
        "filed_share": float(filed.mean()),
        "filed_precision": float(right[filed].mean()) if filed.any() else float("nan"),
        "top1_payee_unseen": float(right[unknown].mean()) if unknown.any() else float("nan"),
        "micros_p50": float(np.quantile(micros, 0.5)),
        "micros_p99": float(np.quantile(micros, 0.99)),
    }


def coverage(right: NDArray[np.bool_], confidence: NDArray[np.float64], precision: float) -> float:
    """Largest share of rows that some threshold on the confidence answers at the precision asked."""
    order = np.argsort(-confidence, kind="stable")
    precise = np.cumsum(right[order]) / np.arange(1, len(right) + 1) >= precision
    # A threshold cannot part rows of equal confidence.
    ends = np.append(np.diff(confidence[order]) != 0, True)
    possible = np.flatnonzero(precise & ends & (confidence[order] > 0))
    return float((possible[-1] + 1) / len(right)) if len(possible) else 0.0


def calibration_error(right: NDArray[np.bool_], confidence: NDArray[np.float64]) -> float:
    """Expected calibration error over ten bins of equal width (Naeini et al. 2015)."""
    bins = np.minimum((confidence * _ECE_BINS).astype(int), _ECE_BINS - 1)
    error = 0.0
    for number in np.unique(bins):
        within = bins == number
        error += within.mean() * abs(right[within].mean() - confidence[within].mean())
    return float(error)


def replay_tenant(job: tuple[Path, str, int]) -> dict[str, Any]:
    """Replay one tenant of a file in a data folder of its own; measures by who answered."""
    path, tenant, rows_max = job
    frame = pl.scan_parquet(path).filter(pl.col("tenant") == tenant).tail(rows_max).collect()
    answers: dict[str, list[Answered]] = defaultdict(list)
    with (
        threadpool_limits(1),
        tempfile.TemporaryDirectory(dir=_memory_folder()) as folder,
        Tenants.open_folder(Path(folder), load_encoder(None)) as tenants,
    ):
        tenants.create("replayed")
        with tenants.use("replayed") as ledger:
            for name, answered in replay(ledger, rows_of(frame)):
                answers[name].append(answered)
    return {
        "tenant": tenant,
        "source": path.stem,
        "rows": frame.height,
        "who": {name: measures(given) for name, given in answers.items()},
        "answers": [asdict(a) for a in answers["likewise"]],
    }


def _memory_folder() -> str | None:
    """Where fsync costs nothing, if there is such a place: durability is not what is measured here."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112


def macro(tenants: Sequence[dict[str, Any]], who: str) -> dict[str, float]:
    """Plain averages over tenants; a measure that a tenant lacks does not count there."""
    names = tenants[0]["who"][who]
    return {name: float(np.nanmean([t["who"][who][name] for t in tenants])) for name in names}


def report(tenants: Sequence[dict[str, Any]], show: Callable[[str], None]) -> None:
    """Print a table: who, over which tenants, and the measures."""
    groups = {"all": tenants}
    for tenant in tenants:
        groups.setdefault(tenant["source"], [])
    for source in list(groups)[1:]:
        groups[source] = [t for t in tenants if t["source"] == source]
    columns = list(tenants[0]["who"]["likewise"])
    show(f"{'':44} {'who':28} {'n':>3} " + " ".join(f"{c[:12]:>12}" for c in columns))
    for group, members in groups.items():
        for who in members[0]["who"]:
            values = macro(members, who)
            figures = " ".join(f"{values[c]:12.3f}" for c in columns)
            show(f"{group:44} {who:28} {len(members):3} {figures}")


def main() -> None:
    """Read the arguments, replay all tenants on all cores, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("books", nargs="+", type=Path)
    parser.add_argument("--rows-max", type=int, default=ROWS_MAX_DEFAULT, help="latest rows of each tenant")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="write measures and answers there")
    arguments = parser.parse_args()
    jobs = [
        (path, tenant, arguments.rows_max)
        for path in arguments.books
        for tenant in pl.scan_parquet(path)
        .select(pl.col("tenant").unique(maintain_order=True))
        .collect()["tenant"]
    ]
    # Not fork: polars has threads, and a forked child would wait for them for ever.
    with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
        tenants = list(pool.map(replay_tenant, jobs))
    report(tenants, print)
    if arguments.json:
        arguments.json.write_text(json.dumps(tenants))


if __name__ == "__main__":
    main()
