"""The decision: from probabilities to what the bookkeeper's software is to do, and why."""

from collections.abc import Sequence
from typing import Final

from likewise_engine.answers import Candidate, Decision, Witness

SUGGEST_PROBABILITY_MIN: Final = 0.3
"""Below it the first candidate is no more than a guess: better to ask."""


def decide(
    candidates: Sequence[Candidate], witness: Witness, target_precision: float
) -> tuple[Decision, str]:
    """Choose, and say why in a sentence for a person.

    Args:
        candidates: the likeliest first.
        witness: what speaks for the first.
        target_precision: the share of FILEd transactions that is to be right.
    """
    if not candidates:
        return Decision.ASK, "Nothing like it has been labelled yet."
    first = candidates[0]
    spoken = f"{_SPOKEN[witness]} {first.category_name!r} ({first.probability:.0%})"
    if first.probability >= target_precision:
        return Decision.FILE, f"{spoken}, at least the {target_precision:.1%} asked for."
    if first.probability < SUGGEST_PROBABILITY_MIN:
        return Decision.ASK, f"{spoken}, which is no better than a guess."
    if len(candidates) > 1 and _is_tie(first.probability, candidates[1].probability):
        both = " and ".join(f"{c.category_name!r} ({c.probability:.0%})" for c in candidates[:2])
        return Decision.SUGGEST, f"The books have it both ways: {both}."
    return Decision.SUGGEST, f"{spoken}, short of the {target_precision:.1%} asked for."


_TIE_RATIO: Final = 1.5
"""Two candidates closer than this are named together."""


def _is_tie(first: float, second: float) -> bool:
    return first < _TIE_RATIO * second


_SPOKEN: Final = {
    Witness.NONE: "Little speaks for",
    Witness.SAME_TEXT_AND_AMOUNT: "Entries with the same text and amount say",
    Witness.SAME_TEXT: "Entries with the same text say",
    Witness.SAME_PAYEE: "Entries of the same payee say",
    Witness.SIMILAR_TEXT: "Entries with similar texts say",
}
