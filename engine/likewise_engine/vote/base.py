"""The protocol that every vote fulfils, and what is known of how its probabilities turned out."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence import Evidence

POOLED_BINS_MAX: Final = 1_000
"""More than any calibration can use, and few enough for a manifest."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """How often first candidates were right, over books of many tenants that the vote had not learned from.

    What a tenant is calibrated with until it has outcomes of its own. Every tenant weighs the same.

    Attributes:
        probability: ``(b,)``, ascending: the mean probability given to the first candidates of each bin; the
            bins are quantiles, so each has about as many questions.
        right: ``(b,)``, the share of them that was right.
        questions: ``(b,)``, how many there were.
    """

    probability: tuple[float, ...]
    right: tuple[float, ...]
    questions: tuple[int, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.probability), len(self.right), len(self.questions)}
        if len(lengths) != 1 or not 1 <= len(self.probability) <= POOLED_BINS_MAX:
            raise ValueError(f"pooled outcomes are not 1 to {POOLED_BINS_MAX} bins, the same number of each")
        # Asked for what is right, not for what is wrong: every comparison with NaN is false.
        if not all(0 <= share <= 1 for share in (*self.probability, *self.right)):
            raise ValueError("a pooled probability or share is outside 0 to 1")
        if not all(before <= after for before, after in pairwise(self.probability)):
            raise ValueError("pooled probabilities are not ascending")
        if not all(count >= 1 for count in self.questions):
            raise ValueError("a bin of pooled outcomes has no questions")


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
