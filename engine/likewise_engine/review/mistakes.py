"""Probable mistakes: labels that the engine, had it not seen them, would surely have given otherwise."""

from typing import Final

import numpy as np

from likewise_engine.review.confident import Suspicions, suspicions_of
from likewise_engine.review.finding import Finding, FindingKind
from likewise_engine.review.held_out import HeldOut
from likewise_engine.review.history import History
from likewise_engine.review.names import alike_names

_WITNESSES_MAX: Final = 4
"""Look-alikes shown that have the likelier category, the nearest in time first."""


def mistakes(history: History, held_out: HeldOut, findings_max: int) -> tuple[list[Finding], int]:
    """The probable mistakes, the surest first, as confident learning ranks them.

    None between two categories of like names: that is for the chart to mend, not for the entries.

    Args:
        history: of the dimension.
        held_out: judgements without the entries.
        findings_max: of untidy books half the labels are suspected; so many are told.

    Returns:
        The surest, and how many there are.
    """
    suspicions = suspicions_of(held_out, len(history.view.category_counts))
    ranked = suspicions.ranked
    one_and_the_same = alike_names(history, history.view.active_categories(history.dimension))
    if one_and_the_same:
        pairs = zip(held_out.given[ranked].tolist(), suspicions.likelier[ranked].tolist(), strict=True)
        ranked = ranked[[(min(pair), max(pair)) not in one_and_the_same for pair in pairs]]
    return [_mistake(history, held_out, suspicions, at) for at in ranked[:findings_max].tolist()], len(ranked)


def _mistake(history: History, held_out: HeldOut, suspicions: Suspicions, at: int) -> Finding:
    position = int(np.flatnonzero(history.rows == held_out.rows[at])[0])
    given, likelier = int(held_out.given[at]), int(suspicions.likelier[at])
    own, other = float(suspicions.own[at]), float(suspicions.probability[at])
    is_confident, quality = bool(suspicions.is_confident[at]), float(suspicions.quality[at])
    witnesses = _witnesses(history, position, likelier)
    text, day = history.text(position), history.date_of(position)
    return Finding(
        kind=FindingKind.PROBABLE_MISTAKE,
        dimension=history.dimension,
        # Those that are confident before those that are not, both by quality.
        score=(1.0 - quality) / 2.0 + 0.5 * is_confident,
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
            "quality": quality,
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
