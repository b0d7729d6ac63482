"""Categories that should perhaps be one, or be given up: near duplicates, dead and hardly used ones."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.review.finding import Finding, FindingKind
from likewise_engine.review.history import History
from likewise_engine.review.names import NAMES_ALIKE_MIN, alike_names

_MIXING_MIN: Final = 0.5
"""Of what look-alikes would be spread over two categories if nobody told them apart."""
_SHARED_TEXTS_MIN: Final = 3
_CATEGORIES_PER_TEXT_MAX: Final = 20
"""A text that is filed under more categories says nothing of any two of them."""

_DEAD_CHANCE_MAX: Final = 0.001
_DEAD_DAYS_MIN: Final = 120
"""A quarter and a month: what is booked every quarter is not dead before its next time."""
_DEAD_GAPS: Final = 2.0
"""By how much the time since the last use exceeds the longest time between two."""
_DEAD_USES_MIN: Final = 3
"""Of fewer days of use there is no rate: the lines of one invoice are one use."""

_RARE_LABELS_MAX: Final = 2
_RARE_OF_LABELS_MIN: Final = 500
"""In smaller books many a category has had no occasion yet."""
_RARE_SINCE_SHARE: Final = 0.5
"""A category is hardly used if it was there for so much of the books, and not if it is new."""
_UNUSED_SHOWN_MAX: Final = 50


@dataclass(slots=True)
class _Shared:
    """What two categories share: weighted pairs of look-alikes, across the two and within either."""

    texts: int = 0
    across: float = 0.0
    within: float = 0.0
    found: list[NDArray[np.int64]] = field(default_factory=list)

    @property
    def positions(self) -> NDArray[np.int64]:
        """Of the look-alikes in either category, int64; each once, since each has one text."""
        return np.concatenate([np.empty(0, dtype=np.int64), *self.found])


def near_duplicates(history: History) -> Iterator[Finding]:
    """Pairs of active categories whose names are alike, or over which look-alikes are spread."""
    view = history.view
    active = view.active_categories(history.dimension)
    is_active = np.zeros(len(view.category_counts), dtype=np.bool_)
    is_active[active] = True
    shared = _shared(history, is_active)
    alike = alike_names(history, active)
    counts = np.bincount(history.labels, minlength=len(view.category_counts))
    for pair in sorted({*shared, *alike}):
        of_texts, cosine = shared.get(pair, _Shared()), alike.get(pair, 0.0)
        mixing = _mixing(of_texts, int(counts[pair[0]]), int(counts[pair[1]]))
        is_mixed = mixing >= _MIXING_MIN and of_texts.texts >= _SHARED_TEXTS_MIN
        if is_mixed or cosine >= NAMES_ALIKE_MIN:
            yield _duplicate(history, pair, of_texts, mixing if is_mixed else 0.0, cosine, counts)


def _shared(history: History, is_active: NDArray[np.bool_]) -> Mapping[tuple[int, int], _Shared]:
    """What pairs of categories share of look-alikes, which are entries of one text. Each text weighs as many
    as half its entries, so that one that is there a thousand times does not decide alone."""
    found: defaultdict[tuple[int, int], _Shared] = defaultdict(_Shared)
    for positions in history.groups(history.view.text[history.rows].astype(np.int64), 2):
        labels = history.labels[positions]
        categories, counts = np.unique(labels, return_counts=True)
        kept = is_active[categories]
        categories, counts = categories[kept].tolist(), counts[kept].tolist()
        if not 2 <= len(categories) <= _CATEGORIES_PER_TEXT_MAX:
            continue
        for at, (a, of_a) in enumerate(zip(categories, counts, strict=True)):
            for b, of_b in zip(categories[at + 1 :], counts[at + 1 :], strict=True):
                of_pair = found[a, b]
                weight = 1.0 / (of_a + of_b - 1)
                of_pair.texts += 1
                of_pair.across += weight * of_a * of_b
                of_pair.within += weight * (of_a * (of_a - 1) + of_b * (of_b - 1)) / 2
                of_pair.found.append(positions[(labels == a) | (labels == b)])
    return found


def _mixing(shared: _Shared, of_a: int, of_b: int) -> float:
    """How much the look-alikes of two categories are spread over both: 0 if never, 1 if as by tossing a coin.

    By the share of pairs of look-alikes that lie across, against that of all pairs of entries of the two; how
    many entries have no look-alike in the other category counts too, for then most can be told apart.
    """
    if not shared.texts:
        return 0.0
    share = of_a / (of_a + of_b)
    across = shared.across / (shared.across + shared.within)
    expected = 2.0 * share * (1.0 - share)
    covered = sum(map(len, shared.found)) / (of_a + of_b)
    return float(min(1.0, across / max(expected, 1e-9)) * covered)


def _duplicate(
    history: History,
    pair: tuple[int, int],
    shared: _Shared,
    mixing: float,
    cosine: float,
    counts: NDArray[np.int64],
) -> Finding:
    positions = np.sort(shared.positions)[::-1]
    fewer, more = sorted(pair, key=lambda category: (counts[category], category))
    reasons = [f"their names are alike ({cosine:.0%})"] if cosine >= NAMES_ALIKE_MIN else []
    if mixing:
        reasons.append(f"{len(positions):,} entries of {shared.texts} texts are spread over both")
    follows = _follows(history, fewer, more)
    return Finding(
        kind=FindingKind.NEAR_DUPLICATE_CATEGORIES,
        dimension=history.dimension,
        score=max(mixing, cosine and min(1.0, (cosine - NAMES_ALIKE_MIN) / (1.0 - NAMES_ALIKE_MIN))),
        message=(
            f"{history.name(fewer)} ({counts[fewer]} labels) and {history.name(more)} ({counts[more]}) may be"
            f" one category: {' and '.join(reasons)}{follows}."
        ),
        action=f"Merge {history.name(fewer)} into {history.name(more)}, or describe what tells them apart.",
        categories=history.ids(fewer, more),
        statistics={
            "name_cosine": cosine,
            "mixing": mixing,
            "shared_texts": float(shared.texts),
            "shared_entries": float(len(positions)),
        },
        entries=history.entries(positions),
        entries_total=len(positions),
    )


def _follows(history: History, a: int, b: int) -> str:
    """Whether one was used up to a day and the other from then on: then it was renamed by relabelling."""
    used = {category: history.days(np.flatnonzero(history.labels == category)) for category in (a, b)}
    for before, after in ((a, b), (b, a)):
        if len(used[before]) and len(used[after]) and used[before].max() <= used[after].min():
            return f"; {history.name(after)} took over from {history.name(before)}"
    return ""


def dead(history: History) -> Iterator[Finding]:
    """Active categories that were used regularly and are not any more, on the tenant's own scale of time.

    By days of use, for the lines of one invoice are one use, and with labels for a clock.
    """
    view, count = history.view, len(history)
    for category in view.active_categories(history.dimension).tolist():
        used = np.flatnonzero(history.labels == category)
        if not len(used):
            continue
        span, since = float(used[-1] - used[0] + 1), float(count - 1 - used[-1])
        days = np.unique(history.days(used))
        if len(days) < _DEAD_USES_MIN:
            continue
        chance = chance_of_none(span, since, len(days))
        days_since = int(history.days(np.array([count - 1]))[0] - days[-1])
        longest = int(np.diff(days).max())
        if chance > _DEAD_CHANCE_MAX or days_since < max(_DEAD_DAYS_MIN, _DEAD_GAPS * longest):
            continue
        yield Finding(
            kind=FindingKind.DEAD_CATEGORY,
            dimension=history.dimension,
            score=1.0 - chance,
            message=(
                f"{history.name(category)} has not been used since {date.fromordinal(int(days[-1]))}:"
                f" {since:,.0f} labels and {days_since} days, where {longest} days were the longest between"
                " two uses."
            ),
            action=f"Deactivate {history.name(category)}: it is not proposed then, and keeps its entries.",
            categories=history.ids(category),
            statistics={
                "labels": float(len(used)),
                "labels_since": since,
                "days_since": float(days_since),
                "longest_gap_days": float(longest),
                "chance": chance,
            },
            entries=history.entries(used[::-1]),
            entries_total=len(used),
        )


def chance_of_none(span: float, since: float, uses: int) -> float:
    """How likely nothing comes for so long, by chance.

    A Poisson process whose rate is known from its arrivals alone: k of them have k - 1 gaps, whose sum is the
    span, and the next gap exceeds g with the chance (span / (span + g)) ^ (k - 1), a Lomax law.

    Args:
        span: from the first use to the last.
        since: from the last use on, on the same scale.
        uses: k.
    """
    return (span / (span + since)) ** (uses - 1)


def rare(history: History) -> Iterator[Finding]:
    """Active categories with a label or two in years of books, and one finding of all that have none."""
    if len(history) < _RARE_OF_LABELS_MIN:
        return
    view, unused = history.view, []
    for category in view.active_categories(history.dimension).tolist():
        used = np.flatnonzero(history.labels == category)
        if not len(used):
            unused.append(category)
        elif len(used) <= _RARE_LABELS_MAX and used[0] < _RARE_SINCE_SHARE * len(history):
            times = "once" if len(used) == 1 else f"{len(used)} times"
            last = history.date_of(int(used[-1]))
            yield Finding(
                kind=FindingKind.RARE_CATEGORY,
                dimension=history.dimension,
                score=1.0 - used[-1] / len(history),
                message=f"{history.name(category)} was used {times} in {len(history):,} labels"
                f"{f', last on {last}' if last else ''}.",
                action=f"Merge {history.name(category)} into one that is used, or deactivate it.",
                categories=history.ids(category),
                statistics={"labels": float(len(used)), "labels_since": float(len(history) - 1 - used[-1])},
                entries=history.entries(used[::-1]),
                entries_total=len(used),
            )
    if unused:
        named = ", ".join(map(history.name, unused[:5])) + (", …" if len(unused) > 5 else "")
        yield Finding(
            kind=FindingKind.RARE_CATEGORY,
            dimension=history.dimension,
            score=0.0,
            message=f"{len(unused)} active categories have no label in {len(history):,}: {named}.",
            action="Deactivate those that the tenant has no use for: fewer candidates, fewer mistakes.",
            categories=history.ids(*unused[:_UNUSED_SHOWN_MAX]),
            statistics={"categories": float(len(unused))},
        )
