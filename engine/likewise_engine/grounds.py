"""Grounds: all that a decision in one dimension rests on, and the decision that follows from it.

Nothing here looks at a tenant's memory. So what is decided now, and what was decided once and recorded with
its grounds, are decided by the same lines: :mod:`likewise_engine.feedback.replay` makes them again, to the
bit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from likewise_engine.answers import Candidate, DecidingRule, Decision, DimensionAnswer, Witness
from likewise_engine.calibration import Calibration
from likewise_engine.chart import Category
from likewise_engine.decision import decide, decide_by_rule
from likewise_engine.evidence import Evidence
from likewise_engine.probabilities import ranking
from likewise_engine.rules.rulebook import Ruling
from likewise_engine.testimony import Opinion


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of the evidence in one dimension, with c candidates, the likeliest first.

    Attributes:
        positions: int64 ``(c,)``, of the candidates in the evidence.
        candidates: int64 ``(c,)``, category numbers.
        voted: float64 ``(c,)``, the vote's probabilities.
        probabilities: float64 ``(c,)``, as the tenant's outcomes calibrate them.
        rival: position, in this order, of the one that entries just like it have as often as the first; None
            where there is none, or the vote rules it out.
    """

    positions: NDArray[np.int64]
    candidates: NDArray[np.int64]
    voted: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    rival: int | None


def judged(
    evidence: Evidence,
    voted: NDArray[np.float64],
    calibration: Calibration,
    counts: NDArray[np.int64],
    rival_of: Callable[[int], int | None],
) -> Judgement:
    """From the vote's probabilities to a ranking.

    Args:
        evidence: with c candidates.
        voted: float64 ``(c,)``, the vote's probabilities of them.
        calibration: of the tenant in this dimension.
        counts: int64 ``(categories,)``, live labels of each category: of equals the commoner comes first.
        rival_of: tells, by its position in the evidence, whom entries like the question have as often as the
            candidate at a position.
    """
    probabilities = calibration.probabilities(voted)
    order = ranking(probabilities, evidence.candidates, counts)
    rival = rival_of(int(order[0])) if len(order) else None
    if rival is not None and not probabilities[rival]:
        rival = None  # a vote may rule out what entries just like it have
    position = None if rival is None else order.tolist().index(rival)
    return Judgement(order, evidence.candidates[order], voted[order], probabilities[order], position)


@dataclass(frozen=True, slots=True, eq=False)
class Grounds:
    """What a decision in one dimension rests on. Holds references only: it costs nothing to carry along.

    Attributes:
        dimension: the dimension.
        evidence: what spoke for each candidate.
        judgement: what the vote and the calibration made of it.
        witness: what decided for the first candidate.
        calibration: of the tenant in this dimension, as it was.
        counts: int64 ``(categories,)``, live labels of each category, as they were.
        categories: of the chart as it was, by number; all candidates at least.
        target_precision: what FILE was held to.
        candidates_max: how many candidates were asked for.
        opinion: of a language model; None where there is none.
        ruling: what a rule says, which comes first; None where none says anything.
    """

    dimension: str
    evidence: Evidence
    judgement: Judgement
    witness: Witness
    calibration: Calibration
    counts: NDArray[np.int64]
    categories: Sequence[Category] | Mapping[int, Category]
    target_precision: float
    candidates_max: int
    opinion: Opinion | None = None
    ruling: Ruling | None = None

    def answer(self) -> DimensionAnswer:
        """What follows.

        A rule comes first. What the vote FILEs no opinion changes, and on an opinion nothing is FILEd.
        """
        if self.ruling is not None:
            return self._ruled(self.ruling)
        judgement = self.judgement
        voted = self._decided(judgement.candidates, judgement.probabilities, judgement.rival, self.witness)
        if self.opinion is None or voted.decision is Decision.FILE:
            return voted
        return self._heard(voted, self.opinion)

    def _heard(self, voted: DimensionAnswer, opinion: Opinion) -> DimensionAnswer:
        """What follows if a language model is heard too."""
        judgement = self.judgement
        candidates, pooled = opinion.pooled(judgement.candidates, judgement.probabilities)
        order = ranking(pooled, candidates, self.counts)
        candidates, pooled = candidates[order], pooled[order]
        is_same_first = bool(len(judgement.candidates)) and candidates[0] == judgement.candidates[0]
        rival = None
        if is_same_first and judgement.rival is not None:
            rival = order.tolist().index(judgement.rival)
        makes_the_difference = not is_same_first or voted.decision is Decision.ASK
        is_first = candidates[0] == opinion.category
        witness = Witness.LANGUAGE_MODEL if is_first and makes_the_difference else self.witness
        return self._decided(candidates, pooled, rival, witness, may_file=False)

    def _decided(
        self,
        candidates: NDArray[np.int64],
        probabilities: NDArray[np.float64],
        rival: int | None,
        witness: Witness,
        *,
        may_file: bool = True,
    ) -> DimensionAnswer:
        """What follows from candidates, the likeliest first; ``rival`` is a position among them."""
        numbers, likely = candidates.tolist(), probabilities.tolist()
        # The decision sees the first two at least: how many are shown changes nothing.
        ahead = max(self.candidates_max, 2)
        ranked = [
            self._candidate(number, p)
            for number, p in zip(numbers[:ahead], likely[:ahead], strict=True)
            if p > 0.0
        ]
        decision, reason = decide(
            ranked,
            None if rival is None else self._candidate(numbers[rival], likely[rival]),
            witness if ranked else Witness.NONE,
            self.target_precision,
            self.calibration,
            may_file=may_file,
        )
        shown = tuple(ranked[: self.candidates_max])
        return DimensionAnswer(
            self.dimension,
            decision,
            shown,
            witness if ranked else Witness.NONE,
            self.target_precision,
            reason,
        )

    def _ruled(self, ruling: Ruling) -> DimensionAnswer:
        """What follows where a rule says something: that, and behind it what the vote has."""
        probability = ruling.tally.probability
        first = self._candidate(ruling.category, probability)
        judgement = self.judgement
        voted = list(zip(judgement.candidates.tolist(), judgement.probabilities.tolist(), strict=True))
        others = [(number, p) for number, p in voted if number != ruling.category and p > 0.0]
        # If the rule is wrong: as the vote has it, given that it is not the first.
        left = 1.0 - sum(p for number, p in voted if number == ruling.category)
        share = (1.0 - probability) / left if others else 0.0
        behind = [self._candidate(number, p * share) for number, p in others[: self.candidates_max - 1]]
        decision, reason = decide_by_rule(ruling, first)
        return DimensionAnswer(
            self.dimension,
            decision,
            (first, *behind),
            Witness.RULE,
            self.target_precision,
            reason,
            DecidingRule(ruling.rule_id, ruling.rule_name),
        )

    def _candidate(self, number: int, probability: float) -> Candidate:
        category = self.categories[number]
        return Candidate(category.id, category.title, probability)
