"""The vote by hand: a candidate's share of the kernel's weight, times how much there is to go by.

It needs no model: what the learned vote is measured against, and what tests of all else vote with.
"""

from math import fsum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.calibration import Pooled
from likewise_engine.evidence import Evidence


class KernelVote:
    """The hand-tuned kernel's shares, tempered by the mass behind them and calibrated on replayed books.

    The first candidate's share is multiplied by mass / (mass + PRIOR_MASS): a share of all the evidence means
    little where there is hardly any. How often such a product was right on the replayed books
    (``likewise backtest``) is the probability given; the others follow in proportion to their shares.
    """

    PRIOR_MASS: Final = 0.005
    """In rows of the same text and amount. Of .002 to .05, coverage at 95 % precision is best here."""
    _TEMPERED: Final = (0.0, 0.01, 0.05, 0.2, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 1.0)
    _RIGHT: Final = (0.19, 0.3, 0.38, 0.42, 0.52, 0.62, 0.735, 0.805, 0.87, 0.935, 0.97, 0.98, 0.994)
    """Share that was right, every tenant weighing the same."""

    fingerprint: Final = "kernel-1"
    pooled: Final = Pooled(
        probability=(0.09, 0.19, 0.191, 0.236, 0.467, 0.534, 0.684, 0.8, 0.897, 0.966, 0.985, 0.991),
        right=(0.048, 0.112, 0.159, 0.235, 0.397, 0.58, 0.694, 0.814, 0.9, 0.96, 0.986, 0.995),
        questions=(6562, 6185, 6265, 6592, 7036, 6810, 6768, 6561, 6574, 6726, 7137, 7683),
    )
    """On 61 real tenants, from their first label on, as ``likewise model train-vote`` replays them."""

    def probabilities(self, evidence: Evidence) -> NDArray[np.float64]:
        if not len(evidence.candidates):
            return np.empty(0)
        share = evidence.share
        if not share.any():
            return share  # Nothing like it was labelled: of names this vote makes nothing.
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
