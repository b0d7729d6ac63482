"""The graph against the exact scan: recall of the 32 nearest, time to build, time to search.

Canonical workload: 200,000 distinct generated wordings (a made-up name, often a trade, often a town) encoded
by the shipped model; 2,000 questions, half of them texts that the index holds and half new ones. A found text
counts if it is as near as the 32nd of the exact scan, for some wordings have one vector. With Parquet files,
the texts are those of the books' rows, all tenants together.

    python bench/recall.py [BOOKS.parquet…] [--texts 200000] [--questions 2000] [--seed 1] [--json OUT]

Fails where the recall of new texts is below --recall-min.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from likewise_engine import limits
from likewise_engine.encoder import Encoder, load_encoder
from likewise_engine.index.graph import Graph
from likewise_engine.index.texts import TextIndex
from likewise_engine.keys import TenantKey
from likewise_engine.text import text_of

_SYLLABLES = (
    "ba be bo bri ca cor da del den el fa fen gar ha hol jo ka kin la len ma mar mo na nor ol pa per ra"
)
_TRADES = "ltd stores cafe garage bakery services group hotel pharmacy supplies energy studio water parking"
RECALL_MIN = 0.98
"""What the index promises of its 32 nearest texts."""
_ENCODED_AT_ONCE = 4_096
_SAME = 1e-6
"""Float32 similarities that differ by less are the same."""


def generated(count: int, rng: random.Random) -> list[str]:
    """Distinct texts as wordings have them: few names are alike, many trades and towns are the same."""
    syllables, trades = _SYLLABLES.split(), _TRADES.split()
    towns = ["".join(rng.choices(syllables, k=rng.randint(2, 3))) for _ in range(400)]
    texts: dict[str, None] = {}
    while len(texts) < count:
        name = "".join(rng.choices(syllables, k=rng.randint(2, 4)))
        words = [name, *rng.sample(trades, k=rng.randint(0, 1)), *rng.sample(towns, k=rng.randint(0, 1))]
        texts[" ".join(words)] = None
    return list(texts)


def of_books(books: Sequence[Path], rng: random.Random) -> list[str]:
    """The distinct texts of books, in a random order."""
    rows = pl.concat(pl.scan_parquet(book).select("payee", "description").unique() for book in books)
    texts = sorted({text_of(payee or "", rest or "") for payee, rest in rows.collect().iter_rows()})
    rng.shuffle(texts)
    return texts


def vectors_of(encoder: Encoder, texts: Sequence[str]) -> NDArray[np.float16]:
    """Vectors as the ledger has them: at the store's precision."""
    parts = (
        encoder.encode(texts[start : start + _ENCODED_AT_ONCE]).astype(np.float16)
        for start in range(0, len(texts), _ENCODED_AT_ONCE)
    )
    return np.concatenate(list(parts))


def searched(index: TextIndex, questions: NDArray[np.float32]) -> Iterator[tuple[float, float, float]]:
    """For each question: recall, and the microseconds of the graph's search and of the exact scan."""
    count = limits.RETRIEVED_TEXTS_MAX
    for question in questions:
        started = time.perf_counter_ns()
        _, found = index.search(question, count)
        between = time.perf_counter_ns()
        _, exact = index.exact(question, count)
        ended = time.perf_counter_ns()
        recall = np.count_nonzero(found >= exact[-1] - _SAME) / len(exact)
        yield recall, (between - started) / 1e3, (ended - between) / 1e3


def measure(texts: Sequence[str], questions: int) -> dict[str, float]:
    """Build over all texts but the last, ask for them and for as many that are known."""
    encoder = load_encoder()
    matrix = vectors_of(encoder, texts)
    new = min(questions // 2, len(texts) // 10)
    held, asked = matrix[:-new], np.concatenate((matrix[-new:], matrix[:new])).astype(np.float32)
    started = time.perf_counter()
    graph = Graph.build(held)
    built = time.perf_counter()
    assert graph is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.hnsw"
        key = TenantKey.new("bench")
        graph.save(path, key, "bench")
        saved = time.perf_counter()
        graph = Graph.load(path, key, lambda _: "bench", encoder.dimensions)
        loaded = time.perf_counter()
    index = TextIndex(held, np.ones(len(held), dtype=np.bool_), graph)
    recall, search_us, exact_us = np.array(list(searched(index, asked))).T
    return {
        "texts": len(held),
        "dimensions": encoder.dimensions,
        "build_s": built - started,
        "save_s": saved - built,
        "load_s": loaded - saved,
        "recall": float(recall.mean()),
        "recall_of_new": float(recall[:new].mean()),
        "recall_p01": float(np.percentile(recall, 1)),
        "search_us_p50": float(np.percentile(search_us, 50)),
        "search_us_p99": float(np.percentile(search_us, 99)),
        "exact_us_p50": float(np.percentile(exact_us, 50)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("books", nargs="*", type=Path)
    parser.add_argument("--texts", type=int, default=200_000)
    parser.add_argument("--questions", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--recall-min", type=float, default=RECALL_MIN)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    texts = of_books(arguments.books, rng) if arguments.books else generated(arguments.texts, rng)
    with threadpool_limits(1):
        measured = measure(texts, arguments.questions)
    for name, value in measured.items():
        print(f"{name:>14}  {value:,.6g}")
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=2))
    if measured["recall_of_new"] < arguments.recall_min:
        sys.exit(f"recall of new texts is below {arguments.recall_min}")


if __name__ == "__main__":
    main()
