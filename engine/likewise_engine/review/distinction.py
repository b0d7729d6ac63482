"""What tells two categories of look-alikes apart: the best single question about amount, day or wording.

A decision stump for each feature, and the best of them; that one of so many thresholds fits by chance is
allowed for (likelihood-ratio test against no difference, with Bonferroni's correction for all cuts tried).
A cut in time is looked at too: it is no distinction but a change of mind, and whoever changed it knows.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import erfc, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.review.history import History

ACCURACY_MIN: Final = 0.9
"""A question that is answered rightly less often leaves too many filed the wrong way."""
CHANCE_MAX: Final = 0.01
"""How likely chance may tell them apart as well."""
_WORDS_MAX: Final = 200
"""Words of look-alikes that are asked about, the most frequent first."""
_WORD_CHARS_MIN: Final = 2


@dataclass(frozen=True, slots=True)
class Distinction:
    """A question about k entries that tells their two categories apart.

    Attributes:
        what: that it asks about: ``amount``, ``direction``, ``day of the month``, ``wording`` or ``time``.
        met: how an entry is for which it holds, in words.
        unmet: likewise, for which it does not.
        holds: bool ``(k,)``.
        accuracy: share of the entries whose category follows from it.
        chance: how likely it would be as good by chance, 1 at most.
    """

    what: str
    met: str
    unmet: str
    holds: NDArray[np.bool_]
    accuracy: float
    chance: float

    @property
    def is_telling(self) -> bool:
        """Whether it is good enough to go by."""
        return self.accuracy >= ACCURACY_MIN and self.chance <= CHANCE_MAX


def distinctions(
    history: History, positions: NDArray[np.int64], is_first: NDArray[np.bool_]
) -> list[Distinction]:
    """The best question of each kind, the most accurate first.

    Args:
        history: of the dimension.
        positions: int64 ``(k,)``, of entries of two categories.
        is_first: bool ``(k,)``, whether each has the first of them.
    """
    # The lines of one day are mostly of one invoice: they count as one observation.
    independent = len(np.unique(history.days(positions))) / len(positions)
    kinds = [(what, asked) for what, asked in _questions(history, positions) if asked]
    found = [_best(what, asked, is_first, independent, len(kinds)) for what, asked in kinds]
    return sorted(found, key=lambda one: (-one.accuracy, one.chance))


_Question = tuple[NDArray[np.bool_], str, str]


def _questions(history: History, positions: NDArray[np.int64]) -> Iterator[tuple[str, list[_Question]]]:
    view, rows = history.view, history.rows[positions]
    amounts = view.signed_amounts(rows)
    sizes = np.abs(amounts)
    yield "direction", [(np.signbit(amounts) & ~np.isnan(amounts), "money going out", "money coming in")]
    yield (
        "amount",
        [(sizes >= cut, f"{cut:,.2f} or more", f"less than {cut:,.2f}") for cut in _cuts(sizes)],
    )
    dated = view.is_dated[rows]
    if dated.all():
        days = view.order_day[rows].astype("datetime64[D]") - np.timedelta64(719_163, "D")
        of_month = (days - days.astype("datetime64[M]")).astype(np.int64) + 1
        yield (
            "day of the month",
            [
                (of_month >= cut, f"on the {cut:.0f}th or later", f"before the {cut:.0f}th")
                for cut in _cuts(of_month.astype(np.float64))
            ],
        )
    yield "wording", _words([history.text(position) for position in positions.tolist()])
    order = history.days(positions).astype(np.float64)
    yield (
        "time",
        [
            (order >= cut, f"from {np.datetime64(int(cut) - 719_163, 'D')} on", "before")
            for cut in np.ceil(_cuts(order))
        ],
    )


def _cuts(values: NDArray[np.float64]) -> list[float]:
    """Between any two neighbouring values, as round as it may be between them."""
    known = np.unique(values[~np.isnan(values)])
    return [
        _round_between(low, high) for low, high in zip(known[:-1].tolist(), known[1:].tolist(), strict=True)
    ]


def _round_between(low: float, high: float) -> float:
    """The roundest number above ``low`` and not above ``high``."""
    for digits in range(-9, 3):
        if low < (number := round((low + high) / 2, digits)) <= high:
            return number
    return high


def _words(texts: list[str]) -> list[_Question]:
    words = [frozenset(text.split()) for text in texts]
    counts = Counter(word for of in words for word in of if len(word) >= _WORD_CHARS_MIN)
    asked = [word for word, count in counts.most_common(_WORDS_MAX) if count < len(texts)]
    return [
        (np.array([word in of for of in words], dtype=np.bool_), f"with the word {word!r}", "without it")
        for word in asked
    ]


def _best(
    what: str, asked: list[_Question], is_first: NDArray[np.bool_], independent: float, kinds: int
) -> Distinction:
    """The most accurate question of a kind, its chance corrected for how many were tried, of all kinds."""
    holds = np.stack([question[0] for question in asked])
    agree = np.count_nonzero(holds == is_first, axis=1)
    right = np.maximum(agree, len(is_first) - agree)
    best = int(np.argmax(right))
    chance = min(1.0, kinds * len(asked) * _chance(holds[best], is_first, independent))
    _, met, unmet = asked[best]
    return Distinction(what, met, unmet, holds[best], float(right[best] / len(is_first)), chance)


def _chance(holds: NDArray[np.bool_], is_first: NDArray[np.bool_], independent: float) -> float:
    """How likely two properties of entries hang together so much by chance: the G-test, one degree.

    Args:
        holds: bool ``(k,)``, one property.
        is_first: bool ``(k,)``, the other.
        independent: share of the entries that are observations of their own.
    """
    observed = np.array(
        [[np.count_nonzero((holds == a) & (is_first == b)) for b in (False, True)] for a in (False, True)],
        dtype=np.float64,
    )
    expected = observed.sum(1, keepdims=True) * observed.sum(0, keepdims=True) / observed.sum()
    met = observed > 0
    g = 2.0 * independent * float((observed[met] * np.log(observed[met] / expected[met])).sum())
    return erfc(sqrt(max(0.0, g) / 2.0))
