"""What each witness brings to the vote: it is grown again without the witness's features, and compared.

Evidence is recorded once, and leaving a witness out is leaving out its columns. Every figure is of trees that
had seen no book of the source that they are asked about; trainer and figures are those of the vote that is
shipped. But there are as many trainings as witnesses times sources times seeds, so these are of fewer and
bolder trees on fewer questions: they do a little worse than the vote, and only their differences count. One
training differs from the next by chance, in coverage by as much as .02; so each figure is an average over
seeds, and what differences chance still gives is said beside them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, replace
from itertools import count
from math import isnan, sqrt
from typing import Any, Final

import numpy as np

from likewise_engine.evidence import FEATURES, WITNESSES
from likewise_indexer.models.vote.boost import Growth, Progress
from likewise_indexer.models.vote.pairs import Firsts, Floats, Questions, weights_of
from likewise_indexer.models.vote.train import grow_without_each, probabilities_of
from likewise_indexer.models.vote.trial import AFTER_10, PAYEE_UNSEEN, SECOND_HALF, SLICES, figures_of

SIMILARITY: Final = "similarity"
"""The witness that is also tried alone: what one would build first."""
KERNEL: Final = "the kernel, tuned by hand"
"""What stands last in the table."""
GROWTH: Final = Growth(trees=100, leaves=15, learning_rate=0.1, leaf_share_min=0.002, feature_share=0.5)
"""A third of the trees of the vote that is shipped, and twice as much taken of each."""
QUESTIONS_MAX: Final = 400
"""Of a tenant, to grow on. On 61 tenants, 300 give a top-1 .003 below that of all questions and 300 trees, in
a twentieth of the time."""
SEEDS: Final = 3
"""Trainings that a figure is the average of."""
_NOISE_ERRORS: Final = 2.0
"""Standard errors that chance seldom passes."""


@dataclass(frozen=True, slots=True)
class WitnessFigures:
    """Averages over tenants and seeds; NaN where no tenant has enough questions.

    Attributes:
        top1: of the second half of the books, as all that follows to ``ece``.
        coverage_at_95: as in :class:`likewise_indexer.models.vote.trial.Figures`.
        coverage_at_98: likewise.
        ece: likewise; before any calibration to the tenant.
        top1_payee_unseen: of payees never seen before.
        top1_after_10: of tenants that have 10 labels.
    """

    top1: float
    coverage_at_95: float
    coverage_at_98: float
    ece: float
    top1_payee_unseen: float
    top1_after_10: float

    def document(self) -> dict[str, float | None]:
        """As values that JSON has; a figure that does not exist is null."""
        return {name: None if isnan(figure) else figure for name, figure in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Ablated:
    """What came of some of the features.

    Attributes:
        what: was left out or kept, for people.
        features: how many were kept.
        figures: on sources that were not trained on.
    """

    what: str
    features: int
    figures: WitnessFigures


@dataclass(frozen=True, slots=True)
class Ablation:
    """What came of leaving out each witness.

    Attributes:
        tried: everything, without each witness in the order of their table, the similarity alone, and last
            the kernel that is tuned by hand and knows no chance.
        noise: differences that chance gives: two standard errors of that between two rows, if everything is
            as much a matter of chance as the rest.
        growth: of the trees.
        seeds: trainings that each figure is the average of.
        questions: that trees were grown on, before a source was left out.
        questions_asked: that the figures are of.
        tenants: whose they are.
    """

    tried: Sequence[Ablated]
    noise: WitnessFigures
    growth: Growth
    seeds: int
    questions: int
    questions_asked: int
    tenants: int

    def document(self) -> dict[str, Any]:
        """As values that JSON has."""
        return {
            "tried": [
                {"what": row.what, "features": row.features, **row.figures.document()} for row in self.tried
            ],
            "noise": self.noise.document(),
            "growth": asdict(self.growth),
            "seeds": self.seeds,
            "questions": self.questions,
            "questions_asked": self.questions_asked,
            "tenants": self.tenants,
        }


def ablate(
    questions: Questions,
    witnesses: Mapping[str, Sequence[str]] = WITNESSES,
    growth: Growth = GROWTH,
    *,
    questions_max: int = QUESTIONS_MAX,
    seeds: Sequence[int] = range(SEEDS),
    threads: int = 1,
    progress: Progress = lambda _done, _total: None,
) -> Ablation:
    """Leave out one witness after another.

    Args:
        questions: of at least two sources. All are asked; some are grown on.
        witnesses: names of their features, by name; one is SIMILARITY.
        growth: of the trees.
        questions_max: of each tenant, to grow on.
        seeds: at least two, each of the questions that are drawn and of the trees.
        threads: of LightGBM.
        progress: told the trees that are grown, and how many there will be.

    Raises:
        InvalidInput: there is one source only.
    """
    kept = features_kept(witnesses)
    grown_on = {seed: thinned(questions, questions_max, seed) for seed in seeds}
    trees = count(1)
    trees_total = len(kept) * len(seeds) * len(questions.sources) * growth.trees

    def tried(features: Sequence[str], seed: int) -> WitnessFigures:
        left_out = grow_without_each(
            _with_only(grown_on[seed], features),
            growth,
            "Growing",
            seed=seed,
            threads=threads,
            progress=lambda _what, _done, _total: progress(next(trees), trees_total),
        )
        return _figures(questions, probabilities_of(_with_only(questions, features), left_out))

    found = {what: [tried(features, seed) for seed in seeds] for what, features in kept.items()}
    kernel = _figures(questions, questions.kernel.astype(np.float64))
    return Ablation(
        tried=[
            *(Ablated(what, len(kept[what]), _mean(of_seeds)) for what, of_seeds in found.items()),
            Ablated(KERNEL, 0, kernel),
        ],
        noise=_noise(found["everything"]),
        growth=growth,
        seeds=len(seeds),
        questions=len(grown_on[seeds[0]].pairs),
        questions_asked=len(questions.pairs),
        tenants=len(np.unique(questions.tenant)),
    )


def features_kept(witnesses: Mapping[str, Sequence[str]] = WITNESSES) -> dict[str, Sequence[str]]:
    """What each vote sees that is grown, by what is said of it, in the order of the table."""
    kept: dict[str, Sequence[str]] = {"everything": FEATURES}
    for name, features in witnesses.items():
        kept[f"without {name}"] = [feature for feature in FEATURES if feature not in features]
    return {**kept, f"only {SIMILARITY}": witnesses[SIMILARITY]}


def thinned(questions: Questions, questions_max: int, seed: int) -> Questions:
    """So many questions of each tenant at most, drawn at random; tenants weigh the same again."""
    rng = np.random.default_rng(seed)
    kept = np.zeros(len(questions.pairs), dtype=bool)
    for tenant in range(len(questions.tenants)):
        own = np.flatnonzero(questions.tenant == tenant)
        kept[rng.choice(own, min(questions_max, len(own)), replace=False)] = True
    few = questions.where(kept)
    return replace(few, weight=weights_of(few.tenant, few.young_labels))


def _with_only(questions: Questions, features: Sequence[str]) -> Questions:
    """The questions with the columns of these features alone."""
    columns = [FEATURES.index(feature) for feature in features]
    return replace(questions, features=questions.features[:, columns])


def _figures(questions: Questions, said: Floats) -> WitnessFigures:
    firsts = Firsts.of(questions, said)
    later, unseen, young = (
        figures_of(questions, firsts, SLICES[name](questions))
        for name in (SECOND_HALF, PAYEE_UNSEEN, AFTER_10)
    )
    return WitnessFigures(*later.shares, unseen.top1, young.top1)


def _mean(of_seeds: Sequence[WitnessFigures]) -> WitnessFigures:
    return WitnessFigures(*np.mean([astuple(figures) for figures in of_seeds], axis=0).tolist())


def _noise(of_seeds: Sequence[WitnessFigures]) -> WitnessFigures:
    """What two averages over as many seeds differ by, seldom more."""
    deviation = np.std([astuple(figures) for figures in of_seeds], axis=0, ddof=1)
    return WitnessFigures(*(_NOISE_ERRORS * sqrt(2 / len(of_seeds)) * deviation).tolist())
