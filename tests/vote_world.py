"""Records that nobody made: questions with candidates of which some are right, and one feature that tells."""

import numpy as np

from likewise_engine.evidence import FEATURES
from likewise_indexer.models.vote.record import Record


def record_of(source: str, tenant: str, candidates: list[list[bool]], seed: int = 0) -> Record:
    """A record of questions with these candidates, of which some are right; the first feature tells."""
    rng = np.random.default_rng(seed)
    counts, right = [len(of) for of in candidates], np.array([r for of in candidates for r in of], dtype=bool)
    features = rng.normal(0, 1, (len(right), len(FEATURES))).astype(np.float32)
    features[:, 0] += 2 * right
    zeros = np.zeros(len(counts), np.int32)
    return Record(
        source,
        tenant,
        features,
        np.cumsum(counts, dtype=np.int64),
        right,
        np.full(len(right), 0.1, np.float32),
        zeros,
        zeros,
        zeros,
        zeros,
        zeros - 1,
        zeros.astype(np.int8),
    )


def drawn(source: str, count: int, seed: int) -> Record:
    rng = np.random.default_rng(seed)
    candidates = []
    for size in rng.integers(0, 6, count).tolist():
        right = int(rng.integers(0, size + 1))
        candidates.append([position == right for position in range(size)])
    return record_of(source, f"{source}-{seed}", candidates, seed)
