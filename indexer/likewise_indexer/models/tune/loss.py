"""The losses of training: texts of one label close together, of others apart; alike what a teacher finds
alike; and each text where the teacher has it."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from torch import nn

_NEVER: Final = -1e4
"""As a logit: what may not be told from the positive."""


class LabelContrast(nn.Module):
    """Cross-entropy of finding each anchor's positive among all texts of the batch (InfoNCE, van den Oord et
    al. 2018).

    What it has over sentence-transformers' MultipleNegativesRankingLoss are labels: a text of the batch with
    the anchor's own label is no negative. In a batch of one bookkeeper's texts, most labels come up more than
    once.

    Args:
        model: what is trained.
        scale: of cosines, the inverse of the temperature.
    """

    def __init__(self, model: SentenceTransformer, scale: float) -> None:
        super().__init__()
        self.model = model
        self.scale = scale

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: Any) -> Any:
        """Return the mean loss of a batch of n pairs.

        Args:
            sentence_features: of the anchors, of the positives, and of hard negatives where there are any:
                texts
                of another label than the anchor's.
            labels: int64 ``(n,)``, equal for anchors that are not to be told apart.
        """
        vectors = [
            nn.functional.normalize(self.model(features)["sentence_embedding"])
            for features in sentence_features
        ]
        anchors, positives = vectors[0], vectors[1]
        own = torch.arange(len(labels))
        alike = (labels[:, None] == labels[None, :]) & (own[:, None] != own[None, :])
        cosines = anchors @ positives.T
        to_positives = (self.scale * cosines).masked_fill(alike, _NEVER)
        # A hard negative is held against its own anchor alone: it may have the label of another.
        hard = [self.scale * (anchors * negatives).sum(dim=1, keepdim=True) for negatives in vectors[2:]]
        forward = nn.functional.cross_entropy(torch.cat([to_positives, *hard], dim=1), own)
        backward = nn.functional.cross_entropy(to_positives.T, own)
        return (forward + backward) / 2


class TeacherLikeness(nn.Module):
    """How far the student is from finding alike what a teacher does (Hinton et al. 2015, over a batch's
    texts).

    For each text of a batch, the teacher's cosines to the others make a distribution, and so do the
    student's: the loss is the mean Kullback-Leibler divergence. Vectors need not be of one length, and the
    student may keep its own scale of likeness: where a text's neighbours are is what it learns.

    Args:
        model: what is trained.
        scale: of cosines.
        vectors: of the teacher, ``(texts, dimensions)``.
    """

    def __init__(self, model: SentenceTransformer, scale: float, vectors: NDArray[np.float32]) -> None:
        super().__init__()
        self.model = model
        self.scale = scale
        self.register_buffer("vectors", torch.from_numpy(vectors), persistent=False)

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: Any) -> Any:
        """Return the divergence of a batch of n pairs.

        Args:
            sentence_features: of both texts of each pair.
            labels: int64 ``(n, 2)``, the rows of their vectors.
        """
        vectors = torch.cat(
            [nn.functional.normalize(self.model(each)["sentence_embedding"]) for each in sentence_features]
        )
        rows = labels.T.reshape(-1)
        of_teacher = self.vectors[rows]
        same = rows[:, None] == rows[None, :]
        student = (self.scale * vectors @ vectors.T).masked_fill(same, _NEVER)
        teacher = (self.scale * of_teacher @ of_teacher.T).masked_fill(same, _NEVER)
        return nn.functional.kl_div(student.log_softmax(dim=1), teacher.softmax(dim=1), reduction="batchmean")


class TeacherVectors(nn.Module):
    """How far texts are from where a teacher has them: the mean cosine distance.

    Half the squared distance of the two unit vectors, so the mean squared error that Reimers & Gurevych
    (2020) distil by, up to a constant; but of vectors as they are compared, whatever length a model gives
    them.

    Args:
        model: what is trained; its vectors are as long as the teacher's.
    """

    def __init__(self, model: SentenceTransformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, sentence_features: Iterable[dict[str, Any]], labels: Any) -> Any:
        """Return the mean distance of a batch of n texts.

        Args:
            sentence_features: of the texts alone.
            labels: float32 ``(n, dimensions)``, the teacher's unit vectors.
        """
        (features,) = sentence_features
        vectors = nn.functional.normalize(self.model(features)["sentence_embedding"])
        return 1 - (vectors * labels).sum(dim=1).mean()
