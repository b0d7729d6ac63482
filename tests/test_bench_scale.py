"""bench/scale.py: its exponents are those of what it measured, and its parts measure real servers."""

import json
from dataclasses import replace
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scale
from latency_load.invented import InventedTenant
from scale_laws.bulk import NotIndexed, index, write_books
from scale_laws.law import Law, law_of, laws_of
from scale_laws.plots import write_plots
from scale_laws.report import exponent_in_words
from scale_laws.sizes import SMALL, Sizes

TINY = [
    "--labels",
    "10",
    "30",
    "--tenants",
    "10",
    "--cold-labels",
    "10",
    "--rows",
    "100",
    "--settled-rows-max",
    "99",
]
"""On top of --small."""


# --- Laws ---


@given(exponent=st.floats(-2, 3), factor=st.floats(1e-3, 1e6), steps=st.integers(2, 7))
def test_the_exponent_of_a_power_is_found(exponent: float, factor: float, steps: int) -> None:
    sizes = [10.0 * 3**step for step in range(steps)]
    law = law_of(sizes, [factor * size**exponent for size in sizes])
    assert law is not None
    assert law.exponent == pytest.approx(exponent, abs=1e-6)
    assert law.last_exponent == pytest.approx(exponent, abs=1e-6)
    assert isclose(law.at(1.0), factor, rel_tol=1e-4)
    assert law.at(1e7) == pytest.approx(factor * 1e7**exponent, rel=1e-4)
    if steps > 2:
        assert law.low is not None
        assert law.high is not None
        assert law.low <= law.exponent <= law.high
        assert law.high - law.low < 1e-4
    else:
        assert law.low is None
        assert law.high is None


def test_the_interval_holds_the_exponent_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    sizes = [10.0**decade for decade in range(1, 6)]
    held = 0
    for _ in range(400):
        noise = np.exp(rng.normal(0, 0.2, len(sizes)))
        law = law_of(sizes, [3 * size**0.5 * factor for size, factor in zip(sizes, noise, strict=True)])
        assert law is not None
        assert law.low is not None
        assert law.high is not None
        held += law.low <= 0.5 <= law.high
    assert held / 400 == pytest.approx(0.95, abs=0.03)


def test_a_cost_that_does_not_grow_hides_the_exponent_at_the_small_end_alone() -> None:
    sizes = [1e3, 1e4, 1e5, 1e6]
    law = law_of(sizes, [1.0 + 1e-5 * size for size in sizes])
    assert law is not None
    assert law.exponent < 0.5
    assert law.last_exponent == pytest.approx(0.74, abs=0.01)


@pytest.mark.parametrize("figures", [[None, None], [1.0, None], [1.0, 0.0], [-1.0, 2.0]])
def test_there_is_no_law_of_what_was_not_measured(figures: list[float | None]) -> None:
    assert law_of([1, 10], figures) is None


def test_exponents_in_words() -> None:
    law = {"exponent": -0.001, "low": None, "high": None}
    assert exponent_in_words(law) == "0.00"
    assert exponent_in_words(law | {"low": -0.126, "high": 0.124}) == "0.00 (-0.13 to 0.12)"
    assert exponent_in_words(None) == "–"


def test_laws_are_written_by_figure() -> None:
    steps = [{"rows": rows, "seconds": rows / 5, "recall": 1.0} for rows in (10, 100, 1_000)]
    laws = laws_of(steps, "rows", ["seconds"])
    assert laws.keys() == {"seconds"}
    assert laws["seconds"] is not None
    assert Law(**laws["seconds"]).at(50) == pytest.approx(10)


# --- Sizes ---


@pytest.mark.parametrize(
    "wrong", [{"labels": ()}, {"rows": (10, 5)}, {"tenants": (9, 100)}, {"rounds": 0}, {"rate_hz": 0}]
)
def test_sizes_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"ascend|asked|some time"):
        replace(SMALL, **wrong)


