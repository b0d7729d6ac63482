"""How many calls a second a server takes before its p99 leaves the budget."""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

from latency_load.workload import Kind

_GROWTH: Final = 1.5
_PRECISION: Final = 1.1
"""The search ends where the least rate that is too much is this many times the largest that is not."""
RATE_HZ_MIN: Final = 10.0
RATE_HZ_MAX: Final = 20_000.0
"""Beyond what a generator in Python can send."""
ERROR_SHARE_MAX: Final = 0.001


@dataclass(frozen=True, slots=True)
class Step:
    """A rate that was tried.

    Attributes:
        rate_hz: that was due.
        p99_ms: of Classify; None where none was answered.
        errors: of any kind of call.
        why_too_much: empty where the rate is within the capacity.
    """

    rate_hz: float
    p99_ms: float | None
    errors: int
    why_too_much: str


def step_of(rate_hz: float, document: dict[str, Any], budget_ms: float) -> Step:
    """Judge a run by its figures."""
    p99_ms: float | None = document[Kind.CLASSIFY]["p99_ms"]
    errors: int = document["errors"]
    calls = errors + sum(document[kind]["calls"] for kind in Kind if kind is not Kind.ECHO)
    if errors > ERROR_SHARE_MAX * calls:
        why = f"{errors} errors"
    elif p99_ms is None or p99_ms > budget_ms:
        why = "p99 over budget"
    else:
        why = "; ".join(document["doubts"])
    return Step(rate_hz, p99_ms, errors, why)


def find_capacity(attempt: Callable[[float], Step], start_hz: float) -> tuple[float, list[Step]]:
    """The largest rate that is not too much, within some 10 %, and what was tried.

    Steps up or down from the start until one rate is within and one beyond, then between them. A machine that
    is busy with something else for a moment would end it too early: a step that is too much is tried again.

    Returns:
        The rate, 0 where even RATE_HZ_MIN was too much; and all steps in their order.
    """
    steps: list[Step] = []

    def is_within(rate_hz: float) -> bool:
        for _ in range(2):
            steps.append(attempt(rate_hz))
            if not steps[-1].why_too_much:
                return True
        return False

    within, beyond = 0.0, float("inf")
    rate_hz = start_hz
    while RATE_HZ_MIN <= rate_hz <= RATE_HZ_MAX and beyond > within * _PRECISION:
        if is_within(rate_hz):
            within = rate_hz
        else:
            beyond = rate_hz
        if beyond == float("inf"):
            rate_hz = within * _GROWTH
        elif within == 0.0:
            rate_hz = beyond / _GROWTH
        else:
            rate_hz = sqrt(within * beyond)
    return within, steps
