"""A vote's folder: a ``vote.json`` that says which features it weighs and how it did, and the model."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from likewise_engine import limits, model_folder
from likewise_engine.evidence import FEATURES
from likewise_engine.model_folder import MODEL_FILE
from likewise_engine.vote.base import Pooled

MANIFEST_FILE: Final = "vote.json"


@dataclass(frozen=True, slots=True)
class VoteManifest:
    """What a vote is. All of it is in the fingerprint.

    Attributes:
        name: names the model to people; letters, digits, ``.``, ``_`` and ``-``.
        features: the columns that the model takes, in this order: :data:`likewise_engine.evidence.FEATURES`.
        files: SHA-256 in hexadecimal, by file name: MODEL_FILE.
        pooled: how its probabilities turned out on books that it had not learned from.
        trained: how it was trained, for people and for repeating it: JSON values by name.
    """

    name: str
    features: tuple[str, ...]
    files: Mapping[str, str] = field(hash=False)
    pooled: Pooled
    trained: Mapping[str, Any] = field(hash=False, default_factory=dict)

    def __post_init__(self) -> None:
        model_folder.check_name(self.name)
        if self.features != FEATURES:
            raise ValueError(_difference(self.features))
        if set(self.files) != {MODEL_FILE}:
            raise ValueError(f"the files are {sorted(self.files)}, not {MODEL_FILE}")

    @property
    def fingerprint(self) -> str:
        """Name and digest of all that this vote's probabilities depend on, apart from the evidence."""
        return model_folder.fingerprint_of(self.name, asdict(self))

    def write(self, folder: Path) -> None:
        """Write the manifest into the folder that holds the model."""
        model_folder.write_manifest(folder / MANIFEST_FILE, self.fingerprint, asdict(self))


def read_vote_manifest(folder: Path) -> VoteManifest:
    """Read and check the manifest of a vote's folder.

    Raises:
        ModelFault: there is none, it is not what :meth:`VoteManifest.write` writes, or the features are not
            those of this engine.
    """
    return model_folder.read_manifest(folder / MANIFEST_FILE, limits.VOTE_MANIFEST_BYTES_MAX, _manifest_of)


def _manifest_of(content: dict[str, Any]) -> VoteManifest:
    kinds: dict[str, type] = {"name": str, "features": list, "files": dict, "pooled": dict, "trained": dict}
    for name, kind in kinds.items():
        if type(content[name]) is not kind:
            raise ValueError(f"{name} is not of type {kind.__name__}")
    content["features"] = tuple(content["features"])
    content["pooled"] = Pooled(**{name: tuple(values) for name, values in content["pooled"].items()})
    return VoteManifest(**content)


def _difference(features: tuple[str, ...]) -> str:
    unknown = [name for name in features if name not in FEATURES]
    missing = [name for name in FEATURES if name not in features]
    if not (unknown or missing):
        return "its features are this engine's in another order: train it anew"
    told = [
        f"{what} {', '.join(map(repr, names))}"
        for what, names in (("it weighs", unknown), ("it does not weigh", missing))
        if names
    ]
    return f"its features are not this engine's ({'; '.join(told)}): train it anew"
