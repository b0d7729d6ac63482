"""The vote that serves: trees learned from other people's books, kept as an ONNX model.

The model gives each candidate a score from its own features alone, and knows neither which category it is nor
the others (but by features that compare). A score is a logit: that of none of them being right is 0, and the
probabilities are the softmax over the candidates and none,

    p_i = exp(s_i) / (1 + sum_j exp(s_j)),

a conditional logit with an outside option (McFadden 1974). So where all scores are low, they sum to little.
"""

from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits, model_folder
from likewise_engine.calibration import Pooled
from likewise_engine.errors import ModelFault
from likewise_engine.evidence import FEATURES, Evidence
from likewise_engine.model_folder import MODEL_FILE
from likewise_engine.probabilities import with_outside_option
from likewise_engine.vote.attribution import contrast
from likewise_engine.vote.ensemble import read_ensemble
from likewise_engine.vote.manifest import read_vote_manifest
from likewise_engine.vote.trees import Trees

INPUT: Final = "features"
"""What a model takes: float32 of shape (candidates, features)."""
OUTPUT: Final = "score"
"""What a model gives: float32 of shape (candidates, 1)."""


class OnnxVote:
    """Votes with the model of a folder.

    Args:
        folder: holds the manifest ``vote.json`` and the model that it names.

    Raises:
        ModelFault: the folder lacks something, a file is damaged, the model is not what the manifest says, or
            it weighs other features than this engine has.
    """

    def __init__(self, folder: Path) -> None:
        self._manifest = read_vote_manifest(folder)
        self._fingerprint = self._manifest.fingerprint  # worked out once: each answer names it
        path = folder / MODEL_FILE
        content = model_folder.read_file(path, limits.VOTE_FILE_BYTES_MAX, self._manifest.files[MODEL_FILE])
        try:
            self._ensemble = read_ensemble(content, INPUT, OUTPUT)
            self._trees = Trees(self._ensemble, len(FEATURES))
        except ValueError as error:
            raise ModelFault(
                f"{path} is not a model of trees over {len(FEATURES)} features: {error}"
            ) from error
        self.scores(np.zeros((2, len(FEATURES)), np.float32))  # One that gives nonsense is found out here.

    def __repr__(self) -> str:
        return f"OnnxVote({self.fingerprint!r})"

    @property
    def fingerprint(self) -> str:
        """Names the model, and all that its probabilities depend on."""
        return self._fingerprint

    @property
    def pooled(self) -> Pooled:
        """See :attr:`likewise_engine.vote.base.Vote.pooled`."""
        return self._manifest.pooled

    def probabilities(self, evidence: Evidence) -> NDArray[np.float64]:
        """See :meth:`likewise_engine.vote.base.Vote.probabilities`."""
        if not len(evidence.candidates):
            return np.empty(0)
        return with_outside_option(self.scores(evidence.features.astype(np.float32)))

    def contrast(self, evidence: Evidence, first: int, second: int) -> NDArray[np.float64]:
        """What each feature adds to the logarithm of the odds of one candidate against another.

        Args:
            evidence: of the question.
            first: position of a candidate in the evidence.
            second: of another.

        Returns:
            float64 ``(len(FEATURES),)``; see :func:`likewise_engine.vote.attribution.contrast`.
        """
        rows = evidence.features[[first, second]].astype(np.float32)
        return contrast(self._ensemble, rows[0], rows[1])

    def scores(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """The score of each candidate.

        Args:
            features: float32 ``(c, len(FEATURES))``, at least one row.

        Returns:
            float32 ``(c,)``, finite.

        Raises:
            ModelFault: the model gave something else.
        """
        scores = self._trees.scores(features)
        if not np.isfinite(scores).all():
            raise ModelFault(f"{self._manifest.name} gave a score that is not finite")
        return scores
