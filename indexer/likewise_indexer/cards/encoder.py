"""The record of an encoder's card, as the command that makes it knows it: measured more by a comparison."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from likewise_engine.encoder.manifest import Kind, read_manifest
from likewise_indexer.cards.record import CardKind, CardRecord, Making, Section, Table, files_of

_SUMMARY: Final = {
    Kind.STATIC_NGRAM: "A transaction's text in, a unit vector of {dimensions} numbers out, whose cosines say"
    " how alike two texts are in meaning and in spelling: a row for each word piece and for each run of"
    " characters, summed in two parts that are laid side by side.",
    Kind.TRANSFORMER: "A transaction's text in, a unit vector of {dimensions} numbers out, whose cosines say"
    " how alike two texts are: a transformer of sentence-transformers, exported with its own pooling.",
}
_INTENDED_USE: Final = """Finding, among the texts of one tenant's own books, those like a new one. Its
vectors are compared with each other alone, and never with those of another fingerprint.

It is not for telling anything of people: their names are compared like any others."""
_LIMITS: Final = {
    Kind.STATIC_NGRAM: "- It knows words, not sentences: order counts only within a few characters.\n"
    "- In languages that its vocabulary was not made for, the part that sees spelling carries alone.\n",
    Kind.TRANSFORMER: "- It takes some ten to a hundred times a static model's time for a text.\n"
    "- In languages that it was not trained on it has little to go by.\n",
}
_UNMEASURED: Final = """How the engine does with it was not measured when it was made: `likewise model
compare` does, and `likewise model card --measured` writes it here."""


def encoder_record(
    folder: Path,
    *,
    licence: str,
    data: str,
    how: str,
    making: Making | None = None,
    measured: Sequence[Table] = (),
    limits: str = "",
) -> CardRecord:
    """The record of an encoder that was just made.

    Args:
        folder: of it, as it was written.
        licence: of what it derives.
        data: Markdown on what it was made from, and by which right.
        how: Markdown on how it was made.
        making: what that took.
        measured: figures that are known already.
        limits: more of them, a Markdown list.

    Raises:
        ModelFault: the folder holds no encoder.
    """
    manifest = read_manifest(folder)
    return CardRecord(
        kind=CardKind.ENCODER,
        name=manifest.name,
        fingerprint=manifest.fingerprint,
        summary=_SUMMARY[manifest.kind].format(dimensions=manifest.dimensions),
        licence=licence,
        files=files_of(folder, sorted(manifest.files)),
        intended_use=Section(text=_INTENDED_USE),
        data=Section(text=data),
        measured=Section(text=_UNMEASURED, tables=tuple(measured)),
        limits=Section(
            text=f"{_LIMITS[manifest.kind]}- It reads {manifest.tokens_max} tokens.\n{limits}".strip()
        ),
        how=Section(text=how),
        making=making,
    )
