"""Fine-tuning of a student, contrastive or after a teacher, by sentence-transformers' trainer.

One batch is of one group of pairs. After every so many steps the student is judged on what was kept back, and
the best one wins. A run that was interrupted goes on from its last checkpoint.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from datasets import Dataset, DatasetDict
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.evaluation import SentenceEvaluator
from sentence_transformers.sentence_transformer.training_args import BatchSamplers, MultiDatasetBatchSamplers
from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from likewise_engine.errors import InvalidInput
from likewise_indexer.models.static_ngram import StaticNgramEmbedding
from likewise_indexer.models.tune.groups import Group
from likewise_indexer.models.tune.loss import LabelContrast, TeacherLikeness
from likewise_indexer.models.tune.teaching import Lesson

Progress = Callable[[int, int], None]
"""Told the steps done and the steps in all."""
Score = Callable[[SentenceTransformer], float]
"""How good a student is: more is better."""

_SCORE: Final = "score"
_SETTINGS_FILE: Final = "tuning.json"
_WARMUP_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a student is trained.

    Attributes:
        steps: batches at most.
        batch_size: pairs in each.
        learning_rate: of Adam, falling to nothing along a line after a tenth of the steps to warm up. The
            numbers
            of a static student are of the order of 1, those of a transformer of 0.05.
        scale: of cosines in the contrastive loss, the inverse of the temperature.
        judged_every: steps.
        patience: judgements without a better one, after which it ends.
        seed: of pairs, their noise and their order.
    """

    steps: int = 600
    batch_size: int = 256
    learning_rate: float = 0.04
    scale: float = 20.0
    judged_every: int = 100
    patience: int = 4
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Tuned:
    """A tuned student.

    Attributes:
        student: the best that was judged.
        score: its.
        steps: that were trained.
    """

    student: SentenceTransformer
    score: float
    steps: int


def tune(
    student: SentenceTransformer,
    groups: Sequence[Group],
    tuning: Tuning,
    score: Score,
    work: Path,
    progress: Progress = lambda _done, _total: None,
    lesson: Lesson | None = None,
    after_judged: Callable[[int, float], None] = lambda _step, _score: None,
    made_of: str = "",
) -> Tuned:
    """Train a student.

    Args:
        student: is changed.
        groups: where pairs come from.
        tuning: how.
        score: judges; with a student as good as before, the earlier is kept.
        work: for checkpoints. What an interrupted run of the same settings left there is gone on from.
        progress: told how far it is.
        lesson: what a teacher thinks of texts, to be learned beside the pairs, as often; None without a
            teacher.
        after_judged: told each step that was judged, and the score; it may raise to end the run.
        made_of: tells the student and what it learns from another's, as part of the settings.

    Raises:
        InvalidInput: there are no pairs, or the folder holds a run of other settings.
    """
    if not groups:
        raise InvalidInput.of("books", "and background are missing: there is nothing to tune on")
    if lesson is not None:
        groups = [*groups, lesson.group(sum(group.weight for group in groups))]
    weights = [[group.name, group.weight] for group in groups]
    claim(work, {**asdict(tuning), "groups": weights, "made of": made_of})
    losses = _losses(student, groups, tuning, lesson)
    return train(student, _datasets(groups, tuning), losses, tuning, score, work, progress, after_judged)


