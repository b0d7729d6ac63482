"""Why an answer is what it is; what else might have been; and a recorded one decided again."""

from likewise_engine.explain.explaining import explain, explained_again
from likewise_engine.explain.explanation import (
    Contrast,
    Contribution,
    Counterfactual,
    DimensionExplanation,
    Explanation,
    Threshold,
)
from likewise_engine.explain.replaying import differences

__all__ = [
    "Contrast",
    "Contribution",
    "Counterfactual",
    "DimensionExplanation",
    "Explanation",
    "Threshold",
    "differences",
    "explain",
    "explained_again",
]
