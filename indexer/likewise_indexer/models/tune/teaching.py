"""What a large model thinks of texts: their vectors, asked once, and which of them it finds near each
other."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_indexer.models.tune.groups import Group, Pair, one_of
from likewise_indexer.models.tune.measures import Encode

_NEAR: Final = 12
_ASKED_AT_ONCE: Final = 1_024
_ROWS_PER_RUN: Final = 2_048
"""Bounds the memory for cosines: 2,048 times the number of texts."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Texts as a teacher sees them.

    Attributes:
        texts: distinct.
        vectors: float32 ``(texts, dimensions)``, of unit length.
        near: int64 ``(texts, 12)``, or as many as there are others: the nearest others of each.
    """

    texts: Sequence[str]
    vectors: NDArray[np.float32]
    near: NDArray[np.int64]

    def group(self, weight: float) -> Group:
        """Pairs of near texts; the label of a pair are the rows of its two vectors."""

        def draw(rng: np.random.Generator) -> Pair:
            first = int(rng.integers(len(self.texts)))
            second = int(one_of(self.near[first].tolist(), rng))
            return self.texts[first], self.texts[second], [first, second]

        return Group("teacher", weight, draw)


class Taught:
    """A teacher's vectors of the texts of several lessons, each text asked once.

    Those of the first lesson are asked by themselves: its vectors are the same to the last bit, whatever
    lessons come after.
    """

    def __init__(
        self,
        encode: Encode,
        lessons: Sequence[Sequence[str]],
        cache: Path,
        progress: Progress,
        who: str = "",
    ) -> None:
        """Ask.

        Args:
            encode: the teacher.
            lessons: texts of each, distinct in each, two at least.
            cache: as for :func:`vectors_of`.
            progress: likewise.
            who: likewise.
        """
        first, *others = lessons
        rest = list(dict.fromkeys(text for lesson in others for text in lesson))
        known = set(first)
        rest = [text for text in rest if text not in known]
        parts = [vectors_of(encode, texts, cache, progress, who) for texts in (first, rest) if texts]
        self._vectors = np.concatenate(parts)
        self._rows = {text: row for row, text in enumerate((*first, *rest))}

    def lesson(self, texts: Sequence[str]) -> Lesson:
        """The lesson of texts, which are among those that were asked."""
        vectors = self._vectors[[self._rows[text] for text in texts]]
        return Lesson(texts, vectors, _near(vectors))


def vectors_of(
    encode: Encode, texts: Sequence[str], cache: Path, progress: Progress, who: str = ""
) -> NDArray[np.float32]:
    """Ask a teacher for its unit vectors of texts, float32 ``(texts, dimensions)``.

    Args:
        encode: the teacher.
        texts: distinct.
        cache: folder that keeps the vectors for the next time that the same texts are asked.
        progress: told the texts done and those in all.
        who: names the teacher, where the folder may keep what others said.
    """
    digest = hashlib.sha256("\n".join((who, *texts) if who else texts).encode()).hexdigest()[:16]
    path = cache / f"teacher-{digest}.npy"
    if path.exists():
        kept: NDArray[np.float32] = np.load(path)
        return kept
    parts = []
    for start in range(0, len(texts), _ASKED_AT_ONCE):
        parts.append(encode(texts[start : start + _ASKED_AT_ONCE]))
        progress(min(start + _ASKED_AT_ONCE, len(texts)), len(texts))
    vectors = np.concatenate(parts)
    cache.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part.npy")
    np.save(aside, vectors)
    aside.replace(path)
    return vectors


def _near(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    count = min(_NEAR, len(vectors) - 1)
    near = []
    for start in range(0, len(vectors), _ROWS_PER_RUN):
        cosines = vectors[start : start + _ROWS_PER_RUN] @ vectors.T
        rows = np.arange(len(cosines))
        cosines[rows, start + rows] = -np.inf
        near.append(np.argpartition(-cosines, count - 1, axis=1)[:, :count])
    return np.concatenate(near)
