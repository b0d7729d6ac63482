"""Which models there are: the folders that are shipped, and others; what each is, without loading it."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from likewise_engine import limits
from likewise_engine.encoder import DEFAULT_MODEL
from likewise_engine.encoder import manifest as encoder_manifest
from likewise_engine.errors import ModelFault
from likewise_engine.model_folder import CARD_FILE, read_bounded
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
        card: its record; None where there is none.
    """

    folder: Path
    kind: CardKind
    form: str
    name: str
    fingerprint: str
    bytes: int
    dimensions: int
    card: CardRecord | None

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
        ModelFault: it holds neither an encoder nor a vote, a file is missing, or its card's record is damaged
            or of another model.
    """
    if (folder / vote_manifest.MANIFEST_FILE).is_file():
        vote = vote_manifest.read_vote_manifest(folder)
        kind, form, dimensions = CardKind.VOTE, "trees", len(vote.features)
        name, fingerprint, names = vote.name, vote.fingerprint, list(vote.files)
    else:
        encoder = encoder_manifest.read_manifest(folder)
        kind, form, dimensions = CardKind.ENCODER, encoder.kind.value, encoder.dimensions
        name, fingerprint, names = encoder.name, encoder.fingerprint, list(encoder.files)
    try:
        size = sum((folder / name).stat().st_size for name in names)
    except OSError as error:
        raise ModelFault(f"{error.filename} cannot be read: {error.strerror}") from error
    card = read_record(folder) if (folder / RECORD_FILE).is_file() else None
    if card is not None and card.fingerprint != fingerprint:
        raise ModelFault(f"{folder / RECORD_FILE} is of {card.fingerprint}, and the model is {fingerprint}")
    return Model(folder, kind, form, name, fingerprint, size, dimensions, card)


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
    return Path(str(files("likewise_engine"))) / "models"
