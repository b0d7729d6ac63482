"""Why an answer is what it is: values without behaviour."""

from collections.abc import Sequence
from dataclasses import dataclass

from likewise_engine.answers import Classification, Decision, DimensionAnswer, Neighbour


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature told for the first candidate, against the second.

    Attributes:
        witness: that it is of, as :data:`likewise_engine.evidence.WITNESSES` has it.
        feature: its name.
        meaning: in words.
        first: its value for the first candidate.
        second: for the second.
        log_odds: what it adds to the logarithm of the odds of the two, before calibration.
    """

    witness: str
    feature: str
    meaning: str
    first: float
    second: float
    log_odds: float


@dataclass(frozen=True, slots=True)
class Contrast:
    """Why the vote has the first candidate and not the second; rules and language models come after it.

    Attributes:
        first: id of the first candidate.
        second: of the second.
        log_odds: logarithm of the odds of the two by the vote, before calibration.
        contributions: of all features that tell the two apart, the weightiest first; they add up to
            ``log_odds``, but for the rounding of a float32. Empty where the vote weighs no features.
    """

    first: str
    second: str
    log_odds: float
    contributions: Sequence[Contribution]


@dataclass(frozen=True, slots=True)
class Threshold:
    """What it takes to FILE.

    Attributes:
        target_precision: what FILE was held to.
        probability: the least calibrated probability that FILEs; None where none will do yet.
        voted: of the vote's first candidate, before calibration.
        calibrated: of the vote's first candidate; 0 where there is none.
        target_precision_met: the highest target, in steps of a thousandth, at which it would have been FILEd;
            None where at none.
        outcomes: answers of the tenant that the calibration was made of.
        filed: the latest of those that would have been FILEd.
        filed_wrong: how many of these were wrong.
        slope: of the map from the vote's logits to calibrated ones.
        intercept: likewise.
    """

    target_precision: float
    probability: float | None
    voted: float
    calibrated: float
    target_precision_met: float | None
    outcomes: int
    filed: int
    filed_wrong: int
    slope: float
    intercept: float


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """What would have been answered if something had been otherwise; found by asking.

    Attributes:
        change: what would have been otherwise, in words.
        entries: without which, if it is that.
        decision: what would have been decided.
        category: id of what would have been the first candidate; empty for none.
        probability: its.
        changes_answer: whether decision or first candidate differ.
    """

    change: str
    entries: Sequence[Neighbour]
    decision: Decision
    category: str
    probability: float
    changes_answer: bool


@dataclass(frozen=True, slots=True)
class DimensionExplanation:
    """Why the answer in one dimension.

    Attributes:
        answer: the answer.
        label: id of the label that the entry has, for an entry of the books that has one.
        contrast: the first candidate against the second; None where there are not two.
        threshold: what it takes to FILE.
        counterfactuals: what else might have been, those that change the answer first.
    """

    answer: DimensionAnswer
    label: str
    contrast: Contrast | None
    threshold: Threshold
    counterfactuals: Sequence[Counterfactual]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a whole answer.

    Attributes:
        classification: the answer, with its neighbours.
        is_of_books: whether it is of an entry in the books, which was masked: as of before it was labelled.
        still_known: parts of memory that know a masked entry all the same, in words.
        dimensions: one for each of its answers.
    """

    classification: Classification
    is_of_books: bool
    still_known: Sequence[str]
    dimensions: Sequence[DimensionExplanation]
