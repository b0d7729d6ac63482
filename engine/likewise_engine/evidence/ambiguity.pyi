from typing import Final

from likewise_engine.evidence.features import Evidence
from likewise_engine.evidence.surroundings import Surroundings

LATEST_ENTRIES: Final[int]
SETTLING_ENTRIES: Final[int]

def rival_of(evidence: Evidence, around: Surroundings, first: int) -> int | None: ...
