"""The vote: from evidence to a probability for each candidate.

``Vote`` is the seam: whoever weighs evidence sees features and no category. ``KernelVote`` is the first, by
hand: a candidate's share of the kernel's weight, times how much there is to go by.
"""

from math import fsum
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
    """The hand-tuned kernel's shares, tempered by the mass behind them and calibrated on replayed books.

    The first candidate's share is multiplied by mass / (mass + PRIOR_MASS): a share of all the evidence means
    little where there is hardly any. How often such a product was right on the replayed books
    (``bench/replay.py``) is the probability given; the others follow in proportion to their shares.
    """

    PRIOR_MASS: Final = 0.005
    """In rows of the same text and amount. Of .002 to .05, coverage at 95 % precision is best here."""
    _TEMPERED: Final = (0.0, 0.01, 0.05, 0.2, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
    _RIGHT: Final = (0.19, 0.3, 0.38, 0.42, 0.52, 0.62, 0.735, 0.805, 0.87, 0.935, 0.97, 0.98, 0.994)
    """Share that was right, every tenant weighing the same."""

    fingerprint: Final = "kernel-1"

    def probabilities(self, evidence: Evidence) -> NDArray[np.float64]:
        if not len(evidence.candidates):
            return np.empty(0)
        share = evidence.feature("share")
        mass = np.exp(evidence.log_mass)
        first = share.max()
        tempered = first * mass / (mass + self.PRIOR_MASS)
        probability = float(np.interp(tempered, self._TEMPERED, self._RIGHT))
        relative = share / first
        firsts = relative == 1.0
        probability = min(probability, 1.0 / int(np.count_nonzero(firsts)))
        rest = fsum(relative[~firsts].tolist())  # exact, hence the same in any order
        left = 1.0 - probability * int(np.count_nonzero(firsts))
        return np.where(firsts, probability, relative * min(probability, left / rest if rest > 0 else 0.0))
