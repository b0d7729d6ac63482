"""Texts to vectors: the protocol, the encoder that serves, and one that needs no model."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from likewise_engine.encoder.base import Encoder
from likewise_engine.encoder.hashing import HashingEncoder
from likewise_engine.encoder.onnx import OnnxEncoder

__all__ = ["DEFAULT_MODEL", "Encoder", "HashingEncoder", "OnnxEncoder", "load_encoder", "shipped_folder"]

DEFAULT_MODEL: Final = "likewise-static"
"""Name of the model that is shipped, and of its folder under ``likewise_engine/models``."""


def load_encoder(folder: Path | None = None, *, threads: int = 1) -> Encoder:
    """Return the encoder of a model folder; the shipped one if None.

    Raises:
        ModelFault: the folder does not hold a model that runs.
    """
    return OnnxEncoder(shipped_folder() if folder is None else folder, threads=threads)


def shipped_folder() -> Path:
    """The folder of the model that is shipped."""
    return Path(str(files("likewise_engine") / "models" / DEFAULT_MODEL))
