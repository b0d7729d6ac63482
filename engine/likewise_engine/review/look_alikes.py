"""Look-alikes filed differently: payees with several stable categories, and texts filed both ways.

Where one question about amount, direction, day or wording tells the categories apart, the payee needs a
split: that is no mistake, and good to know. Where they differ by time alone, somebody changed their mind.
What nothing explains is a conflict.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.ledger.view import View
from likewise_engine.review.distinction import ACCURACY_MIN, Distinction, distinctions
from likewise_engine.review.finding import Finding, FindingKind
from likewise_engine.review.history import History

_PAYEE_ENTRIES_MIN: Final = 8
_TEXT_ENTRIES_MIN: Final = 4
"""Fewer look-alikes differ by chance; the odd one out among them is looked at as a mistake."""
_STABLE_LABELS_MIN: Final = 3
_STABLE_SHARE_MIN: Final = 0.15
"""A category is one of a payee's own where it has so many of its entries and so much of them."""
_CONFLICT_LABELS_MIN: Final = 2
_CONFLICT_SHARE_MIN: Final = 0.2
_LATEST: Final = 500
"""Latest entries of a payee or a text that are looked at."""


def splits(history: History) -> Iterator[Finding]:
    """Payees with two stable categories that one question tells apart."""
    keys = history.view.whose(history.rows)
    for positions in history.groups(keys, _PAYEE_ENTRIES_MIN):
        pair = _pair(history, positions, _STABLE_LABELS_MIN, _STABLE_SHARE_MIN)
        if pair is None:
            continue
        those, is_first, (first, second) = pair
        found = distinctions(history, those, is_first)
        best = next((one for one in found if one.is_telling and one.what != "time"), None)
        if best is None or found[0].accuracy > best.accuracy:
            continue
        yield _split(history, those, is_first, (first, second), best)


def conflicts(history: History) -> Iterator[Finding]:
    """Texts whose entries were filed both ways, and nothing tells which way when."""
    keys = np.stack((history.view.text[history.rows].astype(np.int64), _flows(history.view, history.rows)), 1)
    for positions in history.groups(keys, _TEXT_ENTRIES_MIN):
        pair = _pair(history, positions, _CONFLICT_LABELS_MIN, _CONFLICT_SHARE_MIN)
        if pair is None:
            continue
        those, is_first, (first, second) = pair
        if any(one.accuracy >= ACCURACY_MIN for one in distinctions(history, those, is_first)):
            continue
        yield _conflict(history, those, is_first, (first, second))


def _flows(view: View, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 where money went out, 0 where it came in or nothing tells, int64."""
    return np.signbit(np.nan_to_num(view.signed_amounts(rows))).astype(np.int64)


def _pair(
    history: History, positions: NDArray[np.int64], labels_min: int, share_min: float
) -> tuple[NDArray[np.int64], NDArray[np.bool_], tuple[int, int]] | None:
    """The entries of the two most frequent categories, which of them have the first, and which those are."""
    latest = positions[-_LATEST:]
    categories, counts = np.unique(history.labels[latest], return_counts=True)
    if len(categories) < 2:
        return None
    order = np.argsort(-counts, kind="stable")
    first, second = categories[order[:2]].tolist()
    if counts[order[1]] < max(labels_min, share_min * len(latest)):
        return None
    those = latest[np.isin(history.labels[latest], (first, second))]
    return those, history.labels[those] == first, (first, second)


def _split(
    history: History,
    positions: NDArray[np.int64],
    is_first: NDArray[np.bool_],
    pair: tuple[int, int],
    best: Distinction,
) -> Finding:
    # Which of the two is mostly meant where the question holds.
    if np.mean(is_first[best.holds]) < np.mean(is_first[~best.holds]):
        pair, is_first = (pair[1], pair[0]), ~is_first
    met, unmet = int(np.count_nonzero(best.holds & is_first)), int(np.count_nonzero(~best.holds & ~is_first))
    of_met, of_unmet = int(np.count_nonzero(best.holds)), int(np.count_nonzero(~best.holds))
    payee, (first, second) = history.payee(int(positions[-1])), pair
    exceptions = positions[best.holds != is_first]
    return Finding(
        kind=FindingKind.PAYEE_SPLIT,
        dimension=history.dimension,
        score=best.accuracy * (1.0 - best.chance),
        message=(
            f"{payee!r} has two categories, and its {best.what} tells them apart: {best.met}, it is"
            f" {history.name(first)} ({met} of {of_met}); {best.unmet}, {history.name(second)}"
            f" ({unmet} of {of_unmet})."
        ),
        action=(
            "Likewise tells them apart by itself; a rule makes it certain."
            + (f" Look at the {len(exceptions)} that are filed the other way." if len(exceptions) else "")
        ),
        categories=history.ids(first, second),
        payees=(payee,),
        statistics={
            "entries": float(len(positions)),
            "accuracy": best.accuracy,
            "majority_share": float(max(np.mean(is_first), 1.0 - np.mean(is_first))),
            "chance": best.chance,
        },
        entries=history.entries(np.concatenate((exceptions[::-1], positions[best.holds == is_first][::-1]))),
        entries_total=len(positions),
    )


def _conflict(
    history: History, positions: NDArray[np.int64], is_first: NDArray[np.bool_], pair: tuple[int, int]
) -> Finding:
    minority = positions[~is_first]
    share = len(minority) / len(positions)
    flips = int(np.count_nonzero(is_first[1:] != is_first[:-1]))
    first, second = pair
    return Finding(
        kind=FindingKind.LABEL_CONFLICT,
        dimension=history.dimension,
        # Half and half, many times over, is the surest sign that nobody has decided.
        score=2.0 * share * (1.0 - 0.5 ** (len(positions) / _TEXT_ENTRIES_MIN)),
        message=(
            f"{history.text(int(positions[-1]))!r} is filed under {history.name(first)}"
            f" {int(np.count_nonzero(is_first))} times and under {history.name(second)} {len(minority)}"
            f" times, and neither amount, day, wording nor time tells which."
        ),
        action="Decide which it is and relabel the others, or say in the description what they are for.",
        categories=history.ids(first, second),
        payees=(history.payee(int(positions[-1])),),
        statistics={
            "entries": float(len(positions)),
            "minority_share": share,
            "changes": float(flips),
        },
        entries=history.entries(np.concatenate((minority[::-1], positions[is_first][::-1]))),
        entries_total=len(positions),
    )
