"""How a model that was changed agrees with what it was."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.errors import ModelFault
from likewise_indexer.cards import Table

COSINE_MIN: Final = 0.9
"""Of the mean over the texts. int8 MiniLM has .99; a model that quantises badly is better served in fp32."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How a changed model agrees with the original, over some texts.

    Attributes:
        texts: how many.
        difference_max: largest absolute difference of any component of the unit vectors.
        cosine_min: of a text's two vectors, the lowest.
        cosine_mean: the mean over all texts.
    """

    texts: int
    difference_max: float
    cosine_min: float
    cosine_mean: float

    @classmethod
    def between(cls, original: Vectors, changed: Vectors) -> "Agreement":
        """Of unit vectors of the same texts, ``(n, d)`` each."""
        cosines = np.einsum("ij,ij->i", original, changed)
        difference = float(np.abs(original - changed).max())
        return cls(len(cosines), difference, float(cosines.min()), float(cosines.mean()))

    def check(self, name: str) -> None:
        """Raise ModelFault where it is another model by now."""
        if self.cosine_mean < COSINE_MIN:
            message = f"{name} keeps a cosine of {self.cosine_mean:.3f} to the original: keep it in fp32"
            raise ModelFault(message)

    def table(self) -> Table:
        """For a card."""
        return Table(
            columns=("against the original", "texts", "cosine, mean", "cosine, lowest"),
            rows=(("", self.texts, self.cosine_mean, self.cosine_min),),
        )
