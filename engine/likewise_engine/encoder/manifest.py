"""A model folder: an ``encoder.json`` that says what the model is, and the files that it names.

Nothing in the folder is believed before it is checked. Files are read once, held against their SHA-256 and
handed on as those same bytes, so that what was checked is what runs. The fingerprint is a digest of the
manifest, and so of every file and of every setting that a vector depends on.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from likewise_engine import limits
from likewise_engine.encoder.ngrams import NgramHash
from likewise_engine.errors import ModelFault

MANIFEST_FILE: Final = "encoder.json"
MODEL_FILE: Final = "model.onnx"
TOKENIZER_FILE: Final = "tokenizer.json"
CARD_FILE: Final = "CARD.md"
"""Describes the model to people; it may be edited without another fingerprint."""

_FORMAT: Final = 1
_NAME_CHARS_MAX: Final = 64
_DIGEST_CHARS: Final = 16


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
        named = self.name.replace("-", "").replace("_", "").replace(".", "")
        if not (named.isascii() and named.isalnum() and len(self.name) <= _NAME_CHARS_MAX):
            raise ValueError(f"{self.name!r} is not a name of letters, digits, '.', '_' and '-'")
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
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return f"{self.name}@{hashlib.sha256(canonical.encode()).hexdigest()[:_DIGEST_CHARS]}"

    def write(self, folder: Path) -> None:
        """Write the manifest into the folder that holds the model's files."""
        content = {"format": _FORMAT, "fingerprint": self.fingerprint} | asdict(self)
        (folder / MANIFEST_FILE).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a model folder.

    Raises:
        ModelFault: there is none, or it is not what :meth:`Manifest.write` writes.
    """
    path = folder / MANIFEST_FILE
    try:
        content = json.loads(_bounded_bytes(path, limits.ENCODER_MANIFEST_BYTES_MAX))
        if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
            raise ValueError(f"it is not a manifest of format {_FORMAT}")
        stated = content.pop("fingerprint")
        manifest = _manifest_of(content)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelFault(f"{path} does not describe a model: {error}") from error
    if stated != manifest.fingerprint:
        raise ModelFault(f"{path} was edited: its content has the fingerprint {manifest.fingerprint!r}")
    return manifest


def read_model_file(folder: Path, manifest: Manifest, name: str) -> bytes:
    """Return the content of one of the model's files.

    Raises:
        ModelFault: it is missing, too large, or has another SHA-256 than the manifest says.
    """
    path = folder / name
    content = _bounded_bytes(path, limits.ENCODER_FILE_BYTES_MAX)
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest.files[name]:
        raise ModelFault(f"{path} is damaged: its SHA-256 is {digest}, not {manifest.files[name]}")
    return content


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def _bounded_bytes(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
    except OSError as error:
        raise ModelFault(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > bytes_max:
        raise ModelFault(f"{path} has more than {bytes_max:,} bytes")
    return content
