"""The decision: from probabilities to what the bookkeeper's software is to do, and why."""

from collections.abc import Sequence
from math import isinf
from typing import Final

from likewise_engine.answers import Candidate, Decision, Witness
from likewise_engine.calibration import Calibration
from likewise_engine.rules.rulebook import Ruling

SUGGEST_PROBABILITY_MIN: Final = 0.3
"""Below it the first candidate is no more than a guess: better to ask."""
SUGGEST_BY_NAME_PROBABILITY_MIN: Final = 0.1
"""The same where no entry speaks for it, only its name: with nothing else to go by, a proposal that is right
one time in ten saves more looking through the chart than it costs."""
FILE_PROBABILITY_MIN: Final = 0.5
"""What is more likely wrong than right is never FILEd, however sure the rest is."""
_FILE_ERROR_RATIO: Final = 6.0
"""A target is meant of all that is FILEd; no single one may be more than so many times as likely to be wrong
as it allows. At 95 % that is 70 %: on real books three of four that were less sure were wrong, a hundredth of
all that was FILEd."""
_TIE_RATIO: Final = 1.5
"""Two candidates closer than this are named together: the books do not tell them apart."""


def decide(
    candidates: Sequence[Candidate],
    rival: Candidate | None,
    witness: Witness,
    target_precision: float,
    calibration: Calibration,
    *,
    may_file: bool = True,
) -> tuple[Decision, str]:
    """Choose, and say why in a sentence for a person.

    Args:
        candidates: all of them or at least two, the likeliest first, with calibrated probabilities.
        rival: the one that entries just like it have as often as the first, where there is one.
        witness: what speaks for the first.
        target_precision: the share of FILEd transactions that is to be right.
        calibration: of the tenant in this dimension.
        may_file: False where a testimony is among what speaks for them.
    """
    if not candidates:
        return Decision.ASK, "Nothing like it has been labelled with an active category yet."
    first = candidates[0]
    spoken = f"{_SPOKEN[witness]} {first.category_name!r} ({first.probability:.0%})"
    threshold = file_threshold(target_precision, calibration)
    probabilities = [candidate.probability for candidate in candidates[:2]]
    if rival is not None:
        both = _named(first, rival)
        return Decision.SUGGEST, f"The latest entries just like it have it both ways: {both}."
    if files(probabilities, threshold, has_rival=False):
        if not may_file:
            return Decision.SUGGEST, f"{spoken}, but nothing is filed on what a language model says."
        asked_for = f"what is this sure reaches the {target_precision:.1%} asked for"
        return Decision.FILE, f"{spoken}, and {asked_for}."
    is_by_name = witness is Witness.CATEGORY_NAME
    if first.probability < (SUGGEST_BY_NAME_PROBABILITY_MIN if is_by_name else SUGGEST_PROBABILITY_MIN):
        return Decision.ASK, f"{spoken}, which is no better than a guess."
    if _is_tie(probabilities):
        return Decision.SUGGEST, f"The books have it both ways: {_named(*candidates[:2])}."
    return Decision.SUGGEST, f"{spoken}, {_short_of(threshold, target_precision, calibration)}."


def decide_by_rule(ruling: Ruling, first: Candidate) -> tuple[Decision, str]:
    """What a rule decides: FILE, whatever the target, for the bookkeeper has laid it down.

    Args:
        ruling: what the rule says, with its record.
        first: the category that it says.
    """
    spoken = f"The rule {ruling.rule_name or ruling.rule_id!r} says {first.category_name!r}"
    tally = ruling.tally
    if not tally.decided:
        return Decision.FILE, f"{spoken}; no entry shows yet how often it is right."
    return Decision.FILE, f"{spoken}: right in {tally.right:,} of the {tally.decided:,} that it decides."


def file_threshold(target_precision: float, calibration: Calibration) -> float:
    """The least calibrated probability of a first candidate to FILE on; inf where none will do."""
    single = 1.0 - _FILE_ERROR_RATIO * (1.0 - target_precision)
    return max(calibration.threshold(target_precision), single, FILE_PROBABILITY_MIN)


def files(probabilities: Sequence[float], threshold: float, *, has_rival: bool) -> bool:
    """Whether to FILE. What the books cannot tell apart is never FILEd: it would be tossing a coin.

    Args:
        probabilities: calibrated, of the first two candidates, the likeliest first, or of the only one.
        threshold: see :func:`file_threshold`.
        has_rival: whether entries just like it have another category as often as the first.
    """
    return probabilities[0] >= threshold and not has_rival and not _is_tie(probabilities)


def _is_tie(probabilities: Sequence[float]) -> bool:
    return len(probabilities) > 1 and probabilities[0] < _TIE_RATIO * probabilities[1]


def _named(*candidates: Candidate) -> str:
    return " and ".join(f"{c.category_name!r} ({c.probability:.0%})" for c in candidates)


def _short_of(threshold: float, target_precision: float, calibration: Calibration) -> str:
    """Why a likely candidate is not FILEd."""
    target = f"{target_precision:.1%}"
    if calibration.excess_sigmas and calibration.filed_wrong > (1.0 - target_precision) * calibration.filed:
        record = f"of the last {calibration.filed} filed, {calibration.filed_wrong} turned out wrong"
        return f"but {record}: more is asked until {target} holds again"
    if isinf(threshold):
        return f"but too little is known of how often such answers are right to file at {target}"
    return f"short of the {threshold:.1%} that it takes to file at {target}"


_SPOKEN: Final = {
    Witness.NONE: "Little speaks for",
    Witness.SAME_TEXT_AND_AMOUNT: "Entries with the same text and amount say",
    Witness.SAME_TEXT: "Entries with the same text say",
    Witness.SAME_PAYEE: "Entries of the same payee say",
    Witness.SIMILAR_TEXT: "Entries with similar texts say",
    Witness.CATEGORY_NAME: "No entry, only the name, speaks for",
    Witness.SAME_COUNTERPARTY: "Entries with the same IBAN, VAT number or creditor id say",
    Witness.LANGUAGE_MODEL: "A language model says",
}
