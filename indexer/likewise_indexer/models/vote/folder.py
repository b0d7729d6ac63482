"""Writing a vote's folder: the model, its manifest and its card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from likewise_engine.errors import ModelFault
from likewise_engine.evidence import FEATURES
from likewise_engine.model_folder import MODEL_FILE, sha256_of
from likewise_engine.vote import OnnxVote, Pooled
from likewise_engine.vote.manifest import VoteManifest
from likewise_indexer.models.vote.boost import Ensemble
from likewise_indexer.models.vote.graph import write_graph
from likewise_indexer.models.vote.pairs import Questions

_SAMPLE: Final = 20_000
"""Pairs on which the exported model is held against the trees."""
_DIFFERENCE_MAX: Final = 1e-4
"""Of any score. A sum of some hundred float32 has 1e-5; a turn taken wrongly gives far more."""


def write_vote(
    folder: Path, name: str, ensemble: Ensemble, pooled: Pooled, trained: Mapping[str, Any], sample: Questions
) -> OnnxVote:
    """Write a folder that the engine can vote with, and hold it against the trees that it comes from.

    Args:
        folder: is made if missing; files of the same names are replaced.
        name: names the model.
        ensemble: the trees.
        pooled: see :class:`likewise_engine.vote.Pooled`.
        trained: how it was trained: JSON values.
        sample: questions to compare on.

    Raises:
        ModelFault: the exported model does not score as the trees do.
        ValueError: the name is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_graph(ensemble.table(), len(FEATURES), folder / MODEL_FILE)
    files = {MODEL_FILE: sha256_of(folder / MODEL_FILE)}
    VoteManifest(name, FEATURES, files, pooled, trained).write(folder)
    vote = OnnxVote(folder)
    check_agreement(vote, ensemble, sample)
    return vote


def check_agreement(vote: OnnxVote, ensemble: Ensemble, sample: Questions) -> None:
    """Raise ModelFault where a vote does not score some questions as the trees do that it was made of."""
    features = sample.features[:: max(1, len(sample.features) // _SAMPLE)]
    difference = float(np.abs(vote.scores(features) - ensemble.scores(features)).max())
    if difference > _DIFFERENCE_MAX:
        raise ModelFault(f"{vote.fingerprint} differs from its trees by {difference:.1e} once exported")
