"""Ambiguity: entries just like the question that were filed now one way and now another.

What the vote makes of such entries is a matter of which came last. On real books some one answer in a hundred
rests on them, and its first candidate is right about as often as not. So they are looked at by themselves.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence import Evidence, Surroundings

LATEST_ENTRIES: Final = 6
"""Entries looked at: of more, the older ones tell of habits that may have ended. From 4 to 12, as many
answers are ambiguous on real books, and as often wrong."""
SETTLING_ENTRIES: Final = 3
"""So many in a row, up to the latest, are a new habit and no longer a hesitation."""
_LEAD_MAX: Final = 2
"""Ambiguous up to two to one: three to one is a slip."""


def rival_of(evidence: Evidence, around: Surroundings, first: int) -> int | None:
    """The candidate that the tenant's entries cannot tell from the first one, if there is such a one.

    An entry is just like the question if it has the same text and, as far as they are known, the same amount
    and direction. Of the latest such entries, the first candidate and its rival must hold two thirds:
    where every entry was filed elsewhere, it is not these two that are confused.

    Args:
        evidence: in one dimension, with c candidates.
        around: the rows that it is of.
        first: the likeliest candidate, as an index of the evidence's.

    Returns:
        Likewise an index.
    """
    latest = _latest_alike(evidence, around)
    of_first = latest == first
    if of_first[:SETTLING_ENTRIES].all() or not of_first.any():
        return None
    counts = np.bincount(latest[~of_first])
    rival, held = int(counts.argmax()), int(np.count_nonzero(of_first))
    is_even = held <= _LEAD_MAX * counts[rival]
    return rival if is_even and 3 * (held + counts[rival]) >= 2 * len(latest) else None


def _latest_alike(evidence: Evidence, around: Surroundings) -> NDArray[np.int64]:
    """Candidates of the entries just like the question, the latest first, ``(at most LATEST_ENTRIES,)``."""
    is_same_amount = np.isnan(around.amount_difference) | around.same_amount
    is_alike = around.same_text & is_same_amount & (around.same_direction > 0)
    alike = np.flatnonzero(is_alike[evidence.rows])
    rows = evidence.rows[alike]
    # For a question amid the books, the latest are those nearest in time.
    latest = np.lexsort((-around.rows[rows], around.age[rows]))[:LATEST_ENTRIES]
    return np.asarray(evidence.candidate_of_row[alike[latest]], dtype=np.int64)
