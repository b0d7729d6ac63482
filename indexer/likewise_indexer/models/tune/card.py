"""The card of a tuned encoder: what it learned from, and how it did on what was kept back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from likewise_engine.encoder.manifest import TOKENIZER_FILE, Kind, read_manifest
from likewise_engine.model_folder import MODEL_FILE
from likewise_indexer.cards import CardKind, CardRecord, Making, Section, Table, files_of
from likewise_indexer.models.tune.sources import Sources

_SUMMARIES: Final = {
    Kind.STATIC_NGRAM: """A transaction's text in, a unit vector of {dimensions} numbers out, whose
cosines say how alike two texts are in meaning and in spelling. One row of whole numbers for each word
piece, one for each run of characters, hashed; each kind is summed and scaled to unit length, and the
two are laid side by side. Sums of whole numbers are exact, so a text's vector is the same, bit by bit,
in any company.""",
    Kind.TRANSFORMER: """A transaction's text in, a unit vector of {dimensions} numbers out, whose
cosines say how alike two texts are. A transformer, read by onnxruntime.""",
}
_INTENDED_USE: Final = """To find the past entries that read like a new one: within one tenant's
books, beneath the vote that decides. Not to tell anything about people, and not as a classifier by
itself."""
_MEASURED: Final = """On tenants and words that took no part in training, the nearest text alone
deciding: no vote, no amounts. They chose the best step of the training, so they flatter it a little.
*Unseen payees* and *first labels*: the share whose nearest text is filed where they are; *spoilt*:
texts that were cut off, mistyped, run together or given a city or a number, whose nearest is still the
original; *across languages*: words of {languages} other languages whose nearest concept, of {concepts}
by their English words, is their own."""
_LIMITS: Final = """It knows words, not sentences: order counts only within a few characters.
Languages that no part of the training knew are left to spelling alone. Names of people are compared
like any others; words that fewer than {tenants_min} of the tenants used were taken out of the texts
before training, so a name that one or two of them knew was never seen. Of the rest nothing can be read
off: word pieces are the tokeniser's, runs of characters are hashed, and both hold sums over many texts."""
_HOW: Final = """Contrastively (InfoNCE), batch by batch of one bookkeeper's texts, of
brands, of words or of spoilt copies, against all other texts of the batch; {teacher}. The best of the
judged steps was kept: step {steps} of training at most."""
_LICENCE: Final = """Apache-2.0, as the project{teacher}"""


@dataclass(frozen=True, slots=True)
class Story:
    """How an encoder came to be.

    Attributes:
        student: what was tuned, as people call it.
        teacher: what it learned from beside, with its licence; empty if from nobody.
        sources: what there was to learn from.
        tenants_min: that used a word of the books that was kept.
        steps: that were trained.
        before: its measures as it came.
        after: as it is.
        left_out: how many sources of books it knows nothing of: a file's name may be somebody's.
        about: Markdown on whose books these are, and by which right they are used.
    """

    student: str
    teacher: str
    sources: Sources
    tenants_min: int
    steps: int
    before: Mapping[str, float]
    after: Mapping[str, float]
    left_out: int = 0
    about: str = ""


def record_of(folder: Path, story: Story, making: Making) -> CardRecord:
    """The record of an encoder's card. It names no tenant and nothing of a row.

    Args:
        folder: of the encoder, as it was written.
        story: how it came to be.
        making: what that took.

    Raises:
        ModelFault: the folder holds no encoder.
    """
    manifest, sources = read_manifest(folder), story.sources
    languages = {language for concept in sources.concepts for language in concept.words}
    teacher = f"and, as often, what {story.teacher} finds alike" if story.teacher else "without a teacher"
    without = f" Books of {story.left_out} of the sources were left out." if story.left_out else ""
    data = f"It began as {story.student}.{without} Pairs were drawn from:"
    return CardRecord(
        kind=CardKind.ENCODER,
        name=manifest.name,
        fingerprint=manifest.fingerprint,
        summary=_SUMMARIES[manifest.kind].format(dimensions=manifest.dimensions),
        licence=_LICENCE.format(teacher=f", and of {story.teacher}" if story.teacher else ""),
        files=files_of(folder, [MODEL_FILE, TOKENIZER_FILE]),
        intended_use=Section(text=_INTENDED_USE),
        data=Section(text="\n\n".join(filter(None, (data, story.about.strip()))), tables=(_counts(sources),)),
        measured=Section(
            text=_MEASURED.format(languages=max(0, len(languages) - 1), concepts=len(sources.concepts)),
            tables=(_measures(story),),
        ),
        limits=Section(text=_LIMITS.format(tenants_min=story.tenants_min)),
        how=Section(text=_HOW.format(teacher=teacher, steps=story.steps)),
        making=making,
    )


def _counts(sources: Sources) -> Table:
    words = sum(len(words) for concept in sources.concepts for words in concept.trained().values())
    return Table(
        columns=("source", "texts"),
        rows=(
            (f"books of {len(sources.books)} tenants", sum(len(book.texts) for book in sources.books)),
            ("brands and the kinds of their places", len(sources.brands)),
            ("descriptions of merchant categories", sum(map(len, sources.merchant_categories.values()))),
            ("words of business in many languages", words),
        ),
    )


def _measures(story: Story) -> Table:
    rows = tuple((measure, story.before[measure], share) for measure, share in story.after.items())
    return Table(columns=("", "before", "after"), rows=rows)
