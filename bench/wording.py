"""What understanding the wording brings: texts of version 1, of version 2, and of version 2 chosen otherwise.

Two questions. *Noise*: the wordings of books are wrapped as banks wrap them (bench/wording_side/wraps.py),
and it is asked whether each still finds its original among all texts of its tenant. Where several wordings
have one text, a find counts by their number: to make all texts one would find nothing.
*Books*: they are replayed as ``likewise backtest`` does it, with the shipped models, for each way.

    python bench/wording.py BOOKS.parquet… [--tenants WORDS] [--wordings 400] [--rows 4000]
        [--only "version 1,version 2"] [--seed 1] [--json OUT]

Either is left out by --wordings 0 or --rows 0.
"""

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

from likewise_engine import classify, counterparty, text
from likewise_engine.encoder import Encoder, load_encoder
from likewise_engine.ledger import lesson
from likewise_engine.text import joined, normalise
from likewise_engine.wording import Part
from likewise_engine.wording.naming import NAMING, naming
from likewise_indexer.backtest.books import Book
from likewise_indexer.backtest.contest import Contest
from likewise_indexer.backtest.result import LIKEWISE, BacktestSettings
from likewise_indexer.backtest.run import run_backtest
from likewise_server.cli.building import books_of_sources
from wording_side.wraps import WRAPS

MakesText = Callable[[str, str], tuple[str, str]]
_MEASURES: Final = ("top1", "coverage_at_95", "coverage_at_98")
_FIRSTS: Final = 8
"""How far down a find still counts, in the second figure."""


def whole(payee: str, description: str) -> tuple[str, str]:
    """The text as version 1 made it: of the whole wording."""
    return joined(normalise(payee), normalise(description)), normalise(payee)


def of_parts(parts: frozenset[Part], payee: str, description: str) -> tuple[str, str]:
    """The text as the engine makes it, but of other parts."""
    with patch.object(text, "naming", partial(naming, parts=parts)):
        return text.text_and_payee(payee, description)


WAYS: Final[Mapping[str, MakesText]] = {
    "version 1": whole,
    "version 2": text.text_and_payee,
    "… with the processor": partial(of_parts, NAMING | {Part.PROCESSOR}),
    "… with the place": partial(of_parts, NAMING | {Part.PLACE, Part.COUNTRY}),
    "… with the channel": partial(of_parts, NAMING | {Part.CHANNEL}),
    "… without the purpose": partial(of_parts, NAMING - {Part.PURPOSE}),
}
"""Ways to make a text, by name."""


def finds(
    encoder: Encoder, makes: MakesText, wordings: Sequence[str], seed: int
) -> dict[str, tuple[float, float]]:
    """By way of wrapping, the share that finds the original first, and among the first eight."""
    originals: defaultdict[str, set[str]] = defaultdict(set)
    for wording in wordings:
        originals[makes(wording, "")[0]].add(normalise(wording))
    texts = list(originals)
    vectors = encoder.encode(texts)
    places = {known: place for place, known in enumerate(texts)}
    found = {}
    for name, wrap in WRAPS.items():
        rng = random.Random(f"{seed} {name}")
        asked = [makes(wrap(wording, rng), "")[0] for wording in wordings]
        right = np.array([places[makes(wording, "")[0]] for wording in wordings])
        worth = np.array([1 / len(originals[texts[place]]) for place in right])
        nearest = np.argsort(-(encoder.encode(asked) @ vectors.T), axis=1, kind="stable")[:, :_FIRSTS]
        first, among = nearest[:, 0] == right, (nearest == right[:, None]).any(axis=1)
        found[name] = float(np.mean(first * worth)), float(np.mean(among * worth))
    return found


