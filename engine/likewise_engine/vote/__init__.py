"""From evidence to a probability for each candidate: the protocol, the vote that serves, one without a model.

``Vote`` is the seam: whoever weighs evidence sees features and no category.
"""

from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from likewise_engine.calibration import Pooled
from likewise_engine.vote.base import AttributingVote, Vote
from likewise_engine.vote.kernel import KernelVote
from likewise_engine.vote.onnx import OnnxVote

__all__ = ["DEFAULT_VOTE", "AttributingVote", "KernelVote", "OnnxVote", "Pooled", "Vote", "load_vote"]

DEFAULT_VOTE: Final = "likewise-vote"
"""Name of the vote that is shipped, and of its folder under ``likewise_engine/models``."""


def load_vote(folder: Path | None = None) -> Vote:
    """Return the vote of a model folder; the shipped one if None.

    Raises:
        ModelFault: the folder does not hold a vote on the features of this engine.
    """
    if folder is not None:
        return OnnxVote(folder)
    with as_file(files("likewise_engine") / "models" / DEFAULT_VOTE) as shipped:
        return OnnxVote(shipped)
