"""More than there is capacity for, for a while, and what comes after.

One schedule: half of the capacity, several times the capacity, half of it again. Whoever is let in should be
answered in time; as much as ever should be answered; and when it is over, it should be over.
"""

from typing import Any, Final

import numpy as np

from latency_load.capacity import ERROR_SHARE_MAX, Step, find_capacity
from latency_load.generator import Samples
from latency_load.schedule import KINDS, Schedule, arrivals_ns
from latency_load.workload import Kind
from overload_load.place import Place, errors_in, quantiles_ms

BUDGET_MS: Final = 10.0
_CALM_S: Final = 5.0
"""Before the overload and after it: longer than recovery may take."""
_WARMUP_S: Final = 1.0


def capacity_of(place: Place, start_hz: float, seconds: float) -> float:
    """The largest rate whose p99 is within the budget, by this load generator; 0 where there is none."""

    def attempt(rate_hz: float) -> Step:
        samples = place.sent_at(rate_hz, seconds, warmup_s=_WARMUP_S)
        p99_ms = quantiles_ms([samples])["p99_ms"]
        errors = sum(errors_in([samples]).values())
        is_too_much = p99_ms is None or p99_ms > BUDGET_MS or errors > ERROR_SHARE_MAX * len(samples.schedule)
        return Step(rate_hz, p99_ms, errors, "too much" if is_too_much else "")

    return find_capacity(attempt, start_hz)[0]


def measure(place: Place, capacity_hz: float, times: float, seconds: float) -> dict[str, Any]:
    """The part of the document."""
    samples = place.sent(schedule_of(capacity_hz, times, seconds, place.seed))
    place.note_lag("of the overload", [samples])
    begins_ns, ends_ns = round(_CALM_S * 1e9), round((_CALM_S + seconds) * 1e9)
    during, before = within(samples, begins_ns, ends_ns), within(samples, 0, begins_ns)
    goodput_hz = int(during.is_ok.sum()) / seconds
    return {
        "capacity_hz": capacity_hz,
        "budget_ms": BUDGET_MS,
        "times": times,
        "seconds": seconds,
        "due_hz": len(during.schedule) / seconds,
        "calm": quantiles_ms([before]),
        "accepted": quantiles_ms([during]),
        "errors_by_code": errors_in([during]),
        "goodput_hz": goodput_hz,
        "goodput_share": goodput_hz / capacity_hz,
        "recovery_s": recovery_s(samples, ends_ns),
    }


def schedule_of(capacity_hz: float, times: float, seconds: float, seed: int) -> Schedule:
    """Half of the capacity, so many times the capacity, half of it."""
    rng = np.random.default_rng(seed)
    phases = ((capacity_hz / 2, _CALM_S), (times * capacity_hz, seconds), (capacity_hz / 2, _CALM_S))
    due_ns, begins_s = [], 0.0
    for rate_hz, lasts_s in phases:
        due_ns.append(arrivals_ns(rate_hz, lasts_s, rng) + round(begins_s * 1e9))
        begins_s += lasts_s
    due = np.concatenate(due_ns)
    return Schedule(due, np.full(len(due), KINDS.index(Kind.CLASSIFY), dtype=np.uint8), 0)


def within(samples: Samples, from_ns: int, to_ns: int) -> Samples:
    """The calls that were due in a span of time."""
    due = samples.schedule
    wanted = (due.due_ns >= from_ns) & (due.due_ns < to_ns)
    return Samples(
        schedule=Schedule(due.due_ns[wanted], due.kinds[wanted], due.warmup_ns),
        started_ns=samples.started_ns,
        sent_ns=samples.sent_ns[wanted],
        done_ns=samples.done_ns[wanted],
        codes=samples.codes[wanted],
        cpu_s=samples.cpu_s,
    )


def recovery_s(samples: Samples, ends_ns: int) -> float:
    """Seconds from the end of the overload until calls were answered as before.

    Until the last hundredth of the calls that were due after it and failed, or took longer than the budget:
    one in a hundred is what a p99 allows at any time.
    """
    due_ns = samples.schedule.due_ns
    is_bad = ~samples.is_ok | (samples.latency_ns > BUDGET_MS * 1e6)
    after = due_ns >= ends_ns
    bad_ns = due_ns[after & is_bad]
    allowed = int(np.count_nonzero(after) / 100)
    last = bad_ns[: len(bad_ns) - allowed]
    return float(last[-1] - ends_ns) / 1e9 if len(last) else 0.0
