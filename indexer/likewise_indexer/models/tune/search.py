"""Hyper-parameters, searched by Optuna: short runs on what the judge keeps back, hopeless ones cut short."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from sentence_transformers import SentenceTransformer

from likewise_indexer.models.tune.sources import Sources, Weights
from likewise_indexer.models.tune.student import encode_of
from likewise_indexer.models.tune.training import Score, Tuning, tune

_JOURNAL_FILE: Final = "trials.log"
_STUDY: Final = "tune"
_STARTUP_TRIALS: Final = 4
"""At random, before the sampler and the pruner trust what they have seen."""

Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a search decides.

    Attributes:
        tuning: how the student is trained.
        weights: of the kinds of pairs.
        hard_negatives: whether pairs of books have one.
    """

    tuning: Tuning
    weights: Weights = field(default_factory=Weights)
    hard_negatives: bool = False


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found.

    Attributes:
        settings: that did best.
        score: theirs.
        trials: that ended, by themselves or cut short.
    """

    settings: Settings
    score: float
    trials: int


def search(
    load: Callable[[], SentenceTransformer],
    sources: Sources,
    tuning: Tuning,
    score: Score,
    trials: int,
    work: Path,
    told: Told = lambda _what, _done, _total: None,
) -> Searched:
    """Try settings.

    Args:
        load: gives the student as it comes, each time anew.
        sources: what to learn from.
        tuning: of what is not searched for.
        score: judges.
        trials: in all. Those that an earlier run in the same folder has finished count; one that was
            interrupted is begun anew, with other settings.
        work: for trials and their checkpoints.
        told: told how far it is.

    Raises:
        InvalidInput: there is nothing to tune on.
    """
    work.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=_STUDY,
        storage=JournalStorage(JournalFileBackend(str(work / _JOURNAL_FILE))),
        load_if_exists=True,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=tuning.seed, n_startup_trials=_STARTUP_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS),
    )

    def objective(trial: optuna.Trial) -> float:
        settings = _suggested(trial, tuning, with_books=bool(sources.books))

        def after_judged(step: int, scored: float) -> None:
            trial.report(scored, step)
            if trial.should_prune():
                raise optuna.TrialPruned

        student = load()
        tuned = tune(
            student,
            sources.groups(settings.weights, encode_of(student) if settings.hard_negatives else None),
            settings.tuning,
            score,
            work / f"trial-{trial.number}",
            partial(told, f"Trial {trial.number + 1} of {trials}"),
            after_judged=after_judged,
        )
        return tuned.score

    study.optimize(objective, n_trials=max(0, trials - len(_ended(study))))
    best = study.best_trial
    return Searched(
        _suggested(optuna.trial.FixedTrial(best.params), tuning, with_books=bool(sources.books)),
        float(best.values[0]),
        len(_ended(study)),
    )


def _ended(study: optuna.Study) -> list[Any]:
    trials: list[Any] = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return trials


def _suggested(trial: Any, tuning: Tuning, *, with_books: bool) -> Settings:
    """The settings of a trial. Only what changes results is searched: steps end by themselves."""
    weights = Weights(
        books=trial.suggest_float("books", 0.3, 0.8) if with_books else 0.0,
        noise=trial.suggest_float("noise", 0.05, 0.3),
        brands=trial.suggest_float("brands", 0.02, 0.3),
        words=trial.suggest_float("words", 0.05, 0.5),
    )
    return Settings(
        replace(
            tuning,
            learning_rate=tuning.learning_rate
            * trial.suggest_float("learning_rate_factor", 0.25, 4, log=True),
            scale=trial.suggest_float("scale", 10, 40, log=True),
        ),
        weights,
        hard_negatives=with_books and trial.suggest_categorical("hard_negatives", [False, True]),
    )
