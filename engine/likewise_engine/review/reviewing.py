"""The review of a tenant's own history: what may be wrong in it, found by looking at all of it at once.

It reads one view and the store, changes nothing, and is bounded: what is costly, asking about each label
without its entry, is done for a random sample of so many, and ends with the time. All else is counting.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from likewise_engine.encoder.base import Encoder
from likewise_engine.ledger.view import View
from likewise_engine.review.categories import dead, near_duplicates, rare
from likewise_engine.review.finding import Finding, FindingKind, Review, ReviewOptions
from likewise_engine.review.held_out import HeldOut, HeldOutJudge, judgeable
from likewise_engine.review.history import History
from likewise_engine.review.look_alikes import conflicts, splits
from likewise_engine.review.mistakes import mistakes
from likewise_engine.review.pace import Pace, Progress
from likewise_engine.review.spellings import spellings
from likewise_engine.store.base import Entry
from likewise_engine.vote import Vote


def review(
    view: View,
    encoder: Encoder,
    vote: Vote,
    entries_of: Callable[[Sequence[str]], Mapping[str, Entry]],
    options: ReviewOptions,
    progress: Progress,
) -> Review | None:
    """Look through a tenant's history.

    Args:
        view: the tenant's memory.
        encoder: of texts.
        vote: weighs evidence.
        entries_of: reads entries by their ids, as the store has them.
        options: how much to look at; checked.
        progress: called often; what it says no to is given up.

    Returns:
        What was found; None where it was given up.

    Raises:
        UnknownDimension: the tenant does not have one that is asked for.
        ModelFault, StoreFault.
    """
    for position, dimension in enumerate(options.dimensions):
        view.chart.require_dimension(dimension, f"dimensions[{position}]")
    dimensions = [d for d in options.dimensions or view.chart.dimensions if d in view.labels]
    pace = Pace(options.budget_ms, progress)
    held_out: dict[str, HeldOut] = {}
    if options.wants(FindingKind.PROBABLE_MISTAKE):
        judge = HeldOutJudge(view, encoder, vote)
        held_out = judge.judged(dimensions, entries_of, options.entries_max, pace)
    findings: list[Finding] = []
    found: dict[FindingKind, int] = {}
    for dimension in dimensions:
        history = History.of(view, dimension)
        for kind in filter(options.wants, FindingKind):
            if not progress(pace.done, pace.goal) or pace.is_unwanted:
                return None
            surest, count = _found(kind, history, held_out, encoder, options.findings_max)
            found[kind] = found.get(kind, 0) + count
            findings += surest
    judged = sum(map(len, held_out.values()))
    total = sum(int(np.count_nonzero(judgeable(view, dimension))) for dimension in held_out)
    return Review(view.revision, view.live_count, judged, total, pace.ran_out, findings, found)


def _found(
    kind: FindingKind, history: History, held_out: Mapping[str, HeldOut], encoder: Encoder, findings_max: int
) -> tuple[Sequence[Finding], int]:
    """The surest of one kind in one dimension, the surest first, and how many there are."""
    if kind is FindingKind.PROBABLE_MISTAKE:
        return mistakes(history, held_out[history.dimension], findings_max)
    ranked = sorted(_counted(kind, history, encoder), key=lambda finding: -finding.score)
    return ranked[:findings_max], len(ranked)


def _counted(kind: FindingKind, history: History, encoder: Encoder) -> Iterable[Finding]:
    """All of a kind that counting finds."""
    match kind:
        case FindingKind.LABEL_CONFLICT:
            return conflicts(history)
        case FindingKind.NEAR_DUPLICATE_CATEGORIES:
            return near_duplicates(history)
        case FindingKind.DEAD_CATEGORY:
            return dead(history)
        case FindingKind.RARE_CATEGORY:
            return rare(history)
        case FindingKind.PAYEE_SPLIT:
            return splits(history)
        case FindingKind.PAYEE_SPELLINGS:
            return spellings(history, encoder)
        case FindingKind.PROBABLE_MISTAKE:
            raise ValueError(f"{kind} is not found by counting")
