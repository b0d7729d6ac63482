"""Index books in bulk, serve them, ask over gRPC: rows a second, bytes on disk, latency as a caller sees it.

Runs the very commands that a user runs: ``likewise index`` and ``likewise serve``, each a process of its own,
and asks through ``likewise.Client`` from one caller over loopback, one call after another: what a caller
sees on a quiet server, not under load.

    python bench/books.py BOOKS.parquet… [--questions 5000] [--seed 1] [--json OUT]
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import likewise
from latency_load.figures import machine
from latency_load.processes import likewise_served
from scale_laws.bulk import index


def indexed(books: Sequence[Path], data: Path) -> dict[str, float]:
    """Index all books, a tenant for each value of their column ``tenant``; what it took."""
    rows = sum(pl.scan_parquet(book).select(pl.len()).collect().item() for book in books)
    took = index(books, data)
    disk_bytes = sum(path.stat().st_size for path in data.rglob("*") if path.is_file())
    return {
        "rows": rows,
        "committed_s": took.committed_s,
        "committed_rows_per_s": rows / took.committed_s,
        "settled_s": took.ended_s,
        "cpu_s": took.cpu_s,
        "disk_bytes": disk_bytes,
        "disk_bytes_per_row": disk_bytes / rows,
    }


def questions(books: Sequence[Path], count: int, seed: int) -> list[tuple[str, likewise.Transaction]]:
    """Rows of the books without their labels, drawn at random over all tenants."""
    frame = pl.concat([pl.read_parquet(book) for book in books], how="vertical_relaxed")
    rows = frame.sample(count, seed=seed).to_dicts()
    random.Random(seed).shuffle(rows)
    return [
        (
            row["tenant"],
            likewise.transaction(
                payee=row["payee"] or "",
                description=row["description"] or "",
                amount=None if row["amount"] is None else str(round(row["amount"], 2)),
                currency=row["currency"] or "",
            ),
        )
        for row in rows
    ]


def ask(address: str, asked: Sequence[tuple[str, likewise.Transaction]]) -> dict[str, Any]:
    """Ask one after another; milliseconds as the caller sees them and as the server states them."""
    with likewise.Client(address) as client:
        for tenant in sorted({tenant for tenant, _ in asked}):  # cold loads are not what is measured here
            client.classify(tenant, likewise.transaction(payee="warm up"), deadline_ms=60_000)
        caller_ms, stages_ms = [], []
        for tenant, transaction in asked:
            started = time.perf_counter()
            answer = client.classify(tenant, transaction)
            caller_ms.append((time.perf_counter() - started) * 1e3)
            spent = answer.time_spent
            stages = (spent.wait, spent.encode, spent.search, spent.vote)
            stages_ms.append([stage.ToNanoseconds() / 1e6 for stage in stages])
        loaded = [client.get_tenant(tenant).statistics for tenant in sorted({tenant for tenant, _ in asked})]
    p50, p99 = np.quantile(caller_ms, (0.5, 0.99)).tolist()
    names = ("wait", "encode", "search", "vote")
    stage_p50 = dict(zip(names, np.median(stages_ms, axis=0).round(3).tolist(), strict=True))
    return {
        "questions": len(asked),
        "p50_ms": p50,
        "p99_ms": p99,
        "max_ms": max(caller_ms),
        "stage_p50_ms": stage_p50,
        "memory_bytes_per_label": sum(s.memory_bytes for s in loaded) / sum(s.labels for s in loaded),
    }


def main() -> None:
    """Read the arguments, run, report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("books", nargs="+", type=Path)
    parser.add_argument("--questions", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        index_figures = indexed(arguments.books, data)
        with likewise_served(data) as server:
            asked = ask(server.address, questions(arguments.books, arguments.questions, arguments.seed))
    figures = {"machine": machine(), "index": index_figures, "ready_s": server.ready_s, "classify": asked}
    print(json.dumps(figures, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