def wordings_of(path: Path, words: Sequence[str], count: int, seed: int) -> Iterator[list[str]]:
    """Distinct payees of each tenant, drawn at random."""
    frame = pl.read_parquet(path).select("tenant", "payee").drop_nulls().unique().sort("tenant", "payee")
    for rows in frame.partition_by("tenant"):
        if words and not any(word in rows["tenant"][0] for word in words):
            continue
        named = [payee for payee in rows["payee"].to_list() if len(normalise(payee)) > 2]
        rng = random.Random(f"{seed} {rows['tenant'][0]}")
        yield rng.sample(named, min(count, len(named)))


@contextmanager
def made_by(makes: MakesText) -> Iterator[None]:
    """Have the engine make texts so."""
    with ExitStack() as stack:
        for module in (classify, lesson, counterparty):
            stack.enter_context(patch.object(module, "text_and_payee", makes))
        yield


def replayed(books: Sequence[Book], rows_max: int, makes: MakesText) -> Mapping[str, Mapping[str, float]]:
    """Figures of each tenant, with texts made so."""
    with made_by(makes):
        result = run_backtest(books, BacktestSettings(rows_max=rows_max, learning=False), Contest.of([]))
    figures = {}
    for tenant in result.tenants:
        measures = tenant.performance[LIKEWISE].measures
        figures[tenant.tenant] = {name: getattr(measures, name) for name in _MEASURES}
    return figures


def noise_table(found: Mapping[str, Sequence[Mapping[str, tuple[float, float]]]]) -> Table:
    """Shares that find the original first, averaged over tenants."""
    table = Table("wrapped as", *found, title="Share of wrapped wordings that find the original first")
    for wrap in WRAPS:
        table.add_row(wrap, *(f"{np.mean([t[wrap][0] for t in tenants]):.3f}" for tenants in found.values()))
    means = (
        np.mean([first for tenant in tenants for first, _ in tenant.values()]) for tenants in found.values()
    )
    table.add_row("all", *(f"{mean:.3f}" for mean in means))
    return table


def books_table(found: Mapping[str, Mapping[str, Mapping[str, float]]], words: Sequence[str]) -> Table:
    """Figures averaged over tenants: of all, and of those with one of the words in their names."""
    table = Table("text", "tenants", "top-1", "coverage@95", "coverage@98", title="Books, replayed")
    for way, tenants in found.items():
        for word in ("", *words):
            rows = [figures for tenant, figures in tenants.items() if word in tenant]
            shares = (np.mean([figures[name] for figures in rows]) for name in _MEASURES)
            table.add_row(way, f"{word or 'all'} ({len(rows)})", *(f"{share:.4f}" for share in shares))
    return table


def main() -> None:
    """Measure, show the tables, and write the figures down."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("books", type=Path, nargs="+")
    parser.add_argument(
        "--tenants", default="", help="words, comma between: only tenants with one in the name"
    )
    parser.add_argument(
        "--wordings", type=int, default=400, help="wordings of each tenant that are wrapped; 0: none"
    )
    parser.add_argument(
        "--rows", type=int, default=4_000, help="latest rows of each tenant that are replayed; 0: none"
    )
    parser.add_argument("--only", default=",".join(WAYS), help="ways to make a text")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    threadpool_limits(limits=1, user_api="blas")
    words, console = [word for word in given.tenants.split(",") if word], Console()
    ways = {name: WAYS[name] for name in given.only.split(",")}
    document: dict[str, Any] = {}
    if given.wordings:
        encoder = load_encoder()
        tenants = [w for path in given.books for w in wordings_of(path, words, given.wordings, given.seed)]
        document["noise"] = {
            name: [finds(encoder, makes, wordings, given.seed) for wordings in tenants]
            for name, makes in ways.items()
        }
        console.print(noise_table(document["noise"]))
    if given.rows:
        books = [
            book
            for book in books_of_sources(given.books, "tenant")
            if not words or any(w in book.tenant for w in words)
        ]
        books = [replace(book, items=book.items[-given.rows :]) for book in books]
        document["books"] = {name: replayed(books, given.rows, makes) for name, makes in ways.items()}
        console.print(books_table(document["books"], words))
    if given.json:
        given.json.write_text(json.dumps(document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
