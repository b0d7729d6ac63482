"""When which kind of call is due: drawn before the first is sent, so that no answer can put off a call.

That is what makes the loop open. A client that waits for an answer before it asks again sends little while
the server is slow, and so hides how long everybody else would have waited ("coordinated omission": Gil Tene,
How NOT to Measure Latency).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from latency_load.workload import Kind

KINDS: Final = tuple(Kind)


@dataclass(frozen=True, slots=True)
class Schedule:
    """The calls of one phase, in the order in which they are due.

    Attributes:
        due_ns: int64 ``(n,)``, nanoseconds from the start.
        kinds: uint8 ``(n,)``, index within :data:`KINDS`.
        warmup_ns: what is due earlier is sent and not measured.
    """

    due_ns: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    warmup_ns: int

    def __len__(self) -> int:
        return len(self.due_ns)

    def is_of(self, kind: Kind) -> NDArray[np.bool_]:
        """Bool ``(n,)``."""
        of_kind: NDArray[np.bool_] = self.kinds == KINDS.index(kind)
        return of_kind

    @property
    def is_measured(self) -> NDArray[np.bool_]:
        """Bool ``(n,)``: due after the warm-up."""
        measured: NDArray[np.bool_] = self.due_ns >= self.warmup_ns
        return measured


def arrivals_ns(rate_hz: float, seconds: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Int64 ``(n,)``: a Poisson process, as many callers who know nothing of each other make one.

    Given how many arrivals there are, each is anywhere in the time with the same chance.
    """
    count = rng.poisson(rate_hz * seconds)
    return np.sort(rng.uniform(0, seconds * 1e9, count)).astype(np.int64)


def schedule(
    mix: Mapping[Kind, float], rate_hz: float, seconds: float, seed: int, *, warmup_s: float = 0.0
) -> Schedule:
    """Draw a schedule.

    Args:
        mix: shares of the kinds; they sum to one.
        rate_hz: calls a second, on average.
        seconds: that are measured.
        seed: the same gives the same schedule.
        warmup_s: of the same process, before.
    """
    rng = np.random.default_rng(seed)
    due_ns = arrivals_ns(rate_hz, warmup_s + seconds, rng)
    chosen = rng.choice([KINDS.index(kind) for kind in mix], len(due_ns), p=list(mix.values()))
    return Schedule(due_ns, chosen.astype(np.uint8), round(warmup_s * 1e9))
