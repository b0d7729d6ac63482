"""Which models there are: the folders that are shipped, and others; what each is, without loading it."""

from dataclasses import dataclass
from importlib.resources import files as files_of_package
from pathlib import Path

from likewise_engine import limits
from likewise_engine.encoder import DEFAULT_MODEL
from likewise_engine.encoder import manifest as encoder_manifest
from likewise_engine.errors import ModelFault
from likewise_engine.model_folder import CARD_FILE, read_bounded, sha256_of
from likewise_engine.text import TEXT_VERSION
from likewise_engine.vote import DEFAULT_VOTE
from likewise_engine.vote import manifest as vote_manifest
from likewise_indexer.cards.record import RECORD_FILE, CardKind, CardRecord, read_record


@dataclass(frozen=True, slots=True)
class Model:
    """A model folder, by its manifest and its card.

    Attributes:
        folder: where it lies.
        kind: what it does.
        form: what it takes in: a kind of encoder; of a vote, ``trees``.
        name: of the model.
        fingerprint: of the manifest.
        bytes: of the files that the manifest names.
        dimensions: of vectors; of a vote, features.
        card: its record; None where there is none, or none that can be taken for the model's.
        fault: what is damaged, or why its record cannot be taken for it, as a sentence; empty where nothing
            is wrong.
    """

    folder: Path
    kind: CardKind
    form: str
    name: str
    fingerprint: str
    bytes: int
    dimensions: int
    card: CardRecord | None
    fault: str = ""

    @property
    def serves_as(self) -> str:
        """Its fingerprint as tenants' records have it: an encoder's with the version of texts behind."""
        return f"{self.fingerprint}+text{TEXT_VERSION}" if self.kind is CardKind.ENCODER else self.fingerprint

    @property
    def licence(self) -> str:
        """What its card says; empty where nothing does."""
        return self.card.licence if self.card else ""

    def markdown(self) -> str:
        """Its card for people; empty where there is none. Raises ModelFault where it cannot be read."""
        path = self.folder / CARD_FILE
        if not path.is_file():
            return ""
        return read_bounded(path, limits.CARD_BYTES_MAX).decode("utf-8", errors="replace")


def model_in(folder: Path) -> Model:
    """The model of a folder.

    Raises:
        ModelFault: it holds neither an encoder nor a vote, a file is missing or damaged, or its card's record
            is damaged or of another model.
    """
    model = listed_in(folder)
    if model.fault:
        raise ModelFault(model.fault)
    return model


def listed_in(folder: Path) -> Model:
    """The model of a folder, for a list of several: a damaged file, or a card that is not its own, is told as
    its fault.

    Raises:
        ModelFault: it holds neither an encoder nor a vote, or a file is missing.
    """
    if not folder.is_dir():
        raise ModelFault(f"there is no model folder {folder}")
    if (folder / vote_manifest.MANIFEST_FILE).is_file():
        vote = vote_manifest.read_vote_manifest(folder)
        kind, form, dimensions = CardKind.VOTE, "trees", len(vote.features)
        name, fingerprint, files = vote.name, vote.fingerprint, vote.files
    elif not (folder / encoder_manifest.MANIFEST_FILE).is_file():
        either = f"neither {encoder_manifest.MANIFEST_FILE} nor {vote_manifest.MANIFEST_FILE} is there"
        raise ModelFault(f"{folder} holds no model: {either}")
    else:
        encoder = encoder_manifest.read_manifest(folder)
        kind, form, dimensions = CardKind.ENCODER, encoder.kind.value, encoder.dimensions
        name, fingerprint, files = encoder.name, encoder.fingerprint, encoder.files
    try:
        size = sum((folder / name).stat().st_size for name in files)
        damaged = [folder / name for name, digest in files.items() if sha256_of(folder / name) != digest]
    except OSError as error:
        raise ModelFault(f"{error.filename} cannot be read: {error.strerror}") from error
    card, fault = _card_in(folder, fingerprint)
    if damaged:
        fault = f"{damaged[0]} is damaged: it has not the SHA-256 that the manifest says"
    return Model(folder, kind, form, name, fingerprint, size, dimensions, card, fault)


def _card_in(folder: Path, fingerprint: str) -> tuple[CardRecord | None, str]:
    """The record of a model's card, or why it is none."""
    path = folder / RECORD_FILE
    if not path.is_file():
        return None, ""
    try:
        card = read_record(folder)
    except ModelFault as error:
        return None, error.message
    if card.fingerprint != fingerprint:
        return None, f"{path} is of {card.fingerprint}, and the model is {fingerprint}"
    return card, ""


def shipped() -> list[Path]:
    """The folders of the models that are shipped, in the order of their names."""
    return sorted(folder for folder in _models().iterdir() if folder.is_dir() and folder.name[0].isalnum())


def shipped_folder(kind: str) -> Path:
    """The folder of the model that serves unless another is given.

    Args:
        kind: ``encoder`` or ``vote``.
    """
    return _models() / {"encoder": DEFAULT_MODEL, "vote": DEFAULT_VOTE}[kind]


def _models() -> Path:
    # A package with compiled modules is never imported from an archive, so this is a folder.
    return Path(str(files_of_package("likewise_engine"))) / "models"
