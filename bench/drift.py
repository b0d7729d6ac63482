"""Alerts about charts: how often they ring at books as they are, at books of which nothing changed, and at a
rename that was planted.

Each tenant's books are looked at every so many days, where something came since. Nothing changes in books
whose stretches of 28 days (or 91) are dealt anew: what goes together within one stays together. Planted is
what a bookkeeper does who gives an account another id: from the first day of the latest stretch on, all
labels of a category have another one. Beside the alert stands what the test over days alone would have said.

    python bench/drift.py BOOKS… [--tenant-column NAME] [--json OUT]
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.feedback import statistics
from likewise_engine.feedback.drift import DIVERGENCE_MIN, LOOK_LEVEL, Days, shift_alerts
from likewise_engine.transaction import CATEGORY_DIMENSION
from likewise_indexer.backtest.books import Book
from likewise_server.cli.building import books_of_sources

_EVERY_DAYS: Final = 45
_LABELS_MIN: Final = 400
_DEALT_DAYS: Final = (28, 91)
_DEALT_TIMES: Final = 3
_PLANTED: Final = ((0.2, 0.5), (0.1, 0.2))
"""Shares of all labels that a category has."""
_SEED: Final = 5

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """Dated labels in order of time: ordinals of their days, and numbers of their categories."""

    days: Ints
    categories: Ints

    @classmethod
    def of(cls, book: Book) -> "Labels":
        """The dated labels of a book."""
        dated = [
            (item.transaction.date.toordinal(), item.labels[CATEGORY_DIMENSION])
            for item in book.items
            if item.transaction.date is not None and CATEGORY_DIMENSION in item.labels
        ]
        days = np.array([day for day, _ in dated], dtype=np.int64)
        _, categories = np.unique(np.array([label for _, label in dated]), return_inverse=True)
        order = np.argsort(days, kind="stable")
        return cls(days[order], categories.astype(np.int64)[order])

    def until(self, day: int) -> "Labels":
        """Those of a day and before."""
        count = int(np.searchsorted(self.days, day, side="right"))
        return Labels(self.days[:count], self.categories[:count])

    def dealt(self, stretch_days: int, rng: np.random.Generator) -> "Labels":
        """With stretches of so many days in another order."""
        stretch = (self.days - self.days[0]) // stretch_days
        place = rng.permutation(int(stretch[-1]) + 1)
        days = self.days[0] + place[stretch] * stretch_days + (self.days - self.days[0]) % stretch_days
        order = np.argsort(days, kind="stable")
        return Labels(days[order], self.categories[order])

    def by_day(self) -> Days | None:
        """As the alert looks at them."""
        days, positions = np.unique(self.days, return_inverse=True)
        counts = np.zeros((len(days), int(self.categories.max()) + 1), dtype=np.int64)
        np.add.at(counts, (positions, self.categories), 1)
        return Days.with_earlier(days, counts)

    def looks(self) -> Iterator["Labels"]:
        """As they were every so many days, where something had come since."""
        for day in range(int(self.days[0]), int(self.days[-1]) + 1, _EVERY_DAYS):
            seen = self.until(day)
            if len(seen.days) >= _LABELS_MIN and seen.days[-1] > day - _EVERY_DAYS:
                yield seen

    def renamed(self, low: float, high: float, since: int, rng: np.random.Generator) -> "Labels | None":
        """With another id for a category of such a share since a day; None where there is none."""
        shares = np.bincount(self.categories) / len(self.categories)
        candidates = np.flatnonzero((shares >= low) & (shares < high))
        if not len(candidates):
            return None
        meant = (self.categories == rng.choice(candidates)) & (self.days >= since)
        return Labels(self.days, np.where(meant, self.categories.max() + 1, self.categories))


class Rung:
    """How often it rang."""

    def __init__(self) -> None:
        self.looks = self.by_days = self.alarmed = 0

    def look(self, days: Days | None) -> None:
        """Count one look, if there is enough to be looked at."""
        if days is None:
            return
        self.looks += 1
        p, excess = statistics.homogeneity(days.counts, days.recent)
        self.by_days += p <= LOOK_LEVEL and excess >= DIVERGENCE_MIN
        names = [f"c{number}" for number in range(days.counts.shape[1])]
        self.alarmed += bool(shift_alerts({}, {CATEGORY_DIMENSION: days}, names))

    def told(self) -> dict[str, Any]:
        """As it is written."""
        looks = max(self.looks, 1)
        return {
            "looks": self.looks,
            "by_days_alone": self.by_days / looks,
            "alarmed": self.alarmed / looks,
        }


def measured(tenants: Sequence[Labels]) -> dict[str, dict[str, Any]]:
    """All that is measured."""
    rng = np.random.default_rng(_SEED)
    as_it_is, planted = Rung(), {shares: Rung() for shares in _PLANTED}
    dealt = {stretch_days: Rung() for stretch_days in _DEALT_DAYS}
    for labels in tenants:
        for seen in labels.looks():
            days = seen.by_day()
            as_it_is.look(days)
            for (low, high), rung in planted.items() if days is not None else ():
                renamed = seen.renamed(low, high, days.since.toordinal(), rng) if days else None
                rung.look(None if renamed is None else renamed.by_day())
        for stretch_days, rung in dealt.items():
            for _ in range(_DEALT_TIMES):
                other = labels.dealt(stretch_days, rng)
                for share in (0.5, 0.75, 1.0):
                    until = other.until(int(other.days[0] + share * (other.days[-1] - other.days[0])))
                    if len(until.days) >= _LABELS_MIN:
                        rung.look(until.by_day())
    return {
        "as they are": as_it_is.told(),
        **{f"nothing changed, stretches of {n} days": rung.told() for n, rung in dealt.items()},
        **{f"renamed, {low:.0%} to {high:.0%} of labels": r.told() for (low, high), r in planted.items()},
    }


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("books", nargs="+", type=Path)
    parser.add_argument("--tenant-column", default="", help="names the tenant; else each file is one")
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    labels = map(Labels.of, books_of_sources(wanted.books, wanted.tenant_column))
    tenants = [each for each in labels if len(each.days) >= _LABELS_MIN]
    found = {"tenants": len(tenants), "found": measured(tenants)}
    for name, line in found["found"].items():  # type: ignore[attr-defined]
        print(
            f"{name}: {line['looks']} looks, alarmed {line['alarmed']:.1%},"
            f" by days alone {line['by_days_alone']:.1%}"
        )
    if wanted.json:
        wanted.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
