"""The protocol that every vote fulfils."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from likewise_engine.calibration import Pooled
from likewise_engine.evidence import Evidence

__all__ = ["AttributingVote", "Pooled", "Vote"]


class Vote(Protocol):
    """Weighs evidence. Implementations are immutable and safe to call from many threads."""

    @property
    def fingerprint(self) -> str:
        """Names the vote and its parameters."""

    @property
    def pooled(self) -> Pooled:
        """How its probabilities turned out on books that it had not learned from."""

    def probabilities(self, evidence: Evidence) -> NDArray[np.float64]:
        """The probability of each candidate that it is the right one.

        Args:
            evidence: of one question in one dimension, with c candidates.

        Returns:
            float64 ``(c,)``, each within 0 to 1, their sum at most 1: what is missing is the probability that
            it is none of them. The same for candidates in any order.

        Raises:
            ModelFault: the vote's model failed.
        """


@runtime_checkable
class AttributingVote(Vote, Protocol):
    """A vote that can say which features told for a candidate. The hand-tuned kernel weighs none."""

    def contrast(self, evidence: Evidence, first: int, second: int) -> NDArray[np.float64]:
        """What each feature adds to the logarithm of the odds of one candidate against another.

        Args:
            evidence: of one question in one dimension.
            first: position of a candidate in the evidence.
            second: of another.

        Returns:
            float64 ``(features,)``, whose sum is that logarithm.
        """