def test_each_size_has_an_option() -> None:
    assert scale.sizes_of(scale.arguments_of([])) == Sizes()
    given = scale.arguments_of(["--small", "--rows", "10", "20", "--rate", "7", "--cold-starts", "2"])
    assert scale.sizes_of(given) == replace(SMALL, rows=(10, 20), rate_hz=7.0, cold_starts=2)


# --- What is indexed ---


def test_books_hold_the_rows_that_are_counted(tmp_path: Path) -> None:
    tenants = [InventedTenant.of_size(f"t{number}", 30, seed=1) for number in range(3)]
    write_books(tenants, tmp_path / "books")
    frame = pl.read_parquet(tmp_path / "books")
    assert len(frame) == 90
    assert frame["tenant"].unique(maintain_order=True).to_list() == ["t0", "t1", "t2"]
    assert frame.columns == ["tenant", "id", "date", "amount", "payee", "category"]


def test_an_index_command_that_fails_gives_no_figures(tmp_path: Path) -> None:
    (tmp_path / "books").mkdir()
    with pytest.raises(NotIndexed, match="exit status"):
        index([tmp_path / "books"], tmp_path / "data")


# --- The whole of it, small ---


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("scale")
    scale.main(["--small", *TINY, "--folder", str(folder / "kept"), "--json", str(folder / "scale.json")])
    written: dict[str, Any] = json.loads((folder / "scale.json").read_text(encoding="utf-8"))
    return written


def test_every_part_has_its_steps_and_laws(document: dict[str, Any]) -> None:
    over = {name: (part["over"], len(part["steps"])) for name, part in document["parts"].items()}
    assert over == {
        "labels": ("labels", 2),
        "tenants": ("tenants", 1),
        "cold": ("labels", 1),
        "bulk": ("rows", 1),
    }
    for part in document["parts"].values():
        for figure in part["laws"]:
            assert all(step[figure] is None or step[figure] > 0 for step in part["steps"])
    assert document["sizes"]["labels"] == [10, 30]
    assert document["machine"]["cores"] > 0


def test_figures_of_labels(document: dict[str, Any]) -> None:
    part = document["parts"]["labels"]
    small, large = part["steps"]
    assert (small["labels"], large["labels"]) == (10, 30)
    assert large["memory_bytes"] > small["memory_bytes"]
    assert all(step["recall"] == step["recall_of_new"] == 1.0 for step in part["steps"])
    # A server on a machine that is busy refuses calls: how many are answered is up to the machine.
    assert all(step["calls"] > 0 and step["p50_ms"] <= step["p99_ms"] for step in part["steps"])
    assert part["echo"]["calls"] > 0
    assert part["laws"]["memory_bytes"]["low"] is None  # of two steps


def test_figures_of_tenants_cold_and_bulk(document: dict[str, Any]) -> None:
    tenants, cold, bulk = (document["parts"][name]["steps"] for name in ("tenants", "cold", "bulk"))
    assert tenants[0]["tenants"] == 10
    assert tenants[0]["memory_bytes_at_start"] > 1_000_000
    assert cold[0]["calls"] == SMALL.cold_tenants * SMALL.cold_starts
    assert bulk[0]["tenants"] * SMALL.rows_per_tenant == bulk[0]["rows"] == 100
    assert 0 < bulk[0]["committed_s"] <= bulk[0]["searchable_s"]
    assert bulk[0]["settled_s"] is None
    assert bulk[0]["cpu_us_per_row"] > 0


def test_drawings_are_the_same_for_the_same_figures(document: dict[str, Any], tmp_path: Path) -> None:
    document = {"parts": {"bulk": document["parts"]["bulk"]}}
    first = [path.read_bytes() for path in write_plots(document, tmp_path / "a")]
    assert first == [path.read_bytes() for path in write_plots(document, tmp_path / "b")]
    assert len(first) == 1
    assert b"</svg>" in first[0]
