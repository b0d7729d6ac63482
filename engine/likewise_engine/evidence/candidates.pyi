from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise_engine.ledger.successions import Successions

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

NAMED_CANDIDATES_MAX: Final[int]
HEAD_CANDIDATES_MAX: Final[int]
SUCCESSOR_SHARE_MIN: Final[float]
HEAD_MIN: Final[float]

def labelled_rows(rows: Ints, labels: NDArray[np.int32], active: NDArray[np.bool_]) -> tuple[Ints, Ints]: ...
def nearness_of_names(
    names: NDArray[np.float16],
    descriptions: NDArray[np.float16],
    described: Ints,
    asked: NDArray[np.float32],
) -> Floats: ...
def heard_of(categories: Ints, given: Floats, active: NDArray[np.bool_]) -> Floats: ...
def candidates_of(
    labels: Ints,
    positions: Ints,
    log_weight: Floats,
    named: Ints,
    nearness: Floats,
    heard: Floats,
    successions: Successions,
    active: NDArray[np.bool_],
) -> tuple[Ints, Ints]: ...
