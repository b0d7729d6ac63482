"""Training a vote: grown on all sources but one, chosen by how it does on that one, then grown on all.

So every figure in the card, and the pooled outcomes that calibrate new tenants, come from trees that had seen
no book of the same source. What is not left out: the way of growing is chosen with all sources, and
the outcomes that a vote without one source is pooled by are those of ensembles that had seen it. To leave out
that too would take a training for each pair of sources.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine.errors import InvalidInput
from likewise_engine.vote import Pooled
from likewise_indexer.models.vote.boost import Ensemble, Growth, grow
from likewise_indexer.models.vote.pairs import Firsts, Floats, Questions, softmax
from likewise_indexer.models.vote.trial import SLICES, Figures, figures_of, pooled_of, second_half

GROWTHS: Final = (
    Growth(trees=300, leaves=15, learning_rate=0.05, leaf_share_min=0.002, feature_share=0.5),
    Growth(trees=200, leaves=31, learning_rate=0.05, leaf_share_min=0.002, feature_share=0.5),
)
"""What is tried, each at several numbers of trees. Smaller leaves do worse on other sources."""
_TREES_STEP: Final = 50

Progress = Callable[[str, int, int], None]
"""Told what is grown, its trees that there are, and how many there will be."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One way of growing, and its log loss on the sources left out: the average over tenants."""

    growth: Growth
    log_loss: float


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """A vote for backtests on one source.

    Attributes:
        ensemble: grown on all others.
        pooled: outcomes on the others, each of an ensemble that had seen this source and not that one.
    """

    ensemble: Ensemble
    pooled: Pooled


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A trained vote, and how it did.

    Attributes:
        ensemble: grown on all sources.
        left_out: by source, the vote whose trees know nothing of it.
        growth: the one that was chosen.
        tried: all, the best first.
        pooled: outcomes on the sources left out.
        figures: by slice, of the vote and of the kernel on the same questions.
        source_figures: the same of each source, over the second half of its books.
        firsts: what was said to all questions, each by what knows nothing of its source.
        kernel_firsts: what the kernel said to them.
    """

    ensemble: Ensemble
    left_out: Mapping[str, LeftOut]
    growth: Growth
    tried: Sequence[Tried]
    pooled: Pooled
    figures: Mapping[str, tuple[Figures, Figures]]
    source_figures: Mapping[str, tuple[Figures, Figures]]
    firsts: Firsts
    kernel_firsts: Firsts


def train(
    questions: Questions,
    growths: Sequence[Growth] = GROWTHS,
    *,
    seed: int = 0,
    threads: int = 1,
    progress: Progress = lambda _what, _done, _total: None,
) -> Trained:
    """Choose a way of growing, and grow.

    Args:
        questions: of at least two sources.
        growths: what to try, at their numbers of trees and at fewer.
        seed: of the trees.
        threads: of LightGBM; with another number, sums round otherwise and trees may differ.
        progress: told how far it is.

    Raises:
        InvalidInput: there is one source only, so nothing can be left out to choose by.
    """
    trials: list[_Trial] = []
    for number, growth in enumerate(growths, start=1):
        told = f"Growing {number} of {len(growths)}"
        left_out = grow_without_each(questions, growth, told, seed=seed, threads=threads, progress=progress)
        trials.extend(_trials(questions, growth, left_out))
    best = min(trials, key=lambda trial: trial.tried.log_loss)
    firsts, kernels = (
        Firsts.of(questions, best.probabilities),
        Firsts.of(questions, questions.kernel.astype(np.float64)),
    )

    def both(chosen: NDArray[np.bool_]) -> tuple[Figures, Figures]:
        return figures_of(questions, firsts, chosen), figures_of(questions, kernels, chosen)

    return Trained(
        ensemble=grow(
            questions,
            best.tried.growth,
            seed=seed,
            threads=threads,
            progress=partial(progress, "Growing on all"),
        ),
        left_out={
            source: LeftOut(ensemble, pooled_of(questions, firsts, ~questions.of_source(source)))
            for source, ensemble in best.left_out.items()
        },
        growth=best.tried.growth,
        tried=sorted((trial.tried for trial in trials), key=lambda tried: tried.log_loss),
        pooled=pooled_of(questions, firsts, np.ones(len(questions.pairs), dtype=bool)),
        figures={name: both(chosen(questions)) for name, chosen in SLICES.items()},
        source_figures={
            source: both(questions.of_source(source) & second_half(questions)) for source in questions.sources
        },
        firsts=firsts,
        kernel_firsts=kernels,
    )


def grow_without_each(
    questions: Questions,
    growth: Growth,
    told: str,
    *,
    seed: int,
    threads: int,
    progress: Progress,
) -> dict[str, Ensemble]:
    """Grow on all sources but one, for each source: by the source left out, what knows nothing of it.

    Args:
        questions: of at least two sources.
        growth: how.
        told: what progress calls it.
        seed: of the trees.
        threads: of LightGBM.
        progress: told how far it is.

    Raises:
        InvalidInput: there is one source only.
    """
    if len(questions.sources) < 2:
        raise InvalidInput.of(
            "books", "are of one source: give at least two files, to leave one out at a time"
        )
    return {
        source: grow(
            questions.where(~questions.of_source(source)),
            growth,
            seed=seed,
            threads=threads,
            progress=partial(progress, f"{told}, without {source}"),
        )
        for source in questions.sources
    }


def probabilities_of(questions: Questions, left_out: Mapping[str, Ensemble]) -> Floats:
    """What is said of each pair, ``(p,)``, by the ensemble that knows nothing of its source."""
    scores = np.empty(len(questions.is_right))
    for source, ensemble in left_out.items():
        pairs = np.repeat(questions.of_source(source), questions.pairs)
        scores[pairs] = ensemble.scores(questions.features[pairs])
    return softmax(scores, questions.pairs)


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """One way of growing, with what it gave for the sources left out: float64 ``(p,)``."""

    tried: Tried
    left_out: Mapping[str, Ensemble]
    probabilities: Floats


def _trials(questions: Questions, growth: Growth, left_out: Mapping[str, Ensemble]) -> Iterator[_Trial]:
    """Yield the trials of ensembles and of their first trees alone."""
    for trees in range(_TREES_STEP, growth.trees + 1, _TREES_STEP):
        firsts = {source: ensemble.first(trees) for source, ensemble in left_out.items()}
        probabilities = probabilities_of(questions, firsts)
        figures = figures_of(questions, Firsts.of(questions, probabilities), questions.is_whole)
        yield _Trial(Tried(replace(growth, trees=trees), figures.log_loss), firsts, probabilities)
