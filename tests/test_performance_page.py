"""The performance page: made of what the benchmarks wrote; what is missing or falls short is on it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyperf
import pytest

import performance
from backtest_results import backtest_of as invented
from latency_load.capacity import Step
from latency_load.figures import PERCENTILES
from latency_load.workload import Load, Workload
from likewise_indexer.backtest import document_of
from performance_page.goals import Goal, goals_of
from performance_page.page import text_of
from performance_page.results import COMMANDS, Results
from performance_page.scaling import MANY_TENANTS, breaks_of
from performance_page.words import figure
from scale_laws.law import laws_of

Document = dict[str, Any]
MACHINE = {"cores": 2, "processor": "Difference Engine", "memory_bytes": 8 * 10**9, "system": "Linux"}


def latency_document(p99_ms: float = 4.0) -> Document:
    quantiles = dict.fromkeys(PERCENTILES, p99_ms)
    kind = {"calls": 100, **quantiles, **{f"{name}_over_echo": 2.2 for name in PERCENTILES}}
    return {
        "echo": {"calls": 100, **dict.fromkeys(PERCENTILES, 1.0)},
        **{name: dict(kind) for name in ("classify", "learn", "cold", "import")},
        "rate_hz": 299.0,
        "errors": 0,
        "doubts": [],
        "load": asdict(Load()),
        "workload": asdict(Workload()),
        "server": {"cores_used": 0.5, "memory_bytes_max": 10**8},
        "index_build": {"share_of_time": 1.0},
        "machine": MACHINE,
    }


def capacity_document(rate_hz: float) -> Document:
    steps = [asdict(Step(rate_hz, 9.0, 0, "")), asdict(Step(2 * rate_hz, 30.0, 2, "p99 over budget"))]
    return latency_document() | {"capacity": {"budget_ms": 10.0, "rate_hz": rate_hz, "steps": steps}}


def scale_document(list_exponent: float = 1.0) -> Document:
    def step(count: int) -> Document:
        list_ms = 2.0 * (count / 10) ** list_exponent
        flat = {"ready_s": 0.8, "memory_bytes_at_start": 10**8, "p50_ms": 1.0, "p99_ms": 3.0}
        return {"tenants": count, **flat, "list_ms": list_ms}

    tenants = [step(count) for count in (10, 1_000, 100_000)]
    labels = [
        {"labels": size, "p50_ms": 1.0 + size / 1e6, "recall": 0.99} for size in (1_000, 30_000, 1_000_000)
    ]
    cold = [{"labels": 10_000, "p50_ms": 20.0, "p99_ms": 80.0}]
    names = ("ready_s", "memory_bytes_at_start", "list_ms", "p99_ms")
    disk = {"bytes_per_tenant": 100_000, "inodes_per_tenant": 4, "bytes": 10**12, "inodes": 0}
    return {
        "parts": {
            "labels": {"over": "labels", "steps": labels, "laws": laws_of(labels, "labels", ["p50_ms"])},
            "tenants": {
                "over": "tenants",
                "steps": tenants,
                "laws": laws_of(tenants, "tenants", names),
                "disk": disk,
            },
            "cold": {"over": "labels", "steps": cold, "laws": laws_of(cold, "labels", ["p99_ms"])},
        },
        "doubts": [],
        "machine": MACHINE,
    }


def workers_document(cpu_ms: float) -> Document:
    load = asdict(Load(workers=2, classify_only=True))
    return latency_document() | {"load": load, "server": {"cpu_ms_per_call": cpu_ms}}


def overload_document() -> Document:
    quantiles = {"calls": 100, "p50_ms": 1.0, "p99_ms": 3.0}
    return {
        "overload": {
            "capacity_hz": 1_000.0,
            "budget_ms": 10.0,
            "times": 5.0,
            "seconds": 60.0,
            "due_hz": 5_000.0,
            "calm": quantiles,
            "accepted": quantiles | {"p99_ms": 18.0},
            "goodput_hz": 800.0,
            "goodput_share": 0.8,
            "recovery_s": 0.5,
            "errors_by_code": {"RESOURCE_EXHAUSTED": 4_200},
        },
        "import": {
            "rows": 1_000_000,
            "rows_per_s": 9_000.0,
            "rate_hz": 250.0,
            "p99_ratio": 1.4,
            "quiet": quantiles,
            "beside": quantiles | {"p99_ms": 4.2},
            "errors_by_code": {},
        },
        "doubts": [],
        "machine": MACHINE,
    }


def peers_document() -> Document:
    def system(ready_ms: float) -> Document:
        query = {
            size: {
                kind: {"p50_ms": ready_ms, "p99_ms": 2 * ready_ms} for kind in ("vector_ready", "embedded")
            }
            for size in ("1000", "10000")
        }
        return {
            "settings": {"version": "1.2"},
            "query": query,
            "load": {"rows_per_s": {"embedded": 5_000.0}, "settled_rows_per_s": 4_000.0},
            "memory": {"bytes_per_row": 1_000.0},
            "correction": {size: {"p50_ms": 3.0} for size in query},
            "restart_s": 1.0,
        }

    def ratios(small: float, large: float) -> Document:
        return {size: {"p50_ms": of, "p99_ms": of} for size, of in (("1000", small), ("10000", large))}

    return {
        "systems": {"likewise": system(1.0), "chroma": system(4.0), "pgvector": system(1.5)},
        "skipped": {"qdrant": "qdrant-edge-py not installed"},
        "workload": {"sizes": [1_000, 10_000]},
        "peers_ahead": [
            {
                "figure": "restart until the first answer",
                "unit": "s",
                "values": {"likewise": 1.0, "pgvector": 0.2, "chroma": 3.0},
                "ahead": ["pgvector"],
            }
        ],
        "peer_ready_over_ours_embedded": {
            "chroma": ratios(4.0, 3.5),
            "pgvector": ratios(0.5, 9.0),
            "pgvector-hnsw": ratios(0.6, 1.5),
        },
        "machine": MACHINE,
    }


@pytest.fixture(scope="module")
def backtest() -> str:
    """What a backtest wrote."""
    return json.dumps(document_of(invented(3)))


@pytest.fixture
def folder(tmp_path: Path, backtest: str) -> Path:
    """Of results that are all there."""
    books = {
        "index": {
            "rows": 1_000,
            "committed_rows_per_s": 7_000.0,
            "settled_s": 9.0,
            "disk_bytes_per_row": 480.0,
        },
        "classify": {
            "p50_ms": 1.0,
            "p99_ms": 2.0,
            "stage_p50_ms": {"wait": 0.1},
            "memory_bytes_per_label": 190.0,
        },
        "machine": MACHINE,
    }
    documents = {
        "latency": latency_document(),
        "two_workers": latency_document(),
        "capacity": capacity_document(800.0) | {"server": {"cpu_ms_per_call": 0.8}},
        "workers": workers_document(0.9),
        "overload": overload_document(),
        "scale": scale_document(),
        "peers": peers_document(),
        "books": books,
    }
    for name, document in documents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    run = pyperf.Run([1e-6, 3e-6], metadata={"name": "text"}, collect_metadata=False)
    pyperf.BenchmarkSuite([pyperf.Benchmark([run])]).dump(str(tmp_path / "micro.json"))
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cards.json").write_text(backtest)
    (tmp_path / "latency-over-time.svg").write_text("<svg></svg>")
    return tmp_path


def goals(folder: Path) -> dict[str, Goal]:
    return {goal.what: goal for goal in goals_of(Results.read(folder))}


def goal_of(folder: Path, words: str) -> Goal:
    (goal,) = (goal for what, goal in goals(folder).items() if words in what)
    return goal


def replaced(folder: Path, name: str, document: Document) -> None:
    (folder / f"{name}.json").write_text(json.dumps(document))


# --- What was to be reached ---


def test_what_was_reached_is_told_from_what_was_not(folder: Path) -> None:
    assert goal_of(folder, "canonical workload").verdict == "yes"
    assert goal_of(folder, "capacity of one process").verdict == "no: 1.5 times as much was wanted"
    assert goal_of(folder, "cold tenant").verdict == "no: 1.6 times what was wanted"
    assert goal_of(folder, "Classify p50 against the bare echo").verdict == "no: 1.1 times what was wanted"
    assert goal_of(folder, "Classify p99 against the bare echo").holds
    grown = goal_of(folder, "from 1,000 to 1,000,000")
    assert grown.reached == pytest.approx(2.0, rel=0.01)
    assert grown.holds
    assert goal_of(folder, "recall").holds
    assert goal_of(folder, "real books").holds


def test_of_workers_the_processor_time_of_a_call_counts(folder: Path) -> None:
    goal = goal_of(folder, "two workers")
    assert goal.reached == pytest.approx(2 * 0.8 / 0.9)
    assert goal.holds
    replaced(folder, "workers", workers_document(cpu_ms=1.6))
    assert goal_of(folder, "two workers").verdict == "no: 1.6 times as much was wanted"


def test_overload_and_import_are_told_apart(folder: Path) -> None:
    accepted = goal_of(folder, "5 x overload for 60 s: p99")
    assert (accepted.bound, accepted.reached, accepted.holds) == (20.0, 18.0, True)
    assert goal_of(folder, "goodput").verdict == "no: 1.12 times as much was wanted"
    assert goal_of(folder, "recovery").holds
    assert goal_of(folder, "import of 1,000,000 rows").holds
    document = overload_document()
    del document["import"]
    replaced(folder, "overload", document)
    assert goal_of(folder, "import of 1,000,000 rows").verdict == "not measured: that part was not run"


def test_a_peer_counts_by_its_best_way_and_its_best_size(folder: Path) -> None:
    assert goal_of(folder, "Chroma's query *excluding* it, p99").reached == 3.5
    pgvector = goal_of(folder, "pgvector")
    assert pgvector.reached == 1.5  # of its graph, at the size that is asked for
    assert not pgvector.holds


def test_what_was_not_run_is_not_reached(folder: Path) -> None:
    unmeasured = goal_of(folder, "from Parquet")
    assert (unmeasured.reached, unmeasured.holds) == (None, False)
    assert unmeasured.verdict == "not measured: the part 'bulk' was not run"
    document = scale_document()
    del document["parts"]["labels"]["steps"][-1]
    replaced(folder, "scale", document)
    assert goal_of(folder, "recall").verdict == "not measured: it was run without this size"
    (folder / "peers.json").unlink()
    assert goal_of(folder, "pgvector").verdict == "not measured: peers.json is missing"


def test_other_workloads_and_doubts_are_told(folder: Path) -> None:
    small = latency_document() | {"workload": asdict(Workload(tenants=2)), "doubts": ["late by 5 ms"]}
    replaced(folder, "latency", small)
    goal = goal_of(folder, "canonical workload")
    assert goal.verdict == "yes; of another workload, or for another time; late by 5 ms"
    assert "**Not valid**: late by 5 ms." in text_of(Results.read(folder))


# --- What breaks ---


def test_what_breaks_first_is_what_reaches_its_bound_with_the_fewest_tenants(folder: Path) -> None:
    breaks = breaks_of(Results.read(folder))
    assert [one.what for one in breaks[:2]] == ["ListTenants, until a client gives up", "the disk"]
    # 2 ms at 10 tenants, and ten times as much with ten times as many.
    assert breaks[0].tenants == pytest.approx(25_000)
    assert breaks[0].then == f"{figure(0.2 * MANY_TENANTS)} ms"
    assert breaks[1].tenants == pytest.approx(10**7)
    assert all(one.tenants is None for one in breaks[2:])
    text = text_of(Results.read(folder))
    assert "What breaks first is **ListTenants, until a client gives up**: 25,000 tenants" in text


def test_what_does_not_grow_breaks_never_or_is_broken_already(folder: Path) -> None:
    document = scale_document(list_exponent=0.0)
    for step in document["parts"]["tenants"]["steps"]:
        step["ready_s"] = 1.5
    replaced(folder, "scale", document)
    found = {one.what: one.tenants for one in breaks_of(Results.read(folder))}
    assert found["ListTenants, until a client gives up"] is None
    assert found["start until ready"] == 0
    assert found["the disk"] == pytest.approx(10**7)


# --- The page ---


def test_the_page_has_every_section(folder: Path, tmp_path: Path) -> None:
    performance.main([str(folder), "--docs", str(tmp_path / "docs")])
    text = (tmp_path / "docs" / "performance.md").read_text(encoding="utf-8")
    assert "Not measured" not in text.replace("### Indexing in bulk\n\nNot measured.", "")
    for command in COMMANDS.values():
        assert command in text
    assert "| restart until the first answer | 1 s | pgvector .2 |" in text
    assert "qdrant did not run: qdrant-edge-py not installed" in text
    assert "| text | 2 | ± 1.41 |" in text
    assert "Difference Engine" in text
    said = " ".join(text.split())
    assert "5,000 calls a second were due where 1,000 can be answered; 800 were" in said
    assert "What failed: 4,200 RESOURCE_EXHAUSTED." in said
    assert "| top-1 |" in text
    drawn = {path.name for path in (tmp_path / "docs" / "performance").iterdir()}
    assert drawn == {"latency-over-time.svg", "scale-labels.svg", "scale-tenants.svg", "scale-cold.svg"}
    for name in drawn:
        assert f"(performance/{name})" in text
    assert text_of(Results.read(folder)) == text


def test_without_results_everything_is_said_to_be_missing(tmp_path: Path) -> None:
    text = text_of(Results.read(tmp_path))
    assert not any(goal.holds for goal in goals_of(Results.read(tmp_path)))
    for name in ("latency", "two_workers", "capacity", "overload", "scale", "peers", "books", "micro"):
        assert f"Not measured: RESULTS/{name}.json is missing." in text
    assert "there are no backtests in RESULTS/before and RESULTS/after" in text
    assert "![" not in text


def test_a_folder_that_is_not_there_is_no_results(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="there is no folder"):
        performance.main([str(tmp_path / "nothing")])
    (tmp_path / "latency.json").write_text("not JSON")
    with pytest.raises(SystemExit, match="performance: "):
        performance.main([str(tmp_path), "--docs", str(tmp_path / "docs")])


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "–"), (0, "0"), (12_345.6, "12,346"), (12.34, "12.3"), (0.123, ".12"), (1.0, "1"), (0.98, ".98")],
)
def test_figures_have_as_many_digits_as_they_deserve(value: float | None, words: str) -> None:
    assert figure(value) == words
