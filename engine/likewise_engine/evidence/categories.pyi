from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from likewise_engine.evidence.surroundings import Surroundings
from likewise_engine.ledger.habits import Habits
from likewise_engine.ledger.successions import Successions

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]

HABIT_FEATURES: Final[tuple[str, ...]]
SUCCESSION_FEATURES: Final[tuple[str, ...]]
HEAD_FEATURES: Final[tuple[str, ...]]
NAME_FEATURES: Final[tuple[str, ...]]
BOOK_FEATURES: Final[tuple[str, ...]]

def fill_habits(habits: Habits, log_amount: float, candidates: Ints, features: Floats) -> None: ...
def fill_successions(successions: Successions, share: Floats, candidates: Ints, features: Floats) -> None: ...
def fill_head(heard: Floats, candidates: Ints, features: Floats) -> None: ...
def fill_names(nearness: Floats, candidates: Ints, features: Floats) -> None: ...
def fill_books(
    around: Surroundings,
    rows: Ints,
    candidates: Ints,
    counts: Ints,
    dimensions: Ints,
    log_mass: float,
    features: Floats,
) -> None: ...
