"""The engine's own backtest with each encoder; what is measured is kept, and not measured again.

A result is found again by a digest of all that it depends on but the code: the fingerprints of encoder and
vote, the settings, the languages and every row. Who changed the engine compares into another folder.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from math import isnan
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from likewise_engine import limits
from likewise_engine.errors import ModelFault
from likewise_engine.model_folder import read_bounded
from likewise_indexer.backtest import (
    LIKEWISE,
    Backtest,
    BacktestProgress,
    BacktestSettings,
    Book,
    Contest,
    run_backtest,
)
from likewise_indexer.cards.slices import slices_of_backtest
from likewise_indexer.compare.contender import Contender
from likewise_indexer.compare.result import Accuracy

_VERSION: Final = 1
"""Of what is kept."""
_LEARNED: Final = 50
"""Labels of the first days that are looked at."""


class Accuracies:
    """A folder of accuracies that were measured.

    Args:
        folder: made if it is not there.
        books: what is asked.
        settings: of the backtest.
        vote: folder of the vote; None for the one that is shipped.
        languages: of the books, by patterns.
    """

    def __init__(
        self,
        folder: Path,
        books: Sequence[Book],
        settings: BacktestSettings,
        vote: Path | None,
        languages: Mapping[str, str],
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._books = books
        self._settings = settings
        self._vote = vote
        self._languages = languages
        self._asked = hashlib.sha256()
        for book in books:
            self._asked.update(repr((book.tenant, book.files, book.categories, list(book.items))).encode())

    def accuracy_of(
        self,
        contender: Contender,
        jobs: int,
        on_progress: Callable[[BacktestProgress], None],
        keep_on: Callable[[], bool],
    ) -> Accuracy:
        """What was measured of an encoder, or is measured now.

        Raises:
            BacktestStopped: it was told to end.
            LikewiseError: a model cannot be loaded, or the engine failed.
            OSError: the folder cannot be written.
        """
        contest = Contest(encoder=contender.folder, vote=self._vote)
        loaded = contest.load(self._settings)
        path = self._path(contender.name, loaded.encoder.fingerprint, loaded.vote.fingerprint)
        if (kept := _kept(path)) is not None:
            return kept
        found = run_backtest(
            self._books, self._settings, contest, jobs=jobs, on_progress=on_progress, keep_on=keep_on
        )
        accuracy = accuracy_of(found, contender.name, self._languages)
        aside = path.with_suffix(".part")
        aside.write_text(accuracy.model_dump_json(indent=1) + "\n", encoding="utf-8")
        aside.replace(path)
        return accuracy

    def _path(self, name: str, *fingerprints: str) -> Path:
        depends_on = (_VERSION, name, fingerprints, self._settings, tuple(self._languages.items()))
        digest = hashlib.sha256(repr(depends_on).encode() + self._asked.digest()).hexdigest()
        return self._folder / f"{digest[:16]}.json"


def accuracy_of(backtest: Backtest, name: str, languages: Mapping[str, str]) -> Accuracy:
    """What a backtest says of the encoder that it ran with.

    Args:
        backtest: of at least one tenant.
        name: of the encoder.
        languages: of the books, by patterns.
    """
    if not backtest.tenants:
        raise ModelFault(f"no tenant could be replayed with {name}: {backtest.left_out[0].reason}")
    ours = backtest.macro[LIKEWISE]
    measures = ours.measures
    learned = [point.top1 for point in ours.learning if point.size == _LEARNED]
    return Accuracy(
        tenants=len(backtest.tenants),
        questions=sum(len(tenant.asked) for tenant in backtest.tenants),
        top1=_figure(measures.top1),
        top3=_figure(measures.top3),
        coverage_at_95=_figure(measures.coverage_at_95),
        coverage_at_98=_figure(measures.coverage_at_98),
        ece=_figure(measures.ece),
        filed_share=_figure(measures.filed_share),
        filed_precision=_figure(measures.filed_precision),
        top1_payee_unseen=_figure(ours.slices["payee_unseen"].top1),
        top1_category_rare=_figure(ours.slices["category_rare"].top1),
        top1_after_50=_figure(learned[0]) if learned else None,
        slices=tuple(slices_of_backtest(backtest, languages, {LIKEWISE: name})),
    )


def _figure(figure: float) -> float | None:
    return None if isnan(figure) else figure


def _kept(path: Path) -> Accuracy | None:
    """What a file holds; None where there is none, or what is no result."""
    if not path.is_file():
        return None
    try:
        return Accuracy.model_validate_json(read_bounded(path, limits.COMPARISON_BYTES_MAX))
    except ValidationError:
        return None
