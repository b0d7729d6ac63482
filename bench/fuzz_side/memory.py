"""Whether memory grows: the slope of what a process has resident, once it is warm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

_WARM_UP_SHARE: Final = 0.4
_SAMPLES_MIN: Final = 60
"""Some twenty seconds. A server that is fuzzed warms up for several: it takes 420 MB within thousands of
calls, and 10 in the next twenty thousand. Of a shorter run the warming up is all that is seen."""
_GROWTH_BYTES_MAX: Final = 64 * 1024 * 1024
"""What a heap may wander by while it is warm. In a million inputs a leak of 120 bytes an input is more."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process had resident during a run.

    Attributes:
        first_bytes: when it was warm.
        last_bytes: at the end.
        growth_bytes: by the line through all of it in between; 0 where there is too little to tell.
    """

    first_bytes: int
    last_bytes: int
    growth_bytes: int

    @property
    def grows(self) -> bool:
        """Whether it is more than a heap wanders by."""
        return self.growth_bytes > _GROWTH_BYTES_MAX


def memory_of(resident_bytes: Sequence[int]) -> Memory:
    """The memory of a process that was looked at in even steps."""
    warm = np.array(resident_bytes[int(len(resident_bytes) * _WARM_UP_SHARE) :], dtype=float)
    if len(warm) < _SAMPLES_MIN:
        last = resident_bytes[-1] if resident_bytes else 0
        return Memory(last, last, 0)
    slope, _ = np.polyfit(np.arange(len(warm)), warm, 1)
    return Memory(int(warm[0]), int(warm[-1]), int(slope * (len(warm) - 1)))
