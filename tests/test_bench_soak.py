"""bench/soak.py: it tells growth from noise, and its callers do what they say."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import likewise
import soak
from soak_side.calls import SHARES, Caller, Calls, keep_calling
from soak_side.plots import write_plots
from soak_side.population import Population
from soak_side.verdict import BOUNDS, Bound, latencies, verdict_of, verdicts

LENGTH_S = 900.0


def series(growth: float, noise: float, seed: int = 1, level: float = 100.0) -> list[tuple[float, float]]:
    """Forty points that grow by so much in all, with noise."""
    rng = random.Random(seed)
    step_s = LENGTH_S / 40
    return [(n * step_s, level + growth * n / 40 + rng.gauss(0, noise)) for n in range(40)]


@pytest.mark.parametrize(
    ("growth", "noise", "is_flat"),
    [(0, 1, True), (0, 30, True), (5, 1, True), (20, 1, False), (20, 5, False), (-50, 1, True)],
)
def test_growth_beyond_the_bound_is_told_from_noise(growth: float, noise: float, is_flat: bool) -> None:
    for seed in range(20):
        told = verdict_of(series(growth, noise, seed), Bound(0.10, 1.0), LENGTH_S)
        assert told.is_flat == is_flat
        assert told.growth == pytest.approx(growth, abs=noise * 2 + 0.1)


def test_a_few_outliers_do_not_make_a_slope() -> None:
    points = series(0, 1)
    points[-3:] = [(at_s, 10_000.0) for at_s, _ in points[-3:]]
    told = verdict_of(points, Bound(0.05, 1.0), LENGTH_S)
    assert told.is_flat
    assert abs(told.growth) < 5


def test_what_never_changes_is_flat() -> None:
    told = verdict_of([(float(n), 7.0) for n in range(40)], Bound(0, 0), LENGTH_S)
    assert (told.growth, told.chance, told.is_flat) == (0, 1, True)


def test_of_flat_series_hardly_one_is_called_growing() -> None:
    grown = sum(not verdict_of(series(0, 30, seed), Bound(0.0, 0.0), LENGTH_S).is_flat for seed in range(200))
    assert grown <= 2


def test_all_that_is_measured_has_a_bound_and_a_verdict() -> None:
    rng = np.random.default_rng(0)
    at_s = np.arange(1_000.0)
    names = ("server_bytes", "background_bytes", "open_files", "threads", "disk_bytes")
    columns: dict[str, Any] = {"at_s": at_s, **{name: 1e9 + rng.normal(size=1_000) for name in names}}
    columns["threads"] = 10 + at_s / 50
    calls = [(float(n), kind, 5.0) for n in range(1_000) for kind in SHARES]
    told = verdicts(columns, calls, 100.0, 1_000.0)
    assert len(told) == len(names) + 2 * len(SHARES)
    assert [name for name, verdict in told.items() if not verdict["is_flat"]] == ["threads"]
    assert {"p50_ms", "p99_ms", *names} == set(BOUNDS)


def test_latencies_are_of_the_kind_and_of_the_time() -> None:
    calls = [(float(n), "classify", float(n)) for n in range(200)] + [(50.0, "learn", 1e6)] * 10
    points = latencies(calls, "classify", 50.0, 100.0, 200.0)
    assert [at_s for at_s, _ in points] == [] or all(100 <= at_s <= 200 for at_s, _ in points)
    dense = [(n / 10, "classify", n / 10) for n in range(2_000)]
    points = latencies([*dense, (150.0, "learn", 1e6)], "classify", 50.0, 100.0, 200.0)
    assert len(points) == 40
    assert all(abs(at_s - ms) < 2.5 for at_s, ms in points)


def test_every_kind_of_call_is_answered(client: likewise.Client) -> None:
    population, calls = Population(3, seed=1), Calls()
    caller = Caller(client, population, "c")
    for _ in range(3):
        caller.come()
    for kind in SHARES:
        caller.call(kind)
    assert len(population) == len(list(client.list_tenants())) == 3
    keep_calling([caller], 50.0, 0.5, 0.0, calls)  # it began long ago, so it is over at once
    assert (calls.samples, calls.failed) == ([], {})


def test_the_small_run_writes_what_it_says(tmp_path: Path) -> None:
    given = soak.arguments_of(["--small", "--minutes", "0.03", "--tenants", "2"])
    document, calls = soak.soak(given, tmp_path / "data")
    assert document["failed"] == {}
    assert sum(figures["calls"] for figures in document["calls"].values()) == len(calls.samples) > 0
    assert len(document["samples"]["at_s"]) > 2
    assert min(document["samples"]["server_bytes"]) > 2**20
    write_plots(document, calls.samples, tmp_path)
    assert {path.suffix for path in tmp_path.glob("soak-*")} == {".svg"}
    assert len(list(tmp_path.glob("soak-*.svg"))) == 4
