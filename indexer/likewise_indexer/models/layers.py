"""Teacher -> transformer student: some of the teacher's layers, trained to give the teacher's vectors.

Every k-th layer is kept and the rest left out, as DistilBERT begins (Sanh et al. 2019) and as the example of
model distillation that comes with sentence-transformers has it, whose layers (1, 4, 7 and 10 of twelve) are
those kept here. Then the student learns where the teacher has each of the given texts (Reimers & Gurevych
2020). Embeddings, pooling and length of the vectors are the teacher's.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer

from likewise_engine.errors import InvalidInput
from likewise_indexer.compare.agreement import NEIGHBOURS, agreement_of
from likewise_indexer.compare.result import Agreement
from likewise_indexer.models.tune.loss import TeacherVectors
from likewise_indexer.models.tune.student import digest_of, encode_of
from likewise_indexer.models.tune.teaching import vectors_of
from likewise_indexer.models.tune.training import Tuning, claim, train

Progress = Callable[[str, int, int], None]
"""Told what is done, how much of it, and of how much."""

_KEPT_BACK: Final = 10
"""Of so many texts one judges and one measures; the others are learned."""
TEXTS_MIN: Final = 2 * NEIGHBOURS * _KEPT_BACK


@dataclass(frozen=True, slots=True)
class Layered:
    """A student of fewer layers.

    Attributes:
        student: the best that was judged.
        layers: numbers of the teacher's layers that it began with, from 0.
        texts: that it learned.
        steps: that were trained.
        before: beside the teacher, without any training.
        after: beside the teacher, as it is.
    """

    student: SentenceTransformer
    layers: Sequence[int]
    texts: int
    steps: int
    before: "Beside"
    after: "Beside"


@dataclass(frozen=True, slots=True)
class Beside:
    """A student beside its teacher, over texts that neither trained nor judged it.

    Attributes:
        agreement: what they find alike.
        cosine: of the two vectors of a text, the mean.
    """

    agreement: Agreement
    cosine: float


def distil_layers(
    teacher: SentenceTransformer,
    layers: int,
    texts: Sequence[str],
    tuning: Tuning,
    work: Path,
    progress: Progress = lambda _what, _done, _total: None,
) -> Layered:
    """Make a student of a teacher.

    Args:
        teacher: is not changed.
        layers: of the student; fewer than the teacher's.
        texts: normalised, distinct, in an order drawn at random; at least TEXTS_MIN.
        tuning: how it is trained; its scale is of other losses.
        work: for checkpoints. What an interrupted run of the same settings left there is gone on from.
        progress: told how far it is.

    Raises:
        InvalidInput: too few texts, no such layers, or the folder holds a run of other settings.
    """
    if len(texts) < TEXTS_MIN:
        raise InvalidInput.of("texts", f"are {len(texts)} distinct ones: at least {TEXTS_MIN} are needed")
    student, kept = shallow(teacher, layers)
    claim(work, {**asdict(tuning), "layers": kept, "made of": digest_of(teacher, texts)})
    vectors = vectors_of(
        encode_of(teacher), texts, work, lambda *far: progress("Asking the teacher for each text", *far)
    )
    numbers = np.arange(len(texts)) % _KEPT_BACK
    judging, measuring, learning = (
        np.flatnonzero(part) for part in (numbers == 0, numbers == 1, numbers > 1)
    )
    judged, measured = ([texts[number] for number in part.tolist()] for part in (judging, measuring))

    def score(model: SentenceTransformer) -> float:
        return _cosine(encode_of(model)(judged), vectors[judging])

    def beside(model: SentenceTransformer) -> Beside:
        found = encode_of(model)(measured)
        agreement = agreement_of(found, vectors[measuring], tuning.seed)
        return Beside(agreement, _cosine(found, vectors[measuring]))

    before = beside(student)
    columns = {"text": [texts[number] for number in learning.tolist()], "label": list(vectors[learning])}
    trained = train(
        student,
        Dataset.from_dict(columns),
        TeacherVectors(student),
        tuning,
        score,
        work,
        lambda *far: progress("Training the student", *far),
    )
    student = trained.student.eval()
    return Layered(student, kept, len(learning), trained.steps, before, beside(student))


def shallow(teacher: SentenceTransformer, layers: int) -> tuple[SentenceTransformer, list[int]]:
    """Copy a model with some of its layers, of as many equal runs the middle ones; and say which.

    Raises:
        InvalidInput: it has not so many, or none that can be told apart and do without each other.
    """
    student = copy.deepcopy(teacher).float()  # Half precision is not trained in.
    config, stack = _stack_of(student)
    count = len(stack)
    if not 1 <= layers < count:
        raise InvalidInput.of("layers", f"is {layers}: from 1 to {count - 1} are fewer than the teacher has")
    kept = [(2 * number + 1) * count // (2 * layers) for number in range(layers)]
    for number in reversed(range(count)):
        if number not in kept:
            del stack[number]
    config.num_hidden_layers = layers
    return student, kept


def _stack_of(model: SentenceTransformer) -> tuple[Any, torch.nn.ModuleList]:
    """The configuration and the layers of a transformer whose layers are all of one kind."""
    transformer: Any = getattr(model[0], "auto_model", None)
    config = getattr(transformer, "config", None)
    count = getattr(config, "num_hidden_layers", 0)
    modules = transformer.modules() if count else ()
    stacks = [part for part in modules if isinstance(part, torch.nn.ModuleList) and len(part) == count]
    kinds = {
        tuple((name, tuple(weight.shape)) for name, weight in layer.named_parameters())
        for stack in stacks
        for layer in stack
    }
    if len(stacks) != 1 or len(kinds) != 1 or getattr(config, "layer_types", None):
        raise InvalidInput.of("teacher", "is no transformer with one stack of layers that are all of a kind")
    return config, stacks[0]


def _cosine(vectors: Any, teacher: Any) -> float:
    return float(np.einsum("ij,ij->i", vectors, teacher).mean())
