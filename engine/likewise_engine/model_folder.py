"""A model folder: a manifest that says what the model is, and the files that it names.

Nothing in a folder is believed before it is checked. Files are read once, held against their SHA-256 and
handed on as those same bytes, so that what was checked is what runs. A model's fingerprint is a digest of its
manifest, and so of every file and of every setting that its results depend on.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import onnxruntime

from likewise_engine.errors import ModelFault

MODEL_FILE: Final = "model.onnx"
CARD_FILE: Final = "CARD.md"
"""Describes the model to people; it is no part of the fingerprint."""

_FORMAT: Final = 1
_NAME_CHARS_MAX: Final = 64
_DIGEST_CHARS: Final = 16


class Fingerprinted(Protocol):
    """What a manifest is, whatever the model."""

    @property
    def fingerprint(self) -> str:
        """Names the model and all that its results depend on."""


M = TypeVar("M", bound=Fingerprinted)


def check_name(name: str) -> None:
    """Raise ValueError for what is no name of a model: letters, digits, ``.``, ``_`` and ``-``."""
    named = name.replace("-", "").replace("_", "").replace(".", "")
    if not (named.isascii() and named.isalnum() and len(name) <= _NAME_CHARS_MAX):
        raise ValueError(f"{name!r} is not a name of letters, digits, '.', '_' and '-'")


def fingerprint_of(name: str, content: Mapping[str, Any]) -> str:
    """The name and a digest of what a manifest says."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return f"{name}@{hashlib.sha256(canonical.encode()).hexdigest()[:_DIGEST_CHARS]}"


def write_manifest(path: Path, fingerprint: str, content: Mapping[str, Any]) -> None:
    """Write what :func:`read_manifest` reads."""
    whole = {"format": _FORMAT, "fingerprint": fingerprint} | dict(content)
    path.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


def read_manifest(path: Path, bytes_max: int, manifest_of: Callable[[dict[str, Any]], M]) -> M:
    """Read and check a manifest.

    Args:
        path: the file.
        bytes_max: its size at most.
        manifest_of: makes the manifest of the file's content, and raises KeyError, TypeError or ValueError
            where that is none.

    Raises:
        ModelFault: there is none, or it is not what :func:`write_manifest` wrote.
    """
    try:
        content = json.loads(read_bounded(path, bytes_max))
        if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
            raise ValueError(f"it is not a manifest of format {_FORMAT}")
        stated = content.pop("fingerprint")
        manifest = manifest_of(content)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelFault(f"{path} does not describe a model: {error}") from error
    if stated != manifest.fingerprint:
        raise ModelFault(f"{path} was edited: its content has the fingerprint {manifest.fingerprint!r}")
    return manifest


def read_file(path: Path, bytes_max: int, sha256: str) -> bytes:
    """Return the content of one of a model's files.

    Raises:
        ModelFault: it is missing, too large, or has another SHA-256 than the manifest says.
    """
    content = read_bounded(path, bytes_max)
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise ModelFault(f"{path} is damaged: its SHA-256 is {digest}, not {sha256}")
    return content


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def session_of(path: Path, content: bytes, threads: int = 1) -> onnxruntime.InferenceSession:
    """A session over a model's content; ``path`` names it in errors. Its runs may come from many threads.

    Raises:
        ModelFault: onnxruntime cannot run it.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that spin would burn the cores that the service shares with its callers.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A memory pattern is kept for every shape ever seen: without bound, and no faster here.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors have no base of their own.
        raise ModelFault(f"{path} is not a model that onnxruntime can run: {error}") from error


def read_bounded(path: Path, bytes_max: int) -> bytes:
    """Return the content of a file. Raises ModelFault where there is none, or more than so many bytes."""
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
    except OSError as error:
        raise ModelFault(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > bytes_max:
        raise ModelFault(f"{path} has more than {bytes_max:,} bytes")
    return content
