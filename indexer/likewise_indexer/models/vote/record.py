"""What the engine knew whenever a row of one tenant was asked: recorded once, to train on as often as wanted.

A record is a file that ``np.load`` reads. Its arrays, for q questions with p pairs of question and candidate:

    features        float32 (p, len(FEATURES))
    pairs_end       int64   (q,)  where each question's pairs end; they begin where those before it end
    is_right        bool    (p,)  the candidate is the row's own label
    kernel          float32 (p,)  what KernelVote makes of it
    row             int32   (q,)  the row that was asked
    labels          int32   (q,)  labels that were visible
    payee_labels    int32   (q,)  distinct labels among those of the same payee: 0 unseen, 2 ambiguous
    category_labels int32   (q,)  visible labels of the right category: 0 new, few rare
    young_labels    int32   (q,)  which kind of run: see ``replay.Run``
    lacks           int8    (q,)  what the question lacks: see ``replay.Lacks``
    source, tenant          strings: the file without its endings, and whose rows

It holds no wording, no amount and no label of the books.
"""

import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One tenant's recorded questions; the attributes are the arrays above."""

    source: str
    tenant: str
    features: NDArray[np.float32]
    pairs_end: NDArray[np.int64]
    is_right: NDArray[np.bool_]
    kernel: NDArray[np.float32]
    row: NDArray[np.int32]
    labels: NDArray[np.int32]
    payee_labels: NDArray[np.int32]
    category_labels: NDArray[np.int32]
    young_labels: NDArray[np.int32]
    lacks: NDArray[np.int8]

    def write(self, path: Path) -> None:
        """Write the record; a file of that name is there whole or not at all."""
        arrays: dict[str, Any] = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        aside = path.with_suffix(f".{os.getpid()}.part")
        try:
            with aside.open("wb") as file:
                np.savez(file, **arrays)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a record. Raises OSError where there is none."""
        with np.load(path) as arrays:
            named: dict[str, Any] = {field.name: arrays[field.name] for field in fields(cls)}
        return cls(**named | {"source": str(named["source"]), "tenant": str(named["tenant"])})

    def equals(self, other: Self) -> bool:
        """Whether all arrays are equal, bit for bit."""
        return all(np.array_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
