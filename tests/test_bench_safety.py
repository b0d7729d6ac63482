"""bench/safety.py: its ratios are of the same calls to each server."""

from typing import Any

import pytest

import safety
from latency_load.invented import InventedTenant

TENANTS = [InventedTenant.of_size("a", 40, 1), InventedTenant.of_size("b", 80, 1)]


class Noted:
    """A client that notes what it is called with."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def classify(self, *call: Any) -> None:
        self.calls.append(call)

    def learn(self, *call: Any) -> None:
        self.calls.append(call)


def test_figures_are_compared_kind_by_kind() -> None:
    before = {"classify": [1.0, 1.0, 3.0], "learn": [4.0]}
    after = {"classify": [2.0, 2.0, 3.0], "learn": [2.0]}
    figures = safety.figures_of(after, before)
    assert figures["classify"]["p50_over_before"] == pytest.approx(2.0)
    assert figures["classify"]["p99_over_before"] == pytest.approx(1.0, abs=0.01)
    assert figures["learn"] == {
        "calls": 1,
        "p50_ms": 2.0,
        "p99_ms": 2.0,
        "p50_over_before": 0.5,
        "p99_over_before": 0.5,
    }


def test_every_server_gets_the_same_calls_and_no_lesson_twice() -> None:
    first, second = Noted(), Noted()
    for number in range(3):
        for client in (first, second):
            taken = safety.turn_of(client, TENANTS, number)  # type: ignore[arg-type]
            assert (len(taken["classify"]), len(taken["learn"])) == (40, 15)
    assert first.calls == second.calls
    taught = [call[1][0].transaction.id for call in first.calls if isinstance(call[1], list)]
    assert len(set(taught)) == len(taught) == 45
