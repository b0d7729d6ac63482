"""What categories are called and described by, as vectors: a chart without labels is something to go by."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from likewise_engine.chart import Chart
from likewise_engine.encoder.base import Encoder
from likewise_engine.text import text_of_name


@dataclass(frozen=True, slots=True)
class CategoryVectors:
    """Of one encoder and one chart with c categories.

    Attributes:
        names: float16 ``(c, dimensions)``.
        descriptions: float16 ``(k, dimensions)``, of those that are described.
        described: int64 ``(k,)``, numbers of these categories, ascending.
    """

    names: NDArray[np.float16]
    descriptions: NDArray[np.float16]
    described: NDArray[np.int64]

    @classmethod
    def of(cls, chart: Chart, encoder: Encoder) -> Self:
        """Those of a whole chart. Raises ModelFault."""
        nothing = np.empty((0, encoder.dimensions), dtype=np.float16)
        return cls(nothing, nothing, np.empty(0, dtype=np.int64)).following(chart, Chart.of([]), encoder)

    @property
    def nbytes(self) -> int:
        """Bytes of main memory."""
        return self.names.nbytes + self.descriptions.nbytes

    def following(self, chart: Chart, earlier: Chart, encoder: Encoder) -> Self:
        """Those of a chart, of which only what an earlier one did not say is encoded. Raises ModelFault.

        Args:
            chart: that continues the earlier one.
            earlier: which these are of.
            encoder: which these are of.
        """
        changed = chart.changes_since(earlier)
        known = len(earlier.categories)
        titles = {n: c.title for n, c in changed if n >= known or c.title != earlier.categories[n].title}
        reworded = [n for n, c in changed if n >= known or c.description != earlier.categories[n].description]
        names, descriptions, described = self.names, self.descriptions, self.described
        if titles:
            names = np.empty((len(chart.categories), encoder.dimensions), dtype=np.float16)
            names[:known] = self.names
            names[list(titles)] = _encoded(encoder, list(titles.values()))
        if reworded:
            wordings = {n: chart.categories[n].description for n in reworded}
            added = [n for n, wording in wordings.items() if wording]
            kept = ~np.isin(described, reworded)
            described = np.concatenate((described[kept], np.array(added, dtype=np.int64)))
            vectors = _encoded(encoder, [wordings[n] for n in added])
            order = np.argsort(described)
            described = described[order]
            descriptions = np.concatenate((descriptions[kept], vectors))[order]
        return type(self)(names, descriptions, described)


def _encoded(encoder: Encoder, wordings: list[str]) -> NDArray[np.float16]:
    """Vectors of wordings that are names."""
    if not wordings:
        return np.empty((0, encoder.dimensions), dtype=np.float16)
    return encoder.encode([text_of_name(wording) for wording in wordings]).astype(np.float16)
