"""Probable mistakes: labels that the engine, had it not seen them, would surely have given otherwise."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from likewise_engine.review.categories import alike_names
from likewise_engine.review.confident import suspicions_of
from likewise_engine.review.finding import Finding, FindingKind
from likewise_engine.review.held_out import HeldOut
from likewise_engine.review.history import History

_WITNESSES_MAX: Final = 4
"""Look-alikes shown that have the likelier category, the nearest in time first."""


def mistakes(history: History, held_out: HeldOut) -> Iterator[Finding]:
    """The probable mistakes, the surest first, as confident learning ranks them.

    None between two categories of like names: that is for the chart to mend, not for the entries.
    """
    one_and_the_same = alike_names(history, history.view.active_categories(history.dimension))
    suspicions = suspicions_of(held_out, len(history.view.category_counts))
    position_of = {row: position for position, row in enumerate(history.rows.tolist())}
    for at in suspicions.ranked.tolist():
        position = position_of[int(held_out.rows[at])]
        given, likelier = int(held_out.given[at]), int(suspicions.likelier[at])
        if (min(given, likelier), max(given, likelier)) in one_and_the_same:
            continue
        own, other = float(suspicions.own[at]), float(suspicions.probability[at])
        is_confident = bool(suspicions.is_confident[at])
        # Those that are confident before those that are not, both by quality.
        score = (1.0 - float(suspicions.quality[at])) / 2.0 + 0.5 * is_confident
        witnesses = _witnesses(history, position, likelier)
        text, day = history.text(position), history.date_of(position)
        yield Finding(
            kind=FindingKind.PROBABLE_MISTAKE,
            dimension=history.dimension,
            score=score,
            message=(
                f"{text!r}{f' of {day}' if day else ''} is filed under {history.name(given)}; without this"
                f" entry the books say {history.name(likelier)} ({other:.0%} against {own:.0%})."
            ),
            action=f"If it is wrong, relabel it as {history.name(likelier)}.",
            categories=history.ids(given, likelier),
            payees=(history.payee(position),),
            statistics={
                "self_confidence": own,
                "likelier": other,
                "quality": float(suspicions.quality[at]),
                "is_confident": float(is_confident),
            },
            entries=history.entries([position, *witnesses]),
            entries_total=1 + len(witnesses),
        )


def _witnesses(history: History, position: int, likelier: int) -> list[int]:
    """Entries of the same text, or else of the same payee, that have the likelier category."""
    view, row = history.view, history.rows[position]
    for column in (view.text, view.payee):
        alike = np.flatnonzero((column[history.rows] == column[row]) & (history.labels == likelier))
        if len(alike):
            nearest = np.argsort(np.abs(alike - position), kind="stable")[:_WITNESSES_MAX]
            return list(map(int, alike[nearest]))
    return []
