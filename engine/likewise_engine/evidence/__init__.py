"""Evidence: what the past says for each candidate label of one question, in numbers that know no category.

``surroundings_of`` gathers the rows around a question, for all dimensions at once; ``evidence_of`` works out
what they and the chart say in one dimension.
"""

from likewise_engine.evidence.distances import TAU
from likewise_engine.evidence.features import FEATURES, WITNESSES, Evidence, evidence_of
from likewise_engine.evidence.surroundings import Surroundings, Wording, surroundings_of

__all__ = [
    "FEATURES",
    "TAU",
    "WITNESSES",
    "Evidence",
    "Surroundings",
    "Wording",
    "evidence_of",
    "surroundings_of",
]
