"""What the grounds of a decision tell by themselves: features by weight, and what it takes to FILE.

No memory is looked at, so a recorded decision is explained by the same lines as one of today.
"""

from math import isinf, log
from typing import Final

import numpy as np

from likewise_engine.decision import file_threshold, files
from likewise_engine.evidence import FEATURES, WITNESSES
from likewise_engine.explain.explanation import Contrast, Contribution, Threshold
from likewise_engine.explain.meanings import meaning_of
from likewise_engine.grounds import Grounds
from likewise_engine.vote import AttributingVote, Vote

_TARGETS: Final = np.arange(999, 499, -1) / 1_000
"""From the highest that a policy may have to the lowest."""
_WITNESS_OF: Final = {feature: witness for witness, features in WITNESSES.items() for feature in features}


def contrast_of(grounds: Grounds, vote: Vote) -> Contrast | None:
    """The first candidate against the second; None where there are not two with a chance.

    Args:
        grounds: of the decision.
        vote: that decided.
    """
    judgement = grounds.judgement
    if np.count_nonzero(judgement.voted) < 2:
        return None
    first, second = judgement.positions[:2].tolist()
    ours, theirs = (grounds.categories[number].id for number in judgement.candidates[:2].tolist())
    log_odds = log(judgement.voted[0] / judgement.voted[1])
    if not isinstance(vote, AttributingVote):
        return Contrast(ours, theirs, log_odds, ())
    given, features = vote.contrast(grounds.evidence, first, second), grounds.evidence.features
    found = [
        Contribution(
            _WITNESS_OF[name],
            name,
            meaning_of(name),
            float(features[first, at]),
            float(features[second, at]),
            float(given[at]),
        )
        for at, name in enumerate(FEATURES)
        if features[first, at] != features[second, at]
    ]
    return Contrast(ours, theirs, log_odds, sorted(found, key=lambda one: -abs(one.log_odds)))


def threshold_of(grounds: Grounds, *, is_recorded: bool = False) -> Threshold:
    """What it takes to FILE, and what it would have taken.

    Args:
        grounds: of the decision.
        is_recorded: its calibration was narrowed to the target, so nothing can be said of others.
    """
    judgement, calibration = grounds.judgement, grounds.calibration
    threshold = file_threshold(grounds.target_precision, calibration)
    first_two = judgement.probabilities[:2].tolist()
    met = next(
        (
            target
            for target in ([] if is_recorded else _TARGETS.tolist())
            if first_two
            and files(first_two, file_threshold(target, calibration), has_rival=judgement.rival is not None)
        ),
        None,
    )
    return Threshold(
        target_precision=grounds.target_precision,
        probability=None if isinf(threshold) else threshold,
        voted=float(judgement.voted[0]) if first_two else 0.0,
        calibrated=first_two[0] if first_two else 0.0,
        target_precision_met=met,
        outcomes=calibration.outcomes,
        filed=calibration.filed,
        filed_wrong=calibration.filed_wrong,
        slope=calibration.slope,
        intercept=calibration.intercept,
    )
