"""Encoders by themselves, side by side: unseen payees, first labels, spoilt texts, languages, time, size.

Canonical workload: the real books, each tenant's latest 4,000 rows; 200 texts a tenant of 50 or more, spoilt
in five ways; the words of data/words/business-words.tsv. The nearest text decides: no vote, no amounts, no
dates. Shares are macro averages over tenants, or over languages. Time is that of one text after another,
encoders taking turns, on one thread.

    python bench/encoders.py BOOKS… --tenant-column tenant --words data/words/business-words.tsv
        --encoder [SOURCE=]FOLDER… [--json OUT]

An encoder that was tuned on a source's own books is given as SOURCE=FOLDER for each source, SOURCE the file's
name without its ending: the one that had not seen it. Those count as one, named like their folder's folder.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
from rich.console import Console
from rich.table import Table

from likewise_engine.encoder import OnnxEncoder, load_encoder
from likewise_indexer.backtest import Book, read_books
from likewise_indexer.bulk.source import SourceOptions, open_source
from likewise_indexer.models.tune.measures import (
    found_across_languages,
    found_spoilt,
    recall_of,
    texts_of_book,
)
from likewise_indexer.models.tune.words import Concept, read_words
from likewise_indexer.readers import ColumnWishes
from likewise_indexer.readers.headers import TENANT

ROWS_MAX = 4_000
TEXTS_MIN = 50
"""Among fewer texts, any encoder finds a spoilt one."""
TIMED_TEXTS = 1_000
SHIPPED = "shipped"

Encoders = Mapping[str, OnnxEncoder]
"""By source; the empty name is for all others."""


def books_of(paths: Sequence[Path], tenant_column: str) -> dict[str, Sequence[Book]]:
    """The books of files, by source; each file is one tenant's where no column says whose rows they are."""
    options = SourceOptions(columns=ColumnWishes(columns={TENANT: (tenant_column,)} if tenant_column else {}))
    books = {}
    for path in paths:
        source = open_source(path, options, labelled=True, tenants=bool(tenant_column))
        books[path.stem] = read_books([(source, None if tenant_column else path.stem)], ROWS_MAX).books
    return books


def measured(
    encoders: Encoders, books: Mapping[str, Sequence[Book]], concepts: Sequence[Concept]
) -> dict[str, float]:
    """The measures of one encoder, by name."""
    shares: dict[str, list[float]] = defaultdict(list)
    for source, of_source in books.items():
        encode = encoders.get(source, encoders[""]).encode
        for book in of_source:
            recall, texts = recall_of(encode, book), texts_of_book(book)
            if recall.unseen_payees is not None:
                shares["unseen payees"].append(recall.unseen_payees)
            if recall.first_labels is not None:
                shares["after 50 labels"].append(recall.first_labels)
            if len(texts) >= TEXTS_MIN:
                for way, share in found_spoilt(encode, texts).items():
                    shares[way].append(share)
    if concepts:
        encode = encoders[""].encode
        shares["words held out"] = list(found_across_languages(encode, concepts, held_out=True).values())
        shares["words trained on"] = list(found_across_languages(encode, concepts, held_out=False).values())
    return {measure: fmean(each) for measure, each in shares.items()}


def timed(encoders: Sequence[OnnxEncoder], texts: Sequence[str]) -> list[tuple[float, float]]:
    """Microseconds of one text, p50 and p99, of each encoder."""
    taken = np.empty((len(encoders), len(texts)))
    for at, text in enumerate(texts):
        for row, encoder in zip(taken, encoders, strict=True):
            started = time.perf_counter()
            encoder.encode([text])
            row[at] = time.perf_counter() - started
    return [(float(p50), float(p99)) for p50, p99 in np.percentile(taken * 1e6, [50, 99], axis=1).T]


def encoders_of(arguments: Sequence[str]) -> dict[str, tuple[dict[str, OnnxEncoder], Path | None]]:
    """The encoders that are asked for, by name, each with the folder whose size is told."""
    shipped = load_encoder()
    assert isinstance(shipped, OnnxEncoder)
    named: dict[str, tuple[dict[str, OnnxEncoder], Path | None]] = {SHIPPED: ({"": shipped}, None)}
    for argument in arguments:
        source, _, rest = argument.rpartition("=")
        folder = Path(rest)
        of_source, _ = named.setdefault(folder.parent.name if source else folder.name, ({}, folder))
        of_source[source] = OnnxEncoder(folder)
        of_source.setdefault("", of_source[source])
    return named


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("books", nargs="+", type=Path)
    parser.add_argument("--tenant-column", default="")
    parser.add_argument("--encoder", action="append", default=[])
    parser.add_argument("--words", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    encoders, books = encoders_of(options.encoder), books_of(options.books, options.tenant_column)
    concepts = read_words(options.words) if options.words else []
    texts = [text for of_source in books.values() for book in of_source for text in texts_of_book(book)]
    asked = [texts[at] for at in np.random.default_rng(0).permutation(len(texts))[:TIMED_TEXTS]]
    times = timed([of_source[""] for of_source, _ in encoders.values()], asked)
    results = {}
    for (name, (of_source, folder)), (p50, p99) in zip(encoders.items(), times, strict=True):
        results[name] = measured(of_source, books, concepts) | {"µs p50": p50, "µs p99": p99}
        if folder is not None:
            results[name]["MB"] = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    table = Table("", *results)
    for measure in next(reversed(results.values())):
        table.add_row(
            measure, *(f"{result[measure]:.3f}" if measure in result else "" for result in results.values())
        )
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