def train(
    student: SentenceTransformer,
    dataset: Any,
    loss: Any,
    tuning: Tuning,
    score: Score,
    work: Path,
    progress: Progress,
    after_judged: Callable[[int, float], None] = lambda _step, _score: None,
) -> Tuned:
    """Run sentence-transformers' trainer, from the last checkpoint in the folder, as :func:`tune` tells.

    Args:
        student: is changed.
        dataset: what to learn from, a data set or several by name.
        loss: of its batches; of each data set's, by the same names.
        tuning: how.
        score: judges.
        work: for checkpoints: a folder that was claimed.
        progress: told how far it is.
        after_judged: told each step that was judged, and the score; it may raise to end the run.
    """
    trainer = SentenceTransformerTrainer(
        student,
        _arguments(tuning, work, _optimiser_of(student)),
        train_dataset=dataset,
        loss=loss,
        evaluator=_Judge(score, after_judged),
        callbacks=[EarlyStoppingCallback(tuning.patience), _Told(progress)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    trainer.train(resume_from_checkpoint=get_last_checkpoint(str(work)))
    return Tuned(student, float(trainer.state.best_metric), int(trainer.state.global_step))


def claim(work: Path, settings: Mapping[str, Any]) -> None:
    """Make the folder, or find in it a run of the same settings. Raises InvalidInput where they differ."""
    work.mkdir(parents=True, exist_ok=True)
    content = json.dumps(settings, indent=2, sort_keys=True)
    path = work / _SETTINGS_FILE
    if path.exists() and path.read_text(encoding="utf-8") != content:
        raise InvalidInput.of("work", f"holds a run of other settings: remove {work}, or give another folder")
    path.write_text(content, encoding="utf-8")


def _datasets(groups: Sequence[Group], tuning: Tuning) -> Any:
    """The pairs of all steps, a data set each group."""
    total = sum(group.weight for group in groups)
    sets = {}
    for group in groups:
        batches = max(1, round(tuning.steps * group.weight / total))
        columns = zip(*group.rows(batches * tuning.batch_size, tuning.seed), strict=True)
        sets[group.name] = Dataset.from_dict(dict(zip(group.columns, map(list, columns), strict=True)))
    return DatasetDict(sets)


def _losses(
    student: SentenceTransformer, groups: Sequence[Group], tuning: Tuning, lesson: Lesson | None
) -> dict[str, Any]:
    """The loss of each group's batches."""
    contrast = LabelContrast(student, tuning.scale)
    losses: dict[str, Any] = {group.name: contrast for group in groups}
    if lesson is not None:
        losses[groups[-1].name] = TeacherLikeness(student, tuning.scale, lesson.vectors)
    return losses


def _optimiser_of(student: SentenceTransformer) -> str:
    """Fused, Adam takes a third of the time for tables as large as a static student's."""
    return "adamw_torch_fused" if isinstance(student[0], StaticNgramEmbedding) else "adamw_torch"


def _arguments(tuning: Tuning, work: Path, optimiser: str) -> Any:
    return SentenceTransformerTrainingArguments(
        output_dir=str(work),
        max_steps=tuning.steps,
        per_device_train_batch_size=tuning.batch_size,
        learning_rate=tuning.learning_rate,
        warmup_steps=round(_WARMUP_SHARE * tuning.steps),
        lr_scheduler_type="linear",
        optim=optimiser,
        weight_decay=0.0,
        batch_sampler=BatchSamplers.BATCH_SAMPLER,
        multi_dataset_batch_sampler=MultiDatasetBatchSamplers.PROPORTIONAL,
        eval_strategy="steps",
        eval_steps=tuning.judged_every,
        save_strategy="steps",
        save_steps=tuning.judged_every,
        save_total_limit=1,  # and the best, where that is another
        load_best_model_at_end=True,
        restore_callback_states_from_checkpoint=True,  # Else patience would begin anew.
        metric_for_best_model=_SCORE,
        greater_is_better=True,
        logging_strategy="no",
        report_to="none",
        seed=tuning.seed,
        use_cpu=True,
        dataloader_pin_memory=False,
    )


class _Judge(SentenceEvaluator):  # type: ignore[misc, unused-ignore]
    """Asks for the score, as the trainer wants it."""

    def __init__(self, score: Score, after_judged: Callable[[int, float], None]) -> None:
        super().__init__()
        self.primary_metric = _SCORE
        self._score, self._after_judged = score, after_judged

    def __call__(
        self,
        model: SentenceTransformer,
        output_path: str | None = None,  # noqa: ARG002 (the trainer gives all four by name)
        epoch: float = -1,  # noqa: ARG002
        steps: int = -1,
    ) -> dict[str, float]:
        model.eval()
        with torch.inference_mode():
            score = self._score(model)
        model.train()
        self._after_judged(steps, score)
        return {_SCORE: score}


class _Told(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Passes progress on."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def on_step_end(self, _arguments: Any, state: Any, _control: Any, **_: Any) -> None:
        self._progress(state.global_step, state.max_steps)
