"""What the benchmarks wrote: a folder of JSON files, each by the command that is named here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from accuracy_page.results import backtest_of
from likewise_indexer.backtest import LIKEWISE, Performance

Json = Mapping[str, Any]

COMMANDS: Final = {
    "latency": "python bench/latency.py --folder KEPT --json RESULTS/latency.json --plots RESULTS",
    "two_workers": "python bench/latency.py --folder KEPT --workers 2 --json RESULTS/two_workers.json",
    "capacity": "python bench/latency.py --folder KEPT --find-capacity --classify-only"
    " --json RESULTS/capacity.json",
    "workers": "python bench/latency.py --folder KEPT --classify-only --workers 2 --rate RATE"
    " --json RESULTS/workers.json    # RATE: half of the capacity that was found",
    "overload": "python bench/overload.py --folder KEPT --json RESULTS/overload.json",
    "scale": "python bench/scale.py --folder KEPT-SCALE --rows 10000 100000 1000000 10000000"
    " --json RESULTS/scale.json",
    "peers": "python bench/peers.py --json RESULTS/peers.json",
    "books": "python bench/books.py BOOKS/*.parquet --json RESULTS/books.json",
    "micro": "python bench/micro.py -o RESULTS/micro.json",
    "before": "likewise backtest BOOKS/BOOK.parquet --tenant-column tenant --vote VOTES/BOOK"
    " --json RESULTS/before/BOOK.json    # for each BOOK, before the work on speed",
    "after": "likewise backtest BOOKS/BOOK.parquet --tenant-column tenant --vote VOTES/BOOK"
    " --json RESULTS/after/BOOK.json    # for each BOOK, after it",
}
"""What makes each part of the results, in the order in which it is best run."""
PLOTS: Final = ("latency-by-percentile", "latency-over-time")
"""Drawings that latency.py has put beside its figures."""


@dataclass(frozen=True, slots=True)
class Results:
    """All that was measured; None where it was not.

    Attributes:
        folder: that they were read from.
        latency: under the canonical workload.
        two_workers: under the same, by two processes.
        capacity: of Classify alone, with its figures at half of it.
        workers: of two worker processes, at half of the capacity of one.
        overload: and the import of a million rows.
        scale: the laws.
        peers: beside Likewise.
        books: speed and memory on real books.
        micro: file of the steps, as pyperf writes it.
        before: accuracy before the work on speed.
        after: and now.
    """

    folder: Path
    latency: Json | None
    two_workers: Json | None
    capacity: Json | None
    workers: Json | None
    overload: Json | None
    scale: Json | None
    peers: Json | None
    books: Json | None
    micro: Path | None
    before: Performance | None
    after: Performance | None

    @classmethod
    def read(cls, folder: Path) -> "Results":
        """Read what there is in a folder.

        Raises:
            OSError, ValueError: a file cannot be read, or is no JSON.
            accuracy_page.results.ResultsUnusable: backtests are not of one experiment.
        """
        micro = folder / "micro.json"
        return cls(
            folder=folder,
            latency=_document(folder / "latency.json"),
            two_workers=_document(folder / "two_workers.json"),
            capacity=_document(folder / "capacity.json"),
            workers=_document(folder / "workers.json"),
            overload=_document(folder / "overload.json"),
            scale=_document(folder / "scale.json"),
            peers=_document(folder / "peers.json"),
            books=_document(folder / "books.json"),
            micro=micro if micro.exists() else None,
            before=_accuracy(folder / "before"),
            after=_accuracy(folder / "after"),
        )

    def part(self, name: str) -> Json | None:
        """A part of the scaling laws."""
        part: Json | None = self.scale["parts"].get(name) if self.scale else None
        return part


def _document(path: Path) -> Json | None:
    if not path.exists():
        return None
    document: Json = json.loads(path.read_text(encoding="utf-8"))
    return document


def _accuracy(folder: Path) -> Performance | None:
    """The averages over the tenants of all backtests in a folder."""
    documents = {path.stem: _document(path) or {} for path in sorted(folder.glob("*.json"))}
    return backtest_of(documents).macro[LIKEWISE] if documents else None
