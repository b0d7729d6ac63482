"""An encoder's folder: an ``encoder.json`` that says what the model is, its tokeniser, and the model."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from likewise_engine import limits, model_folder
from likewise_engine.encoder.ngrams import NgramHash
from likewise_engine.model_folder import MODEL_FILE

MANIFEST_FILE: Final = "encoder.json"
TOKENIZER_FILE: Final = "tokenizer.json"


class Kind(StrEnum):
    """What a model takes in."""

    STATIC_NGRAM = "static-ngram"
    """Ids of tokens and of hashed character n-grams, 0 where there is none."""
    TRANSFORMER = "transformer"
    """What a sentence-transformers model takes: input_ids, attention_mask and perhaps token_type_ids."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a model is. All of it is in the fingerprint.

    Attributes:
        name: names the model to people; letters, digits, ``.``, ``_`` and ``-``.
        kind: what the model takes in.
        dimensions: length of a vector.
        tokens_max: tokens of a text that are read, special ones included.
        files: SHA-256 in hexadecimal, by file name: MODEL_FILE and TOKENIZER_FILE.
        ngrams: how character n-grams are hashed; for a static model alone.
    """

    name: str
    kind: Kind
    dimensions: int
    tokens_max: int
    files: Mapping[str, str] = field(hash=False)
    ngrams: NgramHash | None = None

    def __post_init__(self) -> None:
        model_folder.check_name(self.name)
        if not 1 <= self.dimensions <= limits.VECTOR_DIMENSIONS_MAX:
            raise ValueError(f"{self.dimensions} dimensions are outside 1 to {limits.VECTOR_DIMENSIONS_MAX}")
        if not 1 <= self.tokens_max <= limits.ENCODER_TOKENS_MAX:
            raise ValueError(f"{self.tokens_max} tokens are outside 1 to {limits.ENCODER_TOKENS_MAX}")
        if set(self.files) != {MODEL_FILE, TOKENIZER_FILE}:
            raise ValueError(f"the files are {sorted(self.files)}, not {MODEL_FILE} and {TOKENIZER_FILE}")
        if (self.ngrams is not None) != (self.kind is Kind.STATIC_NGRAM):
            raise ValueError(f"a {self.kind} model {'lacks' if self.ngrams is None else 'has'} n-grams")

    @property
    def fingerprint(self) -> str:
        """Name and digest of all that this model's vectors depend on, apart from the texts."""
        return model_folder.fingerprint_of(self.name, asdict(self))

    def write(self, folder: Path) -> None:
        """Write the manifest into the folder that holds the model's files."""
        model_folder.write_manifest(folder / MANIFEST_FILE, self.fingerprint, asdict(self))


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a model folder.

    Raises:
        ModelFault: there is none, or it is not what :meth:`Manifest.write` writes.
    """
    return model_folder.read_manifest(folder / MANIFEST_FILE, limits.ENCODER_MANIFEST_BYTES_MAX, _manifest_of)


def read_model_file(folder: Path, manifest: Manifest, name: str) -> bytes:
    """Return the content of one of the model's files.

    Raises:
        ModelFault: it is missing, too large, or has another SHA-256 than the manifest says.
    """
    return model_folder.read_file(folder / name, limits.ENCODER_FILE_BYTES_MAX, manifest.files[name])


def _manifest_of(content: dict[str, Any]) -> Manifest:
    kinds: dict[str, type] = {"name": str, "dimensions": int, "tokens_max": int, "files": dict}
    for name, kind in kinds.items():
        if type(content[name]) is not kind:
            raise ValueError(f"{name} is not of type {kind.__name__}")
    if not all(isinstance(digest, str) for digest in content["files"].values()):
        raise ValueError("files does not map names to digests")
    ngrams = content.pop("ngrams")
    content["kind"] = Kind(content["kind"])
    return Manifest(**content, ngrams=None if ngrams is None else NgramHash(**ngrams))
