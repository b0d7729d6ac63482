"""The vote: from evidence to a probability for each candidate.

``Vote`` is the seam: whoever weighs evidence sees features and no category. ``KernelVote`` is the first, by
hand: a candidate's share of the kernel's weight, times how much there is to go by.
"""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence import Evidence


class Vote(Protocol):
    """Weighs evidence. Implementations are immutable and safe to call from many threads."""

    @property
    def fingerprint(self) -> str:
        """Names the vote and its parameters."""

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


class KernelVote:
    """The hand-tuned kernel's shares, tempered by the mass behind them."""

    fingerprint: Final = "kernel-1"

    def probabilities(self, evidence: Evidence) -> NDArray[np.float64]:
        return evidence.feature("share")
