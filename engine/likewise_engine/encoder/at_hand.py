"""The encoders at hand: the one that is wanted, and others whose vectors tenants may still have.

A tenant is served by the encoder that its vectors are of, as long as that one is at hand. Only models of the
present text version can be: a fingerprint ends with the version, and the texts of another one cannot be made
any more.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from likewise_engine.encoder import load_encoder, shipped_folder
from likewise_engine.encoder.base import Encoder
from likewise_engine.encoder.manifest import MANIFEST_FILE, read_manifest
from likewise_engine.encoder.onnx import fingerprint_of
from likewise_engine.errors import ModelFault

_log = logging.getLogger(__name__)


class Encoders:
    """Encoders by fingerprint, loaded when first asked for. Safe to use from many threads.

    Attributes:
        wanted: what tenants are to be served by; the one who changes it is :mod:`likewise_engine.changer`.
    """

    def __init__(
        self,
        wanted: Encoder,
        folders: Callable[[], Mapping[str, Path]] = dict,
        others: Iterable[Encoder] = (),
    ) -> None:
        """Make ready.

        Args:
            wanted: loaded.
            folders: model folders by fingerprint, as they are by now.
            others: that are loaded already.
        """
        self.wanted = wanted
        self._folders = folders
        self._loaded = {encoder.fingerprint: encoder for encoder in (wanted, *others)}
        self._lock = threading.Lock()

    def of(self, fingerprint: str) -> Encoder | None:
        """The encoder of a fingerprint; None where it is not at hand."""
        encoder = self._loaded.get(fingerprint)
        if encoder is not None:
            return encoder
        with self._lock:
            folder = self.folder_of(fingerprint)
            if fingerprint not in self._loaded and folder is not None:
                try:
                    self._loaded[fingerprint] = load_encoder(folder)
                except ModelFault as error:
                    _log.warning("an encoder cannot be used: %s", error.message)
            return self._loaded.get(fingerprint)

    def folder_of(self, fingerprint: str) -> Path | None:
        """Where the model of a fingerprint is; None where there is none, or it was never in a folder."""
        return self._folders().get(fingerprint)

    def names(self) -> Mapping[str, Path]:
        """All that are in folders, by fingerprint."""
        return self._folders()


def model_folders(folders: Iterable[Path | None], shelf: Path | None = None) -> dict[str, Path]:
    """Model folders by the fingerprint of their encoder; what is none is left out.

    Args:
        folders: some; None for the shipped one.
        shelf: a folder in which each folder may be one.
    """
    candidates = [shipped_folder() if folder is None else folder for folder in folders]
    if shelf is not None and shelf.is_dir():
        candidates += sorted(path.parent for path in shelf.glob(f"*/{MANIFEST_FILE}"))
    found: dict[str, Path] = {}
    for folder in candidates:
        try:
            found.setdefault(fingerprint_of(read_manifest(folder)), folder)
        except ModelFault:
            continue  # Nothing that could be asked for by a fingerprint.
    return found
