"""A comparison, from books and folders to its result."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from likewise_engine.encoder import load_encoder
from likewise_engine.errors import InvalidInput
from likewise_engine.text import text_of
from likewise_engine.vote import load_vote
from likewise_indexer.backtest import BacktestProgress, BacktestSettings, Book
from likewise_indexer.cards.making import processor_name
from likewise_indexer.compare.accuracy import Accuracies
from likewise_indexer.compare.agreement import NEIGHBOURS, agreement_of
from likewise_indexer.compare.contender import Contender
from likewise_indexer.compare.result import Compared, Comparison, Speed
from likewise_indexer.compare.speed import speeds_of

TEXTS_MAX: Final = 2_000
"""Distinct texts that agreement and speed are measured on, drawn from all of the books."""
Progress = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much."""


@dataclass(frozen=True, slots=True)
class CompareSettings:
    """How encoders are compared.

    Attributes:
        backtest: how books are replayed.
        vote: folder of the vote; None for the one that is shipped.
        teacher: folder of an encoder to agree with; None for none.
        languages: of the books, by patterns of the names of tenants and files.
        jobs: processes.
        texts_max: distinct texts for agreement and speed.
    """

    backtest: BacktestSettings
    vote: Path | None = None
    teacher: Path | None = None
    languages: Mapping[str, str] = field(default_factory=dict)
    jobs: int = 1
    texts_max: int = TEXTS_MAX


def compare(
    contenders: Sequence[Contender],
    books: Sequence[Book],
    settings: CompareSettings,
    folder: Path,
    *,
    command: str = "",
    progress: Progress = lambda _what, _done, _total: None,
    keep_on: Callable[[], bool] = lambda: True,
) -> Comparison:
    """Compare encoders.

    Args:
        contenders: who is compared.
        books: to replay with each.
        settings: how.
        folder: keeps what was measured of each, so that a comparison goes on where it ended.
        command: what was typed, for the document.
        progress: told how far it is.
        keep_on: asked now and then; the comparison ends when it says no.

    Raises:
        BacktestStopped: it was told to end.
        InvalidInput: the books have too few texts to compare on.
        LikewiseError: a model cannot be loaded, or the engine failed.
        OSError: the folder cannot be written.
    """
    texts = texts_of(books, settings.texts_max, settings.backtest.seed)
    kept = Accuracies(folder, books, settings.backtest, settings.vote, settings.languages)
    accuracies = []
    for contender in contenders:

        def told(now: BacktestProgress, name: str = contender.name) -> None:
            progress(f"Replaying with {name}", now.asked, now.asked_total)

        accuracies.append(kept.accuracy_of(contender, settings.jobs, told, keep_on))
    folders = {contender.name: contender.folder for contender in contenders}
    speeds = speeds_of(folders, texts, lambda done, total: progress("Timing texts", done, total))
    teacher = None if settings.teacher is None else load_encoder(settings.teacher)
    taught = None if teacher is None else teacher.encode(texts)
    front = front_of([(a.top1 or 0.0, speeds[c.name]) for c, a in zip(contenders, accuracies, strict=True)])
    encoders = []
    for contender, accuracy, on_front in zip(contenders, accuracies, front, strict=True):
        encoder = load_encoder(contender.folder)
        vectors = encoder.encode(texts)
        encoders.append(
            Compared(
                name=contender.name,
                fingerprint=encoder.fingerprint,
                form=contender.model.form,
                dimensions=contender.model.dimensions,
                bytes=contender.model.bytes,
                accuracy=accuracy,
                agreement=None if taught is None else agreement_of(vectors, taught, settings.backtest.seed),
                speed=speeds[contender.name],
                is_on_front=on_front,
            )
        )
    return Comparison(
        encoders=tuple(encoders),
        vote_fingerprint=load_vote(settings.vote).fingerprint,
        teacher=teacher.fingerprint if teacher else "",
        books=tuple(sorted({file.name for book in books for file in book.files})),
        command=command,
        processor=processor_name(),
    )


def texts_of(books: Sequence[Book], texts_max: int, seed: int) -> list[str]:
    """Distinct texts of the books, drawn at random.

    Raises:
        InvalidInput: there are too few to find neighbours among.
    """
    transactions = (item.transaction for book in books for item in book.items)
    texts = list(dict.fromkeys(text_of(t.payee, t.description) for t in transactions))
    if len(texts) <= NEIGHBOURS:
        raise InvalidInput.of("books", f"have {len(texts)} distinct texts: more than {NEIGHBOURS} are needed")
    chosen = np.random.default_rng(seed).permutation(len(texts))[:texts_max]
    return [texts[number] for number in np.sort(chosen).tolist()]


def front_of(figures: Sequence[tuple[float, Speed]]) -> list[bool]:
    """Whether each is on the Pareto front of top-1 and the median time of a text."""
    return [
        not any(
            other_top1 >= top1
            and other.micros_p50 <= speed.micros_p50
            and (other_top1 > top1 or other.micros_p50 < speed.micros_p50)
            for other_top1, other in figures
        )
        for top1, speed in figures
    ]
