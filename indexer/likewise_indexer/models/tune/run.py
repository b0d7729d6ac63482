"""A whole tuning: an encoder of all books, and others of the same recipe that leave sources out.

What an encoder is worth can be told on books of a source that it has not seen, and on no others. So a source
that is left out is left out of everything: it neither trains nor judges, nor does it count where words that
few tenants use are taken out. The settings alone are the same: where trials have chosen them, they chose by
all sources.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.encoder import OnnxEncoder
from likewise_engine.encoder.manifest import read_manifest
from likewise_engine.errors import InvalidInput, ModelFault
from likewise_indexer.backtest import Book
from likewise_indexer.cards.shelf import model_in
from likewise_indexer.models.numbers import Precision
from likewise_indexer.models.precision import check_calibration
from likewise_indexer.models.tune.filed import filed_books
from likewise_indexer.models.tune.judging import is_held_out, measures_of, scored
from likewise_indexer.models.tune.measures import Encode
from likewise_indexer.models.tune.search import Settings
from likewise_indexer.models.tune.sources import Sources
from likewise_indexer.models.tune.student import (
    check_precision,
    digest_of,
    encode_of,
    export_student,
    load_student,
)
from likewise_indexer.models.tune.teaching import Taught
from likewise_indexer.models.tune.training import Score, tune

Told = Callable[[str, int, int], None]

_TEXTS_SPOILT: Final = 2_000
"""Names of brands, among which spoilt ones are looked for."""
_CALIBRATION_TEXTS: Final = 512
"""Drawn from those that are trained on; half of them calibrate, half show how the two agree."""
_MADE_FILE: Final = "made.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is the same of all encoders of a tuning.

    Attributes:
        student: where it comes from, as :func:`load_student` takes it.
        teacher: likewise; empty for none.
        name: names the model.
        settings: how it is tuned.
        precision: of the model, as :func:`export_student` takes it.
    """

    student: str
    teacher: str
    name: str
    settings: Settings
    precision: Precision | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What one encoder is made of.

    Attributes:
        sources: what it learns from.
        held_out: books that judge it.
        left_out: names of sources that it knows nothing of; none for the encoder of all.
    """

    sources: Sources
    held_out: Sequence[Book]
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, books: Sequence[Book], background: Sources, tenants_min: int, left_out: tuple[str, ...] = ()
    ) -> "Part":
        """Of books, but for those of the sources that are left out.

        Args:
            books: of all sources.
            background: brands, merchant categories and words.
            tenants_min: as :func:`filed_books` takes it.
            left_out: names of sources.
        """
        known = [book for book in books if not set(book.sources) & set(left_out)]
        filed = filed_books([book for book in known if not is_held_out(book)], tenants_min)
        return cls(replace(background, books=filed), [b for b in known if is_held_out(b)], left_out)

    def check(self) -> None:
        """Raise InvalidInput where there is nothing to tune on, or to judge by."""
        if not self.sources.texts():
            raise InvalidInput.of(
                "books", f"and background are missing: there is nothing to tune on{self.told}"
            )
        if not self.measures(lambda texts: np.ones((len(texts), 1), np.float32)):
            message = f"leave nothing to judge by{self.told}: one tenant in eight does, by a hash of its name"
            raise InvalidInput.of("books", f"{message}; give books of more tenants, or --words, or --brands")

    @property
    def told(self) -> str:
        """What is left out, to be said behind something else."""
        return f" without {', '.join(self.left_out)}" if self.left_out else ""

    def measures(self, encode: Encode) -> dict[str, float]:
        """How an encoder does on what was kept back."""
        return measures_of(encode, self.held_out, self._spoilt, self.sources.concepts)

    def score(self) -> Score:
        """What judges a student."""
        return scored(self.held_out, self._spoilt, self.sources.concepts)

    @property
    def _spoilt(self) -> list[str]:
        return [brand.text for brand in self.sources.brands[:_TEXTS_SPOILT]]


@dataclass(frozen=True, slots=True)
class Made:
    """An encoder that was made.

    Attributes:
        encoder: it.
        steps: that were trained.
        before: measures of the student as it came.
        after: of the encoder.
    """

    encoder: OnnxEncoder
    steps: int
    before: Mapping[str, float]
    after: Mapping[str, float]


def groups_left_out(books: Sequence[Book], together: Sequence[Sequence[str]] = ()) -> list[tuple[str, ...]]:
    """The sources of books, each by itself but for those that are left out together.

    Args:
        books: whose sources they are.
        together: names of sources that are to be left out as one.

    Raises:
        InvalidInput: there is no such source, it is named twice, or there is one group alone.
    """
    sources = sorted({source for book in books for source in book.sources})
    named = [source for group in together for source in group]
    for source in named:
        if source not in sources:
            known = ", ".join(sources) or "none"
            raise InvalidInput.of("leave_out_together", f"names the source {source!r}; there are: {known}")
        if named.count(source) > 1:
            raise InvalidInput.of("leave_out_together", f"names the source {source!r} twice")
    groups = [tuple(sorted(group)) for group in together]
    groups = sorted([*groups, *((source,) for source in sources if source not in named)])
    if len(groups) < 2:
        raise InvalidInput.of("leave_out_dir", "wants books of two sources at least: a file is a source")
    return groups


def check(recipe: Recipe, parts: Sequence[Part]) -> None:
    """Say what cannot be, before hours of tuning.

    Raises:
        InvalidInput: a part has nothing to tune on, or to judge by; or the precision is not for this student,
            or wants more texts to calibrate by.
        ModelFault: the student does not load.
    """
    for part in parts:
        part.check()
        check_calibration(recipe.precision or Precision.FP32, _drawn(part, recipe.settings.tuning.seed)[::2])
    check_precision(load_student(recipe.student), recipe.precision)


def ask_teacher(recipe: Recipe, parts: Sequence[Part], work: Path, told: Told) -> Taught | None:
    """The teacher's vectors of the texts of all parts, each asked once; None without a teacher.

    Args:
        recipe: names the teacher. It is loaded where a text has to be asked for.
        parts: of the tuning.
        work: keeps the vectors.
        told: told how far it is.
    """
    if not recipe.teacher:
        return None

    @cache
    def loaded() -> Encode:
        return encode_of(load_student(recipe.teacher))

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return loaded()(texts)

    lessons = [part.sources.taught() for part in parts]
    return Taught(encode, lessons, work, partial(told, "Asking the teacher for each text"), recipe.teacher)


def make(
    recipe: Recipe,
    part: Part,
    taught: Taught | None,
    work: Path,
    outs: Sequence[Path],
    write_card: Callable[[Path, Part, Made], None],
    told: Told,
) -> Made | None:
    """Make an encoder, with its card.

    Args:
        recipe: how.
        part: of what.
        taught: what a teacher says; None without one.
        work: folder for checkpoints, of this encoder alone. What was interrupted there is gone on from.
        outs: folders to write, all with the same.
        write_card: writes the card of a folder.
        told: told how far it is.

    Returns:
        What was made; None where the folders hold what the same recipe has made before.

    Raises:
        InvalidInput: what :func:`check` says, or ``work`` holds another run.
        ModelFault: the student does not load, or the exported model does not agree with it.
    """
    student = load_student(recipe.student)
    settings = recipe.settings
    made_of = digest_of(student, (repr(part.sources), recipe.teacher))
    as_asked = [made_of, repr(settings), recipe.name, str(recipe.precision)]
    if _is_made(work, as_asked, outs):
        return None
    before = part.measures(encode_of(student))
    groups = part.sources.groups(settings.weights, encode_of(student) if settings.hard_negatives else None)
    lesson = taught.lesson(part.sources.taught()) if taught else None
    tuned = tune(
        student,
        groups,
        settings.tuning,
        part.score(),
        work,
        partial(told, f"Tuning{part.told}"),
        lesson,
        made_of=made_of,
    )
    out, *others = outs
    drawn = _drawn(part, settings.tuning.seed)
    encoder = export_student(tuned.student, recipe.name, out, recipe.precision, drawn)
    made = Made(encoder, tuned.steps, before, part.measures(encoder.encode))
    write_card(out, part, made)
    for other in others:
        shutil.copytree(out, other, dirs_exist_ok=True)
    document = {"as asked": as_asked, "fingerprint": read_manifest(out).fingerprint}
    (work / _MADE_FILE).write_text(json.dumps(document), encoding="utf-8")
    return made


def work_of(part: Part, work: Path) -> Path:
    """Where the checkpoints of a part's encoder are, in the folder of a tuning."""
    if not part.left_out:
        return work / "final"
    digest = hashlib.sha256("/".join(part.left_out).encode()).hexdigest()[:8]
    readable = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(part.left_out))[:40]
    return work / f"without-{readable}-{digest}"


def _drawn(part: Part, seed: int) -> list[str]:
    """Texts to calibrate by and to see how the result agrees, in an order drawn at random."""
    texts = part.sources.texts()
    drawn = np.random.default_rng(seed).permutation(len(texts))[:_CALIBRATION_TEXTS]
    return [texts[number] for number in drawn.tolist()]


def _is_made(work: Path, as_asked: Sequence[str], outs: Sequence[Path]) -> bool:
    """Whether each folder holds, whole and with its card, what was asked for and made before."""
    try:
        made = json.loads((work / _MADE_FILE).read_text(encoding="utf-8"))
        models = [model_in(out) for out in outs]
    except (OSError, ValueError, ModelFault):
        return False
    return made == {"as asked": list(as_asked), "fingerprint": models[0].fingerprint} and all(
        model.card is not None and model.fingerprint == made["fingerprint"] for model in models
    )
